"""The dialect: what clients send, and what they get."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import clickhouse_connect
import lz4.frame  # pyright: ignore[reportMissingTypeStubs]
import pytest
from backports import zstd
from breakeven_collector.settings import Settings
from breakeven_collector.sql import native
from breakeven_collector.sql.endpoint import sql_router
from breakeven_collector.store import Store
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.collector.sql.conftest import SqlServer


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_ping_answers_without_a_key(server: SqlServer) -> None:
    answer = server.ask("", key=None, method="GET", path="/clickhouse/ping")
    assert (answer.status, answer.text) == (200, "Ok.\n")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-ClickHouse-User": "anyone", "X-ClickHouse-Key": "key-mine"},
        basic("anyone", "key-mine"),
        {"Authorization": "Bearer key-mine"},
        {"x-api-key": "key-mine"},
    ],
)
def test_the_key_may_come_in_any_of_four_places(server: SqlServer, headers: dict[str, str]) -> None:
    assert server.ask("SELECT any(project) FROM calls", key=None, headers=headers).text == "mine\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), (basic("anyone", ""), 401), ({"Authorization": "Basic !"}, 401), ({"x-api-key": "other"}, 403)],
)
def test_without_a_known_key_nothing_is_answered(server: SqlServer, headers: dict[str, str], status: int) -> None:
    answer = server.ask("SELECT 1", key=None, headers=headers)
    assert (answer.status, answer.headers["x-clickhouse-exception-code"]) == (status, "516")
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_a_password_in_the_address_is_refused_even_beside_a_good_key(server: SqlServer) -> None:
    answer = server.ask("SELECT 1", user="x", password="key-mine")
    assert (answer.status, "they end up in logs" in answer.text) == (400, True)


@pytest.mark.parametrize("path", ["/clickhouse", "/clickhouse/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_query_may_stand_in_the_address_or_in_the_body(server: SqlServer, path: str, method: str) -> None:
    answer = server.ask(
        "SELECT 1 AS a, 'b' AS b", path=path, method=method, default_format="JSONEachRow", query_id="q-1"
    )
    assert (answer.status, answer.text) == (200, '{"a":1,"b":"b"}\n')
    headers = {k: v for k, v in answer.headers.items() if k.startswith("x-clickhouse")}
    assert headers == {
        "x-clickhouse-server-display-name": "Breakeven",
        "x-clickhouse-query-id": "q-1",
        "x-clickhouse-format": "JSONEachRow",
        "x-clickhouse-timezone": "UTC",
    }


def test_a_query_in_the_address_and_a_body_are_one_query(server: SqlServer) -> None:
    assert server.ask("+ 1", query="SELECT 1").text == "2\n"


def test_a_gzipped_body_is_taken_and_a_bomb_is_not(server: SqlServer) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert server.ask(gzip.compress(b"SELECT 1"), headers=headers).text == "1\n"
    assert server.ask(gzip.compress(b" " * 50_000_000), headers=headers).status == 413
    assert server.ask(b"no gzip", headers=headers).status == 400
    assert server.ask(b"x", headers={"Content-Encoding": "br"}).status == 415
    assert server.ask(b"SELECT '\xff'").status == 400


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("zstd, gzip", "zstd"),
        ("lz4", "lz4"),
        ("deflate", "deflate"),
        ("zstd;q=0, gzip;q=0.5", "gzip"),
        ("br", ""),
    ],
)
def test_an_answer_is_compressed_as_asked(server: SqlServer, accepted: str, encoding: str) -> None:
    answer = server.ask("SELECT 'é'", headers={"Accept-Encoding": accepted}, enable_http_compression="1")
    assert answer.headers.get("content-encoding", "") == encoding
    opened: dict[str, Callable[[bytes], Any]] = {
        "gzip": gzip.decompress,
        "zstd": zstd.decompress,
        "lz4": lz4.frame.decompress,
        "deflate": zlib.decompress,
        "": bytes,
    }
    assert opened[encoding](answer.body) == "é\n".encode()
    plain = server.ask("SELECT 1", headers={"Accept-Encoding": accepted})
    assert ("content-encoding" in plain.headers, plain.text) == (False, "1\n")


def test_parameters_are_values_whatever_they_hold(server: SqlServer) -> None:
    hostile = "x') OR 1 = 1; SELECT file('/etc/passwd') --\\'`\"{a:String} (alias y)"
    escaped = hostile.replace("\\", "\\\\").replace("\t", "\\t")
    answer = server.ask(
        "SELECT {a:String} AS a, {b:UInt8} AS b, {c:Array(String)} AS c, {d:Nullable(String)} AS d",
        default_format="JSONEachRow",
        param_a=escaped,
        param_b="7",
        param_c=r"['p', 'q\'r']",
        param_d="\\N",
    )
    assert json.loads(answer.text) == {"a": hostile, "b": 7, "c": ["p", "q'r"], "d": None}
    missing = server.ask("SELECT {a:String}")
    assert (missing.status, "UNKNOWN_QUERY_PARAMETER" in missing.text) == (400, True)
    assert server.ask("SELECT {a:UInt8}", param_a="many").status == 400


@pytest.mark.parametrize(
    ("wishes", "status", "code"),
    [
        ({"max_memory_usage": "0"}, 403, "164"),
        ({"additional_table_filters": "{}"}, 403, "164"),
        ({"final": "1"}, 403, "164"),
        ({"compress": "1"}, 403, "497"),
        ({"database": "system"}, 404, "81"),
        ({"default_format": "Template"}, 404, "73"),
        ({"max_execution_time": "-1"}, 400, "36"),
        ({"client_protocol_version": "new"}, 400, "36"),
        ({"role": "admin"}, 403, "164"),
    ],
)
def test_a_wish_that_is_not_met_is_refused_and_not_ignored(
    server: SqlServer, wishes: dict[str, str], status: int, code: str
) -> None:
    answer = server.ask("SELECT 1", wishes=wishes)
    assert (answer.status, answer.headers["x-clickhouse-exception-code"]) == (status, code)


def test_wishes_that_change_nothing_are_taken(server: SqlServer) -> None:
    answer = server.ask(
        "SELECT 1", database="sqlgate", session_id="s", user="me", readonly="2", max_execution_time="5", quota_key="k"
    )
    assert answer.text == "1\n"


def test_forms_are_refused(server: SqlServer) -> None:
    for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        assert server.ask("query=SELECT+1", headers={"Content-Type": kind}).status == 403
    assert server.ask("", method="PUT").status == 405


def test_a_mistake_is_told_as_the_engine_tells_it_without_what_stands_around_it(server: SqlServer) -> None:
    answers = {
        sql: server.ask(sql).text
        for sql in (
            "SELECT 1 +",
            "SELECT nothing FROM calls",
            "SELECT lower()",
            "SELECT [1, 'a'] + 1",
            "SELECT toUInt8(user_id) FROM calls",
            "SELECT a FROM (SELECT 1 AS a) ORDER BY",
            "SELECT feature, sum(calls) FROM spend",
        )
    }
    for text in answers.values():
        for inner in ("readonly", "SELECT * FROM", "EXPLAIN", "In scope", "/", "own-mine", "__table", "additional"):
            assert inner not in text, text
    assert answers["SELECT 1 +"] == (
        "Code: 62. DB::Exception: Syntax error: failed at position 11 (end of query). (SYNTAX_ERROR)\n"
    )
    assert answers["SELECT nothing FROM calls"] == (
        "Code: 47. DB::Exception: Unknown expression identifier `nothing`. (UNKNOWN_IDENTIFIER)\n"
    )


def test_the_order_and_the_columns_of_a_query_stay_as_they_are(server: SqlServer) -> None:
    answer = server.ask(
        "SELECT arrayJoin([3, 1, 2]) AS n, 1, n * 2 AS `twice (n)` ORDER BY n DESC LIMIT 2 FORMAT TSVWithNames"
    )
    assert answer.text == "n\t1\ttwice (n)\n3\t1\t6\n2\t1\t4\n"


def test_clickhouse_connect_works_as_with_a_server(server: SqlServer) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for compress in (False, True, "lz4", "zstd", "gzip"):
        with clickhouse_connect.get_client(
            host=host,
            port=int(port),
            proxy_path="/clickhouse",
            username="reader",
            password="key-mine",
            compress=compress,
        ) as client:
            assert client.ping()
            result = client.query(
                "SELECT project, ts, map('a', 1) AS m, toDecimal64(1.5, 2) AS d, [NULL, 'x'] AS l, tags FROM calls "
                "WHERE feature = {feature:String} AND ts >= {since:DateTime}",
                parameters={"feature": "own-mine", "since": datetime(2026, 1, 1, tzinfo=UTC)},
            )
            assert result.column_names == ("project", "ts", "m", "d", "l", "tags")
            # The embedded engine leaves the zone out of Native; it is UTC.
            assert [(row[0], row[1].replace(tzinfo=UTC), *row[2:]) for row in result.result_rows] == [
                ("mine", datetime(2026, 11, 1, tzinfo=UTC), {"a": 1}, Decimal("1.5"), [None, "x"], {"k": "own-mine"})
            ]
            listed = client.query(
                "SELECT {n:Nullable(String)}, feature FROM calls WHERE feature IN {features:Array(String)}",
                parameters={"features": ["own-mine", "it's", "\\"], "n": None},
            )
            assert listed.result_rows == [(None, "own-mine")]
            empty = client.query("SELECT project, ts, 1.5 AS x FROM calls WHERE feature = 'nobody'")
            assert (empty.column_names, empty.result_rows) == (("project", "ts", "x"), [])
            assert client.command("SELECT count() FROM calls") == 1
            assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)


def test_clickhouse_connect_makes_data_frames_and_arrow_tables(server: SqlServer) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with clickhouse_connect.get_client(
        host=host, port=int(port), proxy_path="/clickhouse", access_token="key-both", database="sqlgate"
    ) as client:
        pytest.importorskip("pandas")
        frame = client.query_df("SELECT project, count() AS n FROM calls GROUP BY project ORDER BY project")
        assert frame.to_dict("records") == [{"project": "mine", "n": 1}, {"project": "theirs", "n": 1}]
        pytest.importorskip("pyarrow")
        table = cast(Any, client).query_arrow("SELECT project FROM calls ORDER BY project")
        assert table.to_pylist() == [{"project": "mine"}, {"project": "theirs"}] or table.to_pylist() == [
            {"project": b"mine"},
            {"project": b"theirs"},
        ]
        with pytest.raises(ClickHouseError, match="there is no table keys"):
            client.query("SELECT * FROM keys")
        with pytest.raises(ClickHouseError, match="only SELECT"):
            client.command("TRUNCATE TABLE calls")
        with pytest.raises(ClickHouseError):
            client.insert("billed", [["x"]], column_names=["project"])


def number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def text(data: bytes, at: int) -> tuple[str, int]:
    length, at = number(data, at)
    return data[at : at + length].decode(), at + length


def test_the_greeting_is_what_clickhouse_go_reads_in_the_revision_that_it_asked_for(server: SqlServer) -> None:
    """A port of what its Block.Decode reads; the driver itself is not at hand."""
    answer = server.ask(
        "SELECT displayName(), version(), revision(), timezone()",
        default_format="Native",
        database="sqlgate",
        client_protocol_version="54460",
    )
    data = answer.body
    # Block info: field 1, is_overflows, field 2, bucket_num, end.
    assert data[:8] == b"\x01\x00\x02\xff\xff\xff\xff\x00"
    columns, at = number(data, 8)
    rows, at = number(data, at)
    read: dict[str, object] = {}
    for _ in range(columns):
        name, at = text(data, at)
        kind, at = text(data, at)
        assert data[at] == 0, "no custom serialization"
        at += 1
        if kind == "UInt32":
            read[name], at = int.from_bytes(data[at : at + 4], "little"), at + 4
        else:
            read[name], at = text(data, at)
    assert (columns, rows, at) == (4, 1, len(data))
    # From here on the driver reads revision 0, which is what the engine writes.
    assert read == {"displayName()": "Breakeven", "version()": read["version()"], "revision()": 0, "timezone()": "UTC"}
    ping = server.ask("SELECT 1", default_format="Native", database="sqlgate", client_protocol_version="54460")
    assert ping.body == native.block([("1", "UInt8", b"\x01")], rows=1)
    assert server.ask("SELECT version()", default_format="Native", client_protocol_version="54460").status == 200


def test_an_answer_in_native_without_rows_still_names_its_columns(server: SqlServer) -> None:
    answer = server.ask("SELECT project, toFloat64(1) AS x FROM calls WHERE 0", default_format="Native")
    assert answer.body == native.block([("project", "LowCardinality(String)", b""), ("x", "Float64", b"")], rows=0)


@pytest.mark.parametrize(
    "sql",
    [
        # As the plugin sends them, its macros expanded.
        "SELECT toStartOfInterval(toDateTime(at), INTERVAL 3600 second) AS time, feature, sum(cost_usd) AS usd FROM spend WHERE grain = 'minute' AND at >= toDateTime(1790000000) AND at <= toDateTime(1800000000) GROUP BY time, feature ORDER BY time",
        "SELECT toStartOfInterval(toDateTime64(ts, 3), INTERVAL 60000 millisecond) AS time, count() AS n FROM calls WHERE ts >= fromUnixTimestamp64Milli(1700000000000) AND ts <= fromUnixTimestamp64Milli(1900000000000) GROUP BY time ORDER BY time ASC LIMIT 1000",
        "SELECT DISTINCT feature FROM calls WHERE feature IN ('own-mine', 'it''s') ORDER BY feature",
        "SELECT toDate(ts) AS day, quantile(0.95)(duration_us) / 1e6 AS p95 FROM calls WHERE ts >= toDate('2026-01-01') AND 1=1 GROUP BY day ORDER BY day WITH FILL STEP INTERVAL 1 DAY",
        "SELECT count() /* panel 3 */ FROM calls -- comment\nWHERE 1=1;",
        "SELECT if(feature = '', '(unallocated)', feature) AS `Feature (name)`, round(100 * sum(calls) / (SELECT sum(calls) FROM spend WHERE grain = 'minute'), 1) AS \"Share %\" FROM spend WHERE grain = 'minute' GROUP BY 1 ORDER BY 2 DESC LIMIT 10 OFFSET 0",
        "SELECT feature, usd, sum(usd) OVER (ORDER BY usd DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM (SELECT feature, toFloat64(count()) AS usd FROM calls GROUP BY feature)",
        "SELECT multiIf(count() > 5, 'many', count() > 0, 'some', 'none') AS n, countIf(failed) AS f, uniqExactIf(user_id, NOT failed) AS u, EXTRACT(YEAR FROM max(ts)) AS y, date_trunc('month', max(ts)) AS m, dateDiff('day', min(ts), now()) AS d FROM calls",
        "SELECT ts AS timestamp, feature AS body, CASE WHEN failed THEN 'error' ELSE 'info' END AS level FROM calls WHERE feature ILIKE '%OWN%' AND tags['k'] != '' ORDER BY timestamp DESC LIMIT 100",
    ],
)
def test_queries_like_those_of_dashboards_are_answered(server: SqlServer, sql: str) -> None:
    answer = server.ask(sql, default_format="JSONCompact")
    assert answer.status == 200, answer.text
    assert json.loads(answer.text)["rows"] == 1


def test_sql_is_off_until_it_is_turned_on(sql_store: Store) -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(sql_router(sql_store, lambda _: None, enabled=Settings().sql))
    with TestClient(app) as client:
        answers = [
            client.get("/clickhouse/ping"),
            client.get("/clickhouse/?query=SELECT+1"),
            client.post("/clickhouse"),
        ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "breakeven up --sql" in answers[1].text
