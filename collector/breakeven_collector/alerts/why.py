"""The causes of an alert, asked of the store once there is something to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from breakeven_collector.alerts.causes import Rates, Taken, causes
from breakeven_collector.alerts.condition import Condition
from breakeven_collector.alerts.events import Driver, Rule
from breakeven_collector.economics.words import usd
from breakeven_collector.store import Store

_WEEK: Final = timedelta(days=7)
_SHORT: Final = timedelta(days=2)
"""Longer stretches are whole UTC days."""
_LARGEST: Final = 3
_SMALL: Final = 0.01
_TENANT_SHARE: Final = 0.3
"""Of the rise: who took so much of it is named."""
ERASED: Final = "a tenant that was erased"
TENANT: Final = "tenant"
"""`Driver.what` of one; its detail begins with the name and a colon, by which erasure finds it."""


@dataclass(frozen=True)
class _Grains:
    of_models: str
    of_tenants: str


def why(store: Store, project: str, condition: Condition) -> tuple[Driver, ...]:
    """The causes; those that the rule gave where it needs no more.

    Raises:
        StoreError: the store cannot be read.
    """
    if condition.why or not condition.is_active:
        return condition.why
    if condition.rule in (Rule.JUMP, Rule.BUDGET) and condition.about:
        begin, end = condition.about
        usual = [begin - n * _WEEK for n in range(1, 5)]
        scale = condition.figure.limit_usd if condition.rule is Rule.JUMP else None
        return _of_stretch(store, project, condition.subject, begin, end, usual, scale, condition.rule is Rule.BUDGET)
    if condition.rule in (Rule.CROSSED, Rule.APPROACHING, Rule.VERDICT, Rule.BAND) and condition.about:
        begin, end = condition.about
        return _of_stretch(store, project, condition.subject, begin, end, [begin - (end - begin)], None, False)
    return ()


def why_of_week(store: Store, project: str, feature: str, day: date) -> tuple[Driver, ...]:
    """What the week before a day cost more or less than the one before that; by UTC days.

    Raises:
        StoreError: the store cannot be read.
    """
    end = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return _of_stretch(store, project, feature, end - _WEEK, end, [end - 2 * _WEEK], None, False)


def _of_stretch(
    store: Store,
    project: str,
    feature: str,
    begin: datetime,
    end: datetime,
    usual: Sequence[datetime],
    usual_usd: float | None,
    is_bill: bool,  # the empty feature is then all of them
) -> tuple[Driver, ...]:
    if usual_usd is None:
        # Weeks that are not all there compare with nothing.
        since = _first_day(store, project)
        usual = [one for one in usual if since is not None and one >= since]
    length = end - begin
    grains = _Grains("quarter_hour", "minute") if length <= _SHORT else _Grains("day", "tenant_day")
    rows = store.query_file(
        "alert_causes",
        {
            "project": project,
            "feature": feature,
            "every_feature": is_bill and not feature,
            "now": int(begin.timestamp()),
            "length": int(length.total_seconds()),
            "usual": [int(one.timestamp()) for one in usual],
            "from": int(min([begin, *usual]).timestamp()),
            "to": int(end.timestamp()),
            "grain": grains.of_models,
            "tenant_grain": grains.of_tenants,
        },
    )
    before, now = _taken(rows, "usual"), _taken(rows, "now")
    if usual_usd is None and not before:
        # Nothing to compare with: what it is made of.
        return _largest(now)
    retries_before = sum(row["usd"] for row in rows if _is_retry(row, "usual"))
    retries_now = sum(row["usd"] for row in rows if _is_retry(row, "now"))
    whole = sum(one.usd for one in before.values()) + retries_before
    # The mean of the usual stretches; where a rule knows better what is usual now, that much of it.
    stretches = len(usual)
    factor = (usual_usd / whole if whole > 0 else 0.0) if usual_usd is not None else 1 / stretches
    before = {name: one.times(factor) for name, one in before.items()} if factor else {}
    found = causes(
        before,
        now,
        _rates(store, rows, end),
        retries_before_usd=retries_before * factor,
        retries_now_usd=retries_now,
    )
    return (*found, *_tenants(rows, factor))


def _first_day(store: Store, project: str) -> datetime | None:
    rows = store.rows(
        "SELECT min(at) AS first, count() AS n FROM spend_cubes WHERE grain = 'day' AND project = {project:String}",
        {"project": project},
    )
    return rows[0]["first"].replace(tzinfo=UTC) if rows[0]["n"] else None


def _taken(rows: Sequence[Mapping[str, Any]], phase: str) -> dict[str, Taken]:
    return {
        row["name"]: Taken(
            row["calls"], row["uncached_tokens"], row["cached_tokens"], row["written_tokens"], row["output_tokens"],
            row["usd"],
        )
        for row in rows
        if row["kind"] == "model" and row["phase"] == phase and not row["is_retry"]
    }  # fmt: skip


def _largest(now: Mapping[str, Taken]) -> tuple[Driver, ...]:
    whole = sum(one.usd for one in now.values())
    dearest = sorted(now, key=lambda name: (-now[name].usd, name))[:_LARGEST]
    return tuple(
        Driver("model", f"{name}: {now[name].usd / whole:.0%} of it", now[name].usd)
        for name in dearest
        if whole > 0 and now[name].usd >= _SMALL * whole
    )


def _is_retry(row: Mapping[str, Any], phase: str) -> bool:
    return row["kind"] == "model" and row["phase"] == phase and bool(row["is_retry"])


def _rates(store: Store, rows: Sequence[Mapping[str, Any]], at: datetime) -> dict[str, Rates]:
    ids = {row["name"]: row["name_id"] for row in rows if row["kind"] == "model" and row["name_id"]}
    if not ids:
        return {}
    asked = {"names": sorted(set(ids.values())), "at": int(at.timestamp())}
    by_id = {
        row["name_id"]: Rates(row["uncached"], row["cached"], row["written"], row["output"])
        for row in store.query_file("alert_rates", asked)
    }
    return {name: by_id[one] for name, one in ids.items() if one in by_id}


def _tenants(rows: Sequence[Mapping[str, Any]], factor: float) -> list[Driver]:
    """Who took most of the rise: the same dollars once more, by tenant."""
    rises: dict[str, float] = {}
    for row in rows:
        if row["kind"] == "tenant":
            rises[row["name"]] = rises.get(row["name"], 0.0) + row["usd"] * (1 if row["phase"] == "now" else -factor)
    whole = sum(rises.values())
    if whole <= 0:
        return []
    name = max(sorted(rises), key=lambda one: rises[one])
    rise = rises[name]
    if not name or len(rises) < 2 or rise < _TENANT_SHARE * whole:
        return []
    return [Driver(TENANT, f"{name}: {rise / whole:.0%} of the rise, {usd(rise)}", rise)]
