"""`[cost_classes]` of `breakeven.toml`: which kind of cost an environment's calls are.

Margins count cost of goods only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final, cast

from breakeven_collector.config_file import ALWAYS, Place

COST_OF_GOODS: Final = "cost_of_goods"
CLASSES: Final = (COST_OF_GOODS, "research", "sales")
"""Cost of what is sold, of making it better, of selling it."""

DEFAULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("staging", "test", "ci", "evaluation", "eval", "playground", "dev*"), "research"),
    **dict.fromkeys(("demo", "sales"), "sales"),
}
"""Pattern of an environment in lower case → class, where the file says nothing.

All others are cost of goods: one that is taken for it wrongly lowers a margin, one that is left out would flatter it.
"""


@dataclass(frozen=True)
class EnvironmentClass:
    """One line of `[cost_classes]`."""

    pattern: str
    """Shell-style, case counts."""
    classes: tuple[tuple[date, str], ...]
    """First day → class, by day. Before the first one the defaults hold."""

    def on(self, day: date) -> str | None:
        """The class on a UTC day."""
        return next((name for start, name in reversed(self.classes) if start <= day), None)


@dataclass(frozen=True)
class CostClasses:
    """The lines in their order; the first that matches wins, then the defaults."""

    lines: Sequence[EnvironmentClass] = ()

    def on(self, environment: str, day: date) -> str:
        """The class of an environment's calls of a UTC day."""
        for line in self.lines:
            if fnmatchcase(environment, line.pattern) and (name := line.on(day)):
                return name
        lower = environment.lower()
        return next((name for pattern, name in DEFAULTS.items() if fnmatchcase(lower, pattern)), COST_OF_GOODS)

    def days(self, environment: str) -> set[date]:
        """Days on which the class of an environment may change."""
        return {
            day
            for line in self.lines
            if fnmatchcase(environment, line.pattern)
            for day, _ in line.classes
            if day > ALWAYS
        }


def parse_cost_classes(value: object, path: str) -> CostClasses:
    """The lines.

    Raises:
        ConfigError: a class is not known, or a date does not fit.
    """
    at = Place(f"{path}: cost_classes")
    table = at.table(value, '[cost_classes] with lines like "staging*" = "research"')
    return CostClasses([EnvironmentClass(pattern, _classes(said, at / pattern)) for pattern, said in table.items()])


def _classes(value: object, at: Place) -> tuple[tuple[date, str], ...]:
    if not isinstance(value, list):
        return ((ALWAYS, _class(value, at)),)
    found: list[tuple[date, str]] = []
    for row in at.tables(cast(object, value), '{ from = 2026-07-01, class = "research" }'):
        at.only(row, ("from", "class"))
        found.append(
            ((at / "from").day(row["from"]) if "from" in row else ALWAYS, _class(row.get("class"), at / "class"))
        )
    if not found or len({day for day, _ in found}) < len(found):
        at.fail(": give each class another first day (from)")
    return tuple(sorted(found))


def _class(value: Any, at: Place) -> str:
    if value not in CLASSES:
        at.fail(f" is {value!r}; write one of {', '.join(CLASSES)}")
    return cast(str, value)
