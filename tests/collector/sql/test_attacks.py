"""Queries that want what they may not have. None reads a file or another project's row, none writes, all are answered."""

import re
from pathlib import Path

import pytest

from tests.collector.sql.conftest import CANARY, SqlServer

# {file}: a file with a canary; {target}: where nothing may be written.
LISTED_IN_THE_TRIALS = [
    "SELECT file('{file}')",
    "SELECT 1 INTO OUTFILE '{target}' TRUNCATE",
    "SELECT 1 INTO OUTFILE '{target}'",
    "DESCRIBE file('{file}')",
    "DESCRIBE TABLE file('{file}', 'LineAsString')",
    "KILL QUERY WHERE 1",
    "SYSTEM STOP MERGES",
    "SELECT 1; SELECT 2 INTO OUTFILE '{target}'",
    "SELECT * FROM keys",
    "SELECT * FROM system.tables",
    "SELECT * FROM file('{file}', 'LineAsString')",
    "SELECT * FROM url('file://{file}', 'LineAsString')",
    "INSERT INTO FUNCTION file('{target}', 'CSV') SELECT 1",
    "SELECT 1 SETTINGS readonly = 0, max_memory_usage = 0",
    "CREATE USER eve IDENTIFIED WITH no_password",
    "CREATE ROLE eve",
    "CREATE ROW POLICY p ON calls USING 1 TO ALL",
    "SELECT * FROM merge('sqlgate', '.*')",
    "SELECT * FROM merge(currentDatabase(), 'calls')",
    "SELECT * FROM mergeTreeIndex('sqlgate', 'calls')",
    "SELECT dictGet('d', 'a', 1)",
    "SELECT * FROM dictionary('d')",
    "SELECT * FROM token_ratios",
    "SELECT * APPLY(file) FROM (SELECT '{file}' AS x)",
]
FILES_AND_NETWORK = [
    "select FILE('{file}')",
    "SELECT `file`('{file}')",
    "SELECT \"file\"('{file}')",
    "SELECT file ('{file}')",
    "SELECT file/**/('{file}')",
    "SELECT file--x\n('{file}')",
    "WITH (x -> file(x)) AS f SELECT f('{file}')",
    "WITH file('{file}') AS f SELECT f",
    "SELECT arrayMap(x -> file(x), ['{file}'])",
    "SELECT arrayMap(file, ['{file}'])",
    "SELECT arrayFilter(file, ['{file}'])",
    "SELECT arraySum(file, ['{file}'])",
    "SELECT arraySort(file, ['{file}'])",
    "SELECT arrayReduce('any', [file('{file}')])",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{file}' AS x)",
    "SELECT COLUMNS('x') APPLY file FROM (SELECT '{file}' AS x)",
    "SELECT * REPLACE (file('{file}') AS x) FROM (SELECT 1 AS x)",
    "SELECT sum(1) OVER (PARTITION BY file('{file}'))",
    "SELECT any(x) OVER (PARTITION BY x ORDER BY (SELECT file('{file}'))) FROM (SELECT 1 AS x)",
    "SELECT sum(1) OVER w WINDOW w AS (PARTITION BY file('{file}'))",
    "SELECT 1 AS x ORDER BY x WITH FILL FROM length(file('{file}')) TO 100000",
    "SELECT 1 AS n, '' AS x ORDER BY n WITH FILL TO 5 INTERPOLATE (x AS file('{file}'))",
    "SELECT 1 LIMIT length(file('{file}'))",
    "SELECT 1 AS x GROUP BY x HAVING file('{file}') != ''",
    "SELECT 1 QUALIFY file('{file}') != ''",
    "SELECT * FROM (SELECT 1 AS x) AS a JOIN (SELECT 1 AS x) AS b ON file('{file}') != '' AND a.x = b.x",
    "SELECT * FROM (SELECT 1 AS x) ARRAY JOIN [file('{file}')] AS y",
    "SELECT quantile(length(file('{file}')))(1)",
    "SELECT anyIf(file('{file}'), 1)",
    "SELECT CASE WHEN 1 THEN file('{file}') END",
    "SELECT (SELECT file('{file}'))",
    "SELECT 1 WHERE exists(SELECT file('{file}'))",
    "SELECT 1 IN (SELECT length(file('{file}')))",
    "SELECT * FROM fileCluster('c', '{file}', 'LineAsString')",
    "SELECT * FROM input('x String')",
    "SELECT * FROM executable('cat {file}', 'LineAsString', 'x String')",
    "SELECT * FROM view(SELECT file('{file}'))",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))",
    "SELECT * FROM (EXPLAIN SELECT 1)",
    "SELECT * FROM format(LineAsString, '{file}')",
    "SELECT * FROM s3('http://127.0.0.1:9/x', 'CSV')",
    "SELECT * FROM url('http://127.0.0.1:9/x', 'CSV')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM remote('127.0.0.1:9', 'system', 'tables')",
    "SELECT * FROM cluster('default', 'system', 'tables')",
    "SELECT * FROM sqlite('{file}', 't')",
    "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM python('x')",
    "SELECT * FROM Python(os)",
    "SELECT * FROM generateRandom('x String') LIMIT 1",
    "SELECT * FROM null('x String')",
    "SELECT * FROM values('x String', 'a')",
    "SELECT * FROM numbers(10)",
    "SELECT * FROM loop(calls)",
    "SELECT * FROM fuzzQuery('SELECT 1')",
    "SELECT aiGenerate('x')",
    "SELECT filesystemAvailable(), getMacro('x'), getSetting('readonly'), getServerSetting('path')",
    "SELECT hostName(), FQDN(), currentUser(), serverUUID(), displayName()",
    "SELECT getOSKernelVersion(), buildId(), tcpPort()",
    "SELECT catboostEvaluate('{file}', 1)",
    "SELECT toTimezone(now(), '../../../..{file}')",
    "SELECT regionToName(1), evalMLMethod(1)",
    "SELECT showCertificate('{file}')",
]
WRITES_AND_OTHER_STATEMENTS = [
    "SELECT 1 INTO OUTFILE '{target}' FORMAT CSV",
    "SELECT 1 FORMAT CSV INTO OUTFILE '{target}'",
    "(SELECT 1) INTO OUTFILE '{target}'",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '{target}'",
    "WITH 1 AS x SELECT x INTO OUTFILE '{target}' APPEND",
    "SELECT 1) INTO OUTFILE '{target}' --",
    "SELECT 1) UNION ALL (SELECT file('{file}')",
    "SELECT 1) SETTINGS readonly = 0 FORMAT CSV; INSERT INTO billed (project) SELECT ('x'",
    "SELECT 1 /* ) INTO OUTFILE '{target}' */ ) INTO OUTFILE '{target}' --",
    "EXPLAIN SELECT 1 INTO OUTFILE '{target}'",
    "EXPLAIN SELECT 1",
    "EXPLAIN SYNTAX SELECT * FROM spend",
    "SHOW TABLES",
    "SHOW CREATE TABLE calls",
    "SHOW SETTINGS LIKE '%'",
    "DESCRIBE TABLE keys",
    "EXISTS TABLE keys",
    "CHECK TABLE calls",
    "SET readonly = 0",
    "USE system",
    "INSERT INTO billed (project) VALUES ('x')",
    "INSERT INTO billed (project) SELECT 'x'",
    "CREATE TABLE x (a Int8) ENGINE = File(CSV, '{target}')",
    "CREATE TEMPORARY TABLE x (a Int8)",
    "CREATE FUNCTION f AS x -> file(x)",
    "CREATE DICTIONARY d (a Int8) PRIMARY KEY a SOURCE(FILE(PATH '{file}' FORMAT CSV)) LAYOUT(FLAT()) LIFETIME(1)",
    "ALTER TABLE calls DELETE WHERE 1",
    "DELETE FROM calls WHERE 1",
    "UPDATE calls SET feature = '' WHERE 1",
    "TRUNCATE TABLE calls",
    "DROP TABLE calls",
    "DROP DATABASE sqlgate",
    "RENAME TABLE calls TO x",
    "DETACH TABLE calls",
    "ATTACH TABLE x FROM '{file}' (a Int8) ENGINE = MergeTree ORDER BY a",
    "OPTIMIZE TABLE calls FINAL",
    "BACKUP DATABASE sqlgate TO File('{target}')",
    "RESTORE DATABASE sqlgate FROM File('{file}')",
    "GRANT ALL ON *.* TO eve",
    "SYSTEM SHUTDOWN",
    "SYSTEM DROP MARK CACHE",
    "KILL MUTATION WHERE 1",
    "SELECT 1 PARALLEL WITH SELECT 2",
    "SELECT 1;;SELECT 2",
    "VALUES (1)",
    "BEGIN TRANSACTION",
    "FROM file('{file}') SELECT *",
]
OTHER_PROJECTS = [
    "SELECT * FROM sqlgate.keys",
    "SELECT * FROM `keys`",
    "SELECT * FROM `sqlgate`.`keys`",
    "SELECT * FROM sequences",
    "SELECT * FROM models_seen",
    "SELECT * FROM price_override",
    "SELECT * FROM override_rates",
    "SELECT * FROM attributions_now",
    "SELECT * FROM attribution_versions",
    "SELECT * FROM spend_slices",
    "SELECT * FROM spend_cubes",
    "SELECT * FROM calls_of_spans",
    "SELECT * FROM rates_of(book='')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.parts",
    "SELECT * FROM `.inner.calls`",
    "SELECT 'x' IN keys",
    "SELECT 'x' IN (keys)",
    "SELECT ('mine', 'x') IN sqlgate.keys",
    "SELECT 'x' NOT IN keys",
    "SELECT 'x' GLOBAL IN keys",
    "SELECT in('x', keys)",
    "SELECT sum(1) OVER (PARTITION BY 'x' IN keys)",
    "SELECT joinGet('keys', 'digest', 'mine')",
    "SELECT hasColumnInTable('sqlgate', 'keys', 'digest')",
    "SELECT * FROM billed AS `sqlgate.price_books`",
    "SELECT * FROM calls AS `sqlgate.spend_slices`",
    "SELECT * FROM billed AS `sqlgate.book_names`",
    "SELECT a.item FROM billed AS `sqlgate.price_book` JOIN billed AS a ON 1",
    "WITH keys AS (SELECT 1) SELECT * FROM (WITH k AS (SELECT 1) SELECT * FROM keys)",
    "SELECT * FROM (WITH keys AS (SELECT 1 AS a) SELECT a FROM keys), keys",
    "WITH `sqlgate.keys` AS (SELECT 1) SELECT * FROM `sqlgate.keys`",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
    "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM keys) SELECT * FROM a",
    "SELECT * FROM spend_of(book = (SELECT digest FROM keys))",
    "SELECT * FROM spend_of(book = '', project = 'theirs')",
    "SELECT * FROM spend_of('x')",
    "SELECT * FROM system.spend_of(book = '')",
    "SELECT spend_of(book = '')",
    "SELECT * FROM calls PREWHERE toUInt8(user_id) = 1",
    "SELECT _part, _table, _database FROM calls",
    "SELECT * FROM calls SETTINGS additional_table_filters = {}",
    "SELECT * FROM calls SETTINGS additional_table_filters = {'sqlgate.calls': '1'}",
    "SELECT * FROM (SELECT * FROM calls SETTINGS optimize_move_to_prewhere = 1)",
    "SELECT * FROM calls SAMPLE 1",
    "SELECT {t:Identifier} FROM calls",
    "SELECT * FROM {t:Identifier}",
    "SELECT currentDatabase(), currentUser(), query_id()",
    "SELECT * FROM calls WHERE user_id IN (SELECT user_id FROM sqlgate.spans)",
    "SELECT formatQuery('SELECT 1')",
    "SELECT initializeAggregation('any', 1), finalizeAggregation(1)",
]
TYPES_AND_SPELLING = [
    "SELECT CAST('x', 'AggregateFunction(sum, UInt64)')",
    "SELECT 'x'::AggregateFunction(groupBitmap, UInt64)",
    "SELECT CAST(unhex('ff'), 'AggregateFunction(uniq, String)')",
    "SELECT CAST('{{}}', 'JSON')",
    "SELECT CAST('x', {t:String})",
    "WITH 'String' AS t SELECT CAST('x', t)",
    "SELECT CAST('x', concat('Aggregate', 'Function(sum, UInt64)'))",
    "SELECT {x:AggregateFunction(sum, UInt64)}",
    "SELECT {x:JSON}",
    "SELECT CAST('1', 'FixedString(1000000000)')",
    "SELECT toFixedString('a', 1000000000)",
    "SELECT reinterpret(1, 'AggregateFunction(sum, UInt64)')",
    "SELECT sumState(1)",
    "SELECT sumMerge(x) FROM (SELECT 1 AS x)",
    "SELECT sumResample(0, 1000000000, 1)(1, 1)",
    "SELECT sumForEach([1])",
    "SELECT 'x (alias y)'",
    "SELECT 1 AS `a (alias keys) (children 9)`",
    "SELECT `a\\n Function x`",
    "SELECT $$file('{file}')$$",
    "SELECT $a$x$a$",
    "SELECT x'66696c65'",
    "SELECT 0x10",
    "SELECT 'a\\x28alias b'",
    "SELECT 1\x00",
    "SELECT ｆｉｌｅ('{file}')",
    "SELECT\u00a01",
    "SELECT 1 # comment",
    "SELECT @@version",
    "SELECT 1 ? 2 : 3",
    "SELECT [1, 2](1)",
    "SELECT map('a', 1).keys()",
    "SELECT sleep(3)",
    "SELECT sleepEachRow(3) FROM calls",
    "SELECT throwIf(1)",
    "SELECT repeat('a', 1000000)",
    "SELECT range(1000000000)",
    "SELECT rand(), generateUUIDv4()",
    "SELECT demangle('x'), addressToSymbol(1)",
    "",
    ";",
    "(((",
    ")",
    "'",
    "--",
    "/*",
    "SELECT",
]
ATTACKS = [
    *LISTED_IN_THE_TRIALS,
    *FILES_AND_NETWORK,
    *WRITES_AND_OTHER_STATEMENTS,
    *OTHER_PROJECTS,
    *TYPES_AND_SPELLING,
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused(server: SqlServer, canary_file: Path, target_file: Path, attack: str) -> None:
    sql = attack.replace("{file}", str(canary_file)).replace("{target}", str(target_file))
    # With the key that no filter holds back.
    answer = server.ask(sql, key="key-all", param_t="keys", param_x="x")
    assert 400 <= answer.status < 500, answer.text
    assert re.match(r"Code: \d+\. DB::Exception: .+\. \([A-Z_]+\)\n\Z", answer.text, re.DOTALL), answer.text
    assert int(answer.headers["x-clickhouse-exception-code"]) == int(re.findall(r"\d+", answer.text)[0])
    if CANARY not in sql:
        assert CANARY not in answer.text
    assert str(canary_file.parent) not in answer.text.replace(sql, "") or str(canary_file) in sql
    assert not target_file.exists()


def test_there_are_at_least_three_attacks_for_each_one_of_the_trials() -> None:
    assert len(ATTACKS) >= 4 * len(LISTED_IN_THE_TRIALS)
    assert len(set(ATTACKS)) == len(ATTACKS)


def test_after_all_of_that_the_store_is_as_it_was(server: SqlServer) -> None:
    answer = server.ask("SELECT project, count() FROM calls FINAL GROUP BY project ORDER BY project", key="key-all")
    assert answer.text == "mine\t1\ntheirs\t1\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM spend WHERE grain = 'minute'",
        "SELECT * FROM spend_of(book = 'book-1') WHERE grain = 'minute'",
        "SELECT * FROM sqlgate.calls",
        "SELECT calls.project, sqlgate.calls.user_id FROM sqlgate.calls",
        "SELECT project, max(reported_cost_usd) FROM spend GROUP BY project",
        "SELECT * FROM calls",
        "SELECT * FROM calls FINAL",
        "SELECT * FROM origins",
        "SELECT * FROM billed",
        "SELECT * FROM price_book",
        "SELECT * FROM price_books",
        "SELECT count(), min(project), max(project), max(ts) FROM calls",
        "SELECT * FROM calls AS a CROSS JOIN billed AS b",
        "SELECT * FROM calls AS a LEFT JOIN (SELECT user_id, tenant FROM calls) AS b USING (tenant)",
        "SELECT * FROM price_books AS a FULL OUTER JOIN billed AS b ON a.book_version = b.item",
        "SELECT (SELECT groupArray(user_id) FROM calls), (SELECT count() FROM billed WHERE item = 'canary-theirs' OR 1)",
        "SELECT count() FROM price_books WHERE exists(SELECT 1 FROM billed WHERE project = 'theirs')",
        "SELECT user_id FROM calls WHERE user_id IN (SELECT item FROM billed) UNION ALL SELECT service FROM origins",
        "WITH a AS (SELECT * FROM calls), b AS (SELECT * FROM a) SELECT * FROM b UNION ALL SELECT * FROM a",
        "SELECT arrayMap(x -> upper(x), groupUniqArray(user_id)), groupArray(tags), topK(5)(feature) FROM calls",
        "SELECT user_id, count() OVER (PARTITION BY tenant), lagInFrame(user_id) OVER w FROM calls WINDOW w AS (ORDER BY upper(project))",
        "SELECT DISTINCT project FROM calls ORDER BY project DESC LIMIT 1 BY project",
        "SELECT project, sum(reported_cost_usd) FROM spend WHERE grain = 'minute' GROUP BY project WITH TOTALS",
        "SELECT feature FROM (SELECT * FROM spend WHERE project = 'theirs' OR project = 'mine')",
        "SELECT k, v FROM calls ARRAY JOIN mapKeys(tags) AS k, mapValues(tags) AS v",
        "SELECT * FROM calls WHERE NOT (project = 'mine') OR 1 = 1",
        "SELECT a.user_id, b.item FROM calls AS a ASOF JOIN billed AS b ON a.project = b.project AND a.ts >= b.from_time",
        "SELECT * EXCEPT (ts) FROM calls QUALIFY row_number() OVER (ORDER BY project DESC) < 5",
        "SELECT price_source, unpriced_reason, owner, cost_centre FROM spend",
    ],
)
def test_every_relation_shows_the_rows_of_the_callers_projects_only(server: SqlServer, sql: str) -> None:
    mine = server.ask(sql)
    assert mine.status == 200, mine.text
    assert CANARY not in mine.text
    assert "theirs" not in mine.text
    nobody = server.ask(sql, key="key-none")
    assert nobody.status == 200, nobody.text
    assert "mine" not in nobody.text
    everything = server.ask(sql, key="key-all")
    assert everything.status == 200, everything.text
    shows_projects = (
        "count()" not in sql and "price_source" not in sql and not sql.startswith("SELECT * FROM price_book")
    )
    assert not shows_projects or "theirs" in everything.text, everything.text


