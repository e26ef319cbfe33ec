"""Busy replicas: how many replicas the tokens keep at work, on average and at the peak."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from breakeven_collector.economics.case import HOURS_PER_MONTH, SECONDS_PER_HOUR, Hosting, Tokens

_PEAK_QUANTILE: Final = 0.995
_HOURS_FOR_QUANTILE: Final = 14 * 24


@dataclass(frozen=True)
class Hour:
    """What one hour of a feature took."""

    start: datetime
    calls: float
    input_uncached: float
    input_cached: float
    output: float
    usd: float
    """As far as it is known."""


@dataclass(frozen=True)
class Shape:
    """Mean and peak of a load."""

    mean: float
    """b̄."""
    peak: float
    """Q₀.₉₉₅ of the hours, their maximum below 14 days; before the burst within the hour."""

    @property
    def peak_to_mean(self) -> float:
        """PMR; 1 without load."""
        return self.peak / self.mean if self.mean else 1.0


def busy_replicas(tokens: Tokens, hosting: Hosting) -> float:
    """b_h = [u + (1 − η)·c] / (3600·P) + o / (3600·D): replicas that the tokens of one hour keep busy (Erlangs)."""
    prefill = tokens.input_uncached + (1 - hosting.prefix_cache_hit) * tokens.input_cached
    return (prefill / hosting.prefill_tokens_per_s + tokens.output / hosting.decode_tokens_per_s) / SECONDS_PER_HOUR


def mean_busy_replicas(calls_per_month: float, tokens: Tokens, hosting: Hosting) -> float:
    """b̄: the same for calls that are spread over the 730 hours of a month."""
    return busy_replicas(tokens, hosting) * calls_per_month / HOURS_PER_MONTH


def busy_by_hour(hours: Sequence[Hour], hosting: Hosting) -> tuple[float, ...]:
    """b_h of observed hours. Hours without calls belong in the list."""
    return tuple(busy_replicas(Tokens(hour.input_uncached, hour.input_cached, hour.output), hosting) for hour in hours)


def shape_of(busy: Sequence[float]) -> Shape:
    """Mean, and Q₀.₉₉₅ (linear between ranks; the maximum below 14 days) of b_h."""
    if not busy:
        return Shape(0.0, 0.0)
    ordered = sorted(busy)
    if len(ordered) < _HOURS_FOR_QUANTILE:
        return Shape(math.fsum(ordered) / len(ordered), ordered[-1])
    return Shape(math.fsum(ordered) / len(ordered), quantile(ordered, _PEAK_QUANTILE))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in order, linear between ranks (numpy's default, Hyndman and Fan's type 7)."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
