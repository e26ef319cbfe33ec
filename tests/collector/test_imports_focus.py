"""Charges for models in files of FOCUS, as clouds write them."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.imports import focus
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.lines import Account
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 10, 10, tzinfo=UTC)
FOCUS = "BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceName,SubAccountId,x_SkuMeterName\n"


def test_of_a_focus_file_the_charges_for_models_are_taken(samples: Path) -> None:
    account = read_files("focus", [samples / "focus.csv"], now=NOW)
    assert [
        (line.provider, line.item, line.meter, line.quantity, line.amount, line.amount_usd) for line in account.lines
    ] == [
        ("aws.bedrock", "USE1-Claude-input-tokens", "uncached_tokens", 500_000, Decimal("1.25"), Decimal("1.25")),
        ("aws.bedrock", "Credit: Promotion", "", None, Decimal("-0.25"), Decimal("-0.25")),
        ("azure.ai.openai", "gpt-4o output", "output_tokens", 3_000_000, Decimal(10), None),
    ]
    assert (account.lines[0].key_name, account.lines[0].tags) == ("", (("feature", "contract-review"),))
    assert [bad.where for bad in account.bad] == ["focus.csv, line 6"]
    assert dict(account.skipped) == {"Amazon EC2 (another service)": 1}
    assert any(warning.startswith("EUR: no rate of exchange") for warning in account.warnings)
    with_rate = read_files("focus", [samples / "focus.csv"], now=NOW, rates={"EUR": Decimal("1.1")})
    assert with_rate.lines[2].amount_usd == 11


@settings(deadline=None)
@given(
    cost=st.decimals(min_value=-(10**6), max_value=10**6, places=9),
    after=st.integers(0, 200 * 86_400),
    seconds=st.integers(1, 40 * 86_400),
)
def test_a_charge_of_several_days_is_spread_over_them_and_nothing_is_lost(
    cost: Decimal, after: int, seconds: int
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
    end = start + timedelta(seconds=seconds)
    account = Account("focus")
    row = {
        **{"BilledCost": f"{cost:f}", "BillingCurrency": "USD", "ServiceName": "Amazon Bedrock"},
        **{"ChargePeriodStart": start.isoformat(), "ChargePeriodEnd": end.isoformat()},
    }
    focus.read_row(account, row, rates={}, now=NOW)
    assert sum(line.amount_usd or 0 for line in account.lines) == cost
    assert (account.lines[0].from_time, account.lines[-1].to_time) == (start, end)
    for line in account.lines:
        assert line.amount_usd is not None
        share = cost * int((line.to_time - line.from_time).total_seconds()) / seconds
        assert abs(line.amount_usd - share) < Decimal("1e-12")
        assert line.day == (line.to_time - timedelta(seconds=1)).date()


@pytest.mark.parametrize(
    ("service", "meter", "provider"),
    [
        ("Azure OpenAI", "gpt 4o input", "azure.ai.openai"),
        ("Cognitive Services", "gpt-5.5 cached inp glbl Tokens", "azure.ai.openai"),
        ("Foundry Models", "text-embedding-3-small", "azure.ai.openai"),
        ("Azure AI services", "Standard Text Translation", ""),
        ("Cognitive Services", "S1 Speech to Text", ""),
        ("Azure App Service", "P1v3", ""),
        ("Amazon Bedrock", "", "aws.bedrock"),
        ("Vertex AI", "", "gcp.vertex_ai"),
        ("Gemini API", "", "gcp.gemini"),
    ],
)
def test_the_service_and_for_azure_the_meter_say_whose_model_a_charge_is_for(
    service: str, meter: str, provider: str
) -> None:
    row = {"ServiceName": service, "x_SkuMeterName": meter, "ServiceCategory": "AI and Machine Learning"}
    assert focus.provider_of(row) == provider


@pytest.mark.parametrize(
    ("meter", "kind"),
    [
        ("USE1-Claude4.5Sonnet-cache-write-1h-input-token-count", "cache_write_1h_tokens"),
        ("USE1-Claude4.5Sonnet-cache-write-input-token-count", "cache_write_5m_tokens"),
        ("USE1-Claude4.5Sonnet-cache-read-input-token-count", "cache_read_tokens"),
        ("USE1-Claude4.5Sonnet-input-tokens", "uncached_tokens"),
        ("gpt-4o-0806-Inp-glbl Tokens", "uncached_tokens"),
        ("gpt 4o 1120 cached Inp glbl Tokens", "cache_read_tokens"),
        ("GPT 5.1 cd inp Gl 1M Tokens", "cache_read_tokens"),
        ("gpt-4o-mini-0718-Outp-glbl Tokens", "output_tokens"),
        ("GPT 5.1 opt Gl 1M Tokens", "output_tokens"),
        ("text-embedding-3-small-glbl Tokens", ""),
    ],
)
def test_the_meter_of_a_charge_for_tokens_says_which_they_are(meter: str, kind: str) -> None:
    account = Account("focus")
    row = {
        **{"BilledCost": "1", "BillingCurrency": "USD", "ServiceName": "Amazon Bedrock", "x_SkuMeterName": meter},
        **{"ChargePeriodStart": "2026-10-01", "ChargePeriodEnd": "2026-10-02"},
        **{"ConsumedQuantity": "5", "ConsumedUnit": "1K tokens"},
    }
    focus.read_row(account, row, rates={}, now=NOW)
    assert [(line.meter, line.quantity) for line in account.lines] == [(kind, 5_000)]


def test_a_row_of_csv_with_too_many_or_too_few_cells_is_bad_and_the_rest_goes_in(tmp_path: Path) -> None:
    row = "1,USD,2026-10-01,2026-10-02,Amazon Bedrock,a,m"
    (tmp_path / "x.csv").write_text(FOCUS + f"{row}\n{row},more\n1,USD\n")
    account = read_files("focus", [tmp_path / "x.csv"], now=NOW)
    assert len(account.lines) == 1
    assert [bad.where for bad in account.bad] == ["x.csv, line 3", "x.csv, line 4"]


@pytest.mark.parametrize(
    ("tags", "expected", "warnings"),
    [
        ('{"team": "a", "size": 3}', (("size", "3"), ("team", "a")), 0),
        ('[["team", "a"]]', (("team", "a"),), 0),
        ('[{"key": "team", "value": "a", "x_type": "label"}]', (("team", "a"),), 0),
        ("[]", (), 0),
        ('["ab"]', (), 1),
        ("team=a", (), 1),
        ('{"team": "\\ud800"}', (), 1),
        ("7", (), 1),
    ],
)
def test_tags_are_taken_in_each_form_that_a_map_has(
    tags: str, expected: tuple[tuple[str, str], ...], warnings: int
) -> None:
    account = Account("focus")
    row = {
        **{"BilledCost": "1", "BillingCurrency": "USD", "ServiceName": "Vertex AI", "Tags": tags},
        **{"ChargePeriodStart": "2026-10-01", "ChargePeriodEnd": "2026-10-02"},
    }
    focus.read_row(account, row, rates={}, now=NOW)
    assert (account.lines[0].tags, account.warnings.total()) == (expected, warnings)


def test_a_parquet_file_of_bigquery_has_maps_as_lists_of_records(tmp_path: Path) -> None:
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    row: dict[str, Any] = {
        **{"BilledCost": Decimal("1.5"), "BillingCurrency": "USD", "ServiceName": "Vertex AI"},
        **{
            "ChargePeriodStart": datetime(2026, 10, 1, tzinfo=UTC),
            "ChargePeriodEnd": datetime(2026, 10, 2, tzinfo=UTC),
        },
        "Tags": [{"key": "team", "value": "a", "x_type": "label"}],
        "x_Credits": [{"name": "promotion", "amount": Decimal("-0.5"), "until": date(2026, 12, 31)}],
    }
    parquet.write_table(arrow.Table.from_pylist([row]), tmp_path / "focus.parquet")
    account = read_files("focus", [tmp_path / "focus.parquet"], now=NOW)
    assert [(line.amount_usd, line.tags) for line in account.lines] == [(Decimal("1.5"), (("team", "a"),))]


def test_a_parquet_file_says_what_the_same_csv_says(samples: Path, tmp_path: Path) -> None:
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    with (samples / "focus.csv").open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        row["ChargePeriodStart"] = datetime.fromisoformat(row["ChargePeriodStart"])
        row["Tags"] = list(json.loads(row["Tags"] or "{}").items())
    tags = arrow.array([row["Tags"] for row in rows], arrow.map_(arrow.string(), arrow.string()))
    table = arrow.Table.from_pylist([{**row, "Tags": None} for row in rows])
    parquet.write_table(
        table.set_column(table.schema.get_field_index("Tags"), "Tags", tags), tmp_path / "focus.parquet"
    )
    one, other = (read_files("focus", [path], now=NOW) for path in (samples / "focus.csv", tmp_path / "focus.parquet"))
    assert one.lines == other.lines
    assert [bad.where for bad in other.bad] == ["focus.parquet, row 5"]
