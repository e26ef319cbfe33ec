"""`[assumptions.features.NAME.api]`: what could be bought differently from the API, as far as people know it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked


@dataclass(frozen=True)
class ProviderTuning:
    """Fine-tuning as the provider's own service."""

    price_factor: float
    """What the tuned model asks for the same calls, times today's bill."""
    one_off_usd: float = 0.0
    """Data, training, evaluation."""
    tested: bool = False
    """It was compared on this feature, and passed."""


@dataclass(frozen=True)
class InApi:
    """Of one feature, or of all."""

    tested_models: tuple[str, ...] = ()
    """Smaller models whose quality was compared on this feature, and passed; their prices are the book's."""
    failed_models: tuple[str, ...] = ()
    """Compared, and not good enough, in the API or at a host: they are offered no more."""
    batch_share: float | None = None
    """Of the dollars, what may wait for a day; None: what runs at night is shown with a question mark."""
    repeated_prefix_share: float | None = None
    """Of the input that is not read from the cache, what repeats at the start of prompts; None: not known."""
    trimmed_share: float = 0.0
    """Of the input, what may be left out of the prompts."""
    commitment_until: date | None = None
    """A commitment or credit burns down until then: nothing is saved before."""
    provider_tuning: ProviderTuning | None = None


def parse(value: object, at: Place, base: InApi) -> InApi:
    """The table; what it leaves out is as in `base`.

    Raises:
        ConfigError: keys are unknown, or values do not fit; a line for each.
    """
    table = at.table(value, "[assumptions.features.NAME.api]")
    made = replace(base, **checked.each(table, at, lambda key, one, place: _READ[key](one, place), _READ))
    if both := sorted({*made.tested_models} & {*made.failed_models}):
        at.fail(f": {both[0]!r} is in tested_models (which passed) and in failed_models; leave it in one of them")
    return made


def _share(value: object, at: Place) -> float:
    return checked.number(value, at, "share")


def _tuning(value: object, at: Place) -> ProviderTuning:
    table = at.table(value, "{price_factor = 0.5, one_off_usd = 5000}")
    at.only(table, [one.name for one in fields(ProviderTuning)])
    factor = checked.number(checked.required(table, "price_factor", at), at / "price_factor", "positive")
    once = checked.number(table.get("one_off_usd", 0), at / "one_off_usd")
    return ProviderTuning(factor, once, (at / "tested").flag(table.get("tested", False)))


_READ: Final[Mapping[str, Callable[[object, Place], Any]]] = {
    "tested_models": lambda value, at: at.strings(value),
    "failed_models": lambda value, at: at.strings(value),
    "batch_share": _share,
    "repeated_prefix_share": _share,
    "trimmed_share": _share,
    "commitment_until": lambda value, at: at.day(value),
    "provider_tuning": _tuning,
}
