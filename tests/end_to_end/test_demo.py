"""The demo: as a command, and its traffic against what was planned."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.processes import breakeven, by_name, run

SEED_AND_REPORT = """
import dataclasses, json, sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from breakeven_collector.demo import Traffic
from breakeven_collector.demo.command import seed_store
from breakeven_collector.demo.plan import Plan
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.serve import Collector
from breakeven_collector.settings import Settings
from rich.console import Console

folder, end = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
traffic = Traffic(days=3, seed=11, end=end)
with Collector(Settings(data_dir=folder, store="", config=folder / "none.toml", port=0, grpc_port=-1)) as collector:
    seed_store(Console(stderr=True), collector, traffic)
    reports = {by: build_report(collector.pipeline.store, days=5, by=by, now=end) for by in Dimension}
expected = traffic.expected()
nanoseconds = [int(moment.timestamp()) * 10**9 for moment in (traffic.start, traffic.end)]
without_dollars = Counter()
for call in Plan(*nanoseconds, 11):
    if call.outcome.error_type and call.outcome.http_status != 429:
        without_dollars["lost after it was sent"] += 1
    elif not call.outcome.error_type and not call.input_tokens:
        without_dollars["no usage reported"] += 1
    elif not call.outcome.error_type and call.step.model == "acme-7b-ft":
        without_dollars["model not in the price book"] += 1
print(json.dumps({
    "reports": reports,
    "expected": {name or "": dataclasses.asdict(counted) for name, counted in expected.features.items()},
    "inferred": sorted(expected.inferred),
    "doubles": expected.doubles,
    "lost": expected.lost,
    "without_usage": expected.without_usage,
    "without_dollars": without_dollars,
}))
"""


def test_the_demo_prints_the_bill_and_ends(tmp_path: Path) -> None:
    done = breakeven("demo", "--no-serve", "--days", "5", XDG_DATA_HOME=str(tmp_path), TMPDIR=str(tmp_path))
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    heading = next(line for line in lines if line.startswith("Feature"))
    assert heading.split()[:3] == ["Feature", "Owner", "Spend"]
    table = lines[lines.index(heading) :]
    for feature in ("contract-review", "code-assistant", "ticket-triage", "meeting-notes (inferred)", "(unallocated)"):
        (line,) = [line for line in table if line.lstrip().startswith(feature)]
        assert "$" in line
    assert next(line for line in lines if line.startswith("lost on the way")).split()[4:6] == ["12", "of"]
    assert next(line for line in lines if line.startswith("removed")).split()[1] != "0"
    assert list(tmp_path.iterdir()) == [], "its store was thrown away, and nothing was left elsewhere"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The same traffic into two new stores; what each says, with what it must say."""
    said: list[dict[str, Any]] = []
    for name in ("first", "second"):
        folder = tmp_path_factory.mktemp(name)
        done = run(sys.executable, "-c", SEED_AND_REPORT, folder, "2026-11-20T15:04:00+00:00", cwd=folder)
        assert done.status == 0, done.err
        said.append(json.loads(done.out))
    return said


def test_the_report_of_the_demo_is_what_was_planned(twice: list[dict[str, Any]]) -> None:
    said = twice[0]
    report = said["reports"]["feature"]
    found = by_name(report)
    counted = ("calls", "failed_calls", "input_tokens", "cached_input_tokens", "output_tokens")
    planned = ("calls", "failed", "input_tokens", "cache_read_tokens", "output_tokens")
    assert {name or "": tuple(row[key] for key in counted) for name, row in found.items()} == {
        name: tuple(expected[key] for key in planned) for name, expected in said["expected"].items()
    }
    assert report["removed"]["duplicate_calls"] == said["doubles"] > 0
    assert report["removed"]["wrapper_calls"] == 0
    assert report["lost"]["spans"] == said["lost"] > 0
    assert [name for name, row in found.items() if name and not row["allocated_calls"]] == said["inferred"]

    without_dollars: dict[str, int] = {}
    for entry in report["unpriced"]:
        without_dollars[entry["reason"]] = without_dollars.get(entry["reason"], 0) + entry["calls"]
    assert without_dollars == said["without_dollars"]
    assert report["totals"]["unpriced_calls"] == sum(without_dollars.values()) > said["without_usage"] > 0


@pytest.mark.parametrize("by", ["model", "tenant", "user", "service", "provider"])
def test_every_breakdown_has_the_same_totals(twice: list[dict[str, Any]], by: str) -> None:
    reports = twice[0]["reports"]
    rows = by_name(reports[by]).values()
    totals = reports["feature"]["totals"]
    assert reports[by]["totals"] == totals
    for key in ("calls", "failed_calls", "input_tokens", "cached_input_tokens", "output_tokens", "unpriced_calls"):
        assert sum(row[key] for row in rows) == totals[key]


def test_the_same_seed_and_end_give_the_same_reports(twice: list[dict[str, Any]]) -> None:
    first, second = twice
    assert first["reports"] == second["reports"]
