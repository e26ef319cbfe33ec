"""What the compose file's first service makes: each service gets its own secrets, and no other's."""

import hashlib
import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from breakeven_collector.keys import Scope, is_key, new_secret
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store

from tests.deploy.files import COMPOSE, ROOT, compose


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_secrets", ROOT / "deploy" / "compose" / "make_secrets.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}


def test_a_second_start_changes_nothing_and_what_is_given_holds(maker: Any, tmp_path: Path) -> None:
    maker.make(tmp_path, {})
    first = made(tmp_path)
    maker.make(tmp_path, {"GRAFANA_ADMIN_PASSWORD": "", "BREAKEVEN_ADMIN_KEY": " "})
    assert made(tmp_path) == first
    key = new_secret(Scope.INGEST)
    maker.make(tmp_path, {"BREAKEVEN_INGEST_KEY": key, "CLICKHOUSE_PASSWORD": "p@ss/w:rd"})
    changed = {path for path, text in made(tmp_path).items() if text != first[path]}
    assert changed == {
        "collector/breakeven_ingest_key",
        "otel/ingest_key",
        "collector/clickhouse_password",
        "collector/breakeven_store",
        "clickhouse/breakeven.xml",
    }
    assert Store((tmp_path / "collector" / "breakeven_store").read_text()).address == "http://clickhouse:8123/breakeven"
    with pytest.raises(SystemExit, match="BREAKEVEN_READ_KEY is not a key for read") as told:
        maker.make(tmp_path, {"BREAKEVEN_READ_KEY": "hunter2"})
    assert "hunter2" not in str(told.value)


def test_the_collector_starts_from_its_folder(maker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.make(tmp_path, {})
    monkeypatch.setenv("BREAKEVEN_SECRETS_DIR", str(tmp_path / "collector"))
    found = Settings(data_dir=tmp_path)
    assert is_key(found.admin_key.get_secret_value(), Scope.ADMIN)
    assert re.fullmatch(r"http://breakeven:[\w-]{32}@clickhouse:8123/breakeven", found.dsn)
    monkeypatch.setenv("BREAKEVEN_SECRETS_DIR", str(tmp_path / "admin"))
    assert Settings().key == found.admin_key


def test_a_service_sees_its_own_secrets_alone(maker: Any, tmp_path: Path) -> None:
    services = compose(COMPOSE[0])["services"]
    mounts = {
        v.split(":")[0]: v.split(":")[1].removeprefix("/secrets/")
        for v in services["secrets"]["volumes"]
        if v[0] != "."
    }
    maker.make(tmp_path, {})
    assert set(mounts.values()) == {folder.name for folder in tmp_path.iterdir()}
    sees = {
        name: {mounts[v.split(":")[0]] for v in service.get("volumes", []) if v.split(":")[0] in mounts}
        for name, service in services.items()
        if name != "secrets"
    }
    assert sees == {
        "clickhouse": {"clickhouse"},
        "collector": {"collector"},
        "readers": {"readers"},
        "grafana": {"grafana"},
        "demo": {"admin"},
        "otel": {"otel"},
    }
    texts = made(tmp_path)
    writer, admin = texts["collector/clickhouse_password"], texts["collector/breakeven_admin_key"]
    assert not any(
        secret in text for path, text in texts.items() if path.startswith("grafana/") for secret in (writer, admin)
    )


def test_a_start_that_was_cut_off_hinders_no_other(maker: Any, tmp_path: Path) -> None:
    maker.make(tmp_path, {})
    kept = (tmp_path / "admin" / "breakeven_key").read_text()
    # Stands for a file that may not be written: tests may run as root, who may.
    left = tmp_path / "admin" / ".breakeven_key.part"
    left.symlink_to(tmp_path / "nowhere" / "at-all")
    maker.make(tmp_path, {})
    assert ((tmp_path / "admin" / "breakeven_key").read_text(), left.is_symlink()) == (kept, False)


def test_the_server_knows_digests_of_passwords_and_no_user_without_one(
    maker: Any, tmp_path: Path, empty_store: Store
) -> None:
    maker.make(tmp_path, {})
    text = (tmp_path / "clickhouse" / "breakeven.xml").read_text()
    users = {user.tag: user for user in ET.fromstring(text).find("users") or ()}
    assert users.pop("default").attrib == {"remove": "remove"}
    passwords = {
        "breakeven": (tmp_path / "collector" / "clickhouse_password").read_text(),
        "breakeven_access": (tmp_path / "readers" / "clickhouse_password").read_text(),
    }
    digests = {name: hashlib.sha256(password.encode()).hexdigest() for name, password in passwords.items()}
    assert {name: user.findtext("password_sha256_hex") for name, user in users.items()} == digests
    assert not any(password in text for password in passwords.values())
    assert [user.tag for user in users.values() if user.findtext("access_management") == "1"] == ["breakeven_access"]
    grants = [query.text for query in users["breakeven"].iter("query")]
    assert grants == ["GRANT ALL ON breakeven.*", "GRANT SELECT ON system.*"]
    read = empty_store.connect().rows(
        "SELECT countIf(formatQueryOrNull(concat(s, ' TO u')) IS NULL) AS bad FROM (SELECT arrayJoin({s:Array(String)}) AS s)",
        {"s": grants},
    )
    assert read == [{"bad": 0}]
    cluster = ET.parse(ROOT / "deploy" / "cluster" / "clickhouse" / "users.xml")
    assert [query.text for query in cluster.iter("query")] == grants


def test_names_in_the_servers_configuration_are_ones_that_the_engine_knows(empty_store: Store) -> None:
    known = {row["name"] for row in empty_store.connect().rows("SELECT name FROM system.server_settings")}
    # Sections, which that table does not list; as in ClickHouse's own config.xml.
    sections = {"timezone", "logger", "macros", "zookeeper", "interserver_http_host"}
    for path in ("compose/clickhouse.xml", "cluster/clickhouse/config.xml"):
        names = {element.tag for element in ET.parse(ROOT / "deploy" / path).getroot()}
        assert names - known - sections == set(), path
        assert "format_schema_path" in names & known
    init = (ROOT / "deploy" / "cluster" / "init.sql").read_text()
    assert empty_store.rows("SELECT formatQueryOrNull({sql:String}) IS NOT NULL AS is_one", {"sql": init}) == [
        {"is_one": 1}
    ]