@pytest.mark.parametrize(
    "condition",
    [
        "toUInt8(user_id) = 1",
        "intDiv(1, user_id != 'canary-theirs') = 1",
        "intDiv(1, project != 'theirs') = 1",
        "CAST(tenant, 'Decimal(9, 2)') = 1",
        "toDate(feature) = today()",
        "parseDateTimeBestEffort(user_id) > now()",
        "match(user_id, user_id) AND toInt64(user_id) > 0",
        "intDiv(10, position(user_id, 'canary') - 1) > 0",
        "toUInt64(splitByChar('-', user_id)[2]) > 0",
    ],
)
@pytest.mark.parametrize(
    "where",
    ["calls WHERE", "calls FINAL WHERE", "(SELECT * FROM calls) WHERE", "calls AS a JOIN price_books AS b ON 1 WHERE"],
)
def test_a_condition_that_fails_tells_nothing_of_the_rows_of_others(
    server: SqlServer, where: str, condition: str
) -> None:
    answer = server.ask(f"SELECT count() FROM {where} {condition}")
    assert "canary" not in answer.text
    if "theirs" in condition or "canary" in condition:
        assert answer.status == 200, "a condition was tried on a row of another project"


def test_a_union_of_both_projects_sums_up_to_all(server: SqlServer) -> None:
    sql = "SELECT sum(reported_cost_usd) FROM spend WHERE grain = 'minute'"
    assert [server.ask(sql, key=key).text.strip() for key in ("key-mine", "key-both", "key-all", "key-none")] == [
        "1",
        "1001",
        "1001",
        "\\N",
    ]
