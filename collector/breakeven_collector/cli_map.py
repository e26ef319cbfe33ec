"""`breakeven map`: turn where calls come from into features, by rules in breakeven.toml."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from breakeven_collector.billed_proposals import BilledProposal, propose_billed
from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Format,
    Port,
    StoreAddress,
    TextOrJson,
    Url,
    fail,
    plain_errors,
    settings_of,
)
from breakeven_collector.config_file import Period, today
from breakeven_collector.declarations import Declarations, load_declarations
from breakeven_collector.errors import BreakevenError
from breakeven_collector.map_billed import (
    billed_document,
    billed_rules,
    new_owners,
    print_billed,
    print_unnamed,
)
from breakeven_collector.map_edit import edit_rules
from breakeven_collector.map_file import NewRule, append_rules, append_text, comment_of, new_rule
from breakeven_collector.map_overview import Overview, cuts, doubtful_names, overview
from breakeven_collector.map_rules import Match
from breakeven_collector.proposals import Proposal, propose
from breakeven_collector.render_map import (
    as_text,
    overview_document,
    print_overview,
    print_proposal,
    print_proposals,
    proposals_document,
)
from breakeven_collector.settings import Settings

map_app = typer.Typer(
    name="map",
    help="Turn where calls come from into features: propose rules, confirm them, list what they do.",
    invoke_without_command=True,
    rich_markup_mode="rich",
)


Days = Annotated[
    int, typer.Option(envvar="BREAKEVEN_DAYS", min=1, max=3660, help="Look at the last so many days (UTC).")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Take every proposal as it is.")]
Edit = Annotated[
    bool, typer.Option("--edit", "-e", help="Open the proposals in $VISUAL or $EDITOR; what is saved is written.")
]
Patterns = list[str] | None
_ALL_MAPPED = "no call of these days lacks a feature."


def _pattern(what: str) -> Any:
    return typer.Option(help=f"{what}, as a shell pattern; more than one: any of them.")


@map_app.callback(
    epilog="Examples:\n\n  breakeven map\n\n  breakeven map list\n\n  breakeven map --yes\n\n  breakeven map --edit"
)
def main(
    context: typer.Context,
    yes: Yes = False,
    edit: Edit = False,
    days: Days = 30,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Turn where calls come from into features. Alone: the same as `breakeven map confirm`."""
    if context.invoked_subcommand is None:
        confirm(yes, edit, days, url, port, store, data_dir, config)
        return
    for name in context.params:
        source = context.get_parameter_source(name)
        if source and source.name == "COMMANDLINE":
            command, option = context.invoked_subcommand, f"--{name.replace('_', '-')}"
            fail(f"{option} must stand behind {command}: breakeven map {command} {option} …")


