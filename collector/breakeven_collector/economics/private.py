"""`[assumptions.features.NAME.private]`: ways to keep a feature's data inside, with what they would cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked
from breakeven_collector.economics.case import Prices

WAYS: Final[Mapping[str, str]] = {
    "own_account": "a vendor's model in your own cloud account",
    "own_network": "an open model in your own network",
}
"""Key, and kind of alternative → what it is called."""
_NUMBERS: Final = ("usd_per_month", "one_off_usd", "input", "cached", "output")


@dataclass(frozen=True)
class Way:
    """What one of them costs: by the month whatever it takes, or by the token."""

    usd_per_month: float | None = None
    prices: Prices | None = None
    one_off_usd: float = 0.0
    tested: bool = False
    """Its quality was compared on this feature, and passed."""
    source: str = "declared"


@dataclass(frozen=True)
class Private:
    """None is not priced."""

    own_account: Way | None = None
    own_network: Way | None = None


def parse(value: object, at: Place, base: Private) -> Private:
    """The table; a way that it leaves out is as in `base`.

    Raises:
        ConfigError: keys are unknown, or values do not fit; a line for each.
    """
    table = at.table(value, "[assumptions.features.NAME.private.own_account]")
    return replace(base, **checked.each(table, at, lambda _key, one, place: _way(one, place), WAYS))


def _way(value: object, at: Place) -> Way:
    table = at.table(value, "usd_per_month = 900, or input = 0.5 and output = 2 (USD a million tokens)")
    at.only(table, (*_NUMBERS, "tested", "source"))
    numbers = {key: checked.number(table[key], at / key) for key in _NUMBERS if key in table}
    by_token = {"input", "output", "cached"} & numbers.keys()
    if ("usd_per_month" in numbers) == bool(by_token):
        at.fail(" needs a price: usd_per_month, or input and output in USD a million tokens; write one of the two")
    prices = None
    if by_token:
        for key in ("input", "output"):
            checked.required(numbers, key, at)
        prices = Prices(numbers["input"], numbers.get("cached", numbers["input"]), numbers["output"])
    return Way(
        numbers.get("usd_per_month"),
        prices,
        numbers.get("one_off_usd", 0.0),
        (at / "tested").flag(table.get("tested", False)),
        (at / "source").string(table.get("source", "declared")),
    )
