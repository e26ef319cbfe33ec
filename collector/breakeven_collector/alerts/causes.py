"""Why something costs more: a decomposition whose parts add up to the rise.

Dollars of a model are calls × tokens a call × rates, times what the model's bill is off from that (contracts, meters,
what is estimated). One factor after the other goes from what was usual to what is now, so the differences add up to the
whole rise, whatever their order; retries are a part of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from breakeven_collector.alerts.events import Driver
from breakeven_collector.economics.words import usd

_TOLD_SHARE: Final = 0.05
"""Of the rise; smaller parts are told as one."""
_MOST: Final = 4
_USUAL_RATES: Final = (1.0, 0.1, 1.25, 5.0)
"""How rates stand to each other where a model has none."""
_LEAST_USD: Final = 1e-12
"""A token; what is cheaper is told by the factor."""


@dataclass(frozen=True)
class Taken:
    """What a model's calls took in a stretch; of usual ones the mean of several."""

    calls: float = 0.0
    uncached_tokens: float = 0.0
    cached_tokens: float = 0.0
    written_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float = 0.0

    @property
    def input_tokens(self) -> float:
        """All of it."""
        return self.uncached_tokens + self.cached_tokens + self.written_tokens

    def times(self, factor: float) -> "Taken":
        """So many times as much."""
        return Taken(*(getattr(self, name) * factor for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Rates:
    """USD a token."""

    uncached: float
    cached: float
    written: float
    output: float


@dataclass(frozen=True)
class _Shape:
    """What a model's dollars are made of."""

    calls: float
    input_a_call: float
    cached_share: float
    written_share: float
    output_a_call: float
    factor: float

    def usd(self, rates: Rates) -> float:
        plain = 1 - self.cached_share - self.written_share
        of_input = plain * rates.uncached + self.cached_share * rates.cached + self.written_share * rates.written
        return self.calls * self.factor * (self.input_a_call * of_input + self.output_a_call * rates.output)


def causes(
    before: Mapping[str, Taken],
    now: Mapping[str, Taken],
    rates: Mapping[str, Rates],
    *,
    retries_before_usd: float = 0.0,
    retries_now_usd: float = 0.0,
) -> list[Driver]:
    """What a rise comes from, the strongest first; the dollars add up to it.

    Args:
        before: model → first attempts, as usual.
        now: the same now.
        rates: by model; one without gets rates that stand to each other as rates usually do.
    """
    before, now = _counted(before), _counted(now)
    models = sorted(before.keys() | now.keys())
    all_before = sum(one.calls for one in before.values())
    all_now = sum(one.calls for one in now.values())
    own = {name: _usable(rates.get(name)) or _fitting(now.get(name) or before[name]) for name in models}
    was = {name: _shape(before.get(name, Taken()), own[name]) for name in models}
    then = {name: _shape(now.get(name, Taken()), own[name]) for name in models}
    for name in models:
        # A model that is new has no shape from before, and one that is gone none now: that is a matter of the model.
        if not was[name].calls:
            was[name] = replace(then[name], calls=0.0)
        if not then[name].calls:
            then[name] = replace(was[name], calls=0.0)

    def total(shapes: Mapping[str, _Shape]) -> float:
        return sum(shape.usd(own[name]) for name, shape in shapes.items())

    parts: list[Driver] = []
    at, cost = dict(was), total(was)

    def go(what: str, detail: str, *fields: str) -> None:
        nonlocal at, cost
        at = {
            name: replace(shape, **{field: getattr(then[name], field) for field in fields})
            for name, shape in at.items()
        }
        reached = total(at)
        parts.append(Driver(what, detail, reached - cost))
        cost = reached

    if all_before:
        grown = {name: replace(shape, calls=shape.calls * all_now / all_before) for name, shape in at.items()}
        parts.append(Driver("volume", _change("calls", all_before, all_now), total(grown) - cost))
        at, cost = grown, total(grown)
        go("model", _models(before, now), "calls")
    else:
        go("volume", _change("calls", 0.0, all_now), "calls")
    go("prompt length", _per_call("input tokens a call", before, now, "input_tokens"), "input_a_call")
    go("cache", _cached(before, now), "cached_share", "written_share")
    go("answer length", _per_call("output tokens a call", before, now, "output_tokens"), "output_a_call")
    go("price", "rates, contracts, meters and what is estimated", "factor")
    again = retries_now_usd - retries_before_usd
    parts.append(Driver("retries", f"{usd(retries_before_usd)} → {usd(retries_now_usd)}", again))
    return _told(parts)


def _counted(taken: Mapping[str, Taken]) -> dict[str, Taken]:
    """Dollars without a call, such as a meter's, are those of one."""
    return {name: replace(one, calls=1.0) if not one.calls and one.usd else one for name, one in taken.items()}


def _usable(rates: Rates | None) -> Rates | None:
    return rates if rates and rates.uncached > 0 and rates.output > 0 else None


def _told(parts: Sequence[Driver]) -> list[Driver]:
    """The strong ones; the rest as one, so that they still add up."""
    whole = sum(one.usd or 0.0 for one in parts)
    ordered = sorted(parts, key=lambda one: -abs(one.usd or 0.0))
    least = max(_TOLD_SHARE * abs(whole), 0.005)
    strong = [one for one in ordered if abs(one.usd or 0.0) >= least][:_MOST]
    rest = whole - sum(one.usd or 0.0 for one in strong)
    return [*strong, *([Driver("other", "smaller causes together", rest)] if abs(rest) >= 0.005 else [])]


def _shape(taken: Taken, rates: Rates) -> _Shape:
    if not taken.calls:
        return _Shape(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    whole = taken.input_tokens
    shape = _Shape(
        taken.calls,
        whole / taken.calls,
        taken.cached_tokens / whole if whole else 0.0,
        taken.written_tokens / whole if whole else 0.0,
        taken.output_tokens / taken.calls,
        1.0,
    )
    counted = shape.usd(rates)
    if counted > 0:
        return replace(shape, factor=taken.usd / counted)
    # Nobody counted tokens: what a call came to, as if it were output.
    return replace(shape, output_a_call=taken.usd / taken.calls / rates.output)


def _fitting(taken: Taken) -> Rates:
    plain, cached, written, output = _USUAL_RATES
    weighted = (
        plain * taken.uncached_tokens + cached * taken.cached_tokens + written * taken.written_tokens
        + output * taken.output_tokens
    )  # fmt: skip
    unit = max(taken.usd / weighted, _LEAST_USD) if weighted > 0 and taken.usd > 0 else 1e-6
    return Rates(plain * unit, cached * unit, written * unit, output * unit)


def _change(what: str, before: float, now: float) -> str:
    return f"{what} {before:,.0f} → {now:,.0f}"


def _per_call(what: str, before: Mapping[str, Taken], now: Mapping[str, Taken], field: str) -> str:
    def mean(taken: Mapping[str, Taken]) -> float:
        calls = sum(one.calls for one in taken.values())
        return sum(getattr(one, field) for one in taken.values()) / calls if calls else 0.0

    return _change(what, mean(before), mean(now))


def _cached(before: Mapping[str, Taken], now: Mapping[str, Taken]) -> str:
    def share(taken: Mapping[str, Taken]) -> float:
        whole = sum(one.input_tokens for one in taken.values())
        return sum(one.cached_tokens for one in taken.values()) / whole if whole else 0.0

    was, then = share(before), share(now)
    digits = 0 if f"{was:.0%}" != f"{then:.0%}" else 1
    return f"cached share of the input {was:.{digits}%} → {then:.{digits}%}"


def _models(before: Mapping[str, Taken], now: Mapping[str, Taken]) -> str:
    """The model that took most of the rise."""

    def cost(taken: Mapping[str, Taken], name: str) -> float:
        return taken[name].usd if name in taken else 0.0

    name = max(sorted(before.keys() | now.keys()), key=lambda one: cost(now, one) - cost(before, one), default="")
    if not name:
        return "the same models"
    return f"{name} {usd(cost(before, name))} → {usd(cost(now, name))}"
