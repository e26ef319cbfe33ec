"""What `breakeven map` prints."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.declarations import Declarations
from breakeven_collector.map_overview import Overview, RuleUse
from breakeven_collector.map_rules import as_row, condition
from breakeven_collector.near_names import NearNames
from breakeven_collector.proposals import Proposal, Sum
from breakeven_collector.render import money, printable
from breakeven_collector.report import usd

_MOST = 10


def as_text(total: Sum) -> str:
    """What calls come to, in words: `$12.30, 420 calls, 3 of them unpriced`."""
    unpriced = f", {total.unpriced_calls:,} of them not fully priced" if total.unpriced_calls else ""
    return f"{money(usd(total.cost_usd))}, {total.calls:,} {'call' if total.calls == 1 else 'calls'}{unpriced}"


def print_overview(
    console: Console, declared: Declarations, found: Overview, doubtful: Sequence[NearNames], days: int
) -> None:
    """Rules, aliases, doubtful names, and what has no feature."""
    if found.uses:
        table = _table("Rule", "Matches", "Feature", "When")
        table.add_column("Calls", justify="right")
        table.add_column("Spend", justify="right")
        table.add_column("")
        for use in found.uses:
            rule = use.rule
            table.add_row(
                str(rule.number),
                _text(rule.condition),
                _text(rule.feature),
                str(rule.period),
                f"{use.mapped.calls:,}",
                _spend(use.mapped),
                Text("; ".join(remarks(use, days)), style="yellow"),
            )
        console.print(table)
    else:
        console.print("No rules yet: `breakeven map` proposes some, `breakeven map add` writes one.")
    for alias in declared.aliases.all:
        console.print(_text(f"alias {alias.number}: {alias}"))
    for pair in doubtful:
        console.print(
            Text(
                printable(f"{pair.one} and {pair.other} differ by {pair.difference} only: one feature?"), style="yellow"
            )
        )
    console.print()
    _print_left(console, found, days)


def remarks(use: RuleUse, days: int) -> list[str]:
    """What is odd about a rule, if anything."""
    told = [
        f"{calls.calls:,} more of its calls go to rule {number}, which stands before it"
        for number, calls in sorted(use.taken.items())
    ]
    if not use.mapped.calls:
        told.insert(0, "never reached" if use.taken else f"matches no call of the last {days} days")
    return told


def _print_left(console: Console, found: Overview, days: int) -> None:
    if not found.unallocated:
        console.print(f"Every call of the last {days} days has a feature.")
        return
    total = sum((seen.sum for seen in found.unallocated), Sum())
    console.print(Text(f"Without a declared or mapped feature in the last {days} days: {as_text(total)}", style="bold"))
    table = _table("Comes from")
    table.add_column("Calls", justify="right")
    table.add_column("Spend", justify="right")
    table.add_column("")
    for seen in found.unallocated[:_MOST]:
        table.add_row(
            _text(seen.described),
            f"{seen.sum.calls:,}",
            _spend(seen.sum),
            _text(f"inferred: {seen.inferred}" if seen.inferred else ""),
        )
    console.print(table)
    if len(found.unallocated) > _MOST:
        console.print(f"… and {len(found.unallocated) - _MOST:,} more")


def print_proposals(console: Console, proposals: Sequence[Proposal], found: Overview, days: int) -> None:
    """The proposals, and what suggests nothing."""
    if not proposals:
        console.print(
            "Nothing to propose." if found.unallocated else f"Every call of the last {days} days has a feature."
        )
        return
    for proposal in proposals:
        print_proposal(console, proposal)
    rest = len(found.open_now) - sum(proposal.origins for proposal in proposals)
    if rest:
        suggest = "origin suggests" if rest == 1 else "origins suggest"
        console.print(f"{rest:,} more {suggest} no name; `breakeven map list` shows them.")
    console.print("`breakeven map` goes through them and writes the rules.")


def print_proposal(console: Console, proposal: Proposal, number: str = "") -> None:
    """One proposal, a line for each rule."""
    head = Text.assemble(
        f"{number} " if number else "", (printable(proposal.feature), "bold"), f"  {as_text(proposal.sum)}"
    )
    console.print(head, soft_wrap=True)
    for match in proposal.rules:
        console.print(_text(f"  {condition(match)}"), soft_wrap=True)


def proposals_document(proposals: Sequence[Proposal]) -> list[dict[str, Any]]:
    """The proposals for programs."""
    return [
        {
            "feature": proposal.feature,
            **_sum(proposal.sum),
            "origins": proposal.origins,
            "rules": [{key: list(patterns) for key, patterns in match} for match in proposal.rules],
        }
        for proposal in proposals
    ]


def overview_document(
    declared: Declarations, found: Overview, doubtful: Sequence[NearNames], days: int
) -> dict[str, Any]:
    """The list for programs."""
    return {
        "days": days,
        "rules": [
            {
                "number": use.rule.number,
                "feature": use.rule.feature,
                "match": {key: list(patterns) for key, patterns in use.rule.match},
                "from": use.rule.period.start.isoformat() if use.rule.period.start else None,
                "until": use.rule.period.end.isoformat() if use.rule.period.end else None,
                **_sum(use.mapped),
                "taken_by": {str(number): _sum(total) for number, total in sorted(use.taken.items())},
                "remarks": remarks(use, days),
            }
            for use in found.uses
        ],
        "aliases": [str(alias) for alias in declared.aliases.all],
        "doubtful_names": [[pair.one, pair.other, pair.difference] for pair in doubtful],
        "unallocated": [
            {**as_row(seen.origin), "inferred": seen.inferred, **_sum(seen.sum)} for seen in found.unallocated
        ],
    }


def _sum(total: Sum) -> dict[str, Any]:
    return {"calls": total.calls, "cost_usd": usd(total.cost_usd), "unpriced_calls": total.unpriced_calls}


def _spend(total: Sum) -> str:
    return money(usd(total.cost_usd)) + (" +?" if total.unpriced_calls and total.cost_usd is not None else "")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _text(text: str) -> Text:
    return Text(printable(text))
