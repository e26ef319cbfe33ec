"""Bands for orientation, on the trailing 30 days, until a feature's own break-even is known."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

TOTAL_USD: Final = (Decimal(5_000), Decimal(50_000))
"""Of the whole bill a month: below the first hosting is not worth a look, above the second it is."""
FEATURE_USD: Final = Decimal(20_000)
"""Of one feature a month."""
SHOWN_USD: Final = (Decimal(5_000), Decimal(20_000), Decimal(50_000))
"""All of them, as lines of a chart."""


def of_feature(monthly: Decimal) -> str:
    """Where a feature stands."""
    if monthly >= FEATURE_USD:
        return "above the $20k band"
    share = monthly / FEATURE_USD
    return f"{share:.0%} of the $20k band".replace("%", " %") if share >= Decimal("0.01") else "far below the $20k band"


def of_total(monthly: Decimal) -> str:
    """Where the whole bill stands."""
    low, high = TOTAL_USD
    if monthly < low:
        return "below the $5k band: hosting is not worth a look yet"
    return "above the $50k band: hosting is worth a look" if monthly >= high else "between the $5k and the $50k band"


def nearest(monthly: Mapping[str, Decimal]) -> dict[str, Any] | None:
    """The feature that is nearest to its band, or the furthest above it; calls without a feature are none."""
    named = {name: usd for name, usd in monthly.items() if name and usd}
    if not named:
        return None
    name = max(named, key=lambda one: named[one])
    return {
        "feature": name,
        "usd": named[name],
        "where": of_feature(named[name]),
    }
