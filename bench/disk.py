"""Bytes on disk a call, against the same spans in the table that OpenTelemetry's ClickHouse exporter makes.

Ours counts every table that a span goes into: calls, links, sequences, segments, ledger, cubes. Theirs counts
`otel_traces` alone, without the look-up of traces that the exporter keeps beside it. Both after OPTIMIZE FINAL, in one
chDB.
"""

import json
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from bench.measure import Result
from bench.spans import Spans

_BATCH: Final = 512
_HOURS: Final = 24

# Columns, codecs, indexes and order of `otel_traces` as the exporter (opentelemetry-collector-contrib, 2026) makes it.
_TEXT: Final = "LowCardinality(String)"
_ATTRIBUTES: Final = "Map(LowCardinality(String), String)"
_COLUMNS: Final = {
    "Timestamp": ("DateTime64(9)", "Delta(8), ZSTD(1)"),
    **dict.fromkeys(("TraceId", "SpanId", "ParentSpanId", "TraceState"), ("String", "ZSTD(1)")),
    **dict.fromkeys(("SpanName", "SpanKind", "ServiceName"), (_TEXT, "ZSTD(1)")),
    "ResourceAttributes": (_ATTRIBUTES, "ZSTD(1)"),
    **dict.fromkeys(("ScopeName", "ScopeVersion"), ("String", "ZSTD(1)")),
    "SpanAttributes": (_ATTRIBUTES, "ZSTD(1)"),
    "Duration": ("UInt64", "T64, ZSTD(1)"),
    "StatusCode": (_TEXT, "ZSTD(1)"),
    "StatusMessage": ("String", "ZSTD(1)"),
    "Events": (f"Nested (Timestamp DateTime64(9), Name {_TEXT}, Attributes {_ATTRIBUTES})", "ZSTD(1)"),
    "Links": (f"Nested (TraceId String, SpanId String, TraceState String, Attributes {_ATTRIBUTES})", "ZSTD(1)"),
}
_INDEXES: Final = (
    ("trace_id", "TraceId", "bloom_filter(0.001)", 1),
    ("res_attr_key", "mapKeys(ResourceAttributes)", "bloom_filter(0.01)", 1),
    ("res_attr_value", "mapValues(ResourceAttributes)", "bloom_filter(0.01)", 1),
    ("span_attr_key", "mapKeys(SpanAttributes)", "bloom_filter(0.01)", 1),
    ("span_attr_value", "mapValues(SpanAttributes)", "bloom_filter(0.01)", 1),
    ("duration", "Duration", "minmax", 1),
    ("lower_span_name", "lower(SpanName)", "tokenbf_v1(32768, 3, 0)", 8),
)
_EXPORTER: Final = (
    "CREATE TABLE otel_traces ("
    + ", ".join(
        [f"{name} {kind} CODEC({codec})" for name, (kind, codec) in _COLUMNS.items()]
        + [f"INDEX idx_{name} {of} TYPE {kind} GRANULARITY {every}" for name, of, kind, every in _INDEXES]
    )
    + ") ENGINE = MergeTree PARTITION BY toDate(Timestamp)"
    + " PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))"
    + " ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)"
    + " SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"
)


def measure(calls: int = 500_000) -> list[Result]:
    """So many calls of one day, in both."""
    with tempfile.TemporaryDirectory(prefix="breakeven-bench-") as name:
        folder = Path(name)
        with Pipeline(Settings(data_dir=folder, store="", config=folder / "none.toml", port=0)) as pipeline:
            store = pipeline.store
            store.run(_EXPORTER)
            wire = 0
            for body, _ in Spans(7, spread_s=_HOURS * 3600).requests(calls, _BATCH):
                wire += len(body)
                pipeline.journal.append(body, "default").result(60)
                store.insert("otel_traces", _NAMES, list(_rows(ExportTraceServiceRequest.FromString(body))))
            pipeline.drain(1800)
            sizes = {table: _bytes(store, table) / calls for table in _OURS}
            theirs = _bytes(store, "otel_traces") / calls
    ours = sum(sizes.values())
    parts = ", ".join(f"{table} {size:.1f}" for table, size in sizes.items() if size >= 0.05)
    return [
        Result(
            "a call, all tables", f"{ours:.1f} B", f"{theirs:.1f} B in otel_traces", f"{theirs / ours:.2f} × smaller"
        ),
        Result("of these", parts, "", ""),
        Result(
            "the same as OTLP", f"{ours:.1f} B", f"{wire / calls:.0f} B on the wire", f"{wire / calls / ours:.1f} ×"
        ),
    ]


_OURS: Final = (
    *("calls", "span_links", "sequences", "segment_slices", "origins", "models_seen"),
    *("spend_slices", "spend_cubes"),
)
_NAMES: Final = (
    *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "SpanKind", "ServiceName", "ResourceAttributes"),
    *("ScopeName", "ScopeVersion", "SpanAttributes", "Duration", "StatusCode"),
)


def _bytes(store: Store, table: str) -> int:
    store.run(f"OPTIMIZE TABLE {table} FINAL")
    (found,) = store.rows(
        "SELECT sum(bytes_on_disk) AS n FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table = {table:String}",
        {"table": table},
    )
    return int(found["n"] or 0)


def _rows(request: ExportTraceServiceRequest) -> Iterable[Sequence[Any]]:
    """As the exporter writes them: ids as hex, values as text."""
    for resource_spans in request.resource_spans:
        resource = _texts(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield (
                    datetime.fromtimestamp(span.start_time_unix_nano / 1e9, UTC),
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    "Client",
                    resource["service.name"],
                    resource,
                    scope_spans.scope.name,
                    scope_spans.scope.version,
                    _texts(span.attributes),
                    span.end_time_unix_nano - span.start_time_unix_nano,
                    "Unset",
                )


def _texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {attribute.key: _text(attribute.value) for attribute in attributes}


def _text(value: AnyValue) -> str:
    if value.WhichOneof("value") == "array_value":
        return json.dumps([_text(one) for one in value.array_value.values])
    return str(getattr(value, value.WhichOneof("value") or "string_value"))
