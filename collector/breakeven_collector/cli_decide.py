"""`breakeven decide`, `breakeven whatif`, `breakeven assumptions`: when it pays to host a feature's model."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Format,
    Port,
    Project,
    StoreAddress,
    TextOrJson,
    Timezone,
    Url,
    fail,
    plain_errors,
    settings_of,
    text_of,
)

decide_app = typer.Typer()
assumptions_app = typer.Typer(help="What the verdict assumes: defaults, sources, and your own.", no_args_is_help=True)
decide_app.add_typer(assumptions_app, name="assumptions")


@decide_app.command(
    epilog="Examples:\n\n  breakeven decide --all\n\n  breakeven decide contract-review\n\n"
    "  breakeven decide contract-review --diff\n\n  breakeven decide --scenario case.json --format json"
)
def decide(
    feature: Annotated[str | None, typer.Argument(help="The feature to decide about.", show_default=False)] = None,
    all_features: Annotated[
        bool, typer.Option("--all", envvar="BREAKEVEN_ALL", help="A line for each feature.")
    ] = False,
    scenario: Annotated[
        str | None,
        typer.Option(
            envvar="BREAKEVEN_SCENARIO",
            help="Instead: a JSON file with a case, computed without a store; - reads it from stdin.",
        ),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", envvar="BREAKEVEN_DIFF", help="Also what moved it since the last verdict.")
    ] = False,
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """When does it pay to host a feature's model? By what was observed, or by a case in a file."""
    if sum((feature is not None, all_features, scenario is not None)) != 1:
        fail("name one of them: a FEATURE, --all, or --scenario FILE")
    if scenario is not None:
        _decide_scenario(scenario, format)
        return
    from breakeven_collector.render_verdict import print_all, print_one
    from breakeven_collector.verdicts.client import fetch_verdicts

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    # What would change each verdict takes seconds a feature: a list of all does without.
    flips = feature is not None
    with plain_errors():
        document = fetch_verdicts(settings, url, feature=feature, project=project, flips=flips, diff=diff)
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif feature is None:
        print_all(document, Console())
    else:
        print_one(document, Console())


def _decide_scenario(scenario: str, format: TextOrJson) -> None:
    from breakeven_collector.economics.answer import answer
    from breakeven_collector.economics.scenario import parse
    from breakeven_collector.render_decide import print_answer

    with plain_errors():
        text = text_of(Path(scenario), "a JSON file, or - for stdin")
        document = answer(parse(text, "stdin" if scenario == "-" else scenario))
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print_answer(document, Console())


Share = Annotated[float, typer.Option(min=0, max=1, help="Share that is routed: of the cost, or with --of-calls.")]


@decide_app.command(
    epilog="Examples:\n\n  breakeven whatif --share 0.7 --unit-cost 0.1 --escalation 0.05 --usd 24000\n\n"
    "  breakeven whatif --share 0.9 --of-calls --relative-cost 0.4 --unit-cost 0.1\n\n"
    "  breakeven whatif --feature support-chat --share 0.7 --unit-cost 0.1"
)
def whatif(
    share: Share,
    unit_cost: Annotated[
        float, typer.Option(envvar="BREAKEVEN_UNIT_COST", min=0, help="What the small model asks of today's price.")
    ],
    escalation: Annotated[
        float,
        typer.Option(envvar="BREAKEVEN_ESCALATION", min=0, max=1, help="Of what is routed, asked again: paid twice."),
    ] = 0.0,
    of_calls: Annotated[bool, typer.Option("--of-calls", help="The share is of calls, not of cost.")] = False,
    relative_cost: Annotated[
        float, typer.Option(min=0, help="With --of-calls: what a routed call costs against the others.")
    ] = 1.0,
    usd: Annotated[float | None, typer.Option(envvar="BREAKEVEN_USD", min=0, help="Today's bill, USD a month.")] = None,
    feature: Annotated[
        str | None,
        typer.Option(envvar="BREAKEVEN_FEATURE", help="Instead of --usd: what this feature cost in 30 days."),
    ] = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """What routing a share to a small model would cost."""
    from dataclasses import asdict

    from breakeven_collector.economics.whatif import cost_share_of_calls, what_if

    if feature is not None:
        if usd is not None:
            fail("--usd or --feature: not both")
        from breakeven_collector.verdicts.client import bill_of

        settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
        with plain_errors():
            usd = bill_of(settings, url, feature, project)
    note = "a share of cost"
    if of_calls:
        note = (
            f"{share:.0%} of the calls are {cost_share_of_calls(share, relative_cost):.0%} of the cost, "
            f"if such a call costs {relative_cost:g} times another"
        )
        share = cost_share_of_calls(share, relative_cost)
    found = what_if(share, unit_cost, escalation, usd, note)
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    again = f", {escalation:.0%} of it asked again" if escalation else ""
    typer.echo(f"{share:.0%} of the cost to a model at {unit_cost:g} times the price{again}: "
               f"{found.share_of_today:.1%} of today's bill.")  # fmt: skip
    if of_calls:
        typer.echo(f"({found.note}.)")
    if usd is not None and found.usd_per_month is not None and found.saves_usd_per_month is not None:
        typer.echo(f"${found.usd_per_month:,.0f} a month instead of ${usd:,.0f}: {_less(found.saves_usd_per_month)}.")


def _less(saved_usd: float) -> str:
    return f"${abs(saved_usd):,.0f} {'less' if saved_usd >= 0 else 'more'}"


@assumptions_app.command("show", epilog="Examples:\n\n  breakeven assumptions show --feature search")
def show(
    feature: Annotated[
        str | None, typer.Option(envvar="BREAKEVEN_FEATURE", help="With what is declared for it.")
    ] = None,
    format: Format = TextOrJson.TABLE,
    config: Config = None,
) -> None:
    """Every assumption with value, unit, source and date."""
    from rich.table import Table

    from breakeven_collector.economics.assumptions import load, rows

    with plain_errors():
        found = load(settings_of(config=config).config)
    shown = rows(found.of(feature) if feature else found)
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    table = Table("Assumption", "Value", "Unit", "Source", "Read", box=None)
    table.columns[0].no_wrap = True
    for row in shown:
        table.add_row(row["key"], f"{row['value']:g}", row["unit"], row["source"], row["date"] or "")
    Console().print(table)


@assumptions_app.command("check", epilog="Examples:\n\n  breakeven assumptions check --config breakeven.toml")
def check(config: Config = None) -> None:
    """Whether what breakeven.toml assumes can be; a value that cannot is named. Exit code 1 then."""
    from breakeven_collector.economics.assumptions import load

    with plain_errors():
        found = load(settings_of(config=config).config)
    typer.echo(f"{len(found.given)} values of your own, {len(found.features)} features with values of theirs.")
