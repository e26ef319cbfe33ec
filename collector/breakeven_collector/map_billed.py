"""Proposals from a bill for people, for programs, and as they are written into `breakeven.toml`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from breakeven_collector.billed_keys import BilledKey
from breakeven_collector.billed_proposals import BilledProposal, shared_by
from breakeven_collector.config_file import today
from breakeven_collector.features import Feature
from breakeven_collector.map_file import NewRule, comment_of, owner_text
from breakeven_collector.map_rules import condition
from breakeven_collector.render import money, printable
from breakeven_collector.report import usd

_MOST: Final = 10


def billed_text(proposal: BilledProposal | BilledKey) -> str:
    """What is billed, in words: `$12.30 billed`, `~$12.30 billed (usage by our prices)`."""
    amount = money(usd(proposal.usd))
    return f"~{amount} billed (usage by our prices)" if proposal.estimated else f"{amount} billed"


def billed_rules(proposals: Iterable[BilledProposal], days: int) -> list[NewRule]:
    """The rules of proposals, as they are written."""
    return [
        NewRule(
            one.feature, match, comment=comment_of(today(), f"{billed_text(one)} in {days} days, {_clean(one.why)}")
        )
        for one in proposals
        for match in one.rules
    ]


def new_owners(proposals: Iterable[BilledProposal], declared: Mapping[str, Feature]) -> str:
    """The text of owners that proposals suggest, for features of which the file declares nothing yet."""
    owners = {one.feature: one.owner for one in proposals if one.owner and one.feature not in declared}
    return "\n".join(owner_text(feature, owner) for feature, owner in owners.items())


def print_billed(console: Console, proposal: BilledProposal, declared: Mapping[str, Feature], number: str = "") -> None:
    """One proposal, a line for each rule, and one for the owner."""
    console.print(
        Text.assemble(
            f"{number} " if number else "",
            (printable(proposal.feature), "bold"),
            f"  {billed_text(proposal)}, {printable(proposal.why)}",
        ),
        soft_wrap=True,
    )
    for match in proposal.rules:
        console.print(Text(printable(f"  {condition(match)}")), soft_wrap=True)
    if proposal.owner and proposal.feature not in declared:
        console.print(Text(printable(f"  owner {proposal.owner}, by the project's name")), soft_wrap=True)


def print_unnamed(console: Console, keys: Sequence[BilledKey], proposals: Sequence[BilledProposal]) -> None:
    """Keys that suggest nothing, the dearest first."""
    proposed = {key for proposal in proposals for key in map(_id, proposal.keys)}
    left = [key for key in keys if _id(key) not in proposed]
    for key in left[:_MOST]:
        shared = ", ".join(shared_by(key))
        why = f"its calls are of {shared}" if shared else "its name says nothing"
        name = key.key or f"project {key.project}"
        where = ", ".join(part for part in (key.provider, key.project if key.key else "") if part)
        console.print(Text(printable(f"{name}  {billed_text(key)}: {why} ({where})")), soft_wrap=True)
    if len(left) > _MOST:
        console.print(f"… and {len(left) - _MOST:,} more keys of the bill")
    if left:
        console.print("Give them a feature with `breakeven map add --key NAME --feature FEATURE`.")


def billed_document(proposals: Sequence[BilledProposal]) -> list[dict[str, Any]]:
    """The proposals for programs."""
    return [
        {
            "feature": one.feature,
            "owner": one.owner or None,
            "billed_usd": usd(one.usd),
            "estimated": one.estimated,
            "keys": [{"provider": key.provider, "project": key.project, "key": key.key} for key in one.keys],
            "why": one.why,
            "rules": [{key: list(patterns) for key, patterns in match} for match in one.rules],
        }
        for one in proposals
    ]


def _id(key: BilledKey) -> tuple[str, str, str]:
    return key.provider, key.project, key.key


def _clean(text: str) -> str:
    return printable(text).replace("\n", " ")
