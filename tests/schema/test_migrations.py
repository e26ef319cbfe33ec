"""The migrations: applied once, in order, never changed afterwards."""

import re

import pytest
from breakeven_collector.errors import StoreError
from breakeven_collector.store import Store
from breakeven_schema import Migration, applied, apply, migrations, pending
from breakeven_schema.migrate import MigrationError, replicated_sql
from clickhouse_connect.driver.exceptions import DatabaseError


def test_a_new_store_gets_every_migration_and_then_has_nothing_pending(store: Store) -> None:
    assert applied(store.client()) == {m.name: m.sha256 for m in migrations()}
    assert pending(store.client()) == []
    assert apply(store.client()) == []


def test_a_migration_that_was_edited_after_it_was_applied_is_refused_by_name(store: Store) -> None:
    edited = [Migration(m.name, m.sql + " ") if m.name.startswith("0003") else m for m in migrations()]
    with pytest.raises(MigrationError, match=r"0003_create_calls\.sql was changed after it was applied"):
        pending(store.client(), edited)


def test_a_view_that_was_edited_is_put_in_place_again_with_all_views_and_no_table_is_touched(store: Store) -> None:
    edited = [Migration(m.name, m.sql + "\n") if m.name == "views/02_calls_of_spans.sql" else m for m in migrations()]
    views = [m.name for m in migrations() if m.is_view]
    assert [m.name for m in apply(store.client(), edited)] == views
    assert pending(store.client(), edited) == []


def test_a_store_whose_views_were_recorded_as_migrations_is_brought_up_to_date(store: Store) -> None:
    store.run("ALTER TABLE migrations DELETE WHERE name LIKE 'views/%' SETTINGS mutations_sync = 1")
    store.insert("migrations", ["name", "sha256"], [("0007_create_otlp_spans.sql", "0" * 64)])
    assert [m.name for m in apply(store.client())] == [m.name for m in migrations() if m.is_view]
    assert apply(store.client()) == []


def test_a_store_that_is_newer_than_the_program_is_refused_with_what_to_do(store: Store) -> None:
    store.insert("migrations", ["name", "sha256"], [("9999_create_future.sql", "0" * 64)])
    with pytest.raises(StoreError, match=r"9999_create_future\.sql.*pip install -U"):
        Store(store.dsn).open()


def test_what_was_interrupted_is_done_again(store: Store) -> None:
    # The statement went through, its record did not: the file is repeatable.
    store.run("ALTER TABLE migrations DELETE WHERE name = '0003_create_calls.sql' SETTINGS mutations_sync = 1")
    views = [m.name for m in migrations() if m.is_view]
    assert [m.name for m in apply(store.client())] == ["0003_create_calls.sql", *views]


def test_files_are_numbered_and_hold_one_statement() -> None:
    tables = [m.name for m in migrations() if not m.is_view]
    views = [m.name for m in migrations() if m.is_view]
    numbers = [int(name[:4]) for name in tables]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"\d{4}_(create|add|drop|alter)_\w+\.sql", name) for name in tables)
    # In this order they are made, so what a view reads stands before it. From 30 on: promised to others (docs/export.md).
    assert all(re.fullmatch(r"views/\d\d_\w+\.sql", name) for name in views)
    for migration in migrations():
        code = re.sub(r"--.*", "", migration.sql)
        assert ";" not in re.sub(r"'[^']*'", "''", code), f"{migration.name} holds more than one statement"


def test_every_column_of_every_table_has_a_comment(store: Store) -> None:
    bare = store.rows(
        "SELECT table, name FROM system.columns WHERE database = {d:String} AND comment = '' AND table IN "
        "(SELECT name FROM system.tables WHERE database = {d:String} AND engine NOT IN ('View', 'MaterializedView'))",
        {"d": store.database},
    )
    assert bare == []


def test_every_table_that_a_pass_or_an_insert_feeds_remembers_what_it_got(store: Store) -> None:
    forgetful = store.rows(
        "SELECT name FROM system.tables WHERE database = {d:String} AND engine LIKE '%MergeTree' AND name != 'migrations' "
        "AND create_table_query NOT LIKE '%non_replicated_deduplication_window = 1000%'",
        {"d": store.database},
    )
    assert forgetful == []


def test_every_order_says_which_question_it_serves() -> None:
    for migration in migrations():
        if "\nORDER BY" in migration.sql:
            assert re.search(r"^-- .*\nORDER BY", migration.sql, re.MULTILINE), migration.name


def test_the_log_of_migrations_is_replicated_too(empty_store: Store) -> None:
    # There is no keeper here: that the engine asks for a replicated database tells that the table was to be replicated.
    client = empty_store.connect().client()
    with pytest.raises(DatabaseError, match=r"Replicated database engine"):
        apply(client, [], replicated=True)
    assert empty_store.rows("SELECT name FROM system.tables WHERE database = currentDatabase()") == []


def test_replicated_engines_are_the_same_statements_with_another_engine() -> None:
    calls = next(m for m in migrations() if m.name == "0003_create_calls.sql")
    changed = replicated_sql(calls.sql)
    assert "\nENGINE = ReplicatedReplacingMergeTree(received_ns)\n" in changed
    assert "SETTINGS replicated_deduplication_window = 1000" in changed
    assert changed.replace("Replicated", "", 1).replace("SETTINGS r", "SETTINGS non_r") == calls.sql
    assert replicated_sql(changed) == changed
