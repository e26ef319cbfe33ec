"""Lines of a provider's account, and what was read beside them."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from breakeven_collector.errors import BreakevenError

_QUANTITY: Final = Decimal(1).scaleb(-6)
_MONEY: Final = Decimal(1).scaleb(-15)
_LARGEST: Final = Decimal(10) ** 20


class ImportFailed(BreakevenError):
    """Nothing was imported; the message says why."""


class BadRow(ValueError):
    """A row cannot be read; the message names the value."""


@dataclass(frozen=True)
class Line:
    """One line, as in `billed`; times are UTC, an unknown amount or quantity is None."""

    report: str
    part: str
    provider: str
    from_time: datetime
    to_time: datetime
    provider_project: str = ""
    key_name: str = ""
    key_id: str = ""
    model: str = ""
    price_context: str = ""
    item: str = ""
    meter: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    amount: Decimal | None = None
    currency: str = ""
    amount_usd: Decimal | None = None
    open: bool = False
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def day(self) -> date:
        """The UTC day that the line belongs to."""
        return self.from_time.date()


@dataclass(frozen=True)
class Bad:
    """A row that was left out."""

    where: str
    """File and line, or file and path in its JSON."""
    reason: str
    first: str = ""
    """First day (UTC) that it belongs to; empty: not known, it may be any."""
    last: str = ""
    """Last day."""
    report: str = ""
    """Empty: not known."""

    def spoils(self, report: str, day: date) -> bool:
        """Whether the day lacks something because this row was left out."""
        return self.report in ("", report) and (not self.first or self.first <= day.isoformat() <= self.last)


@dataclass
class Account:
    """What files or a pull say.

    Attributes:
        covered: (report, part, day) that are told of, also those without a line.
        warnings: What was not understood → how often.
        skipped: Why rows that can be read are no charges for models → how often.
        untold: Buckets of pages without a result: those do not say of which report they are.
        stretches: What of each of `covered` is told of: start and end of the buckets.
    """

    source: str
    lines: list[Line] = field(default_factory=list[Line])
    covered: set[tuple[str, str, date]] = field(default_factory=set[tuple[str, str, date]])
    bad: list[Bad] = field(default_factory=list[Bad])
    warnings: Counter[str] = field(default_factory=Counter[str])
    skipped: Counter[str] = field(default_factory=Counter[str])
    untold: set[tuple[datetime, datetime]] = field(default_factory=set[tuple[datetime, datetime]])
    stretches: dict[tuple[str, str, date], set[tuple[datetime, datetime]]] = field(
        default_factory=dict[tuple[str, str, date], set[tuple[datetime, datetime]]]
    )

    def cover(self, part: tuple[str, str], start: datetime, end: datetime) -> None:
        """Note that a bucket of a report is told of, whether it has lines or not."""
        self.covered.add((*part, start.date()))
        self.stretches.setdefault((*part, start.date()), set()).add((start, end))

    def unknown(self, fields: Mapping[str, Any], known: frozenset[str], what: str) -> None:
        """Warn of fields that the public documentation does not have."""
        for name in fields.keys() - known:
            self.warnings[f"{what}: field {name!r} is not known and was not taken"] += 1


def open_on(day: date, now: datetime) -> bool:
    """Whether a provider may still change a day: today's and yesterday's (UTC)."""
    return day >= now.astimezone(UTC).date() - timedelta(days=1)


def days_told(fields: Mapping[str, Any], start: str, end: str) -> tuple[str, str]:
    """First and last day of a row that is bad for another reason; empty where its times cannot be read, either."""
    try:
        first, after = moment(fields.get(start), start), moment(fields.get(end), end)
    except BadRow:
        return "", ""
    last = max(first, after - timedelta(seconds=1))
    return first.date().isoformat(), last.date().isoformat()


def money(value: object, what: str) -> Decimal:
    """An amount, exact to 15 places.

    Raises:
        BadRow: it is no number.
    """
    return _decimal(value, what, _MONEY)


def quantity(value: object, what: str) -> Decimal:
    """A quantity, exact to 6 places.

    Raises:
        BadRow: it is no number.
    """
    return _decimal(value, what, _QUANTITY)


def count(fields: Mapping[str, Any], name: str) -> Decimal:
    """A field that counts something; missing is 0.

    Raises:
        BadRow: it is no number, or below 0.
    """
    found = fields.get(name)
    number = Decimal() if found is None else quantity(found, name)
    if number < 0:
        raise BadRow(f"{name} is {found!r}: below 0")
    return number


def _decimal(value: object, what: str, places: Decimal) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise BadRow(f"{what} is {value!r}: not a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise BadRow(f"{what} is {value!r}: not a number") from None
    if not number.is_finite() or abs(number) >= _LARGEST:
        raise BadRow(f"{what} is {value!r}: not an amount")
    try:
        return number.quantize(places)
    except InvalidOperation:  # more than 28 digits
        raise BadRow(f"{what} is {value!r}: not an amount") from None


def text(value: object, what: str) -> str:
    """A text; None is empty.

    Raises:
        BadRow: it is something else.
    """
    if value is None:
        return ""
    # Half a character passes for JSON, and nowhere else.
    if not isinstance(value, str) or value.encode("utf-8", "replace").decode() != value:
        raise BadRow(f"{what} is {value!r}: not a text")
    return value


def moment(value: object, what: str) -> datetime:
    """A time in ISO 8601 or Unix seconds.

    Raises:
        BadRow: it is neither, or before 2015.
    """
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and value.isdigit():
            found = datetime.fromtimestamp(int(value), UTC)
        elif isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        else:
            raise ValueError
    except (ValueError, OverflowError, OSError):
        raise BadRow(f"{what} is {value!r}: not a time") from None
    if not 2015 <= found.year < 2100:
        raise BadRow(f"{what} is {value!r}: not a time of a bill")
    return found.replace(microsecond=0)


def digest(lines: list[Line]) -> str:
    """Of what the lines say, in any order."""
    rows = sorted(repr(astuple(line)) for line in lines)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
