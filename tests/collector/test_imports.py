"""Accounts of providers, from files written after their public documentation."""

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.imports import focus
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account, ImportFailed
from breakeven_collector.imports.wire import account_document, account_from
from breakeven_collector.pipeline import Pipeline
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 10, 10, tzinfo=UTC)


@pytest.fixture
def samples(fixtures: Path) -> Path:
    return fixtures / "imports"


def held(pipeline: Pipeline, project: str) -> list[dict[str, Any]]:
    return pipeline.store.rows(
        "SELECT * EXCEPT (project, imported_at) FROM billed_now WHERE project = {p:String} ORDER BY ALL", {"p": project}
    )


def add(pipeline: Pipeline, project: str, account: Account, extent: str = "auto") -> dict[str, Any]:
    return Imports(pipeline.store).add(account, Origin("test", extent=extent), project)


def test_openai_usage_becomes_disjoint_meters_and_keys_get_their_names(samples: Path) -> None:
    account = read_files("openai", [samples / "openai_completions.jsonl"], now=NOW)
    assert [(line.meter, line.quantity, line.price_context, line.key_name, line.day.day) for line in account.lines] == [
        ("uncached_tokens", Decimal(550), "processing=batch", "contract-review-prod", 1),
        ("cache_read_tokens", Decimal(300), "processing=batch", "contract-review-prod", 1),
        ("cache_write_5m_tokens", Decimal(100), "processing=batch", "contract-review-prod", 1),
        ("audio_input_tokens", Decimal(50), "processing=batch", "contract-review-prod", 1),
        ("output_tokens", Decimal(480), "processing=batch", "contract-review-prod", 1),
        ("audio_output_tokens", Decimal(20), "processing=batch", "contract-review-prod", 1),
        ("requests", Decimal(5), "processing=batch", "contract-review-prod", 1),
        ("uncached_tokens", Decimal(10), "service_tier=flex", "", 2),
        ("output_tokens", Decimal(5), "service_tier=flex", "", 2),
        ("requests", Decimal(1), "service_tier=flex", "", 2),
    ]
    assert dict(account.warnings) == {"completions: field 'input_dream_tokens' is not known and was not taken": 1}


def test_openai_costs_are_exact_and_a_bad_row_is_listed_beside_the_rest(samples: Path) -> None:
    account = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    assert [(line.model, line.item, line.meter, line.amount_usd) for line in account.lines] == [
        ("gpt-5.5", "gpt-5.5, input_tokens", "uncached_tokens", Decimal("12.340000000000002")),
        ("", "web search tool calls", "", Decimal("4.5")),
    ]
    assert [(bad.where, bad.reason) for bad in account.bad] == [
        ("openai_costs.json: data[0].results[2]", "amount.value is 'many': not a number")
    ]
    assert {day.day for _, _, day in account.covered} == {1, 2}


