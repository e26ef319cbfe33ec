"""Keys as people use them: the first one, a collector that others can reach, the command line beside it."""

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from breakeven_collector.cli import app
from breakeven_collector.doctor import examine
from breakeven_collector.errors import ConfigError
from breakeven_collector.period import Asked
from breakeven_collector.serve import Collector
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorRefused, fetch_report
from typer.testing import CliRunner, Result

from tests.collector.client import Client, status_of
from tests.conftest import quick_settings
from tests.spans import Call, body


@pytest.fixture(scope="module")
def store(engine_folder: Path) -> str:
    return f"chdb://{engine_folder}?database=cli_keys_{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli-keys")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BREAKEVEN_KEY", raising=False)


@pytest.fixture(scope="module")
def running(store: str, folder: Path) -> Iterator[Collector]:
    """On this machine alone, and without a key so far."""
    with Collector(quick_settings(store, folder)) as collector:
        yield collector


def keys(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(
        app, ["keys", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1", **variables}, catch_exceptions=False
    )


def beside(collector: Collector, folder: Path, store: str) -> tuple[str, ...]:
    """How the command line is told of a collector on this machine."""
    return ("--port", collector.url.rsplit(":", 1)[1], "--data-dir", str(folder / "data"), "--store", store)


def test_where_others_can_reach_it_the_first_key_comes_first(engine_folder: Path, tmp_path: Path) -> None:
    dsn = f"chdb://{engine_folder}?database=open_{uuid4().hex[:8]}"
    settings = quick_settings(dsn, tmp_path).model_copy(update={"host": "0.0.0.0"})
    with pytest.raises(ConfigError, match=r"(?s)0\.0\.0\.0 can be reached by others.*breakeven keys create --scope"):
        Collector(settings).__enter__()
    # As it says, with no collector running.
    told = keys("create", "--scope", "ingest", "--port", "0", "--store", dsn, "--data-dir", str(settings.data_dir))
    assert told.exit_code == 0, told.output
    secret = told.stdout.strip()
    assert re.fullmatch("bk_ingest_[0-9a-f]{64}", secret)
    assert secret not in told.stderr
    with Collector(settings) as collector:
        assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
        client = Client(collector.url.replace("0.0.0.0", "127.0.0.1"))
        assert client.post(body(Call())).status == 401
        assert client.post(body(Call()), {"Content-Type": "application/x-protobuf", "x-api-key": secret}).status == 200


def test_a_page_of_another_site_gets_nothing_from_a_collector_without_keys(running: Collector) -> None:
    client = Client(running.url)
    port = running.url.rsplit(":", 1)[1]
    for headers in ({"Host": f"evil.example:{port}"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        for method, path in (
            ("GET", "/api/report"),
            ("POST", "/v1/traces"),
            ("POST", "/api/keys"),
            ("GET", "/api/keys"),
        ):
            answer = client.send(method, path, b"{}", {"Content-Type": "application/json", **headers})
            assert answer.status == 403, (path, headers, answer)
            assert "breakeven keys create" in status_of(answer)[1]
        assert json.loads(client.send("GET", "/healthz", headers=headers).body) == {"status": "ok"}
    assert "store" in client.get("/healthz")


def test_the_first_key_is_made_through_the_running_collector_and_the_command_line_goes_on(
    running: Collector, folder: Path, store: str
) -> None:
    where = beside(running, folder, store)
    client = Client(running.url)
    assert keys("list", *where).stdout == "No keys.\n"
    made = keys("create", "--scope", "read", "--project", "search", "--note", "for [bold]Bö", *where)
    assert (made.exit_code, made.stdout[:8]) == (0, "bk_read_")
    assert client.send("GET", "/api/report").status == 401
    listed = keys("list", *where).stdout
    assert listed.split("\n")[1].split()[1:3] == ["read", "search"]
    assert "for [bold]Bö" in listed
    (key,) = json.loads(keys("list", "--format", "json", *where).stdout)["keys"]
    asking = Settings(port=int(where[1]), data_dir=folder / "data", store=store)
    assert fetch_report(asking, None, asked=Asked(1))["totals"]["calls"] == 0
    assert not [finding for finding in examine(asking) if finding.level == "wrong"]
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    assert client.send("GET", "/api/keys", headers=headers).status == 403
    gone = keys("revoke", key["key_id"], *where)
    assert gone.stdout == f"Revoked: read key {key['key_id']} of search.\n"
    assert client.send("GET", "/api/keys", headers=headers).status == 401
    again = keys("revoke", key["key_id"], *where)
    assert again.exit_code == 1
    assert "there is no key of this id" in again.stderr


def test_from_another_data_folder_one_needs_a_key_in_the_environment(
    running: Collector, folder: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = beside(running, folder, store)
    read = keys("create", "--scope", "read", *where).stdout.strip()
    admin = keys("create", "--scope", "admin", *where).stdout.strip()
    url = ("--url", running.url, "--data-dir", str(tmp_path))
    refused = keys("list", *url)
    assert refused.exit_code == 1
    assert "this collector asks for a key" in refused.stderr
    assert "Put one into BREAKEVEN_KEY" in refused.stderr
    refused = keys("list", *url, BREAKEVEN_KEY=read)
    assert "this key is for read: this needs an admin's" in refused.stderr
    refused = keys("list", *url, BREAKEVEN_KEY="bk_read_canary")
    assert "the key is not one of this collector's" in refused.stderr
    assert "canary" not in refused.output
    assert keys("list", *url, BREAKEVEN_KEY=admin).exit_code == 0
    monkeypatch.setenv("BREAKEVEN_KEY", read)
    far = Settings(data_dir=tmp_path)
    assert fetch_report(far, running.url, asked=Asked(1))["totals"]["calls"] == 0
    with pytest.raises(CollectorRefused, match="this key is for project 'default' only"):
        fetch_report(far, running.url, asked=Asked(1), project="search")
    (told,) = [f.what for f in examine(far, running.url) if "a collector answers" in f.what]
    assert told == f"a collector answers at {running.url}: ok"


@pytest.mark.parametrize("command", ["create", "list", "revoke"])
def test_every_command_has_help_with_examples(command: str) -> None:
    told = keys(command, "--help")
    assert told.exit_code == 0
    assert f"breakeven keys {command}" in told.output
