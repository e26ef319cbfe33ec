"""`[assumptions.features.NAME.api]`: what could be bought differently from the API, as far as people know it."""

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked


@dataclass(frozen=True)
class InApi:
    """Of one feature, or of all."""

    tested_models: tuple[str, ...] = ()
    """Smaller models whose quality was compared on this feature, and passed; their prices are the book's."""
    batch_share: float | None = None
    """Of the dollars, what may wait for a day; None: what runs at night is shown with a question mark."""
    commitment_until: date | None = None
    """A commitment or credit burns down until then: nothing is saved before."""


def parse(value: object, at: Place, base: InApi) -> InApi:
    """The table; what it leaves out is as in `base`.

    Raises:
        ConfigError: a key is unknown, or a value does not fit.
    """
    table = at.table(value, "[assumptions.features.NAME.api]")
    at.only(table, [one.name for one in fields(InApi)])
    changes: dict[str, Any] = {}
    if "tested_models" in table:
        changes["tested_models"] = (at / "tested_models").strings(table["tested_models"])
    if "batch_share" in table:
        changes["batch_share"] = checked.number(table["batch_share"], at / "batch_share", "share")
    if "commitment_until" in table:
        changes["commitment_until"] = (at / "commitment_until").day(table["commitment_until"])
    return replace(base, **changes)
