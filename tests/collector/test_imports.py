"""Accounts of providers, from files written after their public documentation."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Origin
from breakeven_collector.imports.lines import ImportFailed
from breakeven_collector.imports.wire import account_document, account_from

from tests.collector.test_imports_focus import FOCUS, NOW


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


def test_text_that_is_none_costs_its_row_or_name_only(tmp_path: Path) -> None:
    keys = {"data": [{"object": "organization.project.api_key", "id": ["key_1"], "name": "x"}]}
    results = [
        {"object": "organization.usage.completions.result", "input_tokens": 1, "output_tokens": 1, "model": model}
        for model in ("gpt-5.5", "\ud800")
    ]
    page = {"data": [{"start_time": 1790812800, "end_time": 1790899200, "results": results}]}
    path = tmp_path / "usage.jsonl"
    path.write_text(f"{json.dumps(keys)}\n{json.dumps(page)}\n")
    account = read_files("openai", [path], now=NOW)
    assert {line.model for line in account.lines} == {"gpt-5.5"}
    assert [bad.reason for bad in account.bad] == ["model is '\\ud800': not a text"]
    assert dict(account.warnings) == {
        "usage.jsonl, line 1: names of keys could not be read, keys have their ids: id is ['key_1']: not a text": 1
    }


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


@pytest.mark.parametrize(
    ("source", "name", "data", "said"),
    [
        ("focus", "x.parquet", b"PAR1 and no more", "not a Parquet file that can be read"),
        ("focus", "x.csv", b"a,b\n1,2\n", "not a FOCUS file, it has no column BilledCost"),
        ("focus", "x.csv", FOCUS.encode() + b"\xff,USD\n", "not CSV in UTF-8"),
        ("openai", "x.json", b'{"data": [', "not JSON"),
        ("openai", "x.json", b'{"data": []}\n{"data": "\xff"}\n', "not JSON in UTF-8"),
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
