"""Revenue of features and tenants, from a CSV file."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any, Final

from breakeven_collector.errors import BadRequest
from breakeven_collector.keys import DEFAULT_PROJECT
from breakeven_collector.report import usd
from breakeven_collector.store import Store

_PERIODS: Final = ("month", "day")
_NAMES: Final = ("feature", "tenant")
_AMOUNT: Final = "usd"
_MOST: Final = Decimal(10) ** 15
_SMALLEST: Final = Decimal("0.000001")
_EARLIEST: Final = date(2020, 1, 1)
_LATEST: Final = date(2100, 1, 1)


@dataclass(frozen=True)
class Line:
    """Whose revenue, and of which days."""

    from_day: date
    to_day: date
    """First day after."""
    feature: str
    tenant: str

    def meets(self, other: "Line") -> bool:
        """Whether both tell of the same name and of some same day, cut otherwise."""
        same = (self.feature, self.tenant) == (other.feature, other.tenant)
        days = (self.from_day, self.to_day), (other.from_day, other.to_day)
        return same and days[0] != days[1] and self.from_day < other.to_day and other.from_day < self.to_day

    @property
    def hashed(self) -> int:
        """See the column `line`."""
        text = f"{self.feature}\0{self.tenant}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8])


class _Bad(Exception):
    """A row that cannot be taken, and why."""


def import_revenue(
    store: Store, text: str, name: str, *, project: str | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Take a CSV file with a head: `month` (2026-10) or `day` (2026-10-05), `feature` or `tenant` or both, `usd`.

    Rows of one period and name are added up; a later import of the same replaces them. Rows that do not fit are told,
    and the others taken.

    Args:
        store: an open store.
        text: the file's.
        name: the file's, for messages.
        project: whose; None: that of calls without a key.

    Returns:
        imported (rows), usd (decimal string), from and to (days, None without rows), bad (line, why).

    Raises:
        BadRequest: the file has no such head.
        StoreError: the store refuses.
    """
    project = project or DEFAULT_PROJECT
    reader = csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline=""), restkey="…", strict=True)
    bad: list[dict[str, Any]] = []
    sums: defaultdict[Line, Decimal] = defaultdict(Decimal)
    taken = 0
    try:
        head = [column.strip().lower() for column in reader.fieldnames or ()]
        _check_head(head, name)
        reader.fieldnames = head
        known = _there(store, project)
        by_name: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in known:
            by_name[line.feature, line.tenant].append(line)
        for row in reader:
            if not any(isinstance(cell, str) and cell.strip() for cell in row.values()):
                continue
            try:
                line, amount = _row(row)
                others = by_name[line.feature, line.tenant]
                if clash := next((one for one in others if line.meets(one)), None):
                    last = clash.to_day - timedelta(days=1)
                    raise _Bad(
                        f"{clash.from_day} to {last} is there already, cut otherwise: by month or by day, not both"
                    )
            except _Bad as error:
                bad.append({"line": reader.line_num, "why": str(error)})
                continue
            if line not in sums:
                others.append(line)
            sums[line] += amount
            taken += 1
    except csv.Error as error:
        raise BadRequest(422, f"{name}: line {reader.line_num}: {error}; write CSV with commas") from None
    at = now or datetime.now(UTC)
    columns = ("project", "from_day", "to_day", "line", "feature", "tenant", "amount_usd", "imported_at")
    store.insert(
        "revenue",
        columns,
        [
            (project, one.from_day, one.to_day, one.hashed, one.feature, one.tenant, amount, at)
            for one, amount in sums.items()
        ],
    )
    return {
        "imported": taken,
        "usd": usd(sum(sums.values(), Decimal(0))),
        "from": min(one.from_day for one in sums).isoformat() if sums else None,
        "to": (max(one.to_day for one in sums) - timedelta(days=1)).isoformat() if sums else None,
        "bad": bad,
    }


def _check_head(head: list[str], name: str) -> None:
    missing = [
        " or ".join(group) for group in (_PERIODS, _NAMES, (_AMOUNT,)) if not any(column in head for column in group)
    ]
    if missing:
        raise BadRequest(
            422,
            f"{name}: the head has no column {', nor '.join(missing)}; write for example month,feature,usd "
            "(or day, or tenant)",
        )
    if unknown := [column for column in head if column not in (*_PERIODS, *_NAMES, _AMOUNT)]:
        raise BadRequest(422, f"{name}: column {unknown[0]!r} is not known; known are month, day, feature, tenant, usd")


def _there(store: Store, project: str) -> list[Line]:
    rows = store.query_file(
        "revenue", {"project": project, "every_project": False, "from": _EARLIEST, "to": _LATEST}
    )  # fmt: skip
    return [Line(row["from_day"], row["to_day"], row["feature"], row["tenant"]) for row in rows]


def _row(row: Mapping[str, Any]) -> tuple[Line, Decimal]:
    if "…" in row:
        raise _Bad("it has more fields than the head; an amount has no commas in it")
    cells = {key: (value or "").strip() for key, value in row.items()}
    first, after = _period(cells.get("month", ""), cells.get("day", ""))
    feature, tenant = cells.get("feature", ""), cells.get("tenant", "")
    if not feature and not tenant:
        raise _Bad("neither feature nor tenant is told")
    text = cells[_AMOUNT]
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise _Bad(f"usd is {text!r}; write a number such as 1234.50") from None
    if not amount.is_finite() or abs(amount) >= _MOST:
        raise _Bad(f"usd is {text!r}; write a number such as 1234.50")
    return Line(first, after, feature, tenant), amount.quantize(_SMALLEST)


def _period(month: str, day: str) -> tuple[date, date]:
    if bool(month) == bool(day):
        raise _Bad("both month and day are told" if month else "neither month nor day is told")
    try:
        first = date.fromisoformat(f"{month}-01" if month else day)
    except ValueError:
        write = "a month such as 2026-10" if month else "a day such as 2026-10-05"
        raise _Bad(f"{month or day!r} is not {write}") from None
    if not _EARLIEST <= first < _LATEST:
        raise _Bad(f"{month or day!r} is not from 2020 to 2099")
    return first, (first + timedelta(days=32)).replace(day=1) if month else first + timedelta(days=1)
