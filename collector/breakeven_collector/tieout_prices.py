"""Price differences of a tie-out: which contract would explain them, and what that leaves unexplained. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from shlex import quote
from typing import Any, Final

from breakeven_collector.tieout_rows import Line, Part

_ZERO: Final = Decimal(0)
_UNIFORM: Final = Decimal("0.1")
"""Percentages that differ by less are one discount."""
_WORTH_A_CONTRACT: Final = Decimal("0.05")
"""Percent; less than this is rounding."""


def explain(lines: Sequence[Line]) -> list[Line]:
    """The lines with price differences cut in two: what one percentage a model explains, and the rest."""
    percents = percent_off(lines)
    explained: list[Line] = []
    for line in lines:
        difference = line.parts.get(Part.PRICE)
        if difference is None:
            explained.append(line)
            continue
        percent = percents.get((line.provider, line.model, line.item))
        by_contract = difference if percent is None else (-line.seen_usd * percent / 100).quantize(Decimal("1e-15"))
        parts = {**line.parts, Part.PRICE: by_contract, Part.REST: difference - by_contract}
        explained.append(replace(line, parts={part: amount for part, amount in parts.items() if amount}))
    return explained


def percent_off(lines: Sequence[Line]) -> dict[tuple[str, str, str], Decimal]:
    """Provider, model and meter → percent by which the bill is below our prices, 0 where it is not worth a contract.
    What our prices make nothing of is not in it. Where all models of a provider have about the same, it is the same."""
    sums: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
    for line in lines:
        if Part.PRICE in line.parts and line.seen_usd:
            price, seen = sums.get(where := (line.provider, line.model, line.item), (_ZERO, _ZERO))
            sums[where] = price + line.parts[Part.PRICE], seen + line.seen_usd
    exact = {where: -price / seen * 100 for where, (price, seen) in sums.items() if seen}
    rounded: dict[tuple[str, str, str], Decimal] = {}
    for where, percent in exact.items():
        # Searches and the like are seldom part of a discount on models.
        kin = [other for other in exact if other[0] == where[0] and other[2] == where[2]]
        low, high = min(exact[other] for other in kin), max(exact[other] for other in kin)
        if high - low < _UNIFORM:
            price, seen = (sum((sums[other][n] for other in kin), _ZERO) for n in (0, 1))
            percent = -price / seen * 100
        rounded[where] = _ZERO if abs(percent) < _WORTH_A_CONTRACT else percent.quantize(Decimal("0.01")).normalize()
    return rounded


def proposals(lines: Sequence[Line], since: date) -> list[dict[str, Any]]:
    """Commands that enter the contracts, the dearest first: command, provider, model, percent_off and usd, which is
    what they explain. A percentage is off the rates that hold now; where an own price is in force, replace that.

    Args:
        lines: as `explain` gives them.
        since: first day of the period.
    """
    groups: dict[tuple[str, str], tuple[Decimal, Decimal, date]] = {}
    for line in lines:
        if (price := line.parts.get(Part.PRICE)) and line.model and not line.item and line.seen_usd:
            before = groups.get((line.provider, line.model), (_ZERO, _ZERO, line.day))
            groups[line.provider, line.model] = (
                before[0] + price,
                before[1] + line.seen_usd,
                max(since, min(before[2], line.day)),
            )
    found: list[dict[str, Any]] = []
    for (provider, model), (price, seen, day) in groups.items():
        percent = (-price / seen * 100).quantize(Decimal("0.01"))
        text = f"{percent.normalize():f}"
        found.append(
            {
                "command": f"breakeven prices set {quote(model)} --provider {quote(provider)} --percent-off {text} "
                f"--from {day.isoformat()}",
                "provider": provider,
                "model": model,
                "percent_off": text,
                "usd": f"{price.normalize():f}",
            }
        )
    return sorted(found, key=lambda one: (-abs(Decimal(one["usd"])), one["provider"], one["model"]))
