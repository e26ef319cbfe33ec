"""Queries that want too much end by a limit, and the collector goes on taking spans meanwhile."""

import threading
import time
from collections.abc import Iterator

import pytest
from breakeven_collector.sql.errors import SqlError
from breakeven_collector.sql.runner import Runner
from breakeven_collector.store import Store

from tests.collector.sql.conftest import CANARY, SqlServer

SECONDS = 1
BIG = "'" + "a" * 30_000 + "'"


def doubled(start: str, step: str, times: int) -> str:
    return (
        f"WITH {start} AS a0, "
        + ", ".join(step.format(f"a{i}") + f" AS a{i + 1}" for i in range(times))
        + f" SELECT a{times}"
    )


def nested(inner: str, outer: str, times: int) -> str:
    for _ in range(times):
        inner = outer.replace("{}", inner)
    return inner


@pytest.fixture(scope="module")
def tight(sql_store: Store) -> Iterator[Runner]:
    runner = Runner(sql_store, {"max_execution_time": str(SECONDS), "max_memory_usage": "200000000"})
    yield runner
    runner.close()


def ask(runner: Runner, sql: str) -> bytes:
    def work() -> bytes:
        return runner.run(runner.gate().check(sql).sql, {}, form="CSV", projects=None)

    return runner.submit(work).result(timeout=60)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000)",
        "SELECT max(x) FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000)",
        "SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000",
        "SELECT groupArray(x) FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000)",
        "SELECT uniqExact(x) FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000)",
        "SELECT x FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000) ORDER BY sipHash64(x)",
        "SELECT count() FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 100000000) AS a CROSS JOIN (SELECT 1 AS y ORDER BY y WITH FILL FROM 0 TO 100000000) AS b",
        "SELECT sum(length(replaceAll(toString(x), '0', "
        + BIG
        + "))) FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000)",
        "SELECT count() FROM (SELECT arrayJoin(["
        + "1," * 1000
        + "1]) AS x) AS a CROSS JOIN (SELECT arrayJoin(["
        + "1," * 1000
        + "1]) AS y) AS b CROSS JOIN (SELECT arrayJoin(["
        + "1," * 1000
        + "1]) AS z) AS c CROSS JOIN (SELECT arrayJoin(["
        + "1," * 1000
        + "1]) AS u) AS d",
        doubled("1", "{0} + {0}", 40),
        doubled(BIG, "concat({0}, {0})", 13),
        doubled("[1]", "arrayConcat({0}, {0})", 30),
        nested("[" + BIG + "]", "arrayMap(x -> concat(x, x), {})", 20),
        nested(BIG, "replaceAll({}, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')", 8),
        nested(
            BIG,
            "replaceRegexpAll({}, '.', '\\\\\\\\0\\\\\\\\0\\\\\\\\0\\\\\\\\0\\\\\\\\0\\\\\\\\0\\\\\\\\0\\\\\\\\0')",
            12,
        ),
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT " + "- " * 7000 + "1",
        "SELECT " + "NOT " * 7000 + "1",
        "SELECT 1" + " IS NULL" * 3000,
        "SELECT 1" + "::Int8" * 3000,
        "SELECT " + "CASE WHEN " * 2000 + "1" + " THEN 1 END" * 2000,
        "SELECT 1" + " UNION ALL SELECT 1 FROM calls" * 30,
        "SELECT 1" + " UNION ALL SELECT * FROM (SELECT 1)" * 1000,
        "WITH a AS (SELECT * FROM spend), "
        + ", ".join(
            f"a{i} AS (SELECT * FROM {p} UNION ALL SELECT * FROM {p})"
            for i, p in enumerate(["a", *(f"a{i}" for i in range(20))])
        )
        + " SELECT * FROM a20",
        nested("SELECT 1 AS x", "SELECT * FROM ({})", 40),
        "SELECT * FROM calls AS c0 " + " ".join(f"CROSS JOIN calls AS c{i}" for i in range(1, 40)),
        "SELECT "
        + ", ".join(f"match(feature, '((a{{1,30}}){{1,30}}){{1,{i}}}')" for i in range(20, 60))
        + " FROM calls",
        "SELECT toDecimal256(1, 0) * toDecimal256(" + "9" * 20_000 + ", 0)",
        "x" * 70_000,
    ],
)
def test_a_query_that_wants_too_much_ends_by_a_limit(tight: Runner, sql: str) -> None:
    sql = sql if sql.startswith(("SELECT", "WITH", "x")) else f"SELECT {sql}"
    started = time.monotonic()
    with pytest.raises(SqlError) as caught:
        ask(tight, sql)
    assert 400 <= caught.value.status < 500, caught.value.text
    assert time.monotonic() - started < SECONDS + 6
    assert CANARY not in caught.value.text
    assert len(caught.value.text) < 500


def test_regular_expressions_take_a_time_that_grows_no_faster_than_the_text(tight: Runner) -> None:
    started = time.monotonic()
    ask(tight, f"SELECT match({BIG}, '(a*)*(a*)*(a*)*(a*)*(a|aa)+b'), replaceRegexpAll({BIG}, '(a|a)*?b', '') = ''")
    assert time.monotonic() - started < 60


def test_more_queries_than_places_are_sent_away_and_the_others_answered(sql_store: Store) -> None:
    runner = Runner(sql_store)
    stop = threading.Event()
    try:
        held = [runner.submit(stop.wait) for _ in range(66)]
        with pytest.raises(SqlError) as caught:
            runner.submit(stop.wait)
        assert (caught.value.code, caught.value.status) == (202, 503)
        stop.set()
        assert all(future.result(timeout=10) for future in held)
        assert ask(runner, "SELECT 1") == b"1\n"
    finally:
        stop.set()
        runner.close()


def test_while_queries_run_into_their_limits_the_server_answers_and_the_store_takes_rows(
    server: SqlServer, sql_store: Store
) -> None:
    endless = "SELECT max(x) FROM (SELECT 1 AS x ORDER BY x WITH FILL FROM 0 TO 1000000000000000)"
    busy = [threading.Thread(target=server.ask, args=(endless,), kwargs={"max_execution_time": "2"}) for _ in range(2)]
    for thread in busy:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in busy):
        started = time.monotonic()
        assert server.ask("", key=None, method="GET", path="/clickhouse/ping").status == 200
        sql_store.run("INSERT INTO models_seen (provider, model) VALUES ('busy', 'busy')")
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.05)
    assert slowest < 1.5
