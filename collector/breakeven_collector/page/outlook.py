"""The crossing chart: a feature's trailing 30 days against its break-even, and where they go."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.page.series import Daily
from breakeven_collector.page.view import UNALLOCATED, View

_MONTH_DAYS: Final = 30
HISTORY_DAYS: Final = 89
"""Sixty trailing months, each of 30 days."""
_FAR: Final = 8
"""So many times the spend: a line there would press all else to the floor."""


def outlook_chart(
    spend: Daily, verdict: Mapping[str, Any] | None, bands: Sequence[Mapping[str, Any]], view: View
) -> dict[str, Any] | None:
    """The document that is drawn: `days`, and for each `spend`, `p10`, `p50`, `p90` (USD in 30 days, None: not known);
    `lines` across it, each `usd`, `label`, `is_main` (the break-even), `is_band`,
    `is_far` (above what is drawn); `marks`, days with a `label`.

    What was spent is all of the feature's calls; what is ahead is of those that the verdict is about. None: the view is
    not of all calls up to today, or there is nothing to draw.
    """
    if view.is_filtered or view.feature in ("", UNALLOCATED):
        return None
    past = _past(spend, view)
    ahead: list[Mapping[str, Any]] = list(verdict["outlook"]) if verdict else []
    by_day = {one["on"]: one for one in ahead}
    if ahead and past and past[-1][0] < date.fromisoformat(ahead[0]["on"]) - timedelta(days=1):
        # Another period than the verdict's.
        return None
    days = sorted({day.isoformat() for day, _ in past} | by_day.keys())
    if len(days) < 2:
        return None
    spent = {day.isoformat(): round(float(usd), 2) for day, usd in past}
    most = max([*spent.values(), *(one["p50_usd"] for one in ahead[:1]), 0.01])
    return {
        "days": days,
        "spend": [spent.get(day) for day in days],
        **{
            name: [round(by_day[day][f"{name}_usd"], 2) if day in by_day else None for day in days]
            for name in ("p10", "p50", "p90")
        },
        "lines": [{**line, "is_far": line["usd"] > most * _FAR} for line in _lines(verdict, bands)],
        "marks": _marks(verdict),
    }


def _past(spend: Daily, view: View) -> list[tuple[date, Decimal]]:
    """Trailing 30 days by day, from the first on that are whole; today is not over and left out."""
    usds = spend.whole()
    first = next((at for at, one in enumerate(usds) if one), None)
    if first is None:
        return []
    end = len(usds) - 1 if view.period.end < view.period.over else len(usds)
    # The first day there is may be one of many before.
    least = _MONTH_DAYS - 1 if first == 0 else first + _MONTH_DAYS - 1
    return [
        # A day's sum stands at its end.
        (spend.days[at] + timedelta(days=1), sum(usds[at - _MONTH_DAYS + 1 : at + 1], Decimal(0)))
        for at in range(least, end)
    ]


def _lines(verdict: Mapping[str, Any] | None, bands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{**one, "is_main": False, "is_band": True} for one in bands]
    if verdict is None:
        return lines
    would: Mapping[str, Any] = verdict["would_pay"] or {}
    if would.get("spend_usd_per_month"):
        lines.append({"usd": would["spend_usd_per_month"], "label": "safe", "is_main": False, "is_band": False})
    if verdict["threshold_usd"] is not None:
        lines.append({"usd": verdict["threshold_usd"], "label": "break-even", "is_main": True, "is_band": False})
    return lines


def _marks(verdict: Mapping[str, Any] | None) -> list[dict[str, str]]:
    crossing: Mapping[str, Any] = verdict["crossing"] if verdict else {}
    return [{"on": crossing["p50_on"], "label": "crosses"}] if crossing.get("p50_on") else []
