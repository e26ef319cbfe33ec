"""docs/operations.md and the alerts name what is there, and all of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from breakeven_collector.metrics import registry_of
from breakeven_collector.pipeline import Pipeline

from tests.collector.test_ship import wait_until

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS = ROOT / "examples" / "prometheus"


@pytest.fixture(scope="module")
def metrics(pipeline: Pipeline) -> dict[str, set[str]]:
    """Name as it is written in a query, without a histogram's suffixes → labels, of all that a collector can tell."""
    pipeline.watch.acknowledged(1, 1_800_000_000_000_000_000, 1_700_000_000_000_000_000)
    wait_until(lambda: pipeline.probe.last() is not None)
    found: dict[str, set[str]] = {}
    for metric in registry_of(pipeline).collect():
        for sample in metric.samples:
            name = metric.name if metric.type == "histogram" else sample.name
            found.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    # There is nothing unpriced in a store without calls.
    found.setdefault("breakeven_unpriced_calls", set()).add("reason")
    return {name: labels for name, labels in found.items() if name.startswith("breakeven_")}


def test_the_table_of_metrics_is_complete_with_labels(metrics: dict[str, set[str]]) -> None:
    rows = re.findall(r"^\| `(breakeven_\w+)` \|([^|]*)\| (.+) \|$", PAGE, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels, _ in rows} == metrics
    assert len(rows) == len(metrics)


def test_alerts_and_queries_name_metrics_that_are_there(metrics: dict[str, set[str]]) -> None:
    rules = yaml.safe_load((ALERTS / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    queries = [rule["expr"] for rule in rules] + re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)
    named = set(re.findall(r"breakeven_\w+", " ".join(queries)))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= metrics.keys()
    (shown,) = re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)
    alerts = [" ".join(rule["expr"].split()) for rule in rules]
    assert all(any(line in alert for alert in alerts) for line in shown.splitlines())


def test_every_reason_of_the_store_that_an_alert_looks_for_is_one() -> None:
    view = (ROOT / "schema/breakeven_schema/views/12_spend_of.sql").read_text(encoding="utf-8")
    reasons = re.findall(r"'((?:no rate|model not) [^']+)'", view)
    assert sorted(reasons) == [
        "model not in the price book",
        "no rate for a kind of token",
        "no rate for the meter",
    ]


def test_fields_of_log_lines_are_on_the_page() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "collector" / "breakeven_collector").glob("*.py")
    )
    fields = {name for extra in re.findall(r"extra=\{([^}]+)\}", source) for name in re.findall(r'"(\w+)":', extra)}
    assert {"cause", "segments"} <= fields
    assert all(f"`{field}`" in PAGE for field in fields)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_the_alerts_do_what_their_tests_say() -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        ended = subprocess.run(["promtool", *command], cwd=ALERTS, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
