"""What estimates and asking for usage cost the thread that makes a call, and what estimates cost beside it."""

# pyright: reportPrivateUsage=false

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import breakeven
from breakeven import _calls, _stream_usage, _tokens
from breakeven._estimator import CPU_BURST_S, CPU_SHARE
from breakeven._outbox import Outbox
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from bench.measure import Result, seconds

_SPANS = 2_000
_CHUNKS = 200
_TURNS = [{"role": "user", "content": "Some words of a conversation that has been going on for a while. " * 4}] * 20
_CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
_CONTENT = {"gen_ai.input.messages": json.dumps(_TURNS), "gen_ai.output.messages": json.dumps(_TURNS[:1])}
_LONG = {"gen_ai.input.messages": json.dumps([{"role": "user", "content": "the quick brown fox " * 500_000}])}


class _Nowhere:
    def send(self, spans: list[ReadableSpan]) -> bool:
        return bool(spans)

    def close(self) -> None:
        pass


def measure() -> list[Result]:
    """Spans of an outbox that sends nowhere, with content and without; a call of a client that does nothing."""
    plain_us = _span_us(_CALL)
    content_us = _span_us(_CALL | _CONTENT)
    missing_us = _span_us({name: value for name, value in _CALL.items() if "usage" not in name} | _CONTENT)
    long_us = _span_us(_CALL | _LONG, spans=100)
    create_us, created_us = _create_us(asking=False), _create_us(asking=True)
    against = f"{plain_us:.1f} µs without content"
    return [
        Result("span with 6 kB of content", f"{content_us:.1f} µs", against, f"{content_us / plain_us:.2f}"),
        Result("the same, without usage", f"{missing_us:.1f} µs", against, f"{missing_us / plain_us:.2f}"),
        Result("span with 10 MB of content", f"{long_us:.1f} µs", against, f"{long_us / plain_us:.2f}"),
        Result(
            f"stream of {_CHUNKS} chunks",
            f"{created_us:.0f} µs",
            f"{create_us:.0f} µs not asked",
            f"+{(created_us - create_us) / _CHUNKS:.2f} µs a chunk",
        ),
        _share(),
    ]


def _span_us(attributes: dict[str, Any], spans: int = _SPANS) -> float:
    """Median over 9 rounds; only the thread that ends the spans is measured."""
    outbox = Outbox(_Nowhere, delay_s=0.2, max_queue=100_000, max_batch=512)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(breakeven.FeatureSpanProcessor())
    provider.add_span_processor(outbox)
    tracer = provider.get_tracer("bench")
    taken: list[float] = []
    for _ in range(9):
        began = time.thread_time()
        for _ in range(spans):
            tracer.start_span("chat gpt-4o", attributes=attributes).end()
        taken.append((time.thread_time() - began) / spans * 1e6)
        outbox.flush(60)
    outbox.shutdown()
    return sorted(taken)[len(taken) // 2]


def _create_us(*, asking: bool) -> float:
    chunk = SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content="word"))], usage=None)

    class Completions:
        _client = SimpleNamespace(base_url="https://api.openai.com/v1/")

        def create(self, **_kwargs: object) -> Any:
            return iter([chunk] * _CHUNKS)

    if asking:
        _stream_usage._asking = True
        _stream_usage._patch(Completions, _stream_usage._sync)
    completions = Completions()

    def work() -> None:
        for _ in completions.create(model="gpt-4o", messages=_TURNS, stream=True):
            pass

    try:
        return seconds(work, 500) * 1e6
    finally:
        _stream_usage.stop_asking()


def _share() -> Result:
    """CPU of the outbox's thread while calls without usage come in faster than it may count them."""
    _tokens.count("load", _tokens.O200K)
    outbox = Outbox(_Nowhere, delay_s=0.1, max_queue=100_000, max_batch=512)
    estimator: Any = outbox._estimator
    text = "the quick brown fox " * 10_000
    spent_s = 0.0
    began = time.monotonic()
    while time.monotonic() - began < 10:
        counting = time.thread_time()
        call = _calls.Call(text)
        exchange = call.exchange()
        for value, _ in exchange.input.texts:
            within = estimator._budget.left()
            estimator._count(value, _tokens.O200K)
            taken = time.thread_time() - counting
            estimator._budget.spend(taken)
            spent_s += taken if within else 0.0
        time.sleep(0.001)
    outbox.shutdown()
    allowed = CPU_BURST_S + 10 * CPU_SHARE
    minute = (CPU_BURST_S + 60 * CPU_SHARE) / 60
    return Result(
        "counting, 10 s under full load",
        f"{spent_s:.2f} s CPU",
        f"{allowed:.2f} s allowed",
        f"{minute:.0%} of a minute",
    )


def table(measured: Callable[[], list[Result]] = measure) -> None:
    """Print it, where `make bench` is too much."""
    for result in measured():
        print(f"{result.what:<34} {result.ours:>14} {result.against:>28} {result.ratio:>16}")


if __name__ == "__main__":
    table()
