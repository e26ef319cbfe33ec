"""The bill in FOCUS 1.2 (https://focus.finops.org): one row a UTC day, feature, model and kind of usage."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from breakeven_schema import query

from breakeven_collector.export.files import FileFormat, write_query
from breakeven_collector.period import check_days
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

FOCUS_VERSION: Final = "1.2"


@dataclass(frozen=True)
class FocusAsked:
    """Which part of the bill.

    Attributes:
        first: First UTC day.
        last: Last UTC day, included.
        by_tenant: Split by tenant, instead of by environment and service: the bill has both, but not crossed.
        project: Whose; None: of all projects.
    """

    first: date
    last: date
    by_tenant: bool = False
    project: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Of the queries.

        Raises:
            BadRequest: 422 the days are in the wrong order, or too far away.
        """
        check_days(self.first, self.last)
        return {
            "grain": "tenant_day" if self.by_tenant else "day",
            "first": self.first,
            "last": self.last,
            **of_project(self.project),
        }


def write_focus(store: Store, asked: FocusAsked, form: FileFormat, path: Path) -> None:
    """Write it into a new file. The same bill is the same rows in the same order.

    Raises:
        BadRequest: 422 see FocusAsked.
        StoreUnavailable, StoreError: see there.
    """
    write_query(store, query("focus"), form, path, asked.parameters())


def focus_metadata(store: Store, asked: FocusAsked, *, now: datetime | None = None) -> dict[str, Any]:
    """What a reader of the file has to know beside it.

    Returns:
        `left_out`: calls whose cost nobody knows, by reason, which have no row, with what they are estimated to cost;
        `in_part`: calls whose row holds only the part that is known. Decimals are strings.

    Raises:
        BadRequest: 422 see FocusAsked.
        StoreUnavailable, StoreError: see there.
    """
    rows = store.query_file("focus_left_out", asked.parameters())
    counted = [
        {
            "reason": row["reason"],
            "calls": _plain(row["calls"]),
            "units": _plain(row["units"]),
            "estimated_usd": None if row["estimated_usd"] is None else _plain(row["estimated_usd"]),
        }
        for row in rows
    ]
    return {
        "focus_version": FOCUS_VERSION,
        "data_generator": f"breakeven {version('breakeven')}",
        "created_at": (now or datetime.now(UTC)).isoformat(),
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
        "left_out": [line for line, row in zip(counted, rows, strict=True) if not row["in_part"]],
        "in_part": [line for line, row in zip(counted, rows, strict=True) if row["in_part"]],
    }


def _plain(number: Any) -> str:
    return f"{number.normalize():f}"
