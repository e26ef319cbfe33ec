"""Numbers that somebody wrote: whether they can be what they are meant to be, and what to write instead."""

import math
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final, Literal, TypeVar, cast

from breakeven_collector.config_file import Place, shown
from breakeven_collector.economics.case import Hosting, Hybrid, Market, Project
from breakeven_collector.errors import ConfigError

Kind = Literal["amount", "positive", "share", "positive share", "count", "months", "rate", "at least one"]

_MOST: Final = 1e15
"""So that no product of what is given overflows."""
_LEAST: Final = 1e-6

_WRITE: Final[Mapping[Kind, str]] = {
    "amount": "a number, 0 or more, up to 1e15",
    "positive": "a number above 0 (1e-6 to 1e15)",
    "share": "a share from 0 to 1 (0.15 is 15 %)",
    "positive share": "a share above 0, up to 1 (0.7 is 70 %)",
    "count": "a whole number, 0 or more",
    "months": "a number of months above 0, up to 240",
    "rate": "a rate from 0 to 10 (0.1 is 10 %)",
    "at least one": "a number, 1 or more, up to 1000",
}
_FITS: Final[Mapping[Kind, Callable[[float], bool]]] = {
    "amount": lambda value: 0 <= value <= _MOST,
    "positive": lambda value: _LEAST <= value <= _MOST,
    "share": lambda value: 0 <= value <= 1,
    "positive share": lambda value: _LEAST <= value <= 1,
    "count": lambda value: 0 <= value <= 1e6 and value == int(value),
    "months": lambda value: _LEAST <= value <= 240,
    "rate": lambda value: 0 <= value <= 10,
    "at least one": lambda value: 1 <= value <= 1000,
}

KINDS: Final[Mapping[str, Kind]] = {
    "gpus_per_replica": "positive",
    "prefill_tokens_per_s": "positive",
    "decode_tokens_per_s": "positive",
    "utilisation_at_peak": "positive share",
    "min_replicas": "count",
    "spare_replicas": "count",
    "prefix_cache_hit": "share",
    "overhead_share": "share",
    "retrain_every_months": "positive",
    "cost_share": "share",
    "escalation_share": "share",
    "extra_error_rate": "share",
    "amortise_months": "positive",
    "horizon_months": "months",
    "growth_per_month": "share",
    "discount_rate": "rate",
    "api_price_decline_per_year": "share",
    "peak_to_mean": "at least one",
    "burst": "at least one",
}
"""What a key takes; an amount where it is not listed."""

GROUPS: Final[Mapping[str, type]] = {"hosting": Hosting, "hybrid": Hybrid, "project": Project, "market": Market}

_T = TypeVar("_T")


class Problems:
    """What does not fit, all of it: somebody who wrote ten wrong values mends them at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def noted(self) -> Generator[None]:
        """Keep the message of a ConfigError and go on after the block."""
        try:
            yield
        except ConfigError as error:
            self.found.append(str(error))

    def raise_all(self) -> None:
        """Raise one ConfigError with a line for each, if there is any."""
        if self.found:
            raise ConfigError("\n".join(self.found))


def number(value: object, at: Place, kind: Kind = "amount") -> float:
    """The value as a number of that kind.

    Raises:
        ConfigError: it is none; the message names its place and what to write.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        at.fail(f" is {shown(value)}; write {_WRITE[kind]}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or not _FITS[kind](found):
        at.fail(f" is {shown(value)}; write {_WRITE[kind]}")
    return found


def group(value: object, at: Place, shape: type[_T], base: _T | None = None) -> _T:
    """A table as one of the dataclasses of a case: keys that are left out are as in `base`, else the defaults.

    Raises:
        ConfigError: a key is unknown, or a value does not fit; a line for each.
    """
    table = at.table(value, "an object of its keys")
    names = [one.name for one in fields(cast(Any, shape))]

    def read(name: str, one: object, place: Place) -> float | int:
        kind: Kind = KINDS.get(name, "amount")
        found = number(one, place, kind)
        return int(found) if "count" in kind else found

    given = each(table, at, read, names)
    if base is None:
        return shape(**given)
    return shape(**{**{name: getattr(base, name) for name in names}, **given})


def each(
    table: Mapping[str, Any], at: Place, read: Callable[[str, object, Place], _T], known: Collection[str] | None = None
) -> dict[str, _T]:
    """The entries of a table, each read by itself.

    Args:
        read: from key, value and place.
        known: the keys that there are; None: any.

    Raises:
        ConfigError: a key is unknown, or a value does not fit; a line for each.
    """
    problems = Problems()
    found: dict[str, _T] = {}
    for key, one in table.items():
        with problems.noted():
            if known is not None:
                at.only({key: one}, known)
            found[key] = read(key, one, at / key)
    problems.raise_all()
    return found


def required(table: Mapping[str, Any], key: str, at: Place) -> Any:
    """The value under a key that must be there."""
    if key not in table:
        at.fail(f": {key} is missing")
    return table[key]
