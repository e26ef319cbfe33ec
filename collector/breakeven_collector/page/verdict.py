"""A feature's verdict for people: options, what it rests on, what moves it, and what was decided."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from breakeven_collector.page.tables import Column, TableOf

_STRONGEST: Final = 3


def verdict_tables(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of a document of `/api/verdicts`."""
    return {
        "verdict": document,
        "options": _options(document),
        "evidence": _evidence(document),
        "tornado": _tornado(document),
        "crossing": crossing_words(document["crossing"]),
    }


def _options(document: Mapping[str, Any]) -> TableOf:
    columns = (
        Column("option", "Option"),
        Column("usd_per_month", "A month", "money"),
        Column("saves_usd", "Saves a month", "money"),
        Column("one_off_usd", "Once", "money"),
        Column("fte", "People"),
        Column("payback", "Pays back in"),
        Column("npv_usd", "Present value, prices halving every year", "money"),
        Column("to_prove", "To prove"),
    )
    today = next((one["usd_per_month"] for one in document["options"] if one["kind"] == "today"), None)
    rows = [
        {
            **one,
            "option": _named(one),
            "saves_usd": None
            if today is None or one["usd_per_month"] is None or one["kind"] == "today"
            else today - one["usd_per_month"],
            "one_off_usd": one["one_off_usd"] or None,
            "to_prove": one["to_prove"].replace("quality ?", "quality"),
            "fte": f"{one['fte']:g}" if one["fte"] else "none",
            "payback": _months(one),
            "npv_usd": None if one["kind"] == "today" else one["npv_usd"].get("0.5"),
        }
        for one in document["options"]
    ]
    absent = {column.key: None for column in columns}
    rows += [{**absent, **one} for one in document["options_to_declare"]]
    return TableOf("options", "Options", columns, rows)


def _named(option: Mapping[str, Any]) -> str:
    share = option.get("cost_share")
    return (
        f"{option['option']}, {share:.0%} of the cost".replace("%", " %") if share and share < 1 else option["option"]
    )


def _months(option: Mapping[str, Any]) -> str:
    months = option["payback_from_start_months"]
    if option["kind"] == "today":
        return ""
    if months is None or months > 60:
        return "never" if months is None else "over 5 years"
    return "at once" if months == 0 else f"{months:.0f} months"


def _evidence(document: Mapping[str, Any]) -> TableOf:
    columns = (
        Column("what", "What"),
        Column("value", "Value"),
        Column("source", "From"),
        Column("at", "At"),
        Column("confidence", "How sure"),
    )
    rows = [{**one, "value": one["value"] or "not known"} for one in document["evidence"]]
    return TableOf("evidence", "What the verdict rests on", columns, rows)


def _tornado(document: Mapping[str, Any]) -> TableOf:
    columns = (
        Column("input", "Assumption"),
        Column("low", "Worse"),
        Column("low_usd_per_month", "Hosting then saves a month", "money"),
        Column("high", "Better"),
        Column("high_usd_per_month", "Hosting then saves a month", "money"),
    )
    return TableOf("moves", "What moves it most", columns, document["tornado"]["bars"][:_STRONGEST])


def crossing_words(crossing: Mapping[str, Any]) -> str:
    """When the trailing spend passes the break-even."""
    if crossing["is_above"]:
        return "it is above that"
    if crossing["p50_on"] is None:
        return crossing["reason"] or ""
    first, last = (_day(crossing[name]) for name in ("p10_on", "p90_on"))
    span = f"{first} to {last}" if first and last else f"{first} at the earliest"
    return f"at this pace it gets there about {_day(crossing['p50_on'])} ({span}, 8 in 10)"


def _day(day: str | None) -> str:
    return f"{date.fromisoformat(day):%d %b %Y}" if day else ""


def decisions_table(decisions: Sequence[Mapping[str, Any]]) -> TableOf:
    """The last ones, and whether to look again."""
    columns = (
        Column("decided_at", "Decided", "time"),
        Column("decision", "Decision"),
        Column("made_by", "By"),
        Column("spend_usd", "Spend then", "money"),
        Column("note", "Note"),
        Column("again", "Look again"),
    )
    rows = [
        {
            **one,
            "again": "; ".join(one["due"]) or ("replaced" if one["replaced"] else f"on {_day(one['revisit_on'])}"),
        }
        for one in decisions
    ]
    return TableOf(
        "decisions", "Decisions", columns, rows, empty="Nothing was decided yet; breakeven decisions record keeps it."
    )
