"""Price differences of a tie-out: which contract would explain them, and what that leaves unexplained. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from breakeven_collector.tieout_contracts import UNIFORM, OwnPrice, OwnPrices
from breakeven_collector.tieout_rows import Line, Part

_ZERO: Final = Decimal(0)
_WORTH_A_CONTRACT: Final = Decimal("0.5")
"""Percent; less than this is rounding, and prompts of other lengths than those that were seen."""


def explain(lines: Sequence[Line], own: OwnPrices | None = None) -> list[Line]:
    """The lines with price differences cut in two: what one percentage a model explains, and the rest.

    Where an own price of ours begins or ends, so does a percentage.
    """
    own = own or OwnPrices()
    percents = percent_off(lines, own)
    explained: list[Line] = []
    for line in lines:
        difference = line.parts.get(Part.PRICE)
        if difference is None:
            explained.append(line)
            continue
        percent = percents.get(_where(line, own))
        by_contract = difference if percent is None else (-line.seen_usd * percent / 100).quantize(Decimal("1e-15"))
        parts = {**line.parts, Part.PRICE: by_contract, Part.REST: difference - by_contract}
        explained.append(replace(line, parts={part: amount for part, amount in parts.items() if amount}))
    return explained


_Where = tuple[str, str, str, OwnPrice | None]


def _where(line: Line, own: OwnPrices) -> _Where:
    return line.provider, line.model, line.item, own.on(line.provider, line.model, line.day)


def percent_off(lines: Sequence[Line], own: OwnPrices) -> dict[_Where, Decimal]:
    """Provider, model, meter and our own price → percent by which the bill is below our prices, 0 where it is not worth
    a contract. What our prices make nothing of is not in it. Where all models of a provider have about the same, it is
    the same."""
    sums: dict[_Where, tuple[Decimal, Decimal]] = {}
    for line in lines:
        if Part.PRICE in line.parts and line.seen_usd:
            price, seen = sums.get(where := _where(line, own), (_ZERO, _ZERO))
            sums[where] = price + line.parts[Part.PRICE], seen + line.seen_usd
    exact = {where: -price / seen * 100 for where, (price, seen) in sums.items() if seen}
    rounded: dict[_Where, Decimal] = {}
    for where, percent in exact.items():
        # Searches and the like are seldom part of a discount on models.
        kin = [other for other in exact if (other[0], other[2], other[3]) == (where[0], where[2], where[3])]
        low, high = min(exact[other] for other in kin), max(exact[other] for other in kin)
        if high - low < UNIFORM:
            price, seen = (sum((sums[other][n] for other in kin), _ZERO) for n in (0, 1))
            percent = -price / seen * 100
        rounded[where] = _ZERO if abs(percent) < _WORTH_A_CONTRACT else percent.quantize(Decimal("0.01")).normalize()
    return rounded
