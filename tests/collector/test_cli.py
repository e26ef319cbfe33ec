"""The command line as people use it: in processes of its own, on a store of its own."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from breakeven_collector.cli import app
from typer.testing import CliRunner

from tests.spans import Call, body

COMMANDS = ("up", "demo", "report", "map", "doctor", "backup", "erase", "decide", "whatif", "margin")
MAIN = "from breakeven_collector.entry import main; main()"
# One that hangs ends with what each of its threads does, on stderr.
WATCHED = f"import faulthandler; faulthandler.dump_traceback_later(60, exit=True); {MAIN}"


def environment(**changes: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BREAKEVEN_")}
    return {**clean, "COLUMNS": "200", "NO_COLOR": "1", "BREAKEVEN_GRPC_PORT": "-1", **changes}


def run(*arguments: str, timeout: float = 60, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**variables),
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Up:
    process: subprocess.Popen[str]
    url: str
    data_dir: Path

    def post(self, data: bytes) -> None:
        request = urllib.request.Request(
            f"{self.url}/v1/traces", data, {"Content-Type": "application/x-protobuf"}, method="POST"
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            assert answer.status == 200

    @property
    def port(self) -> str:
        return self.url.rsplit(":", 1)[1]


@contextmanager
def up(data_dir: Path, *arguments: str, main: str = MAIN, **variables: str) -> Generator[Up]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", main, "up", "--port", "0", "--data-dir", str(data_dir), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    )
    try:
        assert process.stdout
        found = re.match(r"Listening on (\S+), store (\S+)", process.stdout.readline())
        assert found, process.communicate(timeout=5)
        yield Up(process, found[1], data_dir)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("running")
    (folder / "breakeven.toml").write_text("[features.search]\nowner = 'Ann [/] Bö'\n", encoding="utf-8")
    with up(folder / "data", BREAKEVEN_CONFIG=str(folder / "breakeven.toml")) as one:
        now = datetime.now(UTC)
        one.post(body(Call(at=now), Call(at=now, feature="søk [bold]", model="[/]"), Call(at=now, feature=None)))
        deadline = time.monotonic() + 20
        while json.loads(run("report", "--url", one.url, "--format", "json").stdout)["totals"]["calls"] < 3:
            assert time.monotonic() < deadline
        yield one


# ------------------------------------------------------------------------------------------------------------ help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples_and_variables(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "160", "NO_COLOR": "1"})
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert f"breakeven {command}" in result.output
    # Whom to erase, and that it is meant, is said on the spot: no variable says it for the next time too.
    options = set(re.findall(r"--([a-z-]+)", result.output)) - {"help", "no-serve", "user", "tenant", "yes", "dry-run"}
    assert {"port"} <= options
    variables = set(re.findall(r"BREAKEVEN_[A-Z_]+", result.output))
    assert len(variables) >= len({o for o in options if o not in ("data-dir",)}) - 1


def test_without_a_command_the_commands_are_listed() -> None:
    result = CliRunner().invoke(app, [], env={"COLUMNS": "120", "NO_COLOR": "1"})
    assert all(command in result.output for command in COMMANDS)


# ------------------------------------------------------------------------------------------------------ bad values


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "told"),
    [
        (
            ["report", "--days", "0"],
            {},
            2,
            "'--days' (env var: 'BREAKEVEN_DAYS'): Input should be greater than or equal to 1",
        ),
        (["report", "--by", "colour"], {}, 2, "'colour' is not one of 'feature'"),
        (["report", "--format", "xml"], {}, 2, "'xml' is not one of 'table', 'json', 'csv'"),
        (
            ["report", "--port", "65536"],
            {},
            2,
            "'--port' (env var: 'BREAKEVEN_PORT'): Input should be less than or equal to 65535",
        ),
        (["report"], {"BREAKEVEN_PORT": "http"}, 2, "BREAKEVEN_PORT"),
        (["up", "--porrt", "1"], {}, 2, "No such option: --porrt"),
        (["repport"], {}, 2, "No such command 'repport'"),
        (["report"], {"BREAKEVEN_BATCH_SECONDS": "soon"}, 1, "batch_seconds (BREAKEVEN_BATCH_SECONDS) is 'soon':"),
        (["up", "--port", "0", "--store", "nonsense"], {}, 1, "store 'nonsense': write chdb:///folder"),
        (["up", "--port", "0", "--host", "no such host"], {}, 1, "Choose another --host"),
        (["up", "--port", "0", "--host", "a" * 70], {}, 1, "is not the name of a host"),
        (["report", "--port", "1", "--store", "chdb:///"], {}, 1, "with three slashes and an absolute path"),
        (["report", "--url", "http://127.0.0.1:1"], {}, 1, "Is `breakeven up` running there?"),
    ],
)
def test_a_bad_value_is_told_in_a_line(
    arguments: list[str], variables: Mapping[str, str], code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("BREAKEVEN_")]:
        monkeypatch.delenv(name)
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "400", "NO_COLOR": "1", **variables})
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)
    if code == 1:
        assert result.stderr.startswith("breakeven: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "store",
    ["chdb://[/bold]/x", "http://h:99999/d", "http://me:my-secret/x@h/d", "http://[::1/d", "my://u:my-secret/x@h"],
)
def test_an_address_that_cannot_be_read_is_told_without_its_password(store: str) -> None:
    result = CliRunner().invoke(app, ["up", "--port", "0", "--store", store], env={"NO_COLOR": "1"})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "chdb:///folder" in result.stderr
    assert "my-secret" not in result.output
    assert result.stderr.count("\n") == 1


def test_square_brackets_in_a_message_stay() -> None:
    result = CliRunner().invoke(app, ["up", "--port", "0", "--store", "[/bold]x[red]"], env={"NO_COLOR": "1"})
    assert result.exit_code == 1
    assert result.stderr.startswith("breakeven: store '[/bold]x[red]': write chdb:///folder")


def test_a_report_without_collector_and_store_says_what_to_do(tmp_path: Path) -> None:
    port = str(free_port())
    result = run("report", BREAKEVEN_PORT=port, BREAKEVEN_DATA_DIR=str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"breakeven: no data yet: nothing answers at http://127.0.0.1:{port} and there is no store in "
        f"{tmp_path / 'none' / 'store'}. Start the collector with `breakeven up`, or look at a filled one with `breakeven demo`.\n"
    )


# ------------------------------------------------------------------------------------- beside a running collector


def test_json_on_stdout_is_nothing_but_json(running: Up) -> None:
    by_url = run("report", "--url", running.url, "--format", "json")
    by_port = run(
        "report", BREAKEVEN_PORT=running.port, BREAKEVEN_FORMAT="json", BREAKEVEN_DAYS="3", BREAKEVEN_BY="model"
    )
    assert (by_url.returncode, by_url.stderr, by_port.returncode, by_port.stderr) == (0, "", 0, "")
    document = json.loads(by_url.stdout)
    assert {(r["feature"], r["owner"], r["calls"]) for r in document["features"]} == {
        ("search", "Ann [/] Bö", 1),
        ("søk [bold]", None, 1),
        (None, None, 1),
    }
    other = json.loads(by_port.stdout)
    assert (other["by"], other["period"]["days"], {r["model"] for r in other["models"]}) == (
        "model",
        3,
        {"gpt-4o", "[/]"},
    )


def test_csv_on_stdout_is_nothing_but_csv(running: Up) -> None:
    result = run("report", BREAKEVEN_URL=running.url, BREAKEVEN_FORMAT="csv")
    assert (result.returncode, result.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["feature"] for row in rows} == {"search", "søk [bold]", ""}


def test_the_table_shows_names_as_they_are(running: Up) -> None:
    result = run("report", "--url", running.url)
    assert (result.returncode, result.stderr) == (0, "")
    for text in ("Ann [/] Bö", "søk [bold]", "(unallocated)", "/[/])"):
        assert text in result.stdout


def test_doctor_finds_nothing_wrong(running: Up) -> None:
    result = run("doctor", "--url", running.url)
    assert (result.returncode, result.stderr) == (0, "")
    assert "a collector answers at" in result.stdout
    assert "/[/]" in result.stdout


def test_doctor_fails_where_something_is_wrong(running: Up, tmp_path: Path) -> None:
    result = run("doctor", "--url", f"http://127.0.0.1:{free_port()}")
    assert result.returncode == 1
    assert "wrong" in result.stdout
    broken = tmp_path / "breakeven.toml"
    broken.write_text("features = 1", encoding="utf-8")
    result = run("doctor", "--url", running.url, "--config", str(broken))
    assert result.returncode == 1
    assert "write [features.NAME]" in result.stdout


def test_a_port_that_is_taken_is_told(running: Up, tmp_path: Path) -> None:
    start = time.monotonic()
    result = run("up", "--port", running.port, "--data-dir", str(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"breakeven: port {running.port} on 127.0.0.1 is taken, perhaps by another collector. Stop that, or choose "
        "another port: --port, or BREAKEVEN_PORT\n"
    )
    assert time.monotonic() - start < 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["up", "--port", "0"], ["report"]])
def test_a_store_that_is_open_elsewhere_is_told(running: Up, command: list[str]) -> None:
    result = run(*command, BREAKEVEN_PORT=str(free_port()), BREAKEVEN_DATA_DIR=str(running.data_dir))
    assert (result.returncode, result.stdout) == (1, "")
    assert "is open in another process: one process at a time may use an embedded store" in result.stderr
    assert "Is `breakeven up` running?" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    # and the one that has it is not disturbed
    assert run("doctor", "--url", running.url).returncode == 0


# --------------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize(("number", "host"), [(signal.SIGTERM, "127.0.0.1"), (signal.SIGINT, "localhost")])
def test_a_signal_ends_it_within_seconds_and_everything_has_landed(
    tmp_path: Path, number: signal.Signals, host: str
) -> None:
    # segments stay open for a minute: only the end can ship them
    with up(tmp_path / "data dir?", "--host", host, main=WATCHED, BREAKEVEN_BATCH_SECONDS="60") as one:
        now = datetime.now(UTC)
        for _ in range(10):
            one.post(body(Call(at=now), Call(at=now)))
        one.process.send_signal(number)
        out, err = one.process.communicate(timeout=90)
    assert (one.process.returncode, re.findall("Traceback|Thread|WARNING|ERROR", err)) == (0, []), err
    assert "Stopping: shipping what was taken." in out
    assert list((one.data_dir / "journal").iterdir()) == []
    result = run("report", "--format", "json", "--data-dir", str(one.data_dir), "--port", str(free_port()))
    assert json.loads(result.stdout)["totals"]["calls"] == 20


# ------------------------------------------------------------------------------------------------ without the extra


@pytest.mark.parametrize("missing", ["typer", "clickhouse_connect", "pydantic_settings"])
def test_without_the_extra_it_says_how_to_install_it(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['breakeven', 'report']; {MAIN}"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment(), check=False
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "breakeven: the command line comes with the collector, which is not installed "
        f"(no module {missing!r}).\nInstall it with: pip install 'breakeven[collector]'\n"
    )


def test_what_only_the_server_needs_is_told_the_same_way(tmp_path: Path) -> None:
    program = f"import sys; sys.modules['uvicorn'] = None; sys.argv = ['breakeven', 'up']; {MAIN}"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment(), check=False
    )
    assert result.returncode == 1
    assert result.stderr.endswith("Install it with: pip install 'breakeven[collector]'\n")
    assert "Traceback" not in result.stderr


def test_a_config_file_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    for command in (["assumptions", "check"], ["report"], ["decide", "--all"]):
        result = CliRunner().invoke(app, [*command, "--config", str(tmp_path / "no.toml")], env={"COLUMNS": "300"})
        assert (result.exit_code, "no.toml: there is no such file" in result.output) == (1, True), result.output
