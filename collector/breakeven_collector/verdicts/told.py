"""What a verdict's document says in sentences: the same ones in the terminal and on the page."""

from collections.abc import Mapping
from typing import Any, Final

_MOST: Final = 4


def usd(value: float | None) -> str:
    """Whole dollars, with the sign in front."""
    return "–" if value is None else f"{'-' if value < 0 else ''}${abs(value):,.0f}"


def said(one: Mapping[str, Any]) -> str:
    """The verdict, and what stands beside it."""
    return " ".join([one["sentence"], *(f"Beside that, {flag}." for flag in one["beside"])])


def next_step(one: Mapping[str, Any]) -> str:
    """What to do, and when to look again."""
    because = f": {one['revisit_because']}" if one["revisit_because"] else ""
    return f"Next: {one['next_action']}. Look again by {one['revisit_by']}{because}."


def measured(one: Mapping[str, Any]) -> str:
    """Against what hosting is measured, and whether it pays."""
    best = one["alternative"]
    against = "today's bill" if best is None else f"{best['name']} at {usd(best['usd_per_month'])}"
    return f"Hosting is measured against {against}. That it pays over two years is {one['chance']['word']}."


def breaks_even(one: Mapping[str, Any]) -> str:
    """The own break-even, or why there is none."""
    if one["threshold_usd"] is None:
        reason = (one["threshold_reason"] or "no volume bears it").removeprefix("never: ")
        return f"Break-even: none. {reason[:1].upper()}{reason[1:]}."
    even = [_at_staff(row, "breakeven_spend_usd_per_month") for row in one["thresholds_by_fte"]]
    return (
        f"Break-even at {usd(one['threshold_usd'])} a month: from there a month with own GPUs costs no more, "
        f"at today's prices. By staff: {', '.join(even)}."
    )


def safe(one: Mapping[str, Any]) -> str:
    """From where on hosting pays whatever the API's prices do; empty without a break-even."""
    if one["threshold_usd"] is None:
        return ""
    found = [_at_staff(row, "npv_at_half_price_usd_per_month") for row in one["thresholds_by_fte"]]
    return f"Safe against API prices that halve every year, over two years: {', '.join(found)}."


def _at_staff(row: Mapping[str, Any], key: str) -> str:
    return f"{'never' if row[key] is None else usd(row[key])} with {row['fte']:g} FTE"


def crosses(one: Mapping[str, Any]) -> str:
    """When its spend passes the break-even; empty where there is nothing to say."""
    cross = one["crossing"]
    if cross["is_above"]:
        return "Its live calls cost more than that already."
    if cross["p50_on"]:
        late = cross["p90_on"] or "later than 90 days"
        early = cross["p10_on"] or "–"
        return f"At its pace it crosses that about {cross['p50_on']} (between {early} and {late})."
    if cross["reason"] and one["threshold_usd"] is not None:
        return f"No date: {cross['reason']}."
    return ""


def would_change(one: Mapping[str, Any]) -> str:
    """The nearest changes that would make it another verdict; empty where none was looked for, or found."""
    near = [_flip(flip) for flip in one["flips"][:_MOST]]
    turned = [f"{switch['input'].replace('_', ' ')}: {switch['then']}" for switch in one["switches"][:_MOST]]
    return f"Another verdict would come with: {'; '.join([*near, *turned])}." if near or turned else ""


def payback(option: Mapping[str, Any]) -> str:
    """Months from the start of the project."""
    months, once = option["payback_from_start_months"], option["one_off_usd"]
    if months is None:
        return "never" if once else ""
    return f"{months:.1f} mo" if once else "at once"


def _flip(flip: Mapping[str, Any]) -> str:
    value = "" if flip["value"] in (None, flip["factor"]) else f" ({flip['value']:,.4g})"
    return f"{flip['input']} × {flip['factor']:.2g}{value}"
