"""What the SDK adds: to a span of plain OpenTelemetry, to the start of a process; how fast features nest."""

import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final

import breakeven
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from bench.measure import Result, cpu_seconds
from bench.processes import clean_environment, source_path

_SPANS: Final = 5_000
_TARGET_US: Final = 10
_TARGET_IMPORT_MS: Final = 150
_ATTRIBUTES: Final = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
_PLAIN_IMPORT: Final = (
    "import opentelemetry.sdk.trace, opentelemetry.sdk.trace.export, opentelemetry.sdk.resources\n"
    "import opentelemetry.exporter.otlp.proto.http.trace_exporter"
)


class _Nowhere(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


def measure(rounds: int = 15) -> list[Result]:
    """Medians of so many rounds of 5,000 spans, the kinds of round in turn; CPU of the thread that ends the spans."""
    return [*_spans(rounds), *_imports(rounds)]


def _spans(rounds: int) -> list[Result]:
    bare, stamped, sending, ours = (TracerProvider(shutdown_on_exit=False) for _ in range(4))
    stamped.add_span_processor(breakeven.FeatureSpanProcessor())
    sending.add_span_processor(BatchSpanProcessor(_Nowhere(), max_queue_size=1_000_000, schedule_delay_millis=200))
    ours.add_span_processor(breakeven.FeatureSpanProcessor())
    ours.add_span_processor(BatchSpanProcessor(_Nowhere(), max_queue_size=1_000_000, schedule_delay_millis=200))
    work = [_round(provider) for provider in (bare, stamped, sending, ours)]
    taken: list[list[float]] = []
    with breakeven.feature("bench", tenant="acme", user="u1"):
        for _ in range(rounds):
            taken.append([cpu_seconds(one, 1) / _SPANS * 1e6 for one in work])
    plain, with_feature, sent, sent_with_feature = (statistics.median(column) for column in zip(*taken, strict=True))
    nesting = cpu_seconds(_nest, rounds) / _SPANS * 1e6
    deep = cpu_seconds(_nest_deep, rounds) / _SPANS * 1e6
    return [
        Result(
            "an LLM span in a feature",
            f"{with_feature:.1f} µs",
            f"{plain:.1f} µs plain OpenTelemetry",
            f"+{with_feature - plain:.1f} µs ({_TARGET_US} aimed at)",
        ),
        Result(
            "the same, sent",
            f"{sent_with_feature:.1f} µs",
            f"{sent:.1f} µs plain OpenTelemetry",
            f"+{sent_with_feature - sent:.1f} µs",
        ),
        Result("with feature(…): pass", f"{nesting:.1f} µs", f"{1e6 / nesting:,.0f}/s", ""),
        Result("feature in feature in feature, each", f"{deep:.1f} µs", f"{1e6 / deep:,.0f}/s", ""),
    ]


def _round(provider: TracerProvider) -> Callable[[], None]:
    tracer = provider.get_tracer("bench")

    def work() -> None:
        for _ in range(_SPANS):
            tracer.start_span("chat gpt-4o", attributes=_ATTRIBUTES).end()

    return work


def _nest() -> None:
    for _ in range(_SPANS):
        with breakeven.feature("bench"):
            pass


def _nest_deep() -> None:
    for _ in range(_SPANS // 3):
        with breakeven.feature("a"), breakeven.feature("b", tenant="t"), breakeven.feature("c", user="u"):
            pass


def _imports(rounds: int) -> list[Result]:
    """New processes, in turn: OpenTelemetry and its exporter; that and the SDK; that and `init`."""
    programs = (
        _PLAIN_IMPORT,
        f"{_PLAIN_IMPORT}\nimport breakeven",
        f"{_PLAIN_IMPORT}\nimport breakeven\nbreakeven.init(service='bench', instrument=False)",
    )
    # Once each first: modules are compiled and read into the page cache.
    taken = [[_import_ms(program) for program in programs] for _ in range(rounds + 1)][1:]
    plain, ours, started = (statistics.median(column) for column in zip(*taken, strict=True))
    against = f"{plain:.0f} ms opentelemetry.sdk and exporter"
    return [
        Result("import breakeven", f"{ours:.0f} ms", against, f"+{ours - plain:.0f} ms ({_TARGET_IMPORT_MS} aimed at)"),
        Result("import breakeven and init()", f"{started:.0f} ms", against, f"+{started - plain:.0f} ms"),
    ]


def _import_ms(program: str) -> float:
    timed = f"import time; began = time.perf_counter()\n{program}\nprint((time.perf_counter() - began) * 1000)"
    done = subprocess.run(
        [sys.executable, "-c", timed],
        env=clean_environment() | source_path() | {"BREAKEVEN_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