def test_openai_costs_are_read_from_the_dashboards_csv(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(
        "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
        "1790812800,1790899200,,,0.895874,usd,,proj_a\n1790899200,1790985600,,,,,,\nnever,1,,,1,usd,,\n"
    )
    account = read_files("openai", [path], now=NOW)
    assert [(line.amount_usd, line.provider_project) for line in account.lines] == [(Decimal("0.895874"), "proj_a")]
    assert [bad.where for bad in account.bad] == ["costs.csv, line 4"]
    assert len(account.covered) == 2


def test_anthropics_cents_become_dollars_and_searches_are_told(samples: Path) -> None:
    files = [samples / "anthropic_cost_report.json", samples / "anthropic_usage_report.json"]
    account = read_files("anthropic", files, now=NOW)
    costs = [line for line in account.lines if line.report == "costs"]
    assert [(line.meter, line.amount_usd, line.provider_project) for line in costs] == [
        ("uncached_tokens", Decimal("123.456789120000000"), "wrkspc_1"),
        ("web_search", Decimal(40), ""),
    ]
    usage = [line for line in account.lines if line.report == "usage"]
    assert [(line.meter, line.quantity, line.price_context, line.key_name) for line in usage] == [
        ("uncached_tokens", 1500, "processing=batch", "sales-research-prod"),
        ("cache_read_tokens", 200, "processing=batch", "sales-research-prod"),
        ("cache_write_5m_tokens", 500, "processing=batch", "sales-research-prod"),
        ("cache_write_1h_tokens", 1000, "processing=batch", "sales-research-prod"),
        ("output_tokens", 700, "processing=batch", "sales-research-prod"),
        ("web_search", 10, "processing=batch", "sales-research-prod"),
        ("uncached_tokens", 5, "service_tier=priority", ""),
        ("output_tokens", 1, "service_tier=priority", ""),
    ]
    assert [bad.reason for bad in account.bad] == ["amount is Decimal('12.5'): not a text with cents"]
    assert dict(account.warnings) == {"usage: field 'mood' is not known and was not taken": 1}


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


def test_a_file_again_changes_nothing_and_a_corrected_one_takes_the_place_of_its_days(
    pipeline: Pipeline, project: str, samples: Path, tmp_path: Path
) -> None:
    first = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    told = add(pipeline, project, first)
    assert {name: told[name] for name in ("days", "lines", "replaced_lines")} == {
        "days": 2,
        "lines": 2,
        "replaced_lines": 0,
    }
    before = held(pipeline, project)
    assert len(before) == 2
    again = add(pipeline, project, first)
    assert again == {"import_id": "", "days": 0, "lines": 0, "replaced_lines": 0, "unchanged_days": 2, "left": []}
    assert held(pipeline, project) == before

    document = json.loads((samples / "openai_costs.json").read_text())
    document["data"][0]["results"] = [document["data"][0]["results"][0]]
    document["data"][0]["results"][0]["amount"]["value"] = 13
    (tmp_path / "corrected.json").write_text(json.dumps(document))
    corrected = read_files("openai", [tmp_path / "corrected.json"], now=NOW)
    with pytest.raises(ImportFailed, match="would lose the lines of 'proj_b'"):
        add(pipeline, project, corrected)
    add(pipeline, project, corrected, "part")
    assert [row["amount_usd"] for row in held(pipeline, project)] == [Decimal(13), Decimal("4.5")]
    add(pipeline, project, corrected, "whole")
    assert [row["amount_usd"] for row in held(pipeline, project)] == [Decimal(13)]


def test_an_import_that_broke_off_counts_nothing(
    pipeline: Pipeline, project: str, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    insert = pipeline.store.insert

    def breaks(table: str, *arguments: Any) -> None:
        if table == "imports":
            raise KeyboardInterrupt
        insert(table, *arguments)

    monkeypatch.setattr(pipeline.store, "insert", breaks)
    with pytest.raises(KeyboardInterrupt):
        add(pipeline, project, account)
    assert held(pipeline, project) == []
    monkeypatch.undo()
    add(pipeline, project, account)
    assert len(held(pipeline, project)) == 2


@pytest.mark.parametrize(
    ("endpoint", "fields", "expected"),
    [
        ("embeddings", {"input_tokens": 70, "model": "e"}, [("uncached_tokens", 70, "tokens")]),
        ("moderations", {"input_tokens": 7, "model": "m"}, [("uncached_tokens", 7, "tokens")]),
        ("images", {"images": 3, "size": "1024x1024", "source": "image.generation"}, [("image", 3, "images")]),
        ("audio_speeches", {"characters": 45}, [("character", 45, "characters")]),
        ("audio_transcriptions", {"seconds": 20}, [("audio_second", 20, "seconds")]),
        ("vector_stores", {"usage_bytes": 1_024}, [("vector_store_bytes", 1_024, "bytes")]),
        ("code_interpreter_sessions", {"num_sessions": 2}, [("code_interpreter_session", 2, "sessions")]),
        ("file_search_calls", {"num_requests": 9}, [("file_search", 9, "calls")]),
        ("web_search_calls", {"num_requests": 5}, [("web_search", 5, "calls")]),
    ],
)
def test_every_endpoint_of_openais_usage_has_its_meter(
    tmp_path: Path, endpoint: str, fields: dict[str, Any], expected: list[Any]
) -> None:
    result = {"object": f"organization.usage.{endpoint}.result", "project_id": "p", **fields}
    bucket = {"object": "bucket", "start_time": 1790812800, "end_time": 1790899200, "results": [result]}
    path = tmp_path / "usage.json"
    path.write_text(json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None}))
    account = read_files("openai", [path], now=NOW)
    assert [(line.meter, line.quantity, line.unit) for line in account.lines] == expected
    assert account.covered == {("usage", endpoint, date(2026, 10, 1))}
    assert (account.bad, dict(account.warnings)) == ([], {})


def hours(first: int, last: int, day: int = 1790812800) -> list[dict[str, Any]]:
    result = {"object": "organization.usage.completions.result", "input_tokens": 1, "output_tokens": 1}
    return [
        {"start_time": day + hour * 3600, "end_time": day + (hour + 1) * 3600, "results": [result]}
        for hour in range(first, last)
    ]


