"""A bill from files to features: imported into a running collector, mapped, reported, tied out, asked in SQL."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from shlex import split
from typing import Any
from urllib.parse import urlencode

import pytest
from breakeven_collector.billed_report import BilledBy
from breakeven_collector.cli import By, app
from breakeven_collector.declarations import load_declarations
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.period import last_days
from breakeven_collector.render_billed import billed_csv, print_billed_report
from breakeven_collector.report import Dimension
from breakeven_collector.serve import Collector
from breakeven_collector.source_billed import summary_of_store
from rich.console import Console
from typer.testing import CliRunner

from tests.collector.billed_lines import account_of, insert_billed
from tests.collector.client import Client
from tests.conftest import quick_settings
from tests.spans import Call, body

NOW = datetime.now(UTC)
DAY = (NOW - timedelta(days=5)).date()
KEYS = {
    "key_1": ("search-prod", "proj_a"),
    "key_2": ("Acme Notes (prod)", "proj_a"),
    "key_3": ("skunkworks", "Growth team"),
}


@pytest.fixture(scope="module")
def there(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector with 1 M output tokens of gpt-4o ($10 by list) for `search`, of the 2 M that its key is billed for."""
    folder = tmp_path_factory.mktemp("billed")
    settings = quick_settings(f"chdb://{engine_folder}?database=billed", folder).model_copy(update={"sql": True})
    with Collector(settings) as collector:
        at = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
        call = Call(at=at, feature="search", input_tokens=0, output_tokens=1_000_000)
        assert Client(collector.url).post(body(call)).status == 200
        collector.pipeline.drain()
        yield collector


def run(there: Collector, *arguments: str, code: int = 0, width: str = "140") -> str:
    config = there.pipeline.settings.config
    # Only `map` may name a file that is still to be made.
    named = arguments[0] == "map" or (arguments[0] != "import" and config.exists())
    own = ("--url", there.url, *(("--config", str(config)) if named else ()))
    result = CliRunner().invoke(app, [*arguments, *own], env={"COLUMNS": width, "NO_COLOR": "1"})
    assert result.exit_code == code, result.output
    return result.output


def bill(folder: Path, discount: str = "0") -> list[str]:
    """Files as OpenAI's API answers them: usage by key, costs by line item."""
    start = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp())
    times = {"object": "bucket", "start_time": start, "end_time": start + 86400}
    tokens = {"key_1": 2_000_000, "key_2": 500_000, "key_3": 1_000_000}
    usage: list[dict[str, Any]] = [
        {
            **{"object": "organization.usage.completions.result", "input_tokens": 0, "output_tokens": n},
            **{
                "num_model_requests": 10,
                "project_id": KEYS[id][1],
                "api_key_id": id,
                "model": "gpt-4o",
                "batch": False,
            },
        }
        for id, n in tokens.items()
    ]
    usd = float(sum(tokens.values()) * (1 - Decimal(discount)) / 100_000)
    cost = {"object": "organization.costs.result", "amount": {"value": usd, "currency": "usd"}}
    pages: dict[str, Any] = {
        "completions.json": {"object": "page", "data": [{**times, "results": usage}]},
        "costs.json": {"object": "page", "data": [{**times, "results": [{**cost, "line_item": "gpt-4o, output"}]}]},
        "keys.json": {
            "object": "list",
            "data": [
                {"object": "organization.project.api_key", "id": id, "name": name} for id, (name, _) in KEYS.items()
            ],
        },
    }
    for name, page in pages.items():
        (folder / name).write_text(json.dumps(page), encoding="utf-8")
    return [str(folder / name) for name in pages]


@pytest.fixture(scope="module")
def billed(there: Collector, tmp_path_factory: pytest.TempPathFactory) -> Collector:
    assert "nothing to compare with" in run(there, "tieout")
    assert json.loads(run(there, "report", "--format", "json"))["billed"] is None
    run(there, "import", "openai", *bill(tmp_path_factory.mktemp("files")))
    return there


