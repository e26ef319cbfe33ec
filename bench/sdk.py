"""What the SDK adds to a span, against a span of plain OpenTelemetry."""

from collections.abc import Callable

import breakeven
from opentelemetry.sdk.trace import TracerProvider

from bench.measure import Result, seconds

_SPANS = 5_000
_ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


def measure() -> list[Result]:
    """Median of 15 rounds of 5,000 spans, the two kinds of round in turn."""
    stamped = TracerProvider()
    stamped.add_span_processor(breakeven.FeatureSpanProcessor())
    plain_s, stamped_s = _spans(TracerProvider()), _spans(stamped)
    with breakeven.feature("bench", tenant="acme", user="u1"):
        pairs = [(seconds(plain_s, 1), seconds(stamped_s, 1)) for _ in range(15)]
    plain, ours = (sorted(column)[len(pairs) // 2] / _SPANS * 1e6 for column in zip(*pairs, strict=True))
    nesting = seconds(_nest, 15) / _SPANS * 1e6
    return [
        Result(
            "LLM span in a feature", f"{ours:.1f} µs", f"{plain:.1f} µs plain OpenTelemetry", f"+{ours - plain:.1f} µs"
        ),
        Result("with feature(…): pass", f"{nesting:.1f} µs", f"{plain:.1f} µs a plain span", f"{nesting / plain:.2f}"),
    ]


def _spans(provider: TracerProvider) -> Callable[[], None]:
    tracer = provider.get_tracer("bench")

    def work() -> None:
        for _ in range(_SPANS):
            tracer.start_span("chat gpt-4o", attributes=_ATTRIBUTES).end()

    return work


def _nest() -> None:
    for _ in range(_SPANS):
        with breakeven.feature("bench"):
            pass
