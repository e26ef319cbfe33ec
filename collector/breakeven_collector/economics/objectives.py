"""`[assumptions.features.NAME.objectives]`: what the API must keep, as far as calls can show whether it does."""

from dataclasses import dataclass, fields, replace

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked


@dataclass(frozen=True)
class Objectives:
    """None is no objective."""

    p95_seconds: float | None = None
    """Of the calls, 95 in 100 take no longer."""
    error_share: float | None = None
    """Of the calls, no more fail."""


def parse(value: object, at: Place, base: Objectives) -> Objectives:
    """The table; what it leaves out is as in `base`.

    Raises:
        ConfigError: keys are unknown, or values do not fit; a line for each.
    """
    table = at.table(value, "[assumptions.features.NAME.objectives]")

    def read(key: str, one: object, place: Place) -> float:
        return checked.number(one, place, "share" if key == "error_share" else "positive")

    return replace(base, **checked.each(table, at, read, [one.name for one in fields(Objectives)]))