def test_what_is_imported_is_known_at_once_and_stands_in_the_report(billed: Collector) -> None:
    rows = billed.pipeline.store.rows(
        "SELECT provider_key AS k, sum(u.cost_usd) AS usd FROM billed_usage AS u GROUP BY k ORDER BY k"
    )
    assert rows == [
        {"k": "Acme Notes (prod)", "usd": Decimal(5)},
        {"k": "search-prod", "usd": Decimal(20)},
        {"k": "skunkworks", "usd": Decimal(10)},
    ]
    told = json.loads(run(billed, "report", "--format", "json"))["billed"]
    assert told["totals"] == {
        **{"billed_usd": "35", "seen_usd": "10", "difference_usd": "25", "open_billed_usd": "0"},
        "estimated_usd": "0",
        "tied_out": pytest.approx(2 / 7),
    }
    assert (told["unseen_usd"], told["more_unseen"], told["open_days"]) == ("25", 0, [])
    text = run(billed, "report")
    assert "$35.00 by the providers, $10.00 seen: tied out 28.6 %" in text


def test_a_config_file_that_does_not_count_hides_no_bill(billed: Collector, tmp_path: Path) -> None:
    broken = tmp_path / "breakeven.toml"
    broken.write_text("features = [", encoding="utf-8")
    settings = billed.pipeline.settings.model_copy(update={"config": broken})
    found = summary_of_store(settings, billed.pipeline.store, last_days(30, NOW), None)
    assert found is not None
    assert found["totals"]["billed_usd"] == "35"


