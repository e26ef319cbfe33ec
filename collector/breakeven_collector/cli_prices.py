"""`breakeven prices list | show | set | unset | sync | check`."""

import json
from dataclasses import asdict
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Form,
    Port,
    StoreAddress,
    TextOrJson,
    Url,
    fail,
    plain_errors,
    settings_of,
)

prices_app = typer.Typer(help="Prices: the book, own rates, and what is wrong with them.", no_args_is_help=True)

Days = Annotated[
    int, typer.Option(envvar="BREAKEVEN_DAYS", min=1, max=3660, help="Models in use over the last so many days (UTC).")
]
Provider = Annotated[str, typer.Option(help="Provider, as the spans name it or by its id in the book.")]


def _usd(value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation:
        raise typer.BadParameter(f"{value!r} is not a number") from None


def day_of(value: str) -> date:
    """A day as it is written on the command line."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not a day; write it like 2026-11-01") from None


def _meter(value: str) -> tuple[str, Decimal]:
    name, equals, usd = value.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{value!r}: write it like web_search=0.01")
    return name.strip(), _usd(usd)


def _rate(help: str) -> Any:
    return typer.Option(parser=_usd, metavar="USD", help=help)


@prices_app.command(
    "list", epilog="Examples:\n\n  breakeven prices list\n\n  breakeven prices list --all --format json"
)
def list_prices(
    days: Days = 30,
    whole_book: Annotated[bool, typer.Option("--all", help="Every model of the book, not only those in use.")] = False,
    format: Form = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """The active book, own prices, and the models in use with their rates and dollars."""
    from breakeven_collector import render_prices
    from breakeven_collector.prices_client import open_prices

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors(), open_prices(settings, url) as prices:
        document = prices.list(days=days, whole_book=whole_book)
    _print(document, format, render_prices.print_list)


@prices_app.command(
    epilog="Examples:\n\n  breakeven prices show gpt-4o\n\n  breakeven prices show o3 --provider openai"
)
def show(
    model: Annotated[str, typer.Argument(help="A model, as the spans name it or by its id in the book.")],
    provider: Provider = "",
    format: Form = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """All that is known of a model's price: dates, tiers, contexts, the names it came with."""
    from breakeven_collector import render_prices
    from breakeven_collector.prices_client import open_prices

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors(), open_prices(settings, url) as prices:
        document = prices.show(model, provider)
    _print(document, format, render_prices.print_model)


@prices_app.command(
    "set",
    epilog="Examples:\n\n  breakeven prices set gpt-4o --percent-off 12 --from 2026-11-01\n\n"
    "  breakeven prices set gpt-4o --context service_tier=flex --input 1 --output 4 --from 2026-11-01\n\n"
    "  breakeven prices set llama-3.3-70b --provider vllm --gpu-hour-usd 2.5 --gpus 2 --from 2026-11-01",
)
def set_price(
    model: Annotated[str, typer.Argument(help="A model, as the spans name it or by its id in the book.")],
    valid_from: Annotated[
        date, typer.Option("--from", parser=day_of, metavar="DATE", help="First day (UTC) on which it holds.")
    ],
    valid_to: Annotated[
        date | None,
        typer.Option("--to", parser=day_of, metavar="DATE", help="First day (UTC) on which it holds no more."),
    ] = None,
    provider: Provider = "",
    project: Annotated[str, typer.Option(help="Project it holds for. \\[default: all]")] = "",
    context: Annotated[
        str,
        typer.Option(
            help="Like service_tier=flex or processing=batch. "
            "\\[default: standard for rates, all for a percentage and GPUs]"
        ),
    ] = "",
    input: Annotated[Decimal | None, _rate("A million input tokens.")] = None,
    output: Annotated[Decimal | None, _rate("A million output tokens.")] = None,
    cache_read: Annotated[Decimal | None, _rate("A million read from the cache. \\[default: as input]")] = None,
    cache_write: Annotated[Decimal | None, _rate("A million written to the cache. \\[default: as input]")] = None,
    cache_write_1h: Annotated[
        Decimal | None, _rate("A million written to it for an hour. \\[default: as --cache-write]")
    ] = None,
    audio_input: Annotated[Decimal | None, _rate("A million of audio input. \\[default: as input]")] = None,
    image_input: Annotated[Decimal | None, _rate("A million of image input. \\[default: as input]")] = None,
    reasoning: Annotated[Decimal | None, _rate("A million of reasoning. \\[default: as output]")] = None,
    audio_output: Annotated[Decimal | None, _rate("A million of audio output. \\[default: as output]")] = None,
    image_output: Annotated[Decimal | None, _rate("A million of image output. \\[default: as output]")] = None,
    request: Annotated[Decimal | None, _rate("A call, beside its tokens.")] = None,
    meter: Annotated[
        list[Any] | None, typer.Option(parser=_meter, metavar="NAME=USD", help="A unit of a meter: web_search=0.01.")
    ] = None,
    percent_off: Annotated[
        Decimal | None, typer.Option(parser=_usd, metavar="PERCENT", help="Off the book's price, whatever it is.")
    ] = None,
    gpu_hour_usd: Annotated[Decimal | None, _rate("An hour of one GPU that serves the model.")] = None,
    gpus: Annotated[int, typer.Option(min=1, help="How many GPUs serve it.")] = 1,
    note: Annotated[str, typer.Option(help="Why, and who says so.")] = "",
    format: Form = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Give a model an own price: rates of a contract, a percentage off the book's, or what its GPUs cost."""
    from breakeven_collector import render_prices
    from breakeven_collector.price_overrides import FOREVER, Override
    from breakeven_collector.prices_client import open_prices

    rates = {
        **{"input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write},
        **{"cache_write_1h": cache_write_1h, "audio_input": audio_input, "image_input": image_input},
        **{"reasoning": reasoning, "audio_output": audio_output, "image_output": image_output},
    }
    override = Override(
        model=model,
        valid_from=valid_from,
        valid_to=valid_to or FOREVER,
        provider=provider,
        project=project,
        price_context=context,
        usd_per_million_tokens={name: usd for name, usd in rates.items() if usd is not None},
        request_usd=request,
        meter_usd=dict(meter or []),
        percent_off=percent_off,
        gpu_hour_usd=gpu_hour_usd,
        gpus=gpus,
        note=note,
    )
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        override.check()
        with open_prices(settings, url) as prices:
            document = prices.set(override)
    _print(document, format, render_prices.print_set)


@prices_app.command(epilog="Examples:\n\n  breakeven prices unset 1f0c9a3e\n\n  breakeven prices unset gpt-4o")
def unset(
    what: Annotated[
        str, typer.Argument(metavar="ID|MODEL", help="The override's id, or its model if there is one only.")
    ],
    provider: Provider = "",
    project: Annotated[str | None, typer.Option(help="Only one of this project; '' for one of all projects.")] = None,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Take an own price back; what it hid holds again, for history too."""
    from breakeven_collector import render_prices
    from breakeven_collector.prices_client import open_prices

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors(), open_prices(settings, url) as prices:
        document = prices.unset(what, provider=provider, project=project)
    render_prices.print_unset(document, Console())


@prices_app.command(
    epilog="The file is genai-prices' own data, prices/new_data/v2/data.json in github.com/pydantic/genai-prices.\n\n"
    "Examples:\n\n  breakeven prices sync data.json\n\n  breakeven prices sync data.json --yes"
)
def sync(
    file: Annotated[Path, typer.Argument(help="A data file of genai-prices.", exists=True, dir_okay=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Take a newer book: shows what it changes, asks, and makes it the active one. Older books stay."""
    from breakeven_collector import render_prices
    from breakeven_collector.prices_client import open_prices

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    console = Console()
    with plain_errors():
        document = file.read_bytes()
        with open_prices(settings, url) as prices:
            difference = prices.sync(document, dry_run=True)
            render_prices.print_difference(difference, console)
            if difference["from"] == difference["to"]:
                return
            if not yes and not typer.confirm("Price everything with it, history too?"):
                fail("nothing was changed")
            prices.sync(document, dry_run=False)
    console.print(f"Active: {difference['to']}", highlight=False, soft_wrap=True)


@prices_app.command(
    epilog="Examples:\n\n  breakeven prices check\n\n"
    "  breakeven prices check --litellm model_prices_and_context_window.json --older-than 30"
)
def check(
    days: Days = 30,
    older_than: Annotated[int, typer.Option(min=1, help="Days since the book's newest price.")] = 45,
    litellm: Annotated[
        Path | None,
        typer.Option(help="LiteLLM's price list to compare with. \\[default: that of the installed litellm, if any]"),
    ] = None,
    percent: Annotated[float, typer.Option(min=0, help="How far a rate may be from LiteLLM's.")] = 1.0,
    format: Form = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Models without a price, old prices, disagreements with LiteLLM's list. Exit code 1 if something is to be done."""
    from breakeven_collector import price_check, render_prices
    from breakeven_collector.prices_client import open_prices

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        theirs = price_check.load_litellm(litellm)
        with open_prices(settings, url) as prices:
            document = prices.list(days=days, whole_book=False)
    findings = price_check.check(document, theirs, older_than_days=older_than, percent=Decimal(str(percent)))
    if format is TextOrJson.JSON:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        render_prices.print_findings(findings, document, compared=theirs is not None, console=Console())
    if any(finding.level == "action" for finding in findings):
        raise typer.Exit(1)


def _print(document: dict[str, Any], format: TextOrJson, as_text: Any) -> None:
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        as_text(document, Console())
