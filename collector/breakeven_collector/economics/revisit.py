"""When a verdict is to be looked at again, and because of what."""

import calendar
import math
from datetime import date, timedelta
from typing import Any, Final

from breakeven_collector.economics.evidence import DAYS_NEEDED, Evidence
from breakeven_collector.economics.shutdowns import LOOK_BEFORE

_MONTHS: Final = 6
_SPEND_MOVES: Final = 0.3
_MONTH_DAYS: Final = 730 / 24


def revisit(evidence: Evidence) -> tuple[date, str]:
    """The earliest of six months, the day by which enough days will have been seen, 90 days before a model's end, a
    price change, the end of a commitment, and the day on which spend will have grown by 30 % at its pace; never in
    the past."""
    found = [(_in_months(evidence.as_of, _MONTHS), "half a year has passed")]
    if evidence.days < DAYS_NEEDED:
        found.append(
            (evidence.as_of + timedelta(DAYS_NEEDED - evidence.days), f"{DAYS_NEEDED} days will have been seen")
        )
    found += [(day - LOOK_BEFORE, f"{model} ends on {day}") for model, day, _ in evidence.model_shutdowns]
    found += [(day, "a price changes") for day in evidence.price_changes if day >= evidence.as_of]
    if evidence.commitment_until is not None and evidence.commitment_until >= evidence.as_of:
        found.append((evidence.commitment_until, "the commitment ends"))
    growth = evidence.growth_per_month if evidence.growth_is_clear else None
    if growth is not None and growth > -1 and growth:
        factor = 1 + math.copysign(_SPEND_MOVES, growth)
        days = math.log(factor) / math.log1p(growth) * _MONTH_DAYS
        if days < _MONTHS * _MONTH_DAYS:
            change = "grown" if growth > 0 else "fallen"
            found.append((evidence.as_of + timedelta(days=int(days)), f"spend will have {change} by 30 %"))
    day, why = min(found)
    return max(evidence.as_of, day), why


def premises(evidence: Evidence) -> dict[str, Any]:
    """What the verdict rests on: once it no longer holds, it is due whatever the date."""
    return {
        "spend_usd": evidence.spend_usd,
        "spend_from_usd": evidence.spend_usd * (1 - _SPEND_MOVES),
        "spend_until_usd": evidence.spend_usd * (1 + _SPEND_MOVES),
        "model_shutdowns": [[model, day.isoformat()] for model, day, _ in evidence.model_shutdowns],
        "price_changes": [day.isoformat() for day in evidence.price_changes],
        "commitment_until": evidence.commitment_until.isoformat() if evidence.commitment_until else None,
    }


def _in_months(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