def test_map_proposes_keys_beside_calls_and_their_rules_make_the_bill_features(billed: Collector) -> None:
    config = billed.pipeline.settings.config
    output = run(billed, "map", "propose")
    assert "search  ~$20.00 billed (usage by our prices), by the key's name\n  key=search-prod\n" in output
    assert (
        "skunkworks  ~$10.00 billed (usage by our prices), by the key's name\n  key=skunkworks\n  owner growth"
        in output
    )
    assert "acme-notes  ~$5.00 billed" in output
    assert not config.exists()
    run(billed, "map", "--yes")
    declared = load_declarations(config)
    assert {rule.feature: dict(rule.match) for rule in declared.rules} == {
        "search": {"key": ("search-prod",)},
        "acme-notes": {"key": ("Acme Notes (prod)",)},
        "skunkworks": {"key": ("skunkworks",)},
    }
    assert declared.features["skunkworks"].on(NOW.date()).owner == "growth"
    assert "Nothing to propose" in run(billed, "map", "--yes")
    billed.pipeline.attribution.load()
    document = json.loads(run(billed, "report", "--source", "billed", "--format", "json"))
    assert [(row["feature"], row["cost_usd"], row["owner"]) for row in document["rows"]] == [
        ("search", "20", None),
        ("skunkworks", "10", "growth"),
        ("acme-notes", "5", None),
    ]
    assert document["totals"] == {
        **{"cost_usd": "35", "billed_usd": "35", "difference_usd": "0", "trend": None, "unpriced": False},
        **{"requests": 30, "input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 3_500_000},
    }
    # Now the rules tell whose key it was that was seen.
    findings = json.loads(run(billed, "tieout", "--by", "key", "--format", "json"))["findings"]
    assert [(one["key"], one["usd"], one["seen_share"]) for one in findings] == [
        ("search-prod", "10", 0.5),
        ("skunkworks", "10", 0.0),
        ("Acme Notes (prod)", "5", 0.0),
    ]


def test_a_tie_out_is_a_table_and_csv(billed: Collector) -> None:
    for width in ("100", "140"):
        text = run(billed, "tieout", "--by", "key", width=width)
        assert "$35.00 billed, $10.00 seen" in text
        assert "key skunkworks: $10.00, no span has it (openai, Growth team)" in text
        assert all(len(line.rstrip()) <= 140 for line in text.splitlines())
    rows = list(csv.DictReader(io.StringIO(run(billed, "tieout", "--by", "key", "--format", "csv"))))
    assert [(row["key"], row["billed_usd"], row["unseen_usd"]) for row in rows] == [
        ("search-prod", "20", "10"),
        ("skunkworks", "10", "10"),
        ("Acme Notes (prod)", "5", "5"),
    ]


@pytest.mark.parametrize("by", BilledBy)
def test_a_bill_is_broken_down_by_all_that_it_tells(billed: Collector, by: BilledBy) -> None:
    document = Client(billed.url).get(f"/api/report/billed?by={by}")
    assert sum(Decimal(row["cost_usd"]) for row in document["rows"]) == 35
    header, *rows = csv.reader(io.StringIO(billed_csv(document)))
    assert (header[0], len(rows)) == (by, len(document["rows"]))
    out = io.StringIO()
    print_billed_report(document, Console(file=out, width=100))
    assert "~$35.00 of usage on the providers' bill, by our prices" in out.getvalue()


def test_where_no_call_tells_the_report_is_of_the_bill(billed: Collector) -> None:
    marked = "Imported from the providers' accounts, not told by calls"
    assert marked in run(billed, "report", "--by", "key")
    usage = {"day": DAY, "provider": "openai", "report": "usage", "model": "gpt-4o", "meter": "output_tokens"}
    insert_billed(billed.pipeline.store, [{**usage, "quantity": Decimal(1_000_000)}], "quiet")
    assert marked in run(billed, "report", "--project", "quiet")
    assert marked not in run(billed, "report")
    assert {*By} == {*map(str, Dimension), *map(str, BilledBy)}
    assert "a bill does not tell it" in run(billed, "report", "--source", "billed", "--by", "tenant", code=1)
    assert "only a bill tells it" in run(billed, "report", "--source", "calls", "--by", "key", code=1)


def test_an_estimate_is_never_called_billed_and_is_not_taken_from_what_is(billed: Collector) -> None:
    def line(provider: str, key: str, meter: str, **more: object) -> dict[str, Any]:
        model = "gpt-4o" if provider == "openai" else "claude-sonnet-4-5"
        return {"day": DAY, "provider": provider, "key_name": key, "model": model, "meter": meter, **more}

    tokens = {"report": "usage", "quantity": Decimal(1_000_000)}
    euros = {"report": "costs", "item": "in euros", "amount": Decimal(1), "currency": "EUR"}
    lines = [
        line("openai", "a", "output_tokens", **tokens),
        {**line("openai", "a", "mystery", **tokens, unit="pieces"), "model": ""},
        {**line("openai", "", "", **euros), "model": ""},
    ]
    insert_billed(billed.pipeline.store, lines, "estimates")
    document = json.loads(run(billed, "tieout", "--project", "estimates", "--by", "key", "--format", "json"))
    figures = {"billed_usd": None, "estimated_usd": "10", "seen_usd": "0", "difference_usd": "10"}
    assert figures.items() <= document["totals"].items()
    row = document["rows"][0]
    assert (row["key"], row["billed_usd"], row["estimated_usd"]) == ("a", None, "10")
    text = run(billed, "tieout", "--project", "estimates")
    assert "~$10.00 estimated, $0.00 seen" in text
    assert "key a: ~$10.00, no span has it" in text
    assert "1 line of the bill is left out" in text
    assert [line.split() for line in text.splitlines() if line.startswith("openai")] == [
        ["openai", "?", "~$10.00", "$0.00", "~0", "%", "~$10.00", "$0.00", "$0.00", "$0.00"]
    ]
    report = run(billed, "report", "--source", "billed", "--project", "estimates")
    assert "without a price: 1.0M mystery\n" in report
    assert "1 line without an amount" in report

    # Another account has money alone: nothing of it can be taken from the usage of the first.
    paid = line("anthropic", "b", "output_tokens", report="costs", item="output", amount_usd=Decimal(4))
    insert_billed(billed.pipeline.store, [paid], "estimates")
    path = "/api/report/billed?project=estimates"
    totals = Client(billed.url).get(path)["totals"]
    assert (totals["billed_usd"], totals["cost_usd"], totals["difference_usd"]) == ("4", "10", None)
    both = line("anthropic", "b", "output_tokens", report="usage", quantity=Decimal(200_000))
    insert_billed(billed.pipeline.store, [paid, both], "estimates")
    assert Client(billed.url).get(path)["totals"]["difference_usd"] == "1"
    told = json.loads(run(billed, "tieout", "--project", "estimates", "--format", "json"))["totals"]
    assert (told["billed_usd"], told["estimated_usd"]) == ("4", "10")
    assert "$4.00 billed, ~$10.00 estimated" in run(billed, "tieout", "--project", "estimates")


def test_the_share_that_spans_show_is_of_the_usage_of_the_key(billed: Collector) -> None:
    earlier = DAY - timedelta(days=3)
    lines: list[dict[str, Any]] = []
    for day in (earlier, earlier - timedelta(days=1)):
        common = {"day": day, "provider": "openai", "model": "gpt-4o", "meter": "output_tokens"}
        lines += [
            *({**common, "report": "usage", "key_name": key, "quantity": Decimal(100_000)} for key in ("a", "b")),
            {**common, "report": "costs", "item": "gpt-4o, output", "amount_usd": Decimal(2)},
        ]
    # Money of a key that has none of its usage.
    lines.append({"day": earlier, "provider": "openai", "report": "costs", "key_name": "b", "item": "support plan"})
    lines[-1]["amount_usd"] = Decimal(5)
    insert_billed(billed.pipeline.store, lines, "shares")
    document = json.loads(run(billed, "tieout", "--project", "shares", "--format", "json"))
    found = [(one["part"], one["key"], one["usd"], one["seen_share"]) for one in document["findings"]]
    assert found == [
        ("no_span", "b", "5", None),
        ("unseen", "a", "2", 0.0),
        ("unseen", "b", "2", 0.0),
    ]


def test_another_project_sees_nothing_of_it(billed: Collector) -> None:
    for path in ("tieout?by=key&", "report/billed?by=key&", "report?"):
        document = Client(billed.url).get(f"/api/{path}project=other")
        assert "skunkworks" not in json.dumps(document)
    assert Client(billed.url).get("/api/report?project=other")["billed"] is None


def test_views_are_asked_in_sql(billed: Collector) -> None:
    for sql, told in (
        (
            "SELECT feature, toFloat64(sum(u.cost_usd)) FROM billed_usage AS u GROUP BY feature ORDER BY feature",
            "skunkworks",
        ),
        ("SELECT day, toFloat64(t.billed_usd), toFloat64(t.seen_usd) FROM tieout_daily AS t", f"{DAY}"),
    ):
        answer = Client(billed.url).send("GET", f"/clickhouse?{urlencode({'query': sql})}")
        assert answer.status == 200, answer
        assert told in answer.body.decode()


def test_a_proposed_contract_entered_as_printed_leaves_no_price_to_be_told(billed: Collector) -> None:
    """Beside nothing, in place of a percentage, in place of rates, and by kind of token."""
    day = DAY - timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    paid = {  # USD a million tokens: input, output
        "gpt-4o": (Decimal("2.25"), Decimal(9)),  # 10 % off
        "gpt-4o-mini": (Decimal("0.12"), Decimal("0.48")),  # 20 % off, of which 5 are known
        "gpt-4.1": (Decimal(1), Decimal(8)),  # half the price for input, and the list's for output
        "gpt-4.1-mini": (Decimal("0.75"), Decimal(3)),  # a quarter off our own rates
    }
    calls = [Call(at=at, model=model, input_tokens=200_000, output_tokens=100_000) for model in paid]
    assert Client(billed.url).post(b"".join(body(call) for call in calls)).status == 200
    billed.pipeline.drain()
    lines: list[dict[str, Any]] = []
    for model, usd in paid.items():
        for meter, quantity, rate in zip(("uncached_tokens", "output_tokens"), (200_000, 100_000), usd, strict=True):
            line = {"day": day, "provider": "openai", "model": model, "meter": meter}
            lines.append({**line, "report": "usage", "quantity": Decimal(quantity)})
            lines.append(
                {**line, "report": "costs", "item": f"{model}, {meter}", "amount_usd": quantity * rate / 10**6}
            )
    Imports(billed.pipeline.store).add(account_of("openai", lines), Origin("test", extent="part"), "default")
    run(billed, "prices", "set", "gpt-4o-mini", "--provider", "openai", "--percent-off", "5", "--from", "2026-01-01")
    run(
        billed,
        "prices",
        "set",
        "gpt-4.1-mini",
        *["--provider", "openai", "--input", "1", "--output", "4", "--from", "2026-01-01"],
    )
    ask = ("tieout", "--from", f"{day}", "--to", f"{day}", "--format", "json")
    before = json.loads(run(billed, *ask))
    assert {one["command"] for one in before["proposals"]} == {
        f"breakeven prices set {what} --from {day}"
        for what in (
            "gpt-4o --provider openai --percent-off 10",
            "gpt-4o-mini --provider openai --percent-off 20",
            "gpt-4.1 --provider openai --input 1 --output 8 --cache-read 0.5 --meter storage_search=0.0025 --meter web_search=0.01",
            "gpt-4.1-mini --provider openai --input 0.75 --output 3",
        )
    }
    for one in before["proposals"]:
        run(billed, *split(one["command"])[1:])
    after = json.loads(run(billed, *ask))
    assert (after["proposals"], after["parts"]["price"]) == ([], "0")
    assert (after["totals"]["difference_usd"], after["totals"]["tied_out"]) == ("0", 1)