@pytest.mark.parametrize(
    ("buckets", "days", "bad"),
    [
        (hours(0, 24), {1}, []),
        (
            [*hours(20, 24), *hours(0, 24, 1790899200)],
            {2},
            ["4 of its 24 hours are told of, 20:00 to 00:00 UTC; left out"],
        ),
        # Open days are told of again.
        (hours(0, 3, 1791590400), {10}, []),
        ([{**hours(0, 1)[0], "end_time": 1790812800 + 7 * 86400}, *hours(0, 24)], {1}, ["a bucket from 2026-10-01"]),
    ],
)
def test_a_part_of_a_day_that_is_over_takes_no_days_place(
    tmp_path: Path, buckets: list[Any], days: set[int], bad: list[str]
) -> None:
    path = tmp_path / "hours.json"
    path.write_text(json.dumps({"data": buckets}))
    account = read_files("openai", [path], now=NOW)
    assert {line.day.day for line in account.lines} == days == {day.day for *_, day in account.covered}
    assert [row.reason.startswith(reason) for row, reason in zip(account.bad, bad, strict=True)] == [True] * len(bad)


def test_exports_grouped_otherwise_do_not_count_twice(
    pipeline: Pipeline, project: str, samples: Path, tmp_path: Path
) -> None:
    grouped = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    add(pipeline, project, grouped)
    before = held(pipeline, project)
    document = json.loads((samples / "openai_costs.json").read_text())
    # With its bad row the day would stay as it was.
    del document["data"][0]["results"][2]
    for result in document["data"][0]["results"]:
        result["project_id"] = None
    (tmp_path / "ungrouped.json").write_text(json.dumps(document))
    ungrouped = read_files("openai", [tmp_path / "ungrouped.json"], now=NOW)
    with pytest.raises(ImportFailed, match="with --part they would count twice"):
        add(pipeline, project, ungrouped, "part")
    assert held(pipeline, project) == before
    add(pipeline, project, ungrouped, "whole")
    with pytest.raises(ImportFailed, match="with --part they would count twice"):
        add(pipeline, project, grouped, "part")
    assert {row["provider_project"] for row in held(pipeline, project)} == {""}


def test_a_day_that_is_held_is_not_replaced_by_one_with_a_bad_row(
    pipeline: Pipeline, project: str, tmp_path: Path
) -> None:
    def account(*days: dict[str, Any]) -> Account:
        path = tmp_path / "costs.json"
        data = [
            {
                "start_time": 1790812800 + number * 86400,
                "end_time": 1790899200 + number * 86400,
                "results": [
                    {
                        **{"object": "organization.costs.result", "project_id": name},
                        "amount": {"value": value, "currency": "usd"},
                    }
                    for name, value in day.items()
                ],
            }
            for number, day in enumerate(days)
        ]
        path.write_text(json.dumps({"data": data}))
        return read_files("openai", [path], now=NOW)

    add(pipeline, project, account({"a": 1, "b": 2}, {"a": 3}))
    # All rows of project b are bad; so is one of the third day, which is not held.
    corrected = account({"a": 5, "b": "oops"}, {"a": 4}, {"a": 6, "b": "oops"})
    told = add(pipeline, project, corrected)
    assert told["left"] == [{"day": "2026-10-01", "report": "costs", "where": "costs.json: data[0].results[1]"}]
    assert (told["lines"], [row["amount_usd"] for row in held(pipeline, project)]) == (2, [1, 2, 4, 6])
    assert add(pipeline, project, account({"a": "oops", "b": "oops"}, {"a": 4}))["left"][0]["day"] == "2026-10-01"
    assert [line["day"] for line in add(pipeline, project, corrected, "part")["left"]] == ["2026-10-01"]
    assert [row["amount_usd"] for row in held(pipeline, project)] == [1, 2, 4, 6]
    assert add(pipeline, project, account({"a": 5, "b": 2}))["left"] == []
    assert [row["amount_usd"] for row in held(pipeline, project)] == [5, 2, 4, 6]


