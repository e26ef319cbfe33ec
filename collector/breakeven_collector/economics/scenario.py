"""A case in a JSON file, as `breakeven decide --scenario FILE` takes it: by its load, or by its totals alone."""

import json
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked
from breakeven_collector.economics.api_cost import api_usd_per_month
from breakeven_collector.economics.case import Case, Hosting, Hybrid, Market, Prices, Project, Tokens
from breakeven_collector.economics.load import mean_busy_replicas
from breakeven_collector.errors import ConfigError

_LOAD: Final = (
    "calls_per_month",
    "tokens_per_call",
    "prices_per_mtok",
    "peak_to_mean",
    "burst",
    *checked.GROUPS,
)
_T = TypeVar("_T")
_MOST_DIGITS: Final = 100
_TOTALS: Final = ("current_usd_per_month", "future_usd_per_month", "one_off_usd", "build_months", "shadow_months")


@dataclass(frozen=True)
class Scenario:
    """The first form: a load and its prices. For what is left out see `breakeven assumptions show`."""

    calls_per_month: float
    tokens_per_call: Tokens
    prices_per_mtok: Prices
    peak_to_mean: float = Case.peak_to_mean
    burst: float = Case.burst
    hosting: Hosting = field(default_factory=Hosting)
    hybrid: Hybrid = field(default_factory=Hybrid)
    project: Project = field(default_factory=Project)
    market: Market = field(default_factory=Market)

    @property
    def case(self) -> Case:
        """The case that it describes."""
        return Case(
            api_usd_per_month(self.calls_per_month, self.tokens_per_call, self.prices_per_mtok),
            self.calls_per_month,
            mean_busy_replicas(self.calls_per_month, self.tokens_per_call, self.hosting),
            self.peak_to_mean,
            self.burst,
            self.hosting,
            self.hybrid,
            self.project,
            self.market,
            serverless=self.hosting.min_replicas == 0 and self.hosting.spare_replicas == 0,
        )


@dataclass(frozen=True)
class Totals:
    """The second form: a case that is known by its totals only."""

    current_usd_per_month: float
    future_usd_per_month: float
    one_off_usd: float
    build_months: float = 0
    shadow_months: float = 0


def parse(text: str, name: str) -> Scenario | Totals:
    """A scenario from JSON; `name` is what messages call the file.

    Raises:
        ConfigError: it is not JSON, a key is unknown or missing, a value does not fit; the message has its path.
    """
    try:
        document: object = json.loads(text, parse_constant=float, parse_int=_whole, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: {error}; write the scenario as a JSON object") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{name}: a scenario is a JSON object; begin it with {{")
    return of(document, name)  # pyright: ignore[reportUnknownArgumentType]


def of(document: dict[str, Any], name: str) -> Scenario | Totals:
    """A scenario from a document that was read already.

    Raises:
        ConfigError: see parse.
    """
    top, at = Place(name), _Top(f"{name}: ")
    if document.keys() & {"current_usd_per_month", "future_usd_per_month"}:
        top.only(document, _TOTALS)
        for key in _TOTALS[:3]:
            checked.required(document, key, Place(name))
        return Totals(**{key: checked.number(value, at / key) for key, value in document.items()})
    top.only(document, _LOAD)
    for key in _LOAD[:3]:
        checked.required(document, key, Place(name))
    groups: dict[str, Any] = {
        key: checked.group(document[key], at / key, shape) for key, shape in checked.GROUPS.items() if key in document
    }
    single: dict[str, Any] = {
        key: checked.number(document[key], at / key, checked.KINDS[key])
        for key in ("peak_to_mean", "burst")
        if key in document
    }
    return Scenario(
        checked.number(document["calls_per_month"], at / "calls_per_month"),
        _all(document["tokens_per_call"], at / "tokens_per_call", Tokens),
        _all(document["prices_per_mtok"], at / "prices_per_mtok", Prices),
        **single,
        **groups,
    )


class _Top(Place):
    """The file itself: keys follow its name without a point between."""

    def __truediv__(self, key: str) -> Place:
        return Place(f"{self.text}{key}")


def _all(value: object, at: Place, shape: type[_T]) -> _T:
    table = at.table(value, "an object of its keys")
    names = list(shape.__annotations__)
    at.only(table, names)
    for key in names:
        checked.required(table, key, at)
    return checked.group(table, at, shape)


def _whole(digits: str) -> int | float:
    """More digits than Python takes are beyond every range: infinity is refused with its path like NaN."""
    return int(digits) if len(digits) < _MOST_DIGITS else float("-inf" if digits[0] == "-" else "inf")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"{key!r} stands there twice")
        table[key] = value
    return table
