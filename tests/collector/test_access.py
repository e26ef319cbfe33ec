"""Keys: how they are kept, who is let in with which, and who without any."""

import base64
import logging
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from breakeven_collector import local_key
from breakeven_collector.access import Access, Caller
from breakeven_collector.cli import app
from breakeven_collector.errors import BadRequest, ConfigError, StoreUnavailable
from breakeven_collector.keys import KeyTable, Scope, digest, is_key, new_secret
from breakeven_collector.settings import Settings
from breakeven_collector.source import key_for
from breakeven_collector.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def keys_store(engine_folder: Path) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=keys_{uuid4().hex[:8]}").open()
    yield store
    store.close()


@pytest.fixture
def table(keys_store: Store) -> KeyTable:
    keys_store.run("TRUNCATE TABLE keys")
    return KeyTable(keys_store)


@pytest.fixture
def access(keys_store: Store, table: KeyTable) -> Access:
    """Of a collector on loopback."""
    access = Access(keys_store)
    access.refresh()
    access.listen("127.0.0.1")
    return access


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def refused(access: Access, headers: Mapping[str, str]) -> int:
    with pytest.raises(BadRequest) as caught:
        access.caller(headers)
    return caught.value.status


def test_a_key_is_told_once_and_kept_as_a_digest(table: KeyTable, keys_store: Store) -> None:
    made = table.create(Scope.INGEST, "search", "the crawler")
    secret = made.pop("key")
    assert secret.startswith("bk_ingest_")
    assert len(bytes.fromhex(secret.removeprefix("bk_ingest_"))) == 32
    assert table.list() == {"keys": [made]}
    (row,) = keys_store.rows("SELECT * FROM keys FINAL")
    assert row["digest"] == digest(secret)
    assert secret.removeprefix("bk_ingest_") not in str(row) + str(made)
    (key,) = table.all()
    assert key.digest not in repr(key)
    assert table.revoke(made["key_id"])["revoked"] == {**made, "revoked": True}
    assert table.list() == {"keys": []}
    with pytest.raises(BadRequest, match="there is no key of this id") as caught:
        table.revoke(secret)
    assert secret not in str(caught.value)


def test_each_scope_has_its_project(table: KeyTable, access: Access) -> None:
    callers = {
        (scope, project): access_of(access, table, scope, project) for scope in Scope for project in (None, "search")
    }
    assert callers == {
        (Scope.INGEST, None): Caller(Scope.INGEST, "default"),
        (Scope.INGEST, "search"): Caller(Scope.INGEST, "search"),
        (Scope.READ, None): Caller(Scope.READ, "default"),
        (Scope.READ, "search"): Caller(Scope.READ, "search"),
        (Scope.ADMIN, None): Caller(Scope.ADMIN, None),
        (Scope.ADMIN, "search"): Caller(Scope.ADMIN, "search"),
    }


def access_of(access: Access, table: KeyTable, scope: Scope, project: str | None) -> Caller:
    secret = table.create(scope, project)["key"]
    access.refresh()
    return access.caller(bearer(secret))


@pytest.mark.parametrize("project", ["", "a b", "a/b", "-a", "ä", "a" * 65, "a\n"])
def test_a_project_has_a_plain_name(table: KeyTable, project: str) -> None:
    with pytest.raises(BadRequest, match="letters, digits"):
        table.create(Scope.READ, project)


def test_an_admin_of_one_project_deals_with_its_keys_alone(table: KeyTable, keys_store: Store) -> None:
    others = table.create(Scope.READ, "other")
    of_all = table.create(Scope.ADMIN)
    own = KeyTable(keys_store, "search")
    made = own.create(Scope.ADMIN)
    assert made["project"] == "search"
    assert [key["key_id"] for key in own.list()["keys"]] == [made["key_id"]]
    with pytest.raises(BadRequest, match="admin's of project 'search'"):
        own.create(Scope.READ, "other")
    for key in (others, of_all):
        with pytest.raises(BadRequest, match="no key of this id"):
            own.revoke(key["key_id"])


def test_without_a_key_this_machine_may_do_all_and_with_the_first_key_nobody_without_one(
    table: KeyTable, access: Access
) -> None:
    assert access.ingest_project({}) == "default"
    assert access.caller({"host": "localhost:4318"}).runs_it
    made = table.create(Scope.INGEST, "search")
    access.refresh()
    assert refused(access, {}) == refused(access, bearer("bk_ingest_" + "0" * 64)) == 401
    assert access.ingest_project(bearer(made["key"])) == "search"
    table.revoke(made["key_id"])
    access.refresh()
    # What was closed once is not opened by taking the last key away.
    assert refused(access, {}) == refused(access, bearer(made["key"])) == 401


def test_a_read_key_does_not_write(table: KeyTable, access: Access) -> None:
    secret = table.create(Scope.READ)["key"]
    access.refresh()
    with pytest.raises(BadRequest, match="reads only") as caught:
        access.ingest_project(bearer(secret))
    assert caught.value.status == 403