def test_a_bucket_twice_counts_once_and_one_to_come_is_told(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text(json.dumps({"data": [*hours(0, 24), *hours(0, 24), *hours(0, 24, 1790812800 + 400 * 86400)]}))
    account = read_files("openai", [path], now=NOW)
    assert len([line for line in account.lines if line.meter == "uncached_tokens"]) == 48
    assert dict(account.warnings) == {
        "days came more than once, and what came last was taken": 1,
        "days that are still to come, 2027-11-05 to 2027-11-05: is the file for another year?": 1,
    }


def test_a_bill_in_another_currency_is_told_and_a_rate_gives_it_dollars(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(
        "start_time,end_time,amount_value,amount_currency,line_item\n"
        "1790812800,1790899200,2,eur,a\n1790899200,1790985600,3,eur,b\n"
    )
    account = read_files("openai", [path], now=NOW)
    assert dict(account.warnings) == {
        "EUR: no rate of exchange, so lines of 2026-10-01 to 2026-10-02 (2 days) have no dollars; "
        "--rate EUR=… gives one": 2
    }
    account = read_files("openai", [path], now=NOW, rates={"EUR": Decimal("1.08")})
    assert [line.amount_usd for line in account.lines] == [Decimal("2.16"), Decimal("3.24")]
    assert not account.warnings


def test_keys_keep_the_names_of_an_earlier_import(
    pipeline: Pipeline, project: str, samples: Path, tmp_path: Path
) -> None:
    whole = (samples / "openai_completions.jsonl").read_text().splitlines()
    add(pipeline, project, read_files("openai", [samples / "openai_completions.jsonl"], now=NOW))
    (tmp_path / "nameless.jsonl").write_text("\n".join(whole[:2]))
    again = add(pipeline, project, read_files("openai", [tmp_path / "nameless.jsonl"], now=NOW))
    assert again["lines"] == 0


FOCUS = "BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceName,SubAccountId,x_SkuMeterName\n"


def test_a_focus_file_again_changes_nothing_and_a_corrected_one_takes_its_days_place(
    pipeline: Pipeline, project: str, tmp_path: Path
) -> None:
    def account(text: str) -> Account:
        path = tmp_path / "focus.csv"
        path.write_text(FOCUS + text)
        return read_files("focus", [path], now=NOW)

    row = "{},USD,2026-10-0{}T00:00:00Z,2026-10-0{}T00:00:00Z,Amazon Bedrock,a,\n"
    first = row.format("1.5", 1, 2) + row.format("-0.5", 1, 2) + row.format("3", 2, 3)
    assert add(pipeline, project, account(first))["lines"] == 3
    before = held(pipeline, project)
    assert add(pipeline, project, account(first))["lines"] == 0
    assert held(pipeline, project) == before
    told = add(pipeline, project, account(row.format("2.5", 1, 2)))
    assert (told["lines"], told["replaced_lines"]) == (1, 2)
    assert [row["amount_usd"] for row in held(pipeline, project)] == [Decimal("2.5"), Decimal(3)]


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


@pytest.mark.parametrize(
    ("source", "name", "data", "said"),
    [
        ("focus", "x.parquet", b"PAR1 and no more", "not a Parquet file that can be read"),
        ("focus", "x.csv", b"a,b\n1,2\n", "not a FOCUS file, it has no column BilledCost"),
        ("focus", "x.csv", FOCUS.encode() + b"\xff,USD\n", "not CSV in UTF-8"),
        ("openai", "x.json", b'{"data": [', "not JSON"),
        ("openai", "x.json", b"", "nothing that `import openai` can take"),
        ("openai", "x.csv", b"a,b\n1,2\n", "first bad row: x.csv, line 2: start_time is None"),
        ("anthropic", "x.csv", b"a,b\n1,2\n", "not JSON; Anthropic's reports"),
        (
            *("focus", "x.csv", FOCUS.encode() + b"1e19,USD,2026-10-01,2026-10-02,Amazon Bedrock,a,m\n"),
            "BilledCost is '1e19': not an amount",
        ),
    ],
)
def test_files_of_which_nothing_can_be_taken_are_refused(
    tmp_path: Path, source: str, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImportFailed, match=re.escape(said)):
        read_files(source, [tmp_path / name], now=NOW)


def test_a_row_of_csv_with_too_many_or_too_few_cells_is_bad_and_the_rest_goes_in(tmp_path: Path) -> None:
    row = "1,USD,2026-10-01,2026-10-02,Amazon Bedrock,a,m"
    (tmp_path / "x.csv").write_text(FOCUS + f"{row}\n{row},more\n1,USD\n")
    account = read_files("focus", [tmp_path / "x.csv"], now=NOW)
    assert len(account.lines) == 1
    assert [bad.where for bad in account.bad] == ["x.csv, line 3", "x.csv, line 4"]


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


@pytest.mark.parametrize(
    ("source", "name"),
    [("openai", "openai_completions.jsonl"), ("anthropic", "anthropic_cost_report.json"), ("focus", "focus.csv")],
)
def test_an_account_is_the_same_behind_http(samples: Path, source: str, name: str) -> None:
    account, origin = read_files(source, [samples / name], now=NOW), Origin(name, extent="part")
    document = json.loads(json.dumps(account_document(account, origin, "ours")))
    found, told, project = account_from(document)
    assert (found.source, found.lines, found.covered, found.bad, found.warnings) == (
        *(account.source, account.lines, account.covered, account.bad, account.warnings),
    )
    assert (told, project) == (origin, "ours")
