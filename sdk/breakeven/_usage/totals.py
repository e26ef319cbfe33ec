"""One form for what all providers say: totals that include their parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """What a response says. None is unknown: the response says nothing of it."""

    provider: str | None = None
    """Who is billed, by OpenTelemetry's name."""
    model: str | None = None
    response_id: str | None = None
    operation: str | None = None
    service_tier: str | None = None
    speed: str | None = None
    input_tokens: int | None = None
    """All of them, cached ones included."""
    output_tokens: int | None = None
    """All of them, reasoning included."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    """Written to the cache, for whatever time."""
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    """Audio that was not read from the cache; so for images."""
    audio_output_tokens: int | None = None
    image_input_tokens: int | None = None
    image_output_tokens: int | None = None
    meters: Mapping[str, int | float] = field(default_factory=dict[str, "int | float"])
    cost_usd: Decimal | None = None
    duration_s: float | None = None

    @property
    def absent(self) -> bool:
        """Whether it is a response that tells of no usage at all, such as a stream that was not asked for it."""
        told = (self.input_tokens, self.output_tokens, self.cost_usd)
        return not self.meters and all(value is None for value in told)


Reader = Callable[[Any, str], Usage | None]
"""From response and package of its class (`openai`, `builtins`, …) to usage; None if it is not of this shape."""


def whole(usage: Usage, *, batch: bool = False) -> Usage:
    """The same usage with parts that fit into their totals.

    Cached or reasoning tokens that exceed their total were reported beside it, so they are added, as the collector
    does; audio and images are cut. A part of an unknown total is unknown. Results of batch files have the price of a
    batch, whatever tier they name.
    """
    read, write = usage.cache_read_tokens, usage.cache_write_tokens
    input_tokens, output_tokens = usage.input_tokens, usage.output_tokens
    cached = (read or 0) + (write or 0)
    if input_tokens is not None and cached > input_tokens:
        input_tokens += cached
    if output_tokens is not None and (usage.reasoning_tokens or 0) > output_tokens:
        output_tokens += usage.reasoning_tokens or 0
    fresh = None if input_tokens is None else input_tokens - cached
    spoken = None if output_tokens is None else output_tokens - (usage.reasoning_tokens or 0)
    audio_in, audio_out = least(usage.audio_input_tokens, fresh), least(usage.audio_output_tokens, spoken)
    return replace(
        usage,
        service_tier="batch" if batch else usage.service_tier,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=least(read, input_tokens),
        cache_write_tokens=least(write, input_tokens),
        cache_write_1h_tokens=least(usage.cache_write_1h_tokens, None if input_tokens is None else write),
        reasoning_tokens=least(usage.reasoning_tokens, output_tokens),
        audio_input_tokens=audio_in,
        audio_output_tokens=audio_out,
        image_input_tokens=least(usage.image_input_tokens, less(fresh, audio_in)),
        image_output_tokens=least(usage.image_output_tokens, less(spoken, audio_out)),
    )


def meters(counted: Mapping[str, int] | None = None, **named: int | float | None) -> dict[str, int | float]:
    """Quantities by name, without those that are unknown or 0."""
    return {name: value for name, value in {**named, **(counted or {})}.items() if value}


def add(*counts: int | None) -> int | None:
    """The sum of those that are known."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def first(*counts: int | None) -> int | None:
    """The first that is known."""
    return next((each for each in counts if each is not None), None)


def less(count: int | None, part: int | None) -> int | None:
    """What remains without the part, at least 0."""
    return None if count is None else max(count - (part or 0), 0)


def least(part: int | None, total: int | None) -> int | None:
    """The part, cut to its total; unknown where either is."""
    return None if part is None or total is None else min(part, total)