def test_the_key_stands_in_either_header_and_for_clickhouse_where_a_password_does(
    table: KeyTable, access: Access
) -> None:
    secret = table.create(Scope.READ, "search")["key"]
    access.refresh()
    caller = Caller(Scope.READ, "search")
    basic = {"authorization": "Basic " + base64.b64encode(f"anyone:{secret}".encode()).decode()}
    for headers in (bearer(secret), {"authorization": f"bearer  {secret} "}, {"x-api-key": secret}):
        assert access.caller(headers) == access.caller(headers, clickhouse=True) == caller
    for headers in (basic, {"x-clickhouse-key": secret}):
        assert refused(access, headers) == 401
        assert access.caller(headers, clickhouse=True) == caller


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["authorization", "x-api-key", "x-clickhouse-key"]),
        st.tuples(st.sampled_from(["", "Basic ", "Bearer "]), st.text(max_size=40)).map("".join),
    )
)
def test_whatever_stands_there_is_refused_in_order(headers: dict[str, str]) -> None:
    # No store is asked: a request is judged by what is in memory.
    with pytest.raises(BadRequest) as caught:
        Access(Store("http://127.0.0.1:1/none")).caller(headers, clickhouse=True)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:4318"},
        {"host": "localhost@evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "10.0.0.7:4318"},
        {"host": "0.0.0.0:4318"},
        {"host": "[::1"},
        {"host": ""},
        {"host": "localhost:4318", "origin": "http://evil.example"},
        {"host": "localhost:4318", "origin": "http://localhost:3000"},
        {"host": "localhost:4318", "origin": "null"},
        {"host": "127.0.0.1:4318", "x-forwarded-for": "203.0.113.9"},
        {"host": "127.0.0.1:4318", "forwarded": "for=203.0.113.9"},
    ],
)
def test_without_keys_neither_a_foreign_page_nor_a_proxy_gets_in(access: Access, headers: dict[str, str]) -> None:
    assert refused(access, headers) == 403
    with pytest.raises(BadRequest, match="breakeven keys create"):
        access.ingest_project(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost"},
        {"host": "LOCALHOST:4318", "origin": "http://localhost:4318"},
        {"host": "127.0.0.1:4318", "origin": "http://127.0.0.1:4318"},
        {"host": "127.8.8.8"},
        {"host": "[::1]:4318"},
    ],
)
def test_without_keys_this_machine_gets_in_under_its_own_names(access: Access, headers: dict[str, str]) -> None:
    assert access.caller(headers).runs_it


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.4", "::", "2001:db8::1", "fe80::1%eth0", "::ffff:10.0.0.1"])
def test_where_others_reach_it_a_collector_needs_a_key(table: KeyTable, keys_store: Store, address: str) -> None:
    access = Access(keys_store)
    access.refresh()
    access.trust("bk_admin_of_this_process")
    with pytest.raises(ConfigError, match="breakeven keys create --scope ingest"):
        access.listen(address)
    assert refused(access, {"host": "localhost"}) == 401
    made = table.create(Scope.INGEST)
    access.refresh()
    access.listen(address)
    table.revoke(made["key_id"])
    access.refresh()
    with pytest.raises(ConfigError):
        access.listen(address)


def test_keys_of_the_settings_open_a_collector_to_others_and_hold_beside_those_of_the_store(
    table: KeyTable, keys_store: Store
) -> None:
    admin, ingest, read = (new_secret(scope) for scope in (Scope.ADMIN, Scope.INGEST, Scope.READ))
    made = table.create(Scope.READ, "search")
    access = Access(keys_store)
    access.declare({Scope.ADMIN: admin, Scope.INGEST: ingest, Scope.READ: read})
    access.refresh()
    access.listen("0.0.0.0")
    assert [access.caller(bearer(secret)) for secret in (admin, ingest, read, made["key"])] == [
        Caller(Scope.ADMIN, None),
        Caller(Scope.INGEST, "default"),
        Caller(Scope.READ, "default"),
        Caller(Scope.READ, "search"),
    ]
    assert refused(access, {"host": "localhost"}) == 401
    assert [key["key_id"] for key in table.list()["keys"]] == [made["key_id"]]
    other = Access(keys_store)
    other.declare({Scope.ADMIN: "", Scope.INGEST: "", Scope.READ: ""})
    other.refresh()
    assert refused(other, bearer(admin)) == 401


def test_with_a_key_of_the_settings_nobody_gets_in_without_one_on_this_machine_either(
    table: KeyTable, keys_store: Store
) -> None:
    access = Access(keys_store)
    access.declare({Scope.INGEST: new_secret(Scope.INGEST)})
    access.refresh()
    access.listen("127.0.0.1")
    assert refused(access, {"host": "localhost"}) == 401


