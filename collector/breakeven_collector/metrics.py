"""`/metrics`: what the collector counts and measures, for Prometheus.

Figures are read from the live objects at the moment they are asked for; the few that only the store knows come from
`probe`, which never makes a scrape wait. Labels are from short fixed lists: no name of a project, feature, model,
tenant or user is among them. docs/operations.md lists all of them.
"""

import platform
import shutil
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from breakeven_collector.pipeline import Pipeline
from breakeven_collector.set_aside import look
from breakeven_collector.version import program_version

# A series more for each histogram, and Prometheus takes it for a metric of its own.
disable_created_metrics()


def metrics_router(pipeline: Pipeline) -> APIRouter:
    """The route, with a registry of its own: several collectors may live in one process."""
    registry = registry_of(pipeline)
    router = APIRouter()

    # Not async: it looks into folders.
    @router.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    return router


def registry_of(pipeline: Pipeline) -> CollectorRegistry:
    """All metrics of one collector."""
    registry = CollectorRegistry()
    watch = pipeline.watch
    for collector in (
        _Live(pipeline),
        watch.insert_seconds,
        watch.pass_seconds,
        watch.span_to_ledger_seconds,
        watch.receipt_to_ledger_seconds,
        watch.ship_errors,
    ):
        registry.register(collector)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class _Live(Collector):
    """What is counted elsewhere, read when it is asked for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def collect(self) -> Iterator[Metric]:
        yield from self._received()
        yield from self._journal()
        yield from self._shipped()
        yield from self._store()
        yield _info()

    def _received(self) -> Iterator[Metric]:
        received = self._pipeline.received
        yield _by(
            "breakeven_requests",
            "OTLP requests that were acknowledged, by signal. Metrics and logs are answered and not kept.",
            "signal",
            {"traces": received.requests, **received.dropped},
        )
        yield _by(
            "breakeven_trace_requests",
            "Acknowledged requests of spans by protocol, as OTEL_EXPORTER_OTLP_PROTOCOL names it.",
            "protocol",
            received.protocols,
        )
        yield _counter("breakeven_spans", "Spans that were acknowledged: they are safe in the journal.", received.spans)
        yield _by(
            "breakeven_rejected_spans",
            "Spans left out of requests whose other spans were kept, by reason.",
            "reason",
            received.rejected,
        )
        yield _by(
            "breakeven_refused_requests",
            "Requests refused for good, by reason: no retry mends them, and what is in them is lost.",
            "reason",
            received.refused,
        )
        yield _counter(
            "breakeven_unkept_requests",
            "Requests answered 503 because the journal could not take them: clients send them again for a while.",
            received.unkept_requests,
        )
        watch = self._pipeline.watch
        yield _counter(
            "breakeven_ahead_requests",
            "Requests with a span that ends over a minute after it came, by this machine's clock.",
            watch.ahead_requests,
        )
        if watch.newest_end_ns:
            yield GaugeMetricFamily(
                "breakeven_newest_span_timestamp_seconds",
                "End of the newest span that came since the start, by the sender's clock.",
                watch.newest_end_ns / 1e9,
            )

    def _journal(self) -> Iterator[Metric]:
        journal, folder = self._pipeline.journal, self._pipeline.settings.journal_dir
        yield GaugeMetricFamily(
            "breakeven_ledger_lag_seconds",
            "Age of the oldest acknowledged request that is not in the ledger yet; 0 where all are.",
            journal.oldest_waiting_seconds,
        )
        yield GaugeMetricFamily(
            "breakeven_journal_bytes", "Bytes in the journal that are not in the ledger yet.", journal.waiting_bytes
        )
        yield GaugeMetricFamily(
            "breakeven_journal_limit_bytes", "Bytes that may wait in the journal; beyond it: 503.", journal.max_bytes
        )
        yield GaugeMetricFamily(
            "breakeven_journal_segments", "Closed segments that are not in the ledger yet.", journal.waiting_segments
        )
        yield GaugeMetricFamily(
            "breakeven_journal_damaged_segments",
            "Segments that were found damaged on disk; the originals lie beside the journal.",
            len(list(folder.glob("*.damaged"))),
        )
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            return
        yield GaugeMetricFamily("breakeven_journal_disk_free_bytes", "Bytes free on the journal's disk.", free)

    def _shipped(self) -> Iterator[Metric]:
        shipper = self._pipeline.shipper
        yield _counter("breakeven_shipped_segments", "Segments that came into the ledger.", shipper.shipped_segments)
        yield _counter(
            "breakeven_landed_spans",
            "Spans taken since the start that came as far as the ledger; agent, tool and HTTP spans among them.",
            self._pipeline.watch.landed_spans,
        )
        yield GaugeMetricFamily(
            "breakeven_ship_held_up",
            "1 while the last try to bring segments into the ledger failed.",
            int(bool(shipper.last_error)),
        )
        yield _counter(
            "breakeven_quarantined_requests",
            "Requests set aside since the start because the store cannot take them.",
            shipper.quarantined_requests,
        )
        aside = look(self._pipeline.quarantine)
        yield GaugeMetricFamily("breakeven_quarantine_requests", "Requests that lie in quarantine.", aside.requests)
        yield GaugeMetricFamily("breakeven_quarantine_bytes", "Bytes that lie in quarantine.", aside.size_bytes)

    def _store(self) -> Iterator[Metric]:
        told, error = self._pipeline.probe.last(), self._pipeline.probe.store_error()
        yield GaugeMetricFamily(
            "breakeven_config_error",
            "1 while breakeven.toml cannot be used as it stands; what it declared before still counts.",
            int(bool(self._pipeline.attribution.config_error)),
        )
        if error is not None:
            yield GaugeMetricFamily(
                "breakeven_store_up",
                "1 where the store answered when it was asked last (once a minute).",
                int(not error),
            )
        if told is None:
            return
        yield GaugeMetricFamily(
            "breakeven_store_told_timestamp_seconds",
            "When the store last told what stands in breakeven_calls, _unpriced_calls and _price_book_….",
            told.at,
        )
        yield GaugeMetricFamily("breakeven_calls", "Calls of yesterday and today (UTC) in the ledger.", told.calls)
        unpriced = GaugeMetricFamily(
            "breakeven_unpriced_calls",
            "Of breakeven_calls: calls whose dollars are not all known, by why.",
            labels=["reason"],
        )
        for reason, calls in told.unpriced.items():
            unpriced.add_metric([reason], calls)
        yield unpriced
        if told.newest_price:
            yield GaugeMetricFamily(
                "breakeven_price_book_newest_price_timestamp_seconds",
                "Latest day that the active price book gives a price: how old the prices are.",
                told.newest_price_at,
            )


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value)


def _by(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    # Copied in one step: it may grow meanwhile.
    for key, value in dict(values).items():
        family.add_metric([key], value)
    return family


def _info() -> Metric:
    return InfoMetricFamily(
        "breakeven_build",
        "What runs.",
        {"version": program_version(), "python": platform.python_version()},
    )
