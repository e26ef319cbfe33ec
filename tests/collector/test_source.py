"""Where a command gets its figures: the collector that runs, else the store, else a sentence that says what to do."""

import http.server
import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.period import Asked
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import Dimension
from breakeven_collector.serve import Collector
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorRefused, CollectorUnreachable, fetch_report, get_json
from breakeven_collector.store import Store

from tests.conftest import quick_settings
from tests.spans import Call, body


@contextmanager
def answering(content: bytes, status: int = 200, content_type: str = "application/json") -> Generator[str]:
    """Some other program that has the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_running_collector_is_asked_by_port_and_by_url(
    engine_folder: Path, tmp_path: Path, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a proxy that is set for the world must not be asked for this machine
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    settings = quick_settings(f"chdb://{engine_folder}?database=source_{project}", tmp_path)
    with Collector(settings) as collector:
        data = otlp.read_traces(body(Call(at=datetime.now(UTC))), otlp.Encoding.PROTOBUF).body
        collector.pipeline.journal.append(data, "default").result(5)
        collector.pipeline.drain()
        port = int(collector.url.rsplit(":", 1)[1])
        nowhere = Settings(port=port, store="http://127.0.0.1:1/none")
        unnamed = Settings(port=port)
        for asking, url in ((unnamed, None), (nowhere, collector.url), (nowhere, f"{collector.url}/")):
            report = fetch_report(asking, url, asked=Asked(7), by=Dimension.MODEL)
            assert (report["by"], report["totals"]["calls"], report["config_error"]) == ("model", 1, None)
        # the reader's own file is broken: the bill still comes, and says so
        own = Settings(port=port, config=tmp_path / "own.toml")
        own.config.write_text("features = 1", encoding="utf-8")
        report = fetch_report(own, collector.url, asked=Asked(7))
        told = f"{own.config}: features must be a table; write [features.NAME]"
        assert (report["totals"]["calls"], report["config_error"]) == (1, told)
    with pytest.raises(CollectorUnreachable, match=r"Is `breakeven up` running there\?"):
        fetch_report(nowhere, collector.url, asked=Asked(7), by=Dimension.MODEL)


def test_without_a_collector_the_store_itself_is_read(
    pipeline: Pipeline, engine_folder: Path, tmp_path: Path, project: str
) -> None:
    settings = quick_settings(f"chdb://{engine_folder}?database=source_{project}", tmp_path)
    settings = settings.model_copy(update={"port": free_port()})
    with Pipeline(settings) as own:
        data = otlp.read_traces(body(Call(at=datetime.now(UTC))), otlp.Encoding.PROTOBUF).body
        own.journal.append(data, "default").result(5)
        own.drain()
    settings.config.write_text("[features.search]\nowner = 'Ann'\n", encoding="utf-8")
    report = fetch_report(settings, None, asked=Asked(1))
    assert [(row["feature"], row["owner"], row["calls"]) for row in report["features"]] == [("search", "Ann", 1)]


def test_a_store_that_is_named_is_read_and_not_that_of_another_collector_on_the_port(
    pipeline: Pipeline, settings: Settings, empty_store: Store, tmp_path: Path
) -> None:
    with Collector(settings) as other:
        port = int(other.url.rsplit(":", 1)[1])
        own = Settings(port=port, data_dir=tmp_path / "elsewhere")
        with pytest.raises(
            BreakevenError, match=f"the collector at {other.url} has another store and there is no store in"
        ):
            fetch_report(own, None, asked=Asked(1))
        same = Settings(port=port, store=settings.store, data_dir=settings.data_dir)
        assert fetch_report(same, None, asked=Asked(1))["features"] == []
        assert fetch_report(Settings(port=port), None, asked=Asked(1))["features"] == []


def test_with_neither_it_says_what_to_do(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(BreakevenError) as caught:
        fetch_report(Settings(port=port, data_dir=tmp_path), None, asked=Asked(1))
    assert str(caught.value) == (
        f"no data yet: nothing answers at http://127.0.0.1:{port} and there is no store in {tmp_path}/store. Start the "
        "collector with `breakeven up`, or look at a filled one with `breakeven demo`."
    )
    assert list(tmp_path.iterdir()) == []  # looking makes nothing


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    settings = Settings(port=free_port(), store=f"http://me:my-secret@127.0.0.1:{free_port()}/db")
    with pytest.raises(BreakevenError, match="does not answer") as caught:
        fetch_report(settings, None, asked=Asked(1))
    assert "my-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "store", ["nonsense", "chdb://relative/path", "chdb:///", "http://h/bad-name", "ftp://u:my-secret@h/d"]
)
def test_an_address_that_is_none_is_told(store: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fetch_report(Settings(port=free_port(), store=store), None, asked=Asked(1))
    assert "store" in str(caught.value)
    assert "my-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"<html>hello</html>", 200, "what answers at {url} is not a Breakeven collector; name it with --url"),
        (b"[]", 200, "what answers at {url} is not a Breakeven collector; name it with --url"),
        (b'{"other": 1}', 200, "what answers at {url} is not a Breakeven collector; name it with --url"),
        (b"\xff\xfe", 200, "what answers at {url} is not a Breakeven collector; name it with --url"),
        (b'{"code": 14, "message": "full"}', 503, "full (503 from the collector at {url})"),
        (b"<html>", 404, "what answers at {url} says 404 Not Found; name a Breakeven collector with --url"),
        (b"[1]", 500, "what answers at {url} says 500 Internal Server Error; name a Breakeven collector with --url"),
    ],
)
def test_another_program_on_the_port_is_told_apart(content: bytes, status: int, message: str) -> None:
    with answering(content, status) as url, pytest.raises(CollectorRefused) as caught:
        get_json(f"{url}/x?days=30&by=model", having="totals")
    assert str(caught.value) == message.format(url=url)
    assert caught.value.status == (status if status != 200 else 0)


def test_an_error_does_not_repeat_a_password_of_the_address() -> None:
    with pytest.raises(CollectorUnreachable, match=r"^nothing answers at http://127\.0\.0\.1:1 \("):
        get_json("http://me:secret@127.0.0.1:1/api/report?days=30", having="totals")


def test_a_document_is_read() -> None:
    with answering(json.dumps({"totals": {"søk": 1}}).encode()) as url:
        assert get_json(f"{url}/x", having="totals") == {"totals": {"søk": 1}}


@pytest.mark.parametrize(
    "url", ["nonsense", "collector:4318", "http://", "http://a..b/", "http://[::1", "http://127.0.0.1:99999/"]
)
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises((CollectorRefused, CollectorUnreachable)):
        get_json(url, having="totals")


def test_a_port_that_takes_and_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(CollectorUnreachable, match="timed out"):
            get_json(url, having="totals", timeout=0.2)
