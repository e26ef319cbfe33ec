"""The span that all loads are made of: one LLM call as OpenTelemetry's instrumentation of `openai` writes it.

Its sixteen attributes are those of a captured chat call (tests/fixtures/otlp/genai-openai.json) without temperature and
audio, with the three that the SDK adds. One span a trace, every id its own, all else drawn: 50 features, 1,000 tenants
and 10,000 users by Zipf's law, 10 models, log-normal token counts.
"""

import random
import time
from collections.abc import Iterator
from struct import pack
from typing import Final

from breakeven_collector.demo.encode import (
    IntAttribute,
    TextAttribute,
    attribute,
    message,
    resource,
    resource_spans,
    scope,
    scope_spans,
)

FEATURES: Final = 50
TENANTS: Final = 1_000
USERS: Final = 10_000
MODELS: Final = (
    ("openai", "gpt-4o-2024-08-06"),
    ("openai", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-4.1-2025-04-14"),
    ("openai", "gpt-4.1-mini-2025-04-14"),
    ("openai", "gpt-5-2025-08-07"),
    ("openai", "gpt-5-mini-2025-08-07"),
    ("openai", "o3-2025-04-16"),
    ("openai", "o4-mini-2025-04-16"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
)
ATTRIBUTES: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "server.address",
    "server.port",
    "gen_ai.request.max_tokens",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "breakeven.feature",
    "breakeven.tenant",
    "user.id",
)

_INPUT, _OUTPUT = IntAttribute("gen_ai.usage.input_tokens"), IntAttribute("gen_ai.usage.output_tokens")
_CACHED = IntAttribute("gen_ai.usage.cache_read.input_tokens")
_REASONING = IntAttribute("gen_ai.usage.reasoning.output_tokens")
_RESPONSE_ID = TextAttribute("gen_ai.response.id", "chatcmpl-", 24)
_DIGITS: Final = bytes.maketrans(
    bytes(range(256)), (b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" * 5)[:256]
)


class Spans:
    """Requests of such spans; the same seed gives the same ones but for their time, other seeds share no id.

    Args:
        seed: of all that is drawn.
        spread_s: spans end within the last so many seconds.
    """

    def __init__(self, seed: int, spread_s: float = 5.0) -> None:
        self._random = random.Random(seed)
        self._spread_ns = int(spread_s * 1e9)
        self._kinds = [_kind(provider, model) for provider, model in MODELS]
        self._features = [attribute("breakeven.feature", f"feature-{n:02}") for n in range(FEATURES)]
        self._tenants = [attribute("breakeven.tenant", f"tenant-{n:04}") for n in range(TENANTS)]
        self._users = [attribute("user.id", f"user-{n:05}") for n in range(USERS)]
        self._resource = resource(
            {
                "service.name": "bench",
                "service.version": "1.0.0",
                "service.instance.id": f"bench-{seed}",
                "deployment.environment.name": "production",
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "opentelemetry",
                "telemetry.sdk.version": "1.45.2",
            }
        )
        self._scope = scope("opentelemetry.instrumentation.genai.openai", "1.3b0")

    def requests(self, spans: int, batch: int) -> Iterator[tuple[bytes, int]]:
        """Bodies of `ExportTraceServiceRequest` with `batch` spans each, and how many are in each."""
        for done in range(0, spans, batch):
            count = min(batch, spans - done)
            yield resource_spans(self._resource, [scope_spans(self._scope, self._spans(count))]), count

    def _spans(self, count: int) -> Iterator[bytes]:
        draw = self._random
        ids = draw.randbytes(48 * count)
        names = ids.translate(_DIGITS)
        now = time.time_ns()
        inputs = [min(int(draw.lognormvariate(6.7, 1.0)) + 1, 120_000) for _ in range(count)]
        outputs = [min(int(draw.lognormvariate(5.0, 0.8)) + 1, 16_000) for _ in range(count)]
        for n, kind, feature, tenant, user, tokens, answer in zip(
            range(0, 48 * count, 48),
            draw.choices(self._kinds, k=count),
            zipf(draw, self._features, count),
            zipf(draw, self._tenants, count),
            zipf(draw, self._users, count),
            inputs,
            outputs,
            strict=True,
        ):
            end = now - int(draw.random() * self._spread_ns)
            yield b"".join(
                (
                    b"\x0a\x10",
                    ids[n : n + 16],
                    b"\x12\x08",
                    ids[n + 16 : n + 24],
                    pack("<cQcQ", b"\x39", end - 4_000_000 * answer, b"\x41", end),
                    kind,
                    _RESPONSE_ID(names[n + 24 : n + 48]),
                    _INPUT(tokens),
                    _OUTPUT(answer),
                    _CACHED(tokens // 4 if n % 144 else 0),
                    _REASONING(answer // 3),
                    feature,
                    tenant,
                    user,
                )
            )


def zipf(draw: random.Random, things: list[bytes], count: int) -> list[bytes]:
    """Draw by Zipf's law: the n-th is drawn 1/n as often as the first."""
    return draw.choices(things, cum_weights=_harmonic(len(things)), k=count)


_sums: dict[int, list[float]] = {}


def _harmonic(count: int) -> list[float]:
    if count not in _sums:
        total, sums = 0.0, list[float]()
        for n in range(1, count + 1):
            total += 1 / n
            sums.append(total)
        _sums[count] = sums
    return _sums[count]


def _kind(provider: str, model: str) -> bytes:
    host = f"api.{provider}.com"
    stop = message(
        9, message(1, b"gen_ai.response.finish_reasons") + message(2, message(5, message(1, message(1, b"stop"))))
    )
    return b"".join(
        (
            message(5, f"chat {model}".encode()),
            b"\x30\x03",
            attribute("gen_ai.operation.name", "chat"),
            attribute("gen_ai.provider.name", provider),
            attribute("gen_ai.request.model", model),
            attribute("server.address", host),
            attribute("server.port", 443),
            attribute("gen_ai.request.max_tokens", 4096),
            stop,
            attribute("gen_ai.response.model", model),
        )
    )
