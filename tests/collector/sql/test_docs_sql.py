"""What docs/sql.md says is so."""

import re
from pathlib import Path

import pytest
from breakeven_collector.sql import allowed, runner, tokens, tree
from breakeven_collector.store import Store

from tests.collector.sql.conftest import SqlServer

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "sql.md").read_text(encoding="utf-8")
V1_PAGE = (DOCS / "export.md").read_text(encoding="utf-8")


def section(relation: str) -> str:
    return re.split(r"^##", (PAGE + V1_PAGE).split(f"\n### {relation}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_page_lists_every_relation_that_can_be_read() -> None:
    assert tuple(re.findall(r"^### (\w+)$", PAGE + V1_PAGE, re.MULTILINE)) == allowed.RELATIONS


@pytest.mark.parametrize("relation", allowed.RELATIONS)
def test_the_columns_of_the_page_are_those_of_the_schema(sql_store: Store, relation: str) -> None:
    rows = sql_store.rows(
        "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "ORDER BY position",
        {"table": relation},
    )
    listed = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", section(relation), re.MULTILINE)
    views = {"spend", "billed_now", "billed_usage", "tieout_daily", "verdicts_now", *allowed.V1_VIEWS}
    if relation in views | {"forecasts_now", "price_changes", "calls_by_feature"}:
        # A view has no comments; what its columns are stands on its page alone.
        assert [(name, kind) for name, kind, _ in listed] == [(r["name"], r["type"]) for r in rows]
    else:
        assert listed == [(r["name"], r["type"], r["comment"].replace("|", "\\|")) for r in rows]


def test_the_limits_of_the_page_are_those_that_hold() -> None:
    assert (
        f"{tokens.MAX_TEXT_BYTES // 1024} KiB, {tokens.MAX_TOKENS:,} words and symbols, brackets {tokens.MAX_DEPTH} deep"
        in PAGE
    )
    assert f"| {tree.MAX_TABLES} tables and subqueries, {tree.MAX_NODES:,} nodes |" in PAGE
    assert f"| Time | {runner.MAX_SECONDS} s |" in PAGE
    assert f"| {runner.THREADS} run, {runner.WAITING} wait; then 503 |" in PAGE
    assert f"| {int(runner.LIMITS['max_result_rows']):,} rows, {runner.MAX_RESULT_BYTES // 2**20} MiB |" in PAGE
    assert f"| Memory | {int(runner.LIMITS['max_memory_usage']) // 10**9} GB a query |" in PAGE


def test_the_queries_of_the_page_are_answered(server: SqlServer) -> None:
    curl = re.findall(r'"(SELECT feature, sum.*?)"', PAGE, re.DOTALL)[0]
    python = "".join(re.findall(r'^ +"(SELECT model.*?)"\n +"(.*?)",$', PAGE, re.MULTILINE | re.DOTALL)[0])
    assert server.ask(curl).status == 200
    answer = server.ask(python, param_feature="ticket-triage")
    assert (answer.status, answer.text) == (200, "")
