"""`[assumptions.shutdowns]`: when providers switch models off. No price list that is known here says it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, cast

from breakeven_collector.config_file import Place

LOOK_BEFORE: Final = timedelta(days=90)


@dataclass(frozen=True)
class Shutdown:
    """An announced end."""

    on: date
    source: str = "declared"
    read_on: date | None = None
    """When the source was read."""

    @property
    def look_on(self) -> date:
        """The day to look again: early enough to move."""
        return self.on - LOOK_BEFORE


def due(ends: Mapping[str, Shutdown], models: Iterable[str], decided_on: date, today: date) -> list[str]:
    """The models in use whose end makes a decision due. Who decides within the last 90 days knows of it; that the model
    is gone is news again."""
    return [
        f"{model} ends on {end.on}"
        for model in models
        if (end := ends.get(model)) is not None and any(decided_on < day <= today for day in (end.look_on, end.on))
    ]


def parse(value: object, at: Place) -> Shutdown:
    """A day, or a table of `on`, `source` and `date`.

    Raises:
        ConfigError: it is neither.
    """
    if not isinstance(value, dict):
        return Shutdown(at.day(value))
    table = at.table(cast(object, value), '{on = 2027-01-14, source = "…", date = 2026-11-22}')
    at.only(table, ("on", "source", "date"))
    if "on" not in table:
        at.fail(": on is missing; write the day, on = 2027-01-14")
    return Shutdown(
        (at / "on").day(table["on"]),
        (at / "source").string(table.get("source", "declared")),
        (at / "date").day(table["date"]) if "date" in table else None,
    )
