"""The SQL for readers on a server. No server is at hand: the engine's parser reads it, nothing runs it."""

import hashlib
import re
from pathlib import Path

import pytest
from breakeven_collector.cli import app
from breakeven_collector.errors import ConfigError
from breakeven_collector.sql import allowed
from breakeven_collector.sql.readers import reader_statements
from breakeven_collector.store import Store
from typer.testing import CliRunner

from tests.clickhouse_server import clickhouse_server


def test_every_statement_is_one_that_the_engine_can_read(sql_store: Store) -> None:
    for statement in reader_statements("acme", "secret", database="breakeven"):
        rows = sql_store.rows("SELECT formatQueryOrNull({sql:String}) AS read", {"sql": statement})
        assert rows[0]["read"] is not None, statement


def test_the_limits_of_readers_are_settings_that_the_engine_knows(sql_store: Store) -> None:
    role = next(reader_statements("acme", "secret", database="b"))
    names = re.findall(r"(\w+) = ", role)
    known = sql_store.rows("SELECT name FROM system.settings WHERE name IN {names:Array(String)}", {"names": names})
    assert (len(names), {row["name"] for row in known}) == (8, {*names})


def test_each_table_with_projects_has_its_policies_before_anything_is_granted() -> None:
    statements = [" ".join(s.split()) for s in reader_statements("acme", "secret", database="b")]
    assert not any("<" in s for s in statements)
    first_grant = next(at for at, s in enumerate(statements) if s.startswith("GRANT"))
    for table, shares in allowed.PROJECT_TABLES.items():
        condition = "project IN ('acme', '')" if shares else "project = 'acme'"
        policies = [s for s in statements[:first_grant] if f"ON `b`.{table} " in s]
        assert policies == [
            f"CREATE ROW POLICY IF NOT EXISTS breakeven_everyone_else ON `b`.{table} AS PERMISSIVE FOR SELECT USING 1 TO ALL EXCEPT breakeven_reader",
            f"CREATE ROW POLICY OR REPLACE `breakeven_acme` ON `b`.{table} AS PERMISSIVE FOR SELECT USING {condition} TO `breakeven_acme`",
        ]
    grants = statements[first_grant:]
    assert grants[-1] == "GRANT breakeven_reader TO `breakeven_acme`"
    assert all(re.fullmatch(r"GRANT SELECT(\(\w+(, \w+)*\))? ON `b`\.\w+ TO breakeven_reader", s) for s in grants[:-1])


def test_a_reader_of_all_projects_sees_every_row_and_what_is_told_of_all_together(sql_store: Store) -> None:
    statements = [" ".join(s.split()) for s in reader_statements(None, "secret", database="b")]
    policies = [s for s in statements if "TO `breakeven__all`" in s and s.startswith("CREATE ROW POLICY")]
    assert len(policies) == len(allowed.PROJECT_TABLES)
    assert all("USING 1 TO `breakeven__all`" in s for s in policies)
    assert "GRANT SELECT ON `b`.collector_health TO `breakeven__all`" in statements
    one = "".join(reader_statements("acme", "secret", database="b"))
    assert not any(table in one for table in allowed.OWNER_TABLES)
    read = sql_store.rows(
        "SELECT countIf(formatQueryOrNull(s) IS NULL) AS bad FROM (SELECT arrayJoin({s:Array(String)}) AS s)",
        {"s": statements},
    )
    assert read == [{"bad": 0}]


def test_all_that_a_readable_view_reads_is_granted_too(sql_store: Store) -> None:
    rows = sql_store.rows("SELECT name, as_select FROM system.tables WHERE database = currentDatabase()")
    reads = {
        row["name"]: {other["name"] for other in rows if re.search(rf"\b{other['name']}\b", row["as_select"])}
        for row in rows
    }
    needed: set[str] = set()
    waiting = {*allowed.RELATIONS, allowed.PRICED_WITH}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= reads[name] - needed
    grants = " ".join(" ".join(s.split()) for s in reader_statements(None, "secret", database="b"))
    granted = set(re.findall(r"GRANT SELECT(?:\([^)]*\))? ON `b`\.(\w+) TO", grants))
    assert needed - granted == set()


def test_statements_can_be_run_on_a_server_and_not_on_an_embedded_store(tmp_path: Path) -> None:
    def run(*options: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["sql-users", *options])
        return result.exit_code, result.stderr

    assert run("acme", "--apply", "--store", f"chdb://{tmp_path}")[1].startswith(
        "breakeven: --apply needs a ClickHouse server"
    )
    assert "name projects, such as default, or --all" in run()[1]
    (tmp_path / "p").write_text("secret\n")
    assert "for one reader, and there are 2" in run("a", "b", "--password-file", str(tmp_path / "p"))[1]
    assert run("acme", "--password-file", str(tmp_path / "p")) == (0, "")
    (tmp_path / "p").write_text("\n")
    # A password of our own in its place would be told to nobody.
    assert "p is empty: write the reader's password into it" in run("acme", "--password-file", str(tmp_path / "p"))[1]


def test_applied_statements_reach_the_server_and_what_it_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    with clickhouse_server() as address:
        store = f"http://me:pw@{address}/breakeven"
        Store(store).connect().close()
        result = CliRunner().invoke(
            app, ["sql-users", "--all", "--apply", "--password-file", str(tmp_path / "password"), "--store", store]
        )
    # The engine behind it makes no users: that it was asked for the first statement is what can be seen.
    assert (result.exit_code, "necessary to have the grant CREATE ROLE ON breakeven_reader" in result.stderr) == (
        1,
        True,
    )
    assert ("pw@" in result.output, "secret" in result.output) == (False, False)


def test_the_password_itself_is_in_no_statement() -> None:
    text = "".join(reader_statements("acme", "secret", database="b"))
    assert ("secret" in text, hashlib.sha256(b"secret").hexdigest() in text) == (False, True)


@pytest.mark.parametrize("project", ["a'b", "a`b", "", "a b", "é", "x" * 49])
def test_a_project_that_cannot_name_a_user_is_refused(project: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        list(reader_statements(project, "secret", database="b"))


def test_the_command_prints_statements_and_tells_the_password_apart() -> None:
    result = CliRunner().invoke(app, ["sql-users", "acme", "beta"])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("CREATE USER") == 2
    assert len(re.findall(r"user breakeven_(?:acme|beta), password \S{32}", result.stderr)) == 2
    assert "password " not in result.stdout