@pytest.mark.parametrize(
    "secret", ["hunter2", "bk_admin_" + "0" * 63, "bk_read_" + "0" * 64, "bk_admin_" + "0" * 64 + "\n"]
)
def test_what_is_no_key_of_its_scope_is_refused_without_being_shown(keys_store: Store, secret: str) -> None:
    with pytest.raises(ConfigError, match="BREAKEVEN_ADMIN_KEY is not a key for admin") as caught:
        Access(keys_store).declare({Scope.ADMIN: secret})
    assert secret not in str(caught.value)


def test_a_generated_key_is_one_and_settings_stand_in_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breakeven_ingest_key").write_text(
        CliRunner().invoke(app, ["keys", "generate", "--scope", "ingest"]).stdout
    )
    (tmp_path / "breakeven_store").write_text("http://u:p@clickhouse:8123/b\n")
    (tmp_path / "breakeven_port").write_text("4000")
    (tmp_path / "other").write_text("not ours")
    monkeypatch.setenv("BREAKEVEN_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("BREAKEVEN_PORT", "5000")
    found = Settings(timezone="Asia/Tokyo")
    assert (found.dsn, found.port, found.timezone) == ("http://u:p@clickhouse:8123/b", 5000, "Asia/Tokyo")
    assert is_key(found.ingest_key.get_secret_value(), Scope.INGEST)
    monkeypatch.setenv("BREAKEVEN_SECRETS_DIR", str(tmp_path / "gone"))
    told = CliRunner().invoke(app, ["report"])
    assert (told.exit_code, "which is no folder" in told.stderr) == (1, True)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_on_loopback_it_needs_none(table: KeyTable, keys_store: Store, address: str) -> None:
    access = Access(keys_store)
    access.refresh()
    access.listen(address)
    assert access.caller({}).runs_it


def test_a_revocation_reaches_another_collector_within_seconds(table: KeyTable, keys_store: Store) -> None:
    made = table.create(Scope.INGEST)
    other = Access(keys_store)
    other.start()
    try:
        assert other.ingest_project(bearer(made["key"])) == "default"
        table.revoke(made["key_id"])
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                other.caller(bearer(made["key"]))
            except BadRequest:
                break
            time.sleep(0.1)
        assert refused(other, bearer(made["key"])) == 401
    finally:
        other.close()


def test_while_the_store_is_away_the_known_keys_hold(
    table: KeyTable, keys_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("breakeven_collector.access._REFRESH_SECONDS", 0.02)
    secret = table.create(Scope.INGEST)["key"]
    access = Access(keys_store)
    access.start()
    try:

        def away(*_: object) -> list[dict[str, object]]:
            raise StoreUnavailable("gone")

        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr(keys_store, "rows", away)
            time.sleep(0.3)
            assert access.ingest_project(bearer(secret)) == "default"
        assert [record.getMessage() for record in caplog.records] == [
            "keys are not up to date, those that are known go on to hold: gone"
        ]
        later = table.create(Scope.INGEST, "later")["key"]
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                assert access.ingest_project(bearer(later)) == "later"
                break
            except BadRequest:
                time.sleep(0.02)
        else:
            pytest.fail("keys are not read again once the store is back")
    finally:
        access.close()


def test_the_key_of_this_machine_is_left_for_its_user_alone_and_shown_to_its_port_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin-4318.key"
    path.write_text("old", encoding="ascii")
    path.chmod(0o666)
    secret = local_key.leave(tmp_path, 4318)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["admin-4318.key"]
    asking = Settings(data_dir=tmp_path)
    for address in ("http://127.0.0.1:4318", "http://localhost:4318", "http://[::1]:4318/"):
        assert key_for(asking, address) == secret
    for address in ("http://127.0.0.1:4319", "http://collector:4318", "http://10.0.0.1:4318", "nonsense", "http://["):
        assert key_for(asking, address) == ""
    assert key_for(Settings(data_dir=tmp_path / "other"), "http://127.0.0.1:4318") == ""
    local_key.take_away(tmp_path, 4318, "another's")
    assert path.exists()
    local_key.take_away(tmp_path, 4318, secret)
    assert not path.exists()


def test_the_key_in_the_environment_goes_first_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_key.leave(tmp_path, 4318)
    monkeypatch.setenv("BREAKEVEN_KEY", "bk_read_canary")
    asking = Settings(data_dir=tmp_path)
    assert key_for(asking, "http://127.0.0.1:4318") == key_for(asking, "https://far") == "bk_read_canary"
    assert "canary" not in repr(asking) + str(asking.model_dump())
    monkeypatch.setenv("BREAKEVEN_KEY", "bk_read_canary\nx: y")
    with pytest.raises(ConfigError, match="is not a key") as caught:
        key_for(Settings(data_dir=tmp_path), "https://far")
    assert "canary" not in str(caught.value)
