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
        ConfigError: a key is unknown, or a value does not fit.
    """
    table = at.table(value, "[assumptions.features.NAME.objectives]")
    at.only(table, [one.name for one in fields(Objectives)])
    found = {
        key: checked.number(one, at / key, "share" if key == "error_share" else "positive")
        for key, one in table.items()
    }
    return replace(base, **found)
