"""What leaves for other programs is the bill, to the last digit, and FOCUS takes it."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_collector.errors import BadRequest
from breakeven_collector.export.files import FileFormat
from breakeven_collector.export.focus import FocusAsked, focus_metadata, write_focus
from breakeven_collector.export.focus_check import check_focus
from breakeven_collector.export.tables import exportable, write_table
from breakeven_collector.imports.files import read_files
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import PriceService
from breakeven_collector.serve import Collector
from breakeven_collector.store import Store
from breakeven_schema import query
from typer.testing import CliRunner, Result

from tests.collector.client import Client
from tests.collector.test_cli import run
from tests.conftest import quick_settings
from tests.spans import Call, body

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NOVEMBER = FocusAsked(date(2026, 11, 1), date(2026, 11, 30))
CONFIG = """
[features.search]
owner = "team-search"
cost_centre = "4711"

[[alias]]
from = "shared"
split = { search = 0.333333333333, chat = 0.666666666667 }
"""


@pytest.fixture(scope="module")
def collector(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Calls of all kinds: cached, split, metered, discounted, at own rates, reported, free, unknown, by tenant."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "breakeven.toml").write_text(CONFIG, encoding="utf-8")
    with Collector(quick_settings(f"chdb://{engine_folder}?database=exported", folder)) as collector:
        cached = {"gen_ai.usage.cache_read.input_tokens": 300, "breakeven.tenant": 'acme, "inc"'}
        calls = [
            *(Call(at=NOON - n * DAY, response_id=f"a{n}", feature="search", attributes=cached) for n in range(3)),
            *(Call(at=NOON - n * DAY, response_id=f"b{n}", feature="shared", output_tokens=101) for n in range(3)),
            Call(at=NOON, response_id="c", provider="anthropic", model="claude-sonnet-4-5", attributes=cached),
            Call(at=NOON, response_id="d", attributes={"breakeven.meter.web_search": 2, "gen_ai.usage.reasoning.output_tokens": 40}),
            Call(at=NOON, response_id="e", feature="shared", attributes={"gen_ai.usage.cost": 0.012345678901}),
            Call(at=NOON, response_id="f", provider="vllm", model="our-own", feature=None),
            Call(at=NOON, response_id="g", provider="vllm", model="nobody-knows"),
            Call(at=NOON, response_id="h", failed=True, input_tokens=None, output_tokens=None, attributes={"http.response.status_code": 429}),
            Call(at=NOON, response_id="i", output_tokens=None),
        ]  # fmt: skip
        assert Client(collector.url).post(body(*calls)).status == 200
        collector.pipeline.drain()
        pipeline = collector.pipeline
        prices = PriceService(pipeline.store, pipeline.catalog, pipeline.ledger)
        prices.set(Override(model="gpt-4o", valid_from=date(2026, 11, 19), percent_off=Decimal("12.3456789")))
        rates = {"input": Decimal("0.1"), "output": Decimal("0.3")}
        prices.set(
            Override(model="our-own", valid_from=date(2026, 1, 1), usd_per_million_tokens=rates, project="default")
        )
        pipeline.drain()
        yield collector


@pytest.fixture(scope="module")
def store(collector: Collector) -> Store:
    return collector.pipeline.store


@pytest.fixture(scope="module")
def exported(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("focus") / "november.csv"
    write_focus(store, NOVEMBER, FileFormat.CSV, path)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def total(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def bill(store: Store, grain: str) -> Decimal:
    (row,) = store.rows(
        "SELECT sum(cost_usd) AS usd FROM spend WHERE grain = {g:String} AND counted IN ('yes', 'late')", {"g": grain}
    )
    return row["usd"]


# ----------------------------------------------------------------------------------------------------------- FOCUS


@pytest.mark.parametrize("by_tenant", [False, True])
def test_effective_cost_is_the_bill_exactly_by_whole_and_by_part(store: Store, tmp_path: Path, by_tenant: bool) -> None:
    grain = "tenant_day" if by_tenant else "day"
    whole = tmp_path / "whole.csv"
    write_focus(store, FocusAsked(NOVEMBER.first, NOVEMBER.last, by_tenant), FileFormat.CSV, whole)
    assert total(rows_of(whole), "EffectiveCost") == bill(store, grain) > 0
    by_feature = store.rows(
        "SELECT day, feature, price_source != 'x' AS priced, sum(cost_usd) AS usd FROM "
        "(SELECT toString(toDate(at, 'UTC')) AS day, * FROM spend WHERE grain = {g:String} AND counted = 'yes' "
        "AND cost_usd != 0) GROUP BY ALL",
        {"g": grain},
    )
    told: dict[tuple[str, str], Decimal] = {}
    for row in rows_of(whole):
        key = (row["ChargePeriodStart"][:10], json.loads(row["Tags"]).get("feature", ""))
        told[key] = told.get(key, Decimal(0)) + Decimal(row["EffectiveCost"])
    assert told == {(row["day"], row["feature"]): row["usd"] for row in by_feature}


def test_each_kind_of_usage_has_its_list_price_and_its_contracted_one(exported: Path) -> None:
    rows = [
        row for row in rows_of(exported) if "search" in row["Tags"] and row["ChargePeriodStart"][:10] == "2026-11-20"
    ]
    cached = next(row for row in rows if row["SkuId"] == "openai/gpt-4o/cache_read")
    assert {name: cached[name] for name in (
        *("ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit"),
        *("SkuMeter", "ProviderName", "ServiceName", "PricingCategory", "x_PriceSource", "BillingPeriodEnd"),
    )} == {
        "ListUnitPrice": "0.00000125",
        "ContractedUnitPrice": "0.00000109567901375",
        "PricingQuantity": "300",
        "PricingUnit": "Tokens",
        "ConsumedQuantity": "300",
        "ConsumedUnit": "Tokens",
        "SkuMeter": "Cached Input Tokens",
        "ProviderName": "OpenAI",
        "ServiceName": "OpenAI API",
        "PricingCategory": "Standard",
        "x_PriceSource": "override",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    }  # fmt: skip
    assert '"owner":"team-search","cost_centre":"4711"' in cached["Tags"]
    by_kind = {row["SkuId"]: row for row in rows_of(exported)}
    assert by_kind["vllm/our-own/answer"]["ListUnitPrice"] == "0.0000003"
    assert by_kind["openai/gpt-4o/web_search"]["PricingUnit"] == "Searches"
    assert by_kind["openai/gpt-4o/reasoning"]["PricingQuantity"] == "40"
    reported = by_kind["openai/gpt-4o/reported"]
    assert (reported["PricingCategory"], reported["PricingUnit"], reported["ListUnitPrice"]) == ("Other", "USD", "1")
    assert total(
        [row for row in rows_of(exported) if row["SkuMeter"] == "Reported Cost"], "EffectiveCost"
    ) == Decimal("0.012345678901")  # fmt: skip


def test_what_has_no_known_cost_has_no_row_and_is_counted(store: Store, exported: Path) -> None:
    assert "nobody-knows" not in exported.read_text(encoding="utf-8")
    metadata = focus_metadata(store, NOVEMBER, now=NOON)
    counted = [(line["reason"], line["calls"]) for line in metadata["left_out"]]
    assert counted == [("model not in the price book", "1")]
    assert [(line["reason"], line["calls"]) for line in metadata["in_part"]] == [("part of the usage is missing", "1")]
    with pytest.raises(BadRequest, match="the last day is before the first"):
        focus_metadata(store, FocusAsked(date(2026, 11, 2), date(2026, 11, 1)))


def test_the_same_bill_is_the_same_file_and_a_project_sees_its_own(
    store: Store, exported: Path, tmp_path: Path
) -> None:
    again, other = tmp_path / "again.csv", tmp_path / "other.csv"
    write_focus(store, NOVEMBER, FileFormat.CSV, again)
    assert again.read_bytes() == exported.read_bytes()
    write_focus(store, FocusAsked(NOVEMBER.first, NOVEMBER.last, project="others"), FileFormat.CSV, other)
    assert rows_of(other) == []


def test_import_focus_reads_an_export_back(exported: Path) -> None:
    account = read_files("focus", [exported], now=NOON + 9 * DAY)
    assert (account.bad, dict(account.warnings)) == ([], {})
    # Own machines are no provider's bill.
    rows = rows_of(exported)
    assert dict(account.skipped) == {
        "vllm (AI, but no model's service)": sum(row["ServiceName"] == "vllm" for row in rows)
    }
    billed = [row for row in rows if row["ServiceName"] != "vllm"]
    assert [(line.day.isoformat(), line.provider, line.model, line.item, line.unit) for line in account.lines] == [
        (
            row["ChargePeriodStart"][:10],
            *row["SkuId"].split("/")[:2],
            row["SkuMeter"],
            row["ConsumedUnit"].replace("Tokens", "tokens"),
        )
        for row in billed
    ]
    for line, row in zip(account.lines, billed, strict=True):
        assert line.amount_usd == Decimal(row["BilledCost"]).quantize(Decimal("1e-15"))
        assert line.quantity == Decimal(row["ConsumedQuantity"]).quantize(Decimal("1e-6"))
        assert dict(line.tags) == json.loads(row["Tags"])
    assert {line.item: line.meter for line in account.lines} == {
        "Input Tokens": "uncached_tokens",
        "Cached Input Tokens": "cache_read_tokens",
        "Output Tokens": "output_tokens",
        "Reasoning Tokens": "output_tokens",
        "Reported Cost": "",
        "Web Search": "",
    }


@pytest.mark.parametrize("form", FileFormat)
@pytest.mark.parametrize("by_tenant", [False, True])
def test_an_export_keeps_the_rules_of_focus(store: Store, tmp_path: Path, form: FileFormat, by_tenant: bool) -> None:
    path = tmp_path / f"bill.{form}"
    write_focus(store, FocusAsked(NOVEMBER.first, NOVEMBER.last, by_tenant), form, path)
    checked = check_focus(path, store, tmp_path)
    assert (checked.findings, checked.rows > 20) == ({}, True)


BROKEN: list[tuple[dict[str, str], str]] = [
    ({"BilledCost": ""}, "BilledCost-C-003-M"),
    ({"EffectiveCost": "1,5"}, "EffectiveCost: format"),
    ({"EffectiveCost": "+1"}, "EffectiveCost: format"),
    ({"ListCost": "12"}, "ListUnitPrice-C-010-C"),
    ({"ContractedCost": "12"}, "ContractedUnitPrice-C-011-C"),
    ({"ListUnitPrice": ""}, "ListUnitPrice-C-005-C"),
    ({"ContractedUnitPrice": "-0.00000000001"}, "ContractedUnitPrice-C-009-C"),
    ({"PricingQuantity": "", "PricingUnit": ""}, "PricingQuantity-C-005-C"),
    ({"PricingUnit": ""}, "PricingUnit: with PricingQuantity"),
    ({"ConsumedUnit": ""}, "ConsumedUnit: with ConsumedQuantity"),
    ({"PricingCategory": "Cheap"}, "PricingCategory: values"),
    ({"PricingCategory": ""}, "PricingCategory-C-004-C"),
    ({"ChargeCategory": "usage"}, "ChargeCategory: values"),
    ({"ChargeCategory": "Tax"}, "SkuId-C-004-C"),
    ({"ChargeCategory": "Purchase"}, "ChargeFrequency-C-004-C"),
    ({"ChargeClass": "Fix"}, "ChargeClass: values"),
    ({"SkuId": "another"}, "SkuPriceId-C-008-M"),
    ({"SkuId": ""}, "SkuId-C-005-C"),
    ({"InvoiceIssuerName": "Reseller", "BilledCost": "1"}, "BilledCost-C-005-C"),
    ({"BillingCurrency": "usd"}, "BillingCurrency: format"),
    ({"ChargePeriodStart": "2026-11-20 00:00:00"}, "ChargePeriodStart: format"),
    ({"ChargePeriodStart": "2026-13-40T00:00:00Z"}, "ChargePeriodStart: format"),
    ({"ChargePeriodEnd": "2026-11-01T00:00:00Z"}, "ChargePeriodEnd-C-004-M"),
    ({"ServiceSubcategory": "Containers"}, "ServiceSubcategory-C-004-M"),
    ({"ServiceCategory": "AI"}, "ServiceCategory-C-003-M"),
    ({"Tags": "feature=search"}, "Tags: format"),
    ({"Tags": '{"a": {"b": 1}}'}, "Tags: format"),
    ({"Tags": '{"a": 1, "a": 2}'}, "Tags: format"),
    ({"SkuPriceDetails": '{"Model": "gpt-4o"}'}, "SkuPriceDetails: format"),
    ({"ProviderName": " "}, "ProviderName: format"),
]


@pytest.mark.parametrize(("changes", "rule"), BROKEN, ids=lambda value: str(value))
def test_a_row_that_breaks_a_rule_is_found(
    store: Store, exported: Path, tmp_path: Path, changes: dict[str, str], rule: str
) -> None:
    rows = rows_of(exported)
    # Of a kind of which there are several rows.
    broken = next(n for n in reversed(range(len(rows))) if rows[n]["SkuId"] == "openai/gpt-4o/answer")
    rows[broken].update(changes)
    checked = check_focus(written(tmp_path, rows), store, tmp_path)
    assert rule in checked.findings, checked.findings
    assert checked.findings[rule].line == broken + 2


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "broken.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_missing_and_unknown_columns_and_wrong_types_are_found(store: Store, exported: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"Feature" if name == "BilledCost" else name: value for name, value in row.items()} for row in rows_of(exported)
    ]
    checked = check_focus(written(tmp_path, rows), store, tmp_path)
    assert {rule: finding.line for rule, finding in checked.findings.items()} == {
        "CostAndUsage-D-006-M": 0,
        "ColumnHandling-A-010-M Feature": 0,
    }
    text = tmp_path / "text.parquet"
    store.write_file(
        f"SELECT * REPLACE (toString(BilledCost) AS BilledCost) FROM ({query('focus')})",
        "Parquet",
        text,
        NOVEMBER.parameters(),
    )
    checked = check_focus(text, store, tmp_path)
    assert set(checked.findings) == {"BilledCost: type"}


# ---------------------------------------------------------------------------------------------------------- tables


def test_a_table_leaves_whole_with_its_ids_in_hex_in_both_formats(store: Store, tmp_path: Path) -> None:
    for form in FileFormat:
        write_table(store, "calls", form, tmp_path / f"calls.{form}", project=None)
        write_table(store, "v1_spend_daily", form, tmp_path / f"daily.{form}", project="default")
    rows = rows_of(tmp_path / "calls.csv")
    assert {len(row["trace_id"]) for row in rows} == {32}
    counted = store.rows(
        "SELECT count() AS n, groupArray(trace_id) AS ids FROM file({f:String}, 'Parquet')",
        {"f": str(tmp_path / "calls.parquet")},
    )
    assert counted == [{"n": len(rows), "ids": [row["trace_id"] for row in rows]}]
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows_of(tmp_path / "daily.csv")) == bill(store, "day")
    write_table(store, "calls", FileFormat.CSV, tmp_path / "others.csv", project="others")
    assert rows_of(tmp_path / "others.csv") == []


def test_a_project_exports_what_it_may_read_and_nobody_exports_keys(store: Store, tmp_path: Path) -> None:
    own = {one.name for one in exportable(store, "default")}
    assert own == {
        *("v1_spend_daily", "v1_spend_hourly", "v1_features", "v1_calls", "v1_prices", "v1_billed_daily"),
        *("calls", "origins", "billed", "imports", "decisions", "revenue"),
        *("price_book", "price_books"),
    }
    everything = {one.name for one in exportable(store, None)}
    assert everything > own
    assert not everything & {"keys", "migrations", "spend"}
    for name, project in (("keys", None), ("model_names", "default"), ("calls; DROP TABLE calls", None)):
        with pytest.raises(BadRequest, match="can be exported: v1_spend_daily"):
            write_table(store, name, FileFormat.CSV, tmp_path / "none", project=project)


# ------------------------------------------------------------------------------------------- the collector and CLI


def cli(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["export", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code in (0, 1), result
    return result


def test_the_command_line_exports_from_a_running_collector(collector: Collector, tmp_path: Path) -> None:
    out = tmp_path / "november.parquet"
    made = cli("focus", "--from", "2026-11-01", "--to", "2026-11-30", "--url", collector.url, "--out", str(out))
    assert made.exit_code == 0, made.output
    assert "left out: 1 calls, model not in the price book" in made.stderr
    metadata = json.loads((tmp_path / "november.parquet.metadata.json").read_text(encoding="utf-8"))
    assert [line["reason"] for line in metadata["left_out"]] == ["model not in the price book"]
    # The engine of this process has its folder: another one reads Parquet.
    checked = run("export", "focus", "--check", str(out))
    assert (checked.returncode, "as FOCUS 1.2 wants them" in checked.stdout) == (0, True), checked
    assert "v1_spend_daily" in cli("table", "--list", "--url", collector.url).stdout
    printed = cli("table", "v1_features", "--url", collector.url)
    assert {row["feature"] for row in csv.DictReader(io.StringIO(printed.stdout))} == {"search", "chat"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["november.parquet", "november.parquet.metadata.json"]


def test_the_command_line_tells_what_is_wrong(exported: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(exported.read_text(encoding="utf-8").replace("Usage-Based", "Often"), encoding="utf-8")
    checked = cli("focus", "--check", str(broken))
    assert (checked.exit_code, "ChargeFrequency: values" in checked.stdout) == (1, True)
    for arguments, told in (
        (("table",), "with --list"),
        (("table", "calls", "--list"), "with --list"),
        (("focus", "--from", "2026-11-01"), "say which days"),
        (("focus", "--from", "2026-11-02", "--to", "2026-11-01"), "the last day is before the first"),
        (("focus", "--check", str(tmp_path / "none.csv")), "there is no file"),
        (("focus", "--check", str(broken), "--out", "x"), "leave --from, --to and --out away"),
        (("all", "--out", str(tmp_path)), "is there already"),
        (("all", "--out", str(tmp_path / "none" / "x")), "there is no folder"),
    ):
        refused = cli(*arguments)
        assert (refused.exit_code, told in " ".join(refused.stderr.split())) == (1, True), (arguments, refused.stderr)


def test_over_http_a_wrong_name_or_day_is_told(collector: Collector) -> None:
    client = Client(collector.url)
    for path, status in (
        ("/api/export/tables/none", 404),
        ("/api/export/tables/calls?format=xml", 422),
        ("/api/export/focus?from=2026-11-02&to=2026-11-01", 422),
        ("/api/export/focus?from=november", 422),
        # The engine would turn a day that it cannot hold into another one, and the bill be empty.
        ("/api/export/focus?from=2026-11-01&to=2199-12-31", 422),
        ("/api/export/focus/metadata?from=2026-11-01&to=2199-12-31", 422),
    ):
        assert client.send("GET", path).status == status, path
    assert list((collector.pipeline.settings.data_dir / "export").iterdir()) == []