@map_app.command(
    epilog="Examples:\n\n  breakeven map confirm\n\n  breakeven map confirm --yes --config ./breakeven.toml"
)
def confirm(
    yes: Yes = False,
    edit: Edit = False,
    days: Days = 30,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Go through the proposals one by one and write those that are confirmed into breakeven.toml."""
    if yes and edit:
        fail("--yes takes the proposals as they are, --edit opens an editor on them: not both")
    settings = settings_of(makes_config=True, port=port, store=store, data_dir=data_dir, config=config)
    console = Console()
    with plain_errors():
        declared, found = _overview(settings, url, days)
        proposals = propose(found.open_now)
        billed = propose_billed(found.billed, declared.names())
        if edit:
            _edit(console, settings, url, [*_rules(proposals, days), *billed_rules(billed, days)], billed)
        else:
            chosen = [*proposals, *billed] if yes else _ask(console, [*proposals, *billed], declared)
            taken = [one for one in chosen if isinstance(one, BilledProposal)]
            rules = [*_rules([one for one in chosen if isinstance(one, Proposal)], days), *billed_rules(taken, days)]
            _write(console, settings, url, _sorted(rules), new_owners(taken, declared.features))
        if not proposals and not billed:
            console.print(
                "Nothing to propose: "
                + ("what is left names nothing." if found.unallocated or found.billed else _ALL_MAPPED)
            )
        if not edit:
            print_unnamed(console, found.billed, billed)


@map_app.command(
    "propose", epilog="Examples:\n\n  breakeven map propose\n\n  breakeven map propose --days 7 --format json"
)
def propose_(
    days: Days = 30,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Show which features the calls without one suggest, with calls and dollars. Writes nothing."""
    settings = settings_of(makes_config=True, port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        declared, found = _overview(settings, url, days)
    proposals, billed = propose(found.open_now), propose_billed(found.billed, declared.names())
    if format is TextOrJson.JSON:
        document = [*proposals_document(proposals), *billed_document(billed)]
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console = Console()
        if proposals or not billed:
            print_proposals(console, proposals, found, days)
        for proposal in billed:
            print_billed(console, proposal, declared.features)
        print_unnamed(console, found.billed, billed)


@map_app.command("list", epilog="Examples:\n\n  breakeven map list\n\n  breakeven map list --days 90 --format json")
def list_(
    days: Days = 30,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Show the rules with what they mapped, those that map nothing or overlap, and what has no feature yet."""
    settings = settings_of(makes_config=True, port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        declared, found = _overview(settings, url, days)
    doubtful = doubtful_names(declared, (seen.inferred for seen in found.unallocated))
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(overview_document(declared, found, doubtful, days), indent=2, ensure_ascii=False))
    else:
        print_overview(Console(), declared, found, doubtful, days)


@map_app.command(
    epilog="Examples:\n\n  breakeven map add --service checkout --feature checkout\n\n"
    "  breakeven map add --key 'ci-*' --feature ci --from 2026-07-01 --note 'the key of the build'"
)
def add(
    feature: Annotated[str, typer.Option(help="The feature that the calls are for.")],
    key: Annotated[Patterns, _pattern("Name of the API key at provider or gateway")] = None,
    project: Annotated[Patterns, _pattern("Project, workspace or team at provider or gateway")] = None,
    service: Annotated[Patterns, _pattern("service.name")] = None,
    route: Annotated[Patterns, _pattern("Route of the request that was being served")] = None,
    agent: Annotated[Patterns, _pattern("Name of the agent")] = None,
    workflow: Annotated[Patterns, _pattern("Name of workflow or chain")] = None,
    prompt: Annotated[Patterns, _pattern("Name of the prompt")] = None,
    environment: Annotated[Patterns, _pattern("Deployment environment")] = None,
    provider: Annotated[Patterns, _pattern("Provider")] = None,
    model: Annotated[Patterns, _pattern("Model")] = None,
    from_: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First UTC day.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First UTC day after.")] = None,
    note: Annotated[str, typer.Option(help="Why; stands in the file.")] = "",
    url: Url = None,
    port: Port = None,
    config: Config = None,
) -> None:
    """Write one rule into breakeven.toml: calls that match all of what is given are for the feature."""
    settings = settings_of(makes_config=True, port=port, config=config)
    values: dict[str, Sequence[str]] = {
        **{"key": key or (), "project": project or (), "service": service or (), "route": route or ()},
        **{"agent": agent or (), "workflow": workflow or (), "prompt": prompt or ()},
        **{"environment": environment or (), "provider": provider or (), "model": model or ()},
    }
    period = Period(from_.date() if from_ else None, until.date() if until else None)
    with plain_errors():
        rule = new_rule(feature, values, period, note, comment_of(today(), ""))
        _write(Console(), settings, url, [rule])


def _overview(settings: Settings, url: str | None, days: int) -> tuple[Declarations, Overview]:
    from breakeven_collector.source import fetch_origins

    declared = load_declarations(settings.config)
    return declared, overview(declared, fetch_origins(settings, url, days=days, cuts=cuts(declared)))


def _ask(
    console: Console, proposals: Sequence[Proposal | BilledProposal], declared: Declarations
) -> list[Proposal | BilledProposal]:
    chosen: list[Proposal | BilledProposal] = []
    for number, proposal in enumerate(proposals, 1):
        if isinstance(proposal, BilledProposal):
            print_billed(console, proposal, declared.features, f"{number}/{len(proposals)}")
        else:
            print_proposal(console, proposal, f"{number}/{len(proposals)}")
        answer = ""
        while answer not in ("y", "n", "e", "q"):
            answer = (
                typer.prompt("  Map them? y yes, n no, e another name, q stop here", default="n").strip().lower()[:1]
            )
        if answer == "q":
            break
        if answer == "e":
            name = ""
            while not name:
                name = typer.prompt("  Name of the feature", default=proposal.feature).strip()
            proposal = replace(proposal, feature=name)
        if answer in ("y", "e"):
            chosen.append(proposal)
    return chosen


def _rules(proposals: Iterable[Proposal], days: int) -> list[NewRule]:
    return [
        NewRule(one.feature, match, comment=comment_of(today(), f"{as_text(one.sum)} in {days} days"))
        for one in proposals
        for match in one.rules
    ]


def _sorted(rules: Sequence[NewRule]) -> list[NewRule]:
    """What names an origin more precisely comes first: the first rule that matches wins."""
    unique: dict[tuple[str, Match], NewRule] = {}
    for rule in rules:
        unique.setdefault((rule.feature, rule.match), rule)
    return sorted(unique.values(), key=_precision)


def _precision(rule: NewRule) -> int:
    from breakeven_collector.proposals import NAMING

    return min(NAMING.index(key) for key, patterns in rule.match if key in NAMING and patterns != ("",))


def _edit(
    console: Console, settings: Settings, url: str | None, rules: Sequence[NewRule], billed: Sequence[BilledProposal]
) -> None:
    if not rules:
        return
    owners = new_owners(billed, load_declarations(settings.config).features)
    text = "\n".join([*(rule.text() for rule in _sorted(rules)), *([owners] if owners else [])])

    def again(wrong: str) -> bool:
        console.print(wrong, markup=False, highlight=False, soft_wrap=True)
        return sys.stdin.isatty() and typer.confirm("Open it again?", default=True)

    if added := edit_rules(settings.config, text, again=again):
        _told(console, settings, url, added)
    else:
        console.print("Nothing is left of the proposals: nothing was written.")


def _write(console: Console, settings: Settings, url: str | None, rules: Sequence[NewRule], owners: str = "") -> None:
    if not rules:
        return
    new = append_rules(settings.config, rules)
    for rule in rules:
        if rule not in new:
            console.print(f"{rule.feature}: such a rule stands there already.", markup=False, highlight=False)
    if owners:
        append_text(settings.config, owners)
    if new:
        _told(console, settings, url, len(new))


def _told(console: Console, settings: Settings, url: str | None, rules: int) -> None:
    console.print(
        f"{rules} {'rule' if rules == 1 else 'rules'} written to {settings.config}.", markup=False, soft_wrap=True
    )
    console.print(_when(settings, url), markup=False, highlight=False, soft_wrap=True)


def _when(settings: Settings, url: str | None) -> str:
    from breakeven_collector.source import get_json, key_for

    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    try:
        health = get_json(f"{address}/healthz", having="status", key=key_for(settings, address), timeout=5)
    except BreakevenError:
        return "No collector runs here: it shows in the next report."
    if "config" not in health:
        return f"The collector at {address} takes it up within seconds if this is the file that it reads."
    reads = str(health["config"])
    if reads == str(settings.config.absolute()):
        return f"The collector at {address} takes it up within seconds."
    return f"The collector at {address} reads {reads}: put the rules there, or start it with --config."
