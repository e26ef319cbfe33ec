"""Exports of other tools: what is read of them, and what is not."""

import gzip
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_collector.histories.call import request_of
from breakeven_collector.histories.fields import Row
from breakeven_collector.histories.langfuse import read as read_langfuse
from breakeven_collector.histories.reading import Cached, Options
from breakeven_collector.histories.rows import UnreadableFile, rows_of
from breakeven_collector.histories.take import Span, Taken, calls_of
from typer.testing import CliRunner

from tests.conftest import FIXTURES

FILES = FIXTURES / "histories"
ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return tmp_path / "export.jsonl"


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
        assert b"SECRET" not in request_of(calls, "one")
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


def test_the_usage_of_what_is_no_call_is_not_looked_at(bad: Path) -> None:
    row = {"id": "1", "type": "SPAN", "start_time": "2026-11-10 12:00:00", "usage_details": {"input": "some"}}
    bad.write_text(json.dumps(row) + "\n")
    taken = Taken("langfuse")
    assert not [*calls_of("langfuse", [bad], Options(), Span(), taken)]
    assert (taken.not_calls, taken.bad_rows) == ({"span": 1}, 0)


def test_half_a_character_and_a_time_at_the_end_of_time_cost_no_other_row(bad: Path) -> None:
    row = {"id": "1", "type": "GENERATION", "start_time": "2026-11-10 12:00:00"}
    rows = [{**row, "model": "m\ud800", "tags": ["team:\ud800"]}, {**row, "start_time": "0001-01-01T00:00:00+14:00"}]
    bad.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    taken = Taken("langfuse")
    calls = [*calls_of("langfuse", [bad], Options(), Span(), taken)]
    assert [(call.model, call.tags, call.span().name) for call in calls] == [("m?", {"team": "?"}, "chat m?")]
    assert [row.line for row in taken.bad] == [2]


def test_a_row_that_is_nested_too_deep_costs_no_other(bad: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    row = {"id": "1", "type": "GENERATION", "start_time": "2026-11-10 12:00:00", "metadata": deep}
    bad.write_text(f'{json.dumps(row)}\n{{"id": {deep}}}\n{json.dumps({**row, "id": "2"})}\n')
    taken = Taken("langfuse")
    assert len([*calls_of("langfuse", [bad], Options(), Span(), taken)]) == 2
    assert [(row.line, row.reason) for row in taken.bad] == [(2, "not JSON: nested too deep")]


def test_history_is_cut_where_spans_begin_and_a_dry_run_needs_no_collector() -> None:
    arguments = ["import", "litellm", str(FILES / "litellm.csv"), "--until", "2026-11-11", "--dry-run"]
    result = CliRunner().invoke(app, [*arguments, "--format", "json"])
    told = json.loads(result.stdout)
    assert (told["calls"], told["cut"], told["imported"]) == (3, 2, None)


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
    columns["start_time"] = pyarrow.array(
        [datetime.fromisoformat(row["start_time"]).replace(tzinfo=UTC) for row in rows], pyarrow.timestamp("us", "UTC")
    )
    parquet.write_table(pyarrow.table(columns), tmp_path / "o.parquet")
    (tmp_path / "o.json").write_text(json.dumps(rows)[:-1] + ",]")
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "o.jsonl.zst").write_bytes(import_module(ZSTD).compress(lines.encode()))

    def calls(path: Path) -> list[Any]:
        return [
            replace(c, their_cost_usd=Decimal(0))
            for c in calls_of("langfuse", [path], Options(), Span(), Taken("langfuse"))
        ]

    assert len(calls(tmp_path / "o.json")) == 5
    assert calls(tmp_path / "o.parquet") == calls(tmp_path / "o.json")
    assert calls(tmp_path / "o.jsonl.zst") == calls(tmp_path / "o.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello\nworld\n", "not CSV with a header"),
        (b'[{"id": 1}, {"id":', "the array breaks off after record 1"),
        (b'[{"id": 1}, {"id": ' + b"[" * 100_000, "the array breaks off after record 1"),
        (gzip.compress(b'{"id": 1}\n' * 500, mtime=0)[:40], "not whole"),
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
