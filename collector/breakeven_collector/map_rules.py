"""`[[map]]` of `breakeven.toml`: rules that turn where a call comes from into a feature. The first match wins."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from fnmatch import translate
from functools import cached_property
from typing import Any, Final

from breakeven_collector.config_file import Period, Place

FIELDS: Final[Mapping[str, str]] = {
    "key": "provider_key",
    "project": "provider_project",
    "service": "service",
    "route": "route",
    "agent": "agent",
    "workflow": "workflow",
    "prompt": "prompt",
    "environment": "environment",
    "provider": "provider",
    "model": "model",
}
"""What a rule may match on → the column of `origins`."""


@dataclass(frozen=True)
class Origin:
    """Where calls without a declared feature come from: what stands in a row of `origins`, empty where not told."""

    environment: str = ""
    service: str = ""
    provider: str = ""
    model: str = ""
    provider_key: str = ""
    provider_project: str = ""
    route: str = ""
    agent: str = ""
    workflow: str = ""
    prompt: str = ""

    def get(self, key: str) -> str:
        """What a rule's field is compared with."""
        return str(getattr(self, FIELDS[key]))

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Origin":
        """From a row that has the columns."""
        return cls(**{column: row[column] for column in FIELDS.values()})


Match = tuple[tuple[str, tuple[str, ...]], ...]
"""Field → patterns."""


@dataclass(frozen=True)
class Rule:
    """One `[[map]]`."""

    number: int
    """Place in the file, from 1."""
    feature: str
    match: Match
    """Field → patterns, of which one must match; all fields must."""
    period: Period = field(default_factory=Period)
    note: str = ""

    def matches(self, origin: Origin) -> bool:
        """Whether the origin is one of those that the rule means, whatever the day."""
        # Plain, for it is asked for each origin and rule.
        for column, test in self._tests:  # noqa: SIM110
            if not test(getattr(origin, column)):
                return False
        return True

    @cached_property
    def _tests(self) -> Sequence[tuple[str, Callable[[str], object]]]:
        """Column of the origin → what it must pass."""
        return [(FIELDS[key], re.compile("|".join(map(translate, patterns))).match) for key, patterns in self.match]

    @property
    def condition(self) -> str:
        """What it matches, on one line: `service=checkout agent=refund-*|return-*`."""
        return condition(self.match)

    def __str__(self) -> str:
        return f"map {self.number}: {self.condition}"


def first_match(rules: Iterable[Rule], origin: Origin, day: date) -> Rule | None:
    """The rule that says whose the origin's calls of a UTC day are."""
    return next((rule for rule in rules if rule.period.holds(day) and rule.matches(origin)), None)


def parse_rules(value: object, path: str) -> Sequence[Rule]:
    """The rules in their order.

    Raises:
        ConfigError: a key or value does not fit, or a rule says nothing of what it matches.
    """
    rows = Place(f"{path}: map").tables(value, "[[map]]")
    return [_rule(number, row, Place(f"{path}: map {number}")) for number, row in enumerate(rows, 1)]


def _rule(number: int, row: dict[str, Any], at: Place) -> Rule:
    at.only(row, (*FIELDS, "feature", "from", "until", "note"))
    if "feature" not in row:
        at.fail(': feature is missing; write which one the calls are for, for example feature = "search"')
    match = tuple((key, (at / key).strings(row[key])) for key in FIELDS if key in row)
    if not match:
        at.fail(f": it says nothing of what it matches; give at least one of {', '.join(FIELDS)}")
    return Rule(
        number,
        (at / "feature").name(row["feature"]),
        match,
        at.period(row, "from", "until"),
        (at / "note").string(row.get("note", "")),
    )


def condition(match: Match) -> str:
    """What is matched, on one line; `(none)` stands for a field that must be empty."""
    return " ".join(f"{key}={'|'.join(pattern or '(none)' for pattern in patterns)}" for key, patterns in match)


def literal(text: str) -> str:
    """A pattern that matches this text and no other."""
    return re.sub(r"([*?[])", r"[\1]", text)


def as_row(origin: Origin) -> dict[str, str]:
    """The origin's columns."""
    return asdict(origin)
