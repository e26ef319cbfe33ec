"""docs/dialects.md names what the view reads, in the view's order, and has a row for every dialect that was captured."""

import re
from pathlib import Path
from typing import Final

import pytest
from breakeven_schema import migrations
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector.test_fixture_truth import EARLY, EXCEPTIONS, FIXTURES, names

PAGE: Final = (Path(__file__).parents[1] / "docs/dialects.md").read_text(encoding="utf-8")
VIEW: Final = re.sub(
    r"--.*", "", "".join(migration.sql for migration in migrations() if migration.name.startswith("views/01_otlp_"))
)

LOOKED_UP: Final = re.compile(r"\b(?:text|int|flag|dec)\('([^']+)'\)")
LISTS_OF_NAMES: Final = re.compile(r"hasAny\(keys, \[([^\]]+)\]")
BY_ARRAY: Final = re.compile(r"has\(keys, '([^']+)'\)|indexOf\(r?keys, '([^']+)'\)")
IN_BLOBS: Final = re.compile(
    r"\bblob_int\('([^']+)'\)|\bblob_int2\('([^']+)', '([^']+)'\)|\bvercel_detail\('([^']+)'\)"
)

PATTERNS: Final = {
    "breakeven.meter.NAME": "startsWith(k, 'breakeven.meter.')",
    "breakeven.tag.NAME": "startsWith(k, 'breakeven.tag.')",
    "llm.PROVIDER.usage": "concat('llm.', raw_provider, '.usage')",
    "llm.PROVIDER.id": "concat('llm.', raw_provider, '.id')",
    "llm.PROVIDER.model": "concat('llm.', raw_provider, '.model')",
}
"""Names that the page writes with a placeholder → what the view says instead."""

PROSE: Final = {"chatcmpl-…", "resp_…", "msg_…", "gemini", "google_genai", "gcp.gemini", "strands-agents"} | {
    "gcp.vertex.agent", "batch", "processing=batch", "ai.stream", "Runnable…", "LangGraph", "origins"
}  # fmt: skip
"""Values, not names of attributes, in the second column of the first table."""

ORDERED: Final = {
    "input_tokens": ["input_attribute"],
    "output_tokens": ["output_attribute"],
    "cache_read_tokens": ["cache_read_told"],
    "cache_write_5m_tokens": ["cache_write_told"],
    "cache_write_1h_tokens": ["cache_write_1h_told"],
    "reasoning_tokens": ["reasoning_told"],
    "audio_input_tokens": ["audio_in_told", "audio_out_told"],
    "image_input_tokens": ["image_in_told", "image_out_told"],
    "reported_cost_usd": ["cost_reported"],
    "basis": ["gateway_cache"],
    "retry": ["says_retry", "resends"],
    "estimated_input_tokens": ["estimated_input", "estimated_output", "estimate_incomplete"],
    "failed": ["error_told"],
    "http_status": ["http_status"],
    "response_id": ["response_id"],
    "provider": ["provider_or_api"],
    "model": ["model"],
    "price_context": ["tier", "speed_told"],
    "stream": ["stream"],
    "feature": ["payer"],
    "workflow": ["workflow"],
    "agent": ["agent", "route", "prompt"],
    "provider_key": ["provider_key", "provider_project"],
    "task": ["task", "run"],
    "tenant": ["tenant"],
    "user_id": ["user_id"],
    "session_id": ["session_id"],
    "seq": ["seq", "seq_source"],
    "their_cost_usd": ["their_cost_usd"],
}
"""First column of a row of the first table → the view's aliases whose expressions look its names up."""


def rows_under(header: str) -> list[list[str]]:
    """Cells of the rows of the table whose first line starts with `header`."""
    lines = PAGE[PAGE.index(header) :].split("\n\n", maxsplit=1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"`([^`]+)`", text)))


COLUMNS: Final = {quoted(first)[0].strip(): second for first, second in rows_under("| Column of `calls` |")}
DIALECTS: Final = rows_under("| Instrumentation, captures |")


def looked_up() -> set[str]:
    lists = "".join(LISTS_OF_NAMES.findall(VIEW))
    by_array = {name for pair in BY_ARRAY.findall(VIEW) for name in pair if name}
    return set(LOOKED_UP.findall(VIEW)) | set(re.findall(r"'([^']+)'", lists)) | by_array


def expression_of(alias: str) -> str:
    """What stands between the alias before and this one."""
    parts = re.split(r"\bAS (\w+)(?=,|\n)", VIEW)
    return next(
        parts[at - 1] for at in range(1, len(parts), 2) if parts[at] == alias and LOOKED_UP.search(parts[at - 1])
    )


def test_every_attribute_that_the_view_looks_up_stands_on_the_page() -> None:
    assert len(looked_up()) > 100
    assert looked_up() - set(quoted(PAGE)) == set()


def test_every_field_of_a_blob_that_the_view_looks_up_stands_on_the_page() -> None:
    fields = {".".join(part for part in found if part) for found in IN_BLOBS.findall(VIEW)}
    assert "prompt_tokens_details.cached_tokens" in fields
    assert fields - set(quoted(PAGE)) == set()


def test_every_name_of_the_first_table_is_looked_up_by_the_view() -> None:
    named = {name for second in COLUMNS.values() for name in quoted(second)}
    assert named - looked_up() - PATTERNS.keys() - PROSE == set()
    assert {name for name, fragment in PATTERNS.items() if name not in PAGE or fragment not in VIEW} == set()


@pytest.mark.parametrize("column", ORDERED)
def test_a_row_has_the_names_of_its_column_in_the_order_of_the_view(column: str) -> None:
    known = set(LOOKED_UP.findall(VIEW))
    read = [name for alias in ORDERED[column] for name in LOOKED_UP.findall(expression_of(alias))]
    assert [name for name in quoted(COLUMNS[column]) if name in known] == list(dict.fromkeys(read))


def test_every_row_of_the_first_table_is_held_to_the_view() -> None:
    assert COLUMNS.keys() - ORDERED.keys() == {"meters", "origin_id", "environment"}


def test_every_captured_dialect_has_one_row() -> None:
    assert sorted(name for row in DIALECTS for name in quoted(row[0]) if name[0].islower()) == names()


@pytest.mark.parametrize("row", DIALECTS, ids=lambda row: row[0].split(":")[0])
def test_a_row_tells_the_scopes_that_were_captured_and_what_is_known_to_be_off(row: list[str]) -> None:
    first, scope, _, missing, doubles, _ = row
    captures = [name for name in quoted(first) if name[0].islower()]
    assert set(quoted(scope)) <= {name for capture in captures for name in _scopes(capture)}
    reasons = [EXCEPTIONS[name][1] for name in captures if name in EXCEPTIONS]
    if any("twice" in reason for reason in reasons):
        assert "counted twice" in doubles
    else:
        assert "counted twice" not in doubles
        assert missing != "–" or all(reason.startswith(f"a stream {EARLY}") for reason in reasons)


def _scopes(capture: str) -> set[str]:
    bodies = [path.read_bytes() for path in (*FIXTURES.glob(f"{capture}.pb"), *FIXTURES.glob(f"{capture}.part*.pb"))]
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return {
        scope.scope.name
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
    }
