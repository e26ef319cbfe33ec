"""Queries that pass, changed at random and mixed with what attackers send: whatever comes of it, nothing gets out."""

import re
from pathlib import Path

from breakeven_collector.sql.errors import SqlError
from breakeven_collector.sql.tokens import canonical, template, tokens
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.collector.sql.conftest import CANARY, SqlServer
from tests.collector.sql.test_attacks import ATTACKS

SEEDS = [
    "SELECT feature, count() AS n FROM calls WHERE ts >= toDateTime('2026-01-01 00:00:00') GROUP BY feature ORDER BY n DESC LIMIT 10",
    "WITH a AS (SELECT feature, user_id FROM calls), 3 AS k SELECT a.feature, k FROM a JOIN billed AS b ON a.user_id = b.item WHERE b.item IN ('x', 'y')",
    "SELECT project, arrayMap(x -> upper(x), groupArray(user_id)), tags['k'] FROM calls GROUP BY project, tags HAVING count() > 0",
    "SELECT sum(n) OVER (PARTITION BY feature ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (SELECT feature, 1 AS n FROM calls)",
    "SELECT * EXCEPT (ts) FROM calls FINAL WHERE user_id IN (SELECT item FROM billed) UNION ALL SELECT * EXCEPT (ts) FROM calls",
    "SELECT CASE WHEN failed THEN CAST(duration_us AS Float64) ELSE -1.5e3 END AS d, quantileIf(0.9)(duration_us, NOT failed) OVER w FROM calls WINDOW w AS (PARTITION BY toStartOfHour(ts)) QUALIFY d > 0",
    "SELECT {a:String} AS a, toTypeName({b:UInt8}), a || 'x', [1, 2][1], (1, 'b').2, INTERVAL 1 DAY + ts FROM calls AS t ORDER BY t.ts WITH FILL LIMIT 1 BY a",
]
FRAGMENTS = [
    *(
        "file('{file}')",
        "`file`('{file}')",
        "FROM keys",
        "JOIN keys ON 1",
        "IN keys",
        "IN (keys)",
        "keys",
        "digest",
        "FROM `sqlgate.keys`",
    ),
    *(
        "INTO OUTFILE '{target}'",
        "SETTINGS readonly = 0",
        "FORMAT CSV",
        "; SELECT 1",
        ")",
        "(",
        "((",
        "]",
        "[",
        "'",
        "''",
        "`",
        '"',
        "\\",
    ),
    *(
        "APPLY(file)",
        "APPLY file",
        "* REPLACE (file('{file}') AS x)",
        "COLUMNS('.*')",
        "OVER (PARTITION BY file('{file}'))",
        "AS `sqlgate.price_books`",
    ),
    *(
        "UNION ALL SELECT digest FROM keys",
        "UNION ALL SELECT file('{file}')",
        "PREWHERE toUInt8(user_id)",
        "WHERE toUInt8(user_id) = 1",
    ),
    *(
        "(SELECT groupArray(digest) FROM keys)",
        "x -> file(x)",
        "::AggregateFunction(sum, UInt8)",
        "FROM url('file://{file}', 'LineAsString')",
    ),
    *(
        "FROM file('{file}', 'LineAsString')",
        "FROM merge('sqlgate', '.*')",
        "FROM system.tables",
        "WITH keys AS",
        "AS keys",
        "RECURSIVE",
    ),
    *(
        "/*",
        "*/",
        "--",
        "--\n",
        "{t:Identifier}",
        "{a:String}",
        "{",
        "}",
        "$$",
        "\x00",
        "é",
        "\u2028",
        "0x1",
        "1e999",
        "->",
        "::",
        ".",
        ",",
        ";",
    ),
    *(
        "DROP TABLE calls",
        "EXPLAIN",
        "DESCRIBE",
        "INSERT INTO billed",
        "PARALLEL WITH",
        "LATERAL",
        "SAMPLE 1",
        "FINAL",
        "GLOBAL",
        "_table",
    ),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    words = re.findall(r"'[^']*'|\w+|\s+|[^\w\s]", draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(words) - 1))
        match draw(st.sampled_from(["insert", "insert", "insert", "drop", "double", "swap", "attack", "other"])):
            case "insert":
                words[at:at] = [" ", draw(st.sampled_from(FRAGMENTS)), " "]
            case "drop":
                del words[at]
            case "double":
                words[at:at] = words[at : at + draw(st.integers(1, 6))]
            case "swap":
                to = draw(st.integers(0, len(words) - 1))
                words[at], words[to] = words[to], words[at]
            case "attack":
                words[at:at] = [" (", draw(st.sampled_from(ATTACKS)), ") "]
            case _:
                words[at] = draw(st.text(max_size=3))
        words = words or ["SELECT"]
    return "".join(words)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@example(sql="SELECT sum(1) OVER (PARTITION BY file('{file}'))")
@given(sql=mutated())
def test_no_mutation_of_a_good_query_gets_out(
    server: SqlServer, canary_file: Path, target_file: Path, sql: str
) -> None:
    sql = sql.replace("{file}", str(canary_file)).replace("{target}", str(target_file))
    answer = server.ask(sql, param_a="p", param_b="1", param_t="keys", max_execution_time="2")
    assert answer.status == 200 or 400 <= answer.status < 500, answer.text
    assert CANARY in sql or CANARY not in answer.text, answer.text
    assert "theirs" in sql or "theirs" not in answer.text, answer.text
    assert not target_file.exists()


def test_the_store_is_as_it_was(server: SqlServer) -> None:
    answer = server.ask("SELECT project, count() FROM calls FINAL GROUP BY project ORDER BY project", key="key-all")
    assert answer.text == "mine\t1\ntheirs\t1\n"


@settings(max_examples=400, deadline=None, derandomize=True)
@example(sql="SELECT 1, . 3 AS k")
@example(sql="SELECT 1 . 3, x . 3, (1, 2) . 1, .5, a.b.c, t.*, x.1.2")
@given(sql=mutated() | st.text())
def test_what_is_checked_reads_the_same_when_it_is_read_again(sql: str) -> None:
    try:
        found = tokens(sql)
    except SqlError:
        return
    again = tokens(canonical(found))
    assert (again, canonical(again), template(again)) == (found, canonical(found), template(found))
