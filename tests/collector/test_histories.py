"""Calls that other tools kept: from their exports to the bill."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import seals
from breakeven_collector.cli import app
from breakeven_collector.histories.call import request_of
from breakeven_collector.histories.fields import Row
from breakeven_collector.histories.imported import build_imported
from breakeven_collector.histories.langfuse import read as read_langfuse
from breakeven_collector.histories.reading import Cached, Options
from breakeven_collector.histories.rows import UnreadableFile, rows_of
from breakeven_collector.histories.take import Span, Taken, calls_of
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.serve import Collector
from typer.testing import CliRunner

from tests.collector.client import Client
from tests.conftest import FIXTURES
from tests.spans import Call, body

FILES = FIXTURES / "histories"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def run(collector: Collector, project: str, source: str, *files: Path, **options: Any) -> dict[str, Any]:
    arguments = ["import", source, *map(str, files), "--url", collector.url, "--project", project, "--format", "json"]
    arguments += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def bill(collector: Collector, project: str, by: Dimension = Dimension.FEATURE) -> dict[Any, tuple[int, str | None]]:
    collector.pipeline.drain()
    report = build_report(collector.pipeline.store, by=by, now=NOW, days=30, project=project)
    return {row[by.value]: (row["calls"], row["cost_usd"]) for row in report[by.plural]}


def spans(collector: Collector, project: str, *calls: Call) -> None:
    answer = Client(collector.url).post(body(*calls), path=f"/api/imported?project={project}")
    assert answer.status == 200, answer


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return tmp_path / "export.jsonl"


# ------------------------------------------------------------------------------------------------------- round trip


def test_litellm_comes_to_the_bill_by_our_prices_with_theirs_beside(collector: Collector, project: str) -> None:
    told = run(collector, project, "litellm", FILES / "litellm.csv")
    assert told["bad"] == [
        {"file": "litellm.csv", "line": 8, "reason": "prompt_tokens is 'many': not a count of tokens"},
        {
            "file": "litellm.csv",
            "line": 9,
            "reason": "startTime is 'yesterday': not a time; write it like 2026-11-01T12:00:00Z",
        },
    ]
    assert (told["rows"], told["calls"], told["not_calls"]) == (8, 5, {"call_mcp_tool": 1})
    # gpt-4o: 400 × 2.50 + 600 × 1.25 + 200 × 10, per million; the second answer came from the proxy's own cache.
    # claude-sonnet-4-5: 1,000 × 3 + 1,000 × 0.30 + 1,500 × 3.75 + 500 × 6 + 300 × 15.
    assert bill(collector, project) == {
        "contract-review": (2, "0.00375"),
        "search": (1, "0.016425"),
        None: (2, "0.0125"),
    }
    (entry,) = build_imported(collector.pipeline.store, project=project)["sources"]
    assert entry == told["imported"]
    assert {key: entry[key] for key in ("calls", "counted_calls", "duplicate_calls", "cost_usd", "their_cost_usd")} == {
        "calls": 5,
        "counted_calls": 5,
        "duplicate_calls": 0,
        "cost_usd": "0.032675",
        "their_cost_usd": "0.03275",
    }
    assert entry["difference_usd"] == "-0.000075"
    assert (entry["from"], entry["to"]) == ("2026-11-10", "2026-11-11")
    rows = collector.pipeline.store.rows(
        "SELECT basis, http_status, source, response_id FROM calls WHERE project = {p:String} ORDER BY ts",
        {"p": project},
    )
    assert [tuple(row.values()) for row in rows] == [
        ("usage", 0, "litellm", "chatcmpl-A1"),
        ("usage", 0, "litellm", "chatcmpl-A2"),
        ("gateway_cache", 0, "litellm", "chatcmpl-A1"),
        ("refused", 429, "litellm", ""),
        ("usage", 0, "litellm", "chatcmpl-C1"),
    ]
    assert bill(collector, project, Dimension.TENANT) == {"acme": (1, "0.00375"), None: (4, "0.028925")}


def test_langfuse_comes_to_the_bill(collector: Collector, project: str) -> None:
    told = run(collector, project, "langfuse", FILES / "langfuse.jsonl")
    assert [(b["line"], b["reason"]) for b in told["bad"]] == [
        (8, told["bad"][0]["reason"]),
        (9, "usage_details.input is -5: not a count of tokens"),
    ]
    assert told["bad"][0]["reason"].startswith("not JSON")
    assert told["not_calls"] == {"span": 1, "agent": 1}
    # claude: 500 × 3 + 3,000 × 0.30 + 1,000 × 3.75 + 100 × 15, as no total says otherwise
    assert bill(collector, project) == {
        "contract-review": (1, "0.00375"),
        "search": (1, "0.0001"),
        "nightly-digest": (1, "0.00375"),
        None: (2, "0.00765"),
    }
    report = build_report(collector.pipeline.store, now=NOW, days=30, project=project)
    assert {row["feature"] for row in report["features"] if row["allocated_calls"]} == {"contract-review", "search"}


def test_helicone_comes_to_the_bill(collector: Collector, project: str) -> None:
    told = run(collector, project, "helicone", FILES / "helicone.jsonl")
    assert [(b["line"], b["reason"]) for b in told["bad"]] == [(7, "response_status is 'fine': not an HTTP status")]
    assert told["not_calls"] == {"tool": 1}
    # claude: 500 × 3 + 400 × 0.30 + 100 × 15, cached tokens beside; refused and cached cost nothing; cancelled: unknown
    assert bill(collector, project) == {"contract-review": (1, "0.00375"), None: (4, "0.00312")}
    rows = collector.pipeline.store.rows(
        "SELECT basis FROM calls WHERE project = {p:String} ORDER BY ts", {"p": project}
    )
    assert [row["basis"] for row in rows] == ["usage", "usage", "gateway_cache", "refused", "lost"]


# --------------------------------------------------------------------------------------- again, corrected, other files


@pytest.mark.parametrize(
    ("source", "file", "other"),
    [
        ("litellm", "litellm.csv", "litellm.sql"),
        ("langfuse", "langfuse.jsonl", "langfuse-page.json"),
        ("helicone", "helicone.csv", "helicone.csv"),
    ],
)
def test_the_same_calls_again_change_nothing_whatever_file_they_come_in(
    collector: Collector, project: str, tmp_path: Path, source: str, file: str, other: str
) -> None:
    first = run(collector, project, source, FILES / file)["imported"]
    packed = tmp_path / f"{other}.gz"
    packed.write_bytes(gzip.compress((FILES / other).read_bytes()))
    again = run(collector, project, source, FILES / file, packed)["imported"]
    assert again == first


def test_a_corrected_export_takes_the_place_of_the_one_before(
    collector: Collector, project: str, tmp_path: Path
) -> None:
    run(collector, project, "litellm", FILES / "litellm.csv")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(
        (FILES / "litellm.csv")
        .read_text()
        .replace("0.0125,2750,2000,750", "0.0175,2750,2000,1000")
        .replace("2750", "3000")
    )
    told = run(collector, project, "litellm", corrected)["imported"]
    assert (told["calls"], told["cost_usd"], told["their_cost_usd"]) == (5, "0.035175", "0.03775")


# ---------------------------------------------------------------------------------------- the same calls told by spans


@pytest.mark.parametrize(
    ("source", "file", "start", "response_id"),
    [
        ("litellm", "litellm.csv", "2026-11-10T09:00:00.100", "chatcmpl-A1"),
        ("helicone", "helicone.jsonl", "2026-11-12T09:00:00.300", "chatcmpl-H1"),
    ],
)
@pytest.mark.parametrize("feature", [None, "of-the-span"])
def test_a_call_that_a_span_tells_too_is_counted_once_and_the_span_counts(
    collector: Collector, project: str, source: str, file: str, start: str, response_id: str, feature: str | None
) -> None:
    spans(
        collector,
        project,
        Call(
            at=at(start),
            feature=feature,
            model="gpt-4o-2024-08-06",
            output_tokens=200,
            response_id=response_id,
            attributes={"gen_ai.usage.cache_read.input_tokens": 600, "user.id": "u-of-span"},
        ),
    )
    alone = build_report(collector.pipeline.store, now=NOW, days=30, project=project)["totals"]["calls"]
    told = run(collector, project, source, FILES / file)
    assert told["imported"]["duplicate_calls"] == 1
    assert told["imported"]["counted_calls"] == told["imported"]["calls"] - 1
    (overlap,) = [o for o in told["overlap"] if o["provider"] == "openai"]
    assert (overlap["calls"], overlap["cost_usd"], overlap["days"]) == (1, "0.00375", 1)
    report = bill(collector, project)
    assert sum(calls for calls, _ in report.values()) == 5
    assert report[feature or "contract-review"][1] == "0.00375"
    assert bill(collector, project, Dimension.SERVICE)["api"] == (1, "0.00375")
    assert alone in (0, 1)


@pytest.mark.parametrize("response_id", [None, "chatcmpl-L1"])
def test_a_generation_of_langfuse_is_its_own_span_of_opentelemetry(
    collector: Collector, project: str, response_id: str | None
) -> None:
    spans(
        collector,
        project,
        Call(
            at=at("2026-11-10T12:00:00"),
            scope="langfuse-sdk",
            feature=None if response_id is None else "of-the-span",
            output_tokens=200,
            response_id=response_id,
            trace_id=bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736"),
            span_id=bytes.fromhex("00f067aa0ba902b7"),
            attributes={"gen_ai.usage.cache_read.input_tokens": 600, "gen_ai.usage.reasoning.output_tokens": 50},
        ),
    )
    told = run(collector, project, "langfuse", FILES / "langfuse.jsonl")
    assert told["imported"]["duplicate_calls"] == 1
    report = bill(collector, project)
    assert sum(calls for calls, _ in report.values()) == 5
    # Recognised by the trace and not by an id, the span stays as it told itself.
    assert report[None if response_id is None else "of-the-span"][0] == (3 if response_id is None else 1)
    assert bill(collector, project, Dimension.SERVICE)["api"] == (1, "0.00375")


def test_a_span_without_usage_is_completed_by_the_import(collector: Collector, project: str) -> None:
    spans(
        collector,
        project,
        Call(at=at("2026-11-10T09:00:00.1"), response_id="chatcmpl-A1", input_tokens=None, output_tokens=None),
    )
    run(collector, project, "litellm", FILES / "litellm.csv")
    assert bill(collector, project)["search"] == (2, "0.020175")


# --------------------------------------------------------------------------------------------------------- what is not


def test_no_prompt_or_answer_is_sent_on() -> None:
    for source, file in (
        ("litellm", "litellm.csv"),
        ("litellm", "litellm.sql"),
        ("langfuse", "langfuse.jsonl"),
        ("langfuse", "langfuse-page.json"),
        ("helicone", "helicone.jsonl"),
        ("helicone", "helicone.csv"),
    ):
        assert b"SECRET" in (FILES / file).read_bytes()
        taken = Taken(source)
        calls = list(calls_of(source, [FILES / file], Options(), Span(), taken))
        assert calls
        assert b"SECRET" not in request_of(calls)
        assert "SECRET" not in json.dumps(taken.document())


def test_a_text_in_the_place_of_a_feature_is_not_taken_for_a_name(bad: Path) -> None:
    row = json.loads((FILES / "helicone.jsonl").read_text().splitlines()[0])
    bad.write_text(json.dumps({**row, "request_properties": {"Feature": "a\nprompt", "x": "y" * 300}}) + "\n")
    (call,) = calls_of("helicone", [bad], Options(), Span(), Taken("helicone"))
    assert (call.feature, call.tags) == ("", {})


def test_the_feature_stands_where_one_says(bad: Path) -> None:
    def features(source: str, file: str, path: str) -> list[str]:
        return [call.feature for call in calls_of(source, [FILES / file], Options(path), Span(), Taken(source))]

    assert features("helicone", "helicone.jsonl", "request_properties.App")[:2] == ["legal", "support"]
    assert features("litellm", "litellm.csv", "metadata.user_api_key_alias")[:2] == [
        "contract-review-prod",
        "support-prod",
    ]
    assert features("litellm", "litellm.csv", "request_tags.feature")[:2] == ["contract-review", ""]
    assert features("langfuse", "langfuse.jsonl", "metadata.attributes.gen_ai.system")[:1] == ["openai"]


def test_an_unknown_column_is_named_and_the_row_is_taken(bad: Path) -> None:
    row = json.loads((FILES / "langfuse.jsonl").read_text().splitlines()[0])
    bad.write_text(json.dumps({**row, "brand_new": 1}) + "\n")
    taken = Taken("langfuse")
    assert len(list(calls_of("langfuse", [bad], Options(), Span(), taken))) == 1
    assert taken.document()["unknown_columns"] == {"brand_new": 1}


def test_history_is_cut_where_spans_begin(collector: Collector, project: str) -> None:
    told = run(collector, project, "litellm", FILES / "litellm.csv", until="2026-11-11")
    assert (told["calls"], told["cut"]) == (3, 2)


def test_calls_of_sealed_minutes_are_counted_and_said(collector: Collector, project: str) -> None:
    store = collector.pipeline.store
    boundary = at("2026-11-11T00:00:00")
    soon = datetime.now(UTC) - timedelta(seconds=1)
    seals.announce(store, boundary, from_time=soon, now=soon)
    try:
        told = run(collector, project, "litellm", FILES / "litellm.csv")
        assert told["sealed"] == {"calls": 3, "their_cost_usd": "0.01625"}
        assert told["imported"]["calls"] == told["calls"] == 2
        args = ["import", "litellm", str(FILES / "litellm.csv"), "--url", collector.url, "--project", project]
        result = CliRunner().invoke(app, [*args, "--sealed"], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        late = build_imported(store, project=project)["sources"][0]
        assert (late["calls"], late["late_calls"], late["counted_calls"], late["their_cost_usd"]) == (
            5,
            3,
            5,
            "0.03275",
        )
    finally:
        store.run("TRUNCATE TABLE seals")


# -------------------------------------------------------------------------------------------------------- reading files


@pytest.mark.parametrize(
    ("details", "cached", "expected"),
    [
        ({"input": 400, "input_cached_tokens": 600, "output": 200, "total": 1200}, Cached.AUTO, (1000, 600, 0, 200)),
        ({"input": 1000, "input_cached_tokens": 600, "output": 200, "total": 1200}, Cached.AUTO, (1000, 600, 0, 200)),
        ({"input": 400, "input_cached_tokens": 600, "output": 200}, Cached.AUTO, (1000, 600, 0, 200)),
        ({"input": 1000, "input_cached_tokens": 600, "output": 200}, Cached.INSIDE, (1000, 600, 0, 200)),
        ({"input": 10, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 90, "output": 2}, Cached.AUTO, (700, 600, 90, 2)),
        ({"prompt_tokens": 1000, "completion_tokens": 200, "prompt_tokens_details": {"cached_tokens": 600}}, Cached.AUTO, (1000, 600, 0, 200)),
        ({"input": 100, "output": 20, "output_reasoning_tokens": 30, "total": 150}, Cached.AUTO, (100, 0, 0, 50)),
        ({"input": 100, "output": 50, "output_reasoning_tokens": 30, "total": 150}, Cached.AUTO, (100, 0, 0, 50)),
        ({"input": 100, "input_video_tokens": 50, "output": 5}, Cached.AUTO, (150, 0, 0, 5)),
        ({}, Cached.AUTO, (None, 0, 0, None)),
    ],
)  # fmt: skip
def test_cached_tokens_are_beside_the_input_or_in_it(
    details: dict[str, Any], cached: Cached, expected: tuple[int | None, ...]
) -> None:
    row = Row("f", 1, {"id": "1", "start_time": "2026-11-10 12:00:00", "usage_details": details})
    usage = read_langfuse(row, Options(cached=cached)).usage
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output) == expected


def test_parquet_and_zstd_hold_the_same_rows_as_text(tmp_path: Path) -> None:
    records = [json.loads(line) for line in (FILES / "langfuse.jsonl").read_text().splitlines()[:7]]
    kept = ("id", "trace_id", "type", "project_id", "start_time", "provided_model_name", "usage_details", "tags")
    rows = [{name: record[name] for name in kept} for record in records]
    # It has no types.
    pyarrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    usage = pyarrow.map_(pyarrow.string(), pyarrow.int64())
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in kept}
    columns["usage_details"] = pyarrow.array([list(row["usage_details"].items()) for row in rows], usage)
    columns["start_time"] = pyarrow.array([at(row["start_time"]) for row in rows], pyarrow.timestamp("us", "UTC"))
    parquet.write_table(pyarrow.table(columns), tmp_path / "o.parquet")
    (tmp_path / "o.json").write_text(json.dumps(rows)[:-1] + ",]")

    def calls(path: Path) -> list[Any]:
        return [
            replace(c, their_cost_usd=Decimal(0))
            for c in calls_of("langfuse", [path], Options(), Span(), Taken("langfuse"))
        ]

    assert len(calls(tmp_path / "o.json")) == 5
    assert calls(tmp_path / "o.parquet") == calls(tmp_path / "o.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello\nworld\n", "not CSV with a header"),
        (b'[{"id": 1}, {"id":', "the array breaks off after record 1"),
        (gzip.compress(b'{"id": 1}\n' * 500)[:40], "not whole"),
        (b"PAR1nothing", "not a whole Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(bad: Path, content: bytes, told: str) -> None:
    bad.write_bytes(content)
    with pytest.raises(UnreadableFile, match=told):
        list(rows_of(bad))


def test_a_row_that_is_broken_costs_no_other(bad: Path) -> None:
    bad.write_text("a,b,c\n1,2,3\n1,2\n4,5,6\n")
    good = [row.values["a"] for row in rows_of(bad) if isinstance(row, Row)]
    wrong = [(row[0], str(row[1])) for row in rows_of(bad) if isinstance(row, tuple)]
    assert (good, wrong) == (["1", "4"], [(3, "2 values for 3 columns")])


def test_the_summary_can_be_read(collector: Collector, project: str) -> None:
    arguments = ["import", "helicone", str(FILES / "helicone.jsonl"), "--url", collector.url, "--project", project]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "140", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    for told in ("7 rows of helicone: 5 calls taken", "helicone.jsonl:7: response_status", "All imported", "Ours"):
        assert told in result.output
