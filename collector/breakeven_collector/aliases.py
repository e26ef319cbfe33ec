"""`[[alias]]` of `breakeven.toml`: features that were renamed, merged or split, by date.

Aliases are read when the bill is, so what was counted under the old name follows at once and can be taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Final

from breakeven_collector.config_file import ALWAYS, Period, Place, shown

SCALE: Final = 12
"""Digits after the point of a weight."""


@dataclass(frozen=True)
class Alias:
    """One `[[alias]]`."""

    number: int
    """Place in the file, from 1."""
    names: tuple[str, ...]
    """The old names."""
    targets: tuple[tuple[str, Decimal], ...]
    """What they are → share; the shares sum to 1."""
    period: Period

    def __str__(self) -> str:
        to = " + ".join(f"{weight:f} {name}" if len(self.targets) > 1 else name for name, weight in self.targets)
        return " ".join(part for part in (", ".join(self.names), "→", to, str(self.period)) if part)


class Aliases:
    """All of them, looked up together: an alias may lead to another.

    Args:
        aliases: in the order of the file; at most one holds for a name on a day, and none leads back to itself.
    """

    def __init__(self, aliases: Sequence[Alias] = ()) -> None:
        self.all = tuple(aliases)

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Alias]]:
        found: dict[str, list[Alias]] = {}
        for alias in self.all:
            for name in alias.names:
                found.setdefault(name, []).append(alias)
        return found

    @cached_property
    def days(self) -> frozenset[date]:
        """Days on which any of them begins or ends."""
        return frozenset(day for alias in self.all for day in alias.period.days)

    def on(self, name: str, day: date) -> Alias | None:
        """The alias that holds for a name on a day."""
        return next((alias for alias in self._by_name.get(name, ()) if alias.period.holds(day)), None)

    def shares(self, name: str, day: date) -> list[tuple[str, Decimal]]:
        """Who a name's cost of a UTC day belongs to, by name, with weights above 0 that sum to exactly 1.

        Chains are followed to their end. Weights of SCALE digits are cut from the running sum of the exact ones, so
        that what rounding takes from one is given to the next.
        """
        exact: dict[str, Fraction] = {}
        self._follow(name, day, Fraction(1), exact)
        shares: list[tuple[str, Decimal]] = []
        running, taken, unit = Fraction(0), 0, 10**SCALE
        for target in sorted(exact):
            running += exact[target]
            upto = round(running * unit)
            if upto > taken:
                shares.append((target, Decimal(upto - taken).scaleb(-SCALE).normalize()))
            taken = upto
        return shares

    def _follow(self, name: str, day: date, weight: Fraction, found: dict[str, Fraction]) -> None:
        alias = self.on(name, day)
        if alias is None:
            found[name] = found.get(name, Fraction(0)) + weight
            return
        for target, share in alias.targets:
            part = weight * Fraction(share)
            # A split that leaves a share where it was: that share stays.
            if target == name:
                found[name] = found.get(name, Fraction(0)) + part
            else:
                self._follow(target, day, part, found)

    def cycle(self) -> tuple[list[str], date] | None:
        """Names that lead round in a circle, and the first day on which they do; None where none do."""
        for day in sorted({ALWAYS, *self.days}):
            done: set[str] = set()
            for name in self._by_name:
                if circle := self._circle(name, day, [], done):
                    return circle, day
        return None

    def _circle(self, name: str, day: date, path: list[str], done: set[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        alias = self.on(name, day)
        if name in done or alias is None:
            return []
        for target, _ in alias.targets:
            if (target != name or len(alias.targets) == 1) and (
                circle := self._circle(target, day, [*path, name], done)
            ):
                return circle
        done.add(name)
        return []


def parse_aliases(value: object, path: str) -> Aliases:
    """The aliases.

    Raises:
        ConfigError: a key or value does not fit, shares do not sum to 1, two aliases hold for one name at once, or
            aliases lead round in a circle.
    """
    rows = Place(f"{path}: alias").tables(value, "[[alias]]")
    found = [_alias(number, row, Place(f"{path}: alias {number}")) for number, row in enumerate(rows, 1)]
    for later in found:
        for earlier in found[: later.number - 1]:
            both = sorted(set(later.names) & set(earlier.names))
            if both and later.period.meets(earlier.period):
                Place(f"{path}: alias {later.number}").fail(
                    f": {both[0]!r} has another name by alias {earlier.number} at the same time; give them since and "
                    "until so that one begins where the other ends"
                )
    aliases = Aliases(found)
    if circle := aliases.cycle():
        names, day = circle
        when = "" if day == ALWAYS else f" from {day} on"
        Place(f"{path}: alias").fail(f": {' → '.join(names)} leads round in a circle{when}; take one of them out")
    return aliases


def _alias(number: int, row: dict[str, Any], at: Place) -> Alias:
    at.only(row, ("from", "to", "split", "since", "until"))
    if "from" not in row:
        at.fail(": from is missing; write the old name, or a list of them")
    names = tuple((at / "from").name(name) for name in (at / "from").strings(row["from"]))
    if len(set(names)) < len(names):
        at.fail(f".from: {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    if ("to" in row) == ("split" in row):
        at.fail(': write either to = "new" or split = { a = 0.7, b = 0.3 }')
    one = "to" in row
    targets = (((at / "to").name(row["to"]), Decimal(1)),) if one else _split(row["split"], at / "split")
    return Alias(number, names, targets, at.period(row, "since", "until"))


def _split(value: object, at: Place) -> tuple[tuple[str, Decimal], ...]:
    table = at.table(value, "split = { a = 0.7, b = 0.3 }")
    targets: list[tuple[str, Decimal]] = []
    for name, share in table.items():
        place = at / name
        place.name(name)
        number = isinstance(share, int | Decimal) and not isinstance(share, bool) and Decimal(share).is_finite()
        if not number or not 0 < share <= 1:
            place.fail(f" is {shown(share)}; write a share above 0 and up to 1, for example 0.7")
        weight = Decimal(share)
        if weight != round(weight, SCALE):
            place.fail(f" is {shown(share)}; write at most {SCALE} digits after the point")
        targets.append((name, weight))
    total = sum((weight for _, weight in targets), Decimal(0))
    if total != 1:
        at.fail(f": the shares sum to {total.normalize():f}; they must sum to exactly 1")
    return tuple(targets)
