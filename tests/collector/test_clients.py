"""Exporters and a relay that others wrote, live against a collector. docs/otlp.md names their versions."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from breakeven_collector.serve import Collector
from breakeven_dashboards.build import build
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.collector.client import Client as HttpClient
from tests.collector.client import counters
from tests.dashboards import macros

JAVASCRIPT = Path(__file__).parent / "javascript"
NODE = shutil.which("node")


def send(exporter: SpanExporter, service: str, calls: int = 5) -> None:
    """Calls with 10 input tokens and 0, 1, 2, … output tokens."""
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    for n in range(calls):
        with tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attributes(
                {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": n}
            )
    assert provider.force_flush()
    provider.shutdown()


def found(collector: Collector, prefix: str) -> dict[str, tuple[int, int, int]]:
    """Service → calls, input and output tokens that landed."""
    collector.pipeline.drain()
    rows = collector.pipeline.store.rows(
        "SELECT service, count() AS n, sum(input_tokens) AS i, sum(output_tokens) AS o FROM calls FINAL "
        "WHERE startsWith(service, {s:String}) GROUP BY service ORDER BY service",
        {"s": prefix},
    )
    return {row["service"].removeprefix(prefix): (int(row["n"]), int(row["i"]), int(row["o"])) for row in rows}


ALL_FIVE = (5, 50, 10)


def test_what_the_official_json_exporter_sends_lands(
    collector: Collector, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    json_http = pytest.importorskip(
        "opentelemetry.exporter.otlp.json.http.trace_exporter",
        reason="opentelemetry-exporter-otlp-json-http is not installed",
    )
    send(json_http.OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces"), service)
    assert found(collector, service) == {"": ALL_FIVE}


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.skipif(
    not (JAVASCRIPT / "node_modules").is_dir(), reason="run `npm install` in tests/collector/javascript to include this"
)
def test_what_javascripts_exporters_send_lands(collector: Collector, client: HttpClient, service: str) -> None:
    before = counters(client)
    done = subprocess.run(
        [str(NODE), "send.mjs", collector.url, collector.grpc_address, service],
        cwd=JAVASCRIPT,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = ("grpc", "grpc-gzip", "json", "json-gzip", "proto", "proto-gzip")
    assert found(collector, service) == {f"-{name}": ALL_FIVE for name in names}
    assert counters(client)["refused_requests"] == before["refused_requests"]


# ------------------------------------------------------------------------------------------------- through a relay


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["http", "grpc"])
def relay(collector: Collector, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a rotel that takes OTLP over HTTP and passes it on to the collector, gzipped."""
    try:
        agent = Path(str(distribution("rotel").locate_file("rotel/rotel-agent")))
    except PackageNotFoundError:
        pytest.skip("rotel is not installed")
    port = free_port()
    onward = collector.url if request.param == "http" else f"http://{collector.grpc_address}"
    arguments = [
        *("start", "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"),
        *("--exporter", "otlp", "--otlp-exporter-endpoint", onward, "--otlp-exporter-protocol", request.param),
        *("--otlp-exporter-compression", "gzip"),
    ]
    log = (tmp_path / "rotel.log").open("w")
    process = subprocess.Popen([agent, *arguments], stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        assert process.poll() is None, (tmp_path / "rotel.log").read_text()
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(20)
    finally:
        process.kill()
        log.close()


def test_what_a_relay_passes_on_lands(collector: Collector, relay: str, service: str) -> None:
    send(OTLPSpanExporter(f"{relay}/v1/traces"), service)
    deadline = time.monotonic() + 20
    while (landed := found(collector, service)) != {"": ALL_FIVE} and time.monotonic() < deadline:
        time.sleep(0.1)
    assert landed == {"": ALL_FIVE}
    # They are on a dashboard, too.
    panel = next(panel for panel in build()["pipeline"]["panels"] if panel["title"] == "Unattributed, by service")
    now = datetime.now(UTC)
    sql = macros.expand(panel["targets"][0]["rawSql"], {}, macros.Range(now - timedelta(2), now + timedelta(2)))
    shown = {row["service"]: row["calls"] for row in collector.pipeline.store.rows(sql)}
    assert shown[service] == 5
