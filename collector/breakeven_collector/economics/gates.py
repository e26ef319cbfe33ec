"""`[assumptions.gates]`: what only people can say about a feature."""

from dataclasses import dataclass, fields, replace
from typing import Any

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked


@dataclass(frozen=True)
class Gates:
    """What must be said by people. None is 'declare this'."""

    third_parties_forbidden: bool | None = None
    declared_by: str | None = None
    declared_on: str | None = None
    lifecycle: str | None = None
    """validating, live, …"""
    staff: bool | None = None
    """There are people who can run it."""
    terms: bool | None = None
    """The provider's terms allow the training that is planned."""
    quality_tested: bool | None = None
    """The own model was compared on this feature, and passed."""
    residency: bool | None = None
    """Where the data may be is a real requirement."""
    specific_task: str | None = None
    """What fine-tuning would be for (a fixed format, own words, repetition, latency), or "none"."""
    failures_persist: bool | None = None
    """Failures are left after work on prompt and retrieval."""
    objective_missed: bool | None = None
    """The API misses an objective of latency or quality."""


def parse(value: object, at: Place, base: Gates) -> Gates:
    """The table; what it leaves out is as in `base`.

    Raises:
        ConfigError: keys are unknown, or values do not fit; a line for each.
    """
    table = at.table(value, "[assumptions.gates]")
    kinds = {one.name: one.type for one in fields(Gates)}

    def read(key: str, one: object, place: Place) -> Any:
        if "bool" in str(kinds[key]):
            return place.flag(one)
        return str(place.day(one)) if key == "declared_on" else place.string(one)

    made = replace(base, **checked.each(table, at, read, kinds))
    if made.third_parties_forbidden and not (made.declared_by and made.declared_on):
        at.fail(": third_parties_forbidden needs declared_by and declared_on; write who decided it, and when")
    return made
