"""Spans a second that land, priced and queryable, against only decoding them in Python."""

import http.client
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from breakeven_collector.demo.traffic import Traffic
from breakeven_collector.serve import Collector
from breakeven_collector.settings import Settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.measure import Result

_END = datetime(2026, 11, 1, tzinfo=UTC)


def measure() -> list[Result]:
    """The demo's 30 days, sent over one connection and waited for, once; then decoded to dicts, once."""
    bodies = list(Traffic(days=30, seed=7, end=_END).requests())
    spans = sum(count for _, count in bodies)
    with tempfile.TemporaryDirectory(prefix="breakeven-bench-") as folder:
        settings = Settings(data_dir=Path(folder), store="", port=0, grpc_port=-1)
        with Collector(settings) as collector:
            started = time.perf_counter()
            _send(collector.url, [body for body, _ in bodies])
            acknowledged = time.perf_counter() - started
            collector.pipeline.drain(300)
            landed = time.perf_counter() - started
            (size,) = collector.pipeline.store.rows(
                "SELECT sum(bytes_on_disk) / sum(rows) AS a_call FROM system.parts "
                "WHERE active AND database = currentDatabase() AND table = 'calls'"
            )
    started = time.perf_counter()
    for body, _ in bodies:
        _to_dicts(body)
    decoded = time.perf_counter() - started
    against = f"{spans / decoded:,.0f}/s decoded to dicts in Python"
    return [
        Result(
            "acknowledged, safe on disk",
            f"{spans / acknowledged:,.0f} spans/s",
            against,
            f"{decoded / acknowledged:.2f}",
        ),
        Result("landed, priced", f"{spans / landed:,.0f} spans/s", against, f"{decoded / landed:.2f}"),
        Result(
            "a call on disk", f"{size['a_call']:.0f} B", f"{sum(len(b) for b, _ in bodies) / spans:.0f} B as OTLP", ""
        ),
    ]


def _send(url: str, bodies: list[bytes]) -> None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    for body in bodies:
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def _to_dicts(body: bytes) -> int:
    count = 0
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                count += len(
                    {a.key: getattr(a.value, a.value.WhichOneof("value") or "string_value") for a in span.attributes}
                )
    return count
