"""A feature's verdict for people: options, what it rests on, what moves it, and what was decided."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.verdicts import told

_STRONGEST: Final = 3
_DECLINES: Final = (("0.0", "0 %"), ("0.3", "30 %"), ("0.5", "50 %"))


def verdict_tables(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of a document of `/api/verdicts`."""
    return {
        "verdict": document,
        "options": _options(document),
        "evidence": _evidence(document),
        "tornado": _tornado(document),
        "said": [words for words in (told.breaks_even(document), told.safe(document), told.crosses(document)) if words],
        "measured": told.measured(document),
        "would_change": told.would_change(document),
        "sentence": told.said(document),
        "next_step": told.next_step(document),
        "inside": _inside(document),
    }


def _options(document: Mapping[str, Any]) -> TableOf:
    columns = (
        Column("option", "Option"),
        Column("usd_per_month", "A month", "whole"),
        Column("saves_usd", "Saves a month", "whole"),
        Column("one_off_usd", "One-off", "whole"),
        Column("fte", "FTE", "plain"),
        Column("payback", "Payback", "plain"),
        *(Column(f"npv_{decline}", f"NPV {label}", "whole") for decline, label in _DECLINES),
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
            "to_prove": "" if one["to_prove"] == "nothing" else one["to_prove"].replace(" ?", ""),
            "fte": f"{one['fte']:g}" if one["fte"] else "",
            "payback": told.payback(one),
            **{
                f"npv_{decline}": None if one["kind"] == "today" else one["npv_usd"].get(decline)
                for decline, _ in _DECLINES
            },
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
        Column("low_usd_per_month", "Net a month", "whole"),
        Column("high", "Better"),
        Column("high_usd_per_month", "Net a month", "whole"),
    )
    return TableOf("moves", "What moves hosting's net most", columns, document["tornado"]["bars"][:_STRONGEST])


def _inside(document: Mapping[str, Any]) -> str:
    """What saves most without leaving the API."""
    best: Mapping[str, Any] | None = document["best_in_api"]
    if best is None:
        return "Inside the API nothing is known that would save."
    proof = "" if best["is_tested"] else ", which was not tried yet"
    return f"Inside the API: {best['name']} would take {told.usd(best['saves_usd_per_month'])} a month off{proof}."


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
