"""A store that cannot be opened, or refuses: told apart, said clearly, and without anybody's content."""

import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from breakeven_collector import records
from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.store import Store

from tests.conftest import quick_settings
from tests.spans import Call, body

SECRET = "my prompt about a divorce"


def test_what_clickhouse_cannot_read_is_not_quoted(store: Store) -> None:
    record = records.record(body(Call()) + SECRET.encode(), "p", "s")
    with pytest.raises(StoreError, match=r"ClickHouse refuses it: code \d+, [A-Z_]+$") as caught:
        store.insert_requests(record, token="")
    assert not isinstance(caught.value, StoreUnavailable)
    assert caught.value.detail.startswith("Code: ")


def test_what_stands_in_quotes_in_an_error_is_left_out(store: Store) -> None:
    with pytest.raises(StoreError, match="Cannot parse string '…' as UInt8") as caught:
        store.rows("SELECT toUInt8({text:String})", {"text": SECRET})
    assert SECRET not in str(caught.value)
    assert SECRET in caught.value.detail


def test_a_newer_store_is_refused_and_the_journal_stays_as_it_was(store: Store, tmp_path: Path) -> None:
    store.insert("migrations", ["name", "sha256"], [("9999_create_future.sql", "0" * 64)])
    settings = quick_settings(store.dsn, tmp_path)
    settings.journal_dir.mkdir(parents=True)
    waiting = settings.journal_dir / "00000000000000000001-abcdef01.seg"
    waiting.write_bytes(records.record(body(Call()), "p", waiting.stem))
    before = waiting.read_bytes()
    with (
        pytest.raises(StoreError, match=r"does not know \(9999_create_future\.sql\).*newer Breakeven.*pip install -U"),
        Pipeline(settings),
    ):
        pass
    assert [(p.name, p.read_bytes()) for p in settings.journal_dir.iterdir()] == [(waiting.name, before)]


def test_of_two_processes_that_open_one_embedded_store_at_once_one_is_told_so(tmp_path: Path) -> None:
    program = """
import sys, time
import chdb
from breakeven_collector.errors import StoreError
from breakeven_collector.store import Store
print("ready", flush=True)
sys.stdin.readline()
try:
    Store(f"chdb://{sys.argv[1]}").open()
except StoreError as error:
    print("refused:", error, flush=True)
else:
    print("opened", flush=True)
sys.stdin.readline()
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "store"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    def lines() -> list[str]:
        return [process.stdout.readline().strip() for process in processes if process.stdout]

    def go_on() -> None:
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()

    assert lines() == ["ready", "ready"]
    go_on()
    said = lines()
    go_on()
    for process in processes:
        process.communicate(timeout=30)
    opened, refused = sorted(said)
    assert opened == "opened"
    assert refused.startswith(f"refused: chdb://{tmp_path}/store is open in another process")


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<html>error code: 502</html>"
        self.send_response(500)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_that_is_not_clickhouses_is_worth_another_try(proxy: str) -> None:
    with pytest.raises(StoreUnavailable, match="HTTP status 500"):
        Store(proxy).open()


def test_what_a_query_was_asked_for_is_not_told_when_nobody_answers() -> None:
    from breakeven_collector.store import _first_line  # pyright: ignore[reportPrivateUsage]

    refused = "Error HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: /?param_t=acme (Caused by X)"
    assert _first_line(refused) == "Error HTTPConnectionPool(host='…', port=1): Max retries exceeded (Caused by X)"


def test_a_server_that_hangs_is_given_up_after_the_longest_time_of_a_statement() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = Store(f"http://127.0.0.1:{listener.getsockname()[1]}", max_query_seconds=1)
        store._arguments["send_receive_timeout"] -= 10  # pyright: ignore[reportPrivateUsage]
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.open()
        assert 0.9 < time.monotonic() - began < 10
