"""What a page shows, as it stands in its address: so that a view can be sent to a colleague."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from breakeven_collector.errors import BadRequest
from breakeven_collector.period import Asked, Period, zone
from breakeven_collector.report import FILTERS

UNALLOCATED: Final = "(unallocated)"
"""Stands in an address for the calls that no feature pays for."""
GROUPINGS: Final = ("feature", "model", "provider", "tenant", "service", "environment")
STATUSES: Final = ("", "ok", "failed", "missing")
_PEOPLE: Final = {"tenant": "tenant_day", "user_id": "user_day"}
_LONGEST: Final = 300


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        asked: The period as it stands in the address.
        period: The period.
        project: Only this one; None: all that may be seen.
        environment, feature, provider, model, service: Only these; empty: all.
        by: What the chart is stacked by.
        text: What is searched for among calls.
        status: `ok`, `failed`, or empty for both.
        before_us: Where a screenful of calls ends.
        names_period: The address names a period.
        default_timezone: Where days begin if the address does not say.
    """

    asked: Asked
    period: Period
    project: str | None
    environment: str = ""
    feature: str = ""
    provider: str = ""
    model: str = ""
    service: str = ""
    by: str = "feature"
    text: str = ""
    status: str = ""
    before_us: int | None = None
    names_period: bool = False
    default_timezone: str = "UTC"

    @classmethod
    def of(cls, query: Mapping[str, str], *, now: datetime, timezone: str) -> "View":
        """From the parameters of an address.

        Raises:
            BadRequest: 422; the message names the parameter.
        """
        told = {name: value.strip() for name, value in query.items() if value.strip()}
        for name, value in told.items():
            if len(value) > _LONGEST:
                raise BadRequest(422, f"{name} is longer than {_LONGEST} characters")
        named = bool(told.keys() & {"days", "month", "from", "to"})
        local = now.astimezone(zone(told.get("timezone", timezone)))
        asked = Asked(
            days=_whole(told, "days", 30, 1, 3660) or 30,
            month=told.get("month") or (None if named else f"{local:%Y-%m}"),
            first=_day(told, "from"),
            last=_day(told, "to"),
            timezone=told.get("timezone", timezone),
        )
        return cls(
            asked=asked,
            period=asked.period(now),
            project=told.get("project"),
            **{name: told.get(name, "") for name in ("feature", *FILTERS)},
            by=_one_of(told, "by", GROUPINGS),
            text=told.get("q", ""),
            status=_one_of(told, "status", STATUSES),
            before_us=_whole(told, "before", None, 0, 2**62),
            names_period=named,
            default_timezone=timezone,
        )

    @property
    def is_month(self) -> bool:
        """It is about a calendar month that is not over."""
        return self.asked.month is not None and self.period.end < self.month_end

    @property
    def month_end(self) -> datetime:
        """Midnight after the last day of the month that the period begins in."""
        first = self.period.start.date().replace(day=1)
        return datetime.combine((first + timedelta(days=32)).replace(day=1), time(), tzinfo=self.period.start.tzinfo)

    @property
    def filters(self) -> dict[str, str]:
        """What is filtered by, beside feature."""
        return {name: getattr(self, name) for name in FILTERS}

    @property
    def is_filtered(self) -> bool:
        """Only some of the calls of a project or feature are shown."""
        return any(self.filters.values())

    def query(self, **changes: Any) -> dict[str, str]:
        """Parameters of an address that shows this view; those that are as usual are left out."""
        view = replace(self, **changes) if changes else self
        told: dict[str, str] = {}
        if view.names_period:
            told = {k: v for k, v in view.asked.query().items() if k != "timezone"}
        if view.asked.timezone != view.default_timezone:
            told["timezone"] = view.asked.timezone
        if view.project:
            told["project"] = view.project
        told |= {name: getattr(view, name) for name in ("feature", *FILTERS, "status") if getattr(view, name)}
        if view.by != "feature":
            told["by"] = view.by
        if view.text:
            told["q"] = view.text
        if view.before_us is not None:
            told["before"] = str(view.before_us)
        return told

    def link(self, path: str, **changes: Any) -> str:
        """An address that shows this view with some changes."""
        query = self.query(**changes)
        return f"{path}?{urlencode(query)}" if query else path

    def over(self, **asked: Any) -> str:
        """Query of this view in another period, such as `days=7`; without one: this month."""
        query = {k: v for k, v in self.query().items() if k not in ("days", "month", "from", "to", "before")}
        return urlencode({**query, **asked})

    def grain(self, dimension: str) -> str:
        """The grain that spend by a dimension is read from."""
        # Only the ledger knows all dimensions of a call; the cubes of days are those of UTC.
        fine = any(self.filters[name] for name in ("environment", "service"))
        if not self.period.is_utc or (dimension in _PEOPLE and fine):
            return "minute" if dimension in _PEOPLE else "quarter_hour"
        return _PEOPLE.get(dimension, "day")

    def of_feature(self) -> dict[str, Any]:
        """Parameters that choose the feature."""
        return {
            "any_feature": not self.feature,
            "feature": "" if self.feature == UNALLOCATED else self.feature,
        }


def _whole(told: Mapping[str, str], name: str, absent: int | None, least: int, most: int) -> int | None:
    value = told.get(name)
    if value is None:
        return absent
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise BadRequest(422, f"{name} {value!r}: write a whole number from {least} to {most}")
    return int(value)


def _day(told: Mapping[str, str], name: str) -> date | None:
    value = told.get(name)
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise BadRequest(422, f"{name} {value!r} is no day; write one such as 2026-10-31") from None


def _one_of(told: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = told.get(name, choices[0])
    if value not in choices:
        raise BadRequest(422, f"{name} {value!r}: write one of {', '.join(choice for choice in choices if choice)}")
    return value
