"""The lists of what is allowed, held against the engine that they are lists of."""

import re
from pathlib import Path

import pytest
from breakeven_collector.sql import allowed
from breakeven_collector.sql.gate import Gate
from breakeven_collector.sql.runner import Runner, filters_of
from breakeven_collector.store import Store

from tests.collector.sql.conftest import CANARY, SqlServer

# What must never be called, by what the engine has of it.
DANGEROUS = re.compile(
    r"(?i)file|dict|joinGet|sleep|setting|macro|hostName|fqdn|user|server|uuid$|queryid|address|demangle|catboost|^ai(class|embed|extr|filt|gen|red|sim|trans)|"
    r"evalML|reduce|initializeAgg|finalizeAgg|runningAcc|merge|state$|resample|foreach|range|repeat|space|random|generate|"
    r"pad|withconstant|resize|throw|formatQuery|parseQuery|fuzz|reinterpret|fixedString|bitmap|geo|h3|wkt|region|encrypt|"
    r"url|connection|transaction|zookeeper|uptime|port|build|certificate|getSubcolumn|defaultValueOf|dumpColumn|tuple.*Name|timeSeries|structureTo|blockNumber|highlight|icebergbucket|shard|log(Trace|Query)|currentDatabase|displayName"
)


@pytest.fixture(scope="module")
def engine_functions(sql_store: Store) -> dict[str, tuple[bool, str]]:
    """Every function of the engine in lower case: whether it is an aggregate, and what it is another name of."""
    rows = sql_store.rows("SELECT name, is_aggregate, alias_to FROM system.functions")
    return {r["name"].lower(): (bool(r["is_aggregate"]), r["alias_to"].lower()) for r in rows}


def test_every_function_on_the_list_is_one_of_the_engine_and_of_the_kind_it_is_listed_as(
    engine_functions: dict[str, tuple[bool, str]],
) -> None:
    # Forms of the grammar, which the parser makes other functions of.
    grammar = {"_cast", "exists", "dateadd", "datesub", "date_add", "date_sub", "timestampadd", "timestampsub"} | {
        *("timestamp_add", "timestamp_sub", "countdistinct", "interval", "grouping"),
        *("dayofmonth", "dayofweek", "dayofyear", "stddev_pop", "stddev_samp", "var_pop", "var_samp"),
        *("summap", "minmap", "maxmap"),
    }
    unknown = (allowed.SCALAR_FUNCTIONS | allowed.AGGREGATE_FUNCTIONS) - engine_functions.keys() - grammar
    assert unknown == set()
    assert {n for n in allowed.SCALAR_FUNCTIONS if engine_functions.get(n, (False, ""))[0]} == set()
    assert {n for n in allowed.AGGREGATE_FUNCTIONS if not engine_functions.get(n, (True, ""))[0]} == set()


def test_another_name_of_a_function_on_the_list_is_never_one_of_a_function_that_is_not(
    engine_functions: dict[str, tuple[bool, str]],
) -> None:
    assert {
        (name, alias)
        for name, (_, alias) in engine_functions.items()
        if alias and allowed.is_function(name) and not allowed.is_function(alias)
    } == set()


def test_no_function_that_reads_waits_or_multiplies_is_on_the_list(
    engine_functions: dict[str, tuple[bool, str]],
) -> None:
    listed = [name for name in engine_functions if allowed.is_function(name) and DANGEROUS.search(name)]
    assert sorted(listed) == []


def test_no_function_takes_another_one_by_its_bare_name(server: SqlServer, canary_file: Path) -> None:
    passed = 0
    for name in sorted(allowed.SCALAR_FUNCTIONS | allowed.AGGREGATE_FUNCTIONS):
        for arguments in (f"file, ['{canary_file}']", f"['{canary_file}'], file"):
            answer = server.ask(f"SELECT {name}({arguments})", key="key-all")
            assert CANARY not in answer.text, answer.text
            assert 400 <= answer.status < 500, (name, answer.text)
            passed += "(UNKNOWN_IDENTIFIER)" in answer.text
    assert passed > 100, "the engine was hardly asked"


def test_every_table_that_the_views_read_has_its_rule(sql_store: Store) -> None:
    read: set[str] = set()
    for row in sql_store.rows("EXPLAIN SELECT * FROM spend"):
        read |= set(re.findall(rf"\b{sql_store.database}\.(\w+)", next(iter(row.values()))))
    tables = {
        r["name"]
        for r in sql_store.rows(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'View'"
        )
    }
    read &= tables
    assert {"spend_slices", "spend_cubes", "price_book", "attributions"} <= read
    assert read <= allowed.PROJECT_TABLES.keys() | allowed.COMMON_TABLES


def test_tables_with_a_project_are_filtered_by_it_and_all_unlisted_ones_are_empty(sql_store: Store) -> None:
    with_project = {
        r["table"]
        for r in sql_store.rows(
            "SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'project'"
        )
    }
    assert allowed.PROJECT_TABLES.keys() <= with_project
    assert not allowed.COMMON_TABLES & with_project
    runner = Runner(sql_store)
    try:
        runner.submit(runner.gate).result()
        conditions = dict(re.findall(r"'sqlgate\.(\w+)': '((?:[^'\\]|\\.)*)'", filters_of(runner, ("it's",))))
        assert {t for t, condition in conditions.items() if condition != "0"} == allowed.PROJECT_TABLES.keys()
        assert conditions["calls"] == r"project IN (\'it\\\'s\')"
        assert conditions["price_override"] == r"project IN (\'it\\\'s\', \'\')"
        assert conditions["keys"] == conditions["otlp"] == conditions["migrations"] == "0"
        assert conditions.keys() == runner.tables - allowed.COMMON_TABLES
        assert "'sqlgate.calls'" not in filters_of(runner, None)
        assert runner.tables - with_project >= allowed.OWNER_TABLES
        assert {conditions[table] for table in allowed.OWNER_TABLES} == {"0"}
        assert not [table for table in allowed.OWNER_TABLES if f"'sqlgate.{table}'" in filters_of(runner, None)]
        assert "'sqlgate.keys': '0'" in filters_of(runner, None)
        assert "'sqlgate.calls': '0'" in filters_of(runner, ())
    finally:
        runner.close()


def test_a_project_name_cannot_end_its_filter(sql_store: Store, server: SqlServer) -> None:
    runner = Runner(sql_store)
    try:
        for name in ("x') OR ('1' = '1", "x\\') OR 1 --", "x'}", "\\", "x\\", "theirs\0"):

            def work(name: str = name) -> bytes:
                gate: Gate = runner.gate()
                return runner.run(gate.check("SELECT count() FROM calls").sql, {}, form="CSV", projects=(name,))

            assert runner.submit(work).result() == b"0\n", name
    finally:
        runner.close()


def test_every_exposed_relation_can_be_read(server: SqlServer) -> None:
    for relation in allowed.RELATIONS:
        if relation != "spend":
            assert server.ask(f"SELECT * FROM {relation}", key="key-all").status == 200


def test_every_format_of_the_list_is_one_of_the_engine(server: SqlServer) -> None:
    for name in allowed.FORMATS:
        answer = server.ask(f"SELECT 1 AS a, 'x' AS b FORMAT {name}")
        assert (answer.status, answer.headers["x-clickhouse-format"]) == (200, name), answer.text
        assert answer.headers["content-type"] == allowed.FORMATS[name]
    assert server.ask("SELECT 1 FORMAT Template").status == 404
    assert server.ask("SELECT 1 FORMAT tsv").text == "1\n"
