"""`breakeven alerts test`."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from breakeven_collector.cli_options import Config, DataDir, Format, Port, StoreAddress, TextOrJson, Url, plain_errors
from breakeven_collector.cli_options import settings_of as _settings_of
from breakeven_collector.render import printable


def alerts_test_command(app: typer.Typer) -> None:
    """Add the command to the others of `breakeven alerts`."""

    @app.command(
        "test", epilog="Examples:\n\n  breakeven alerts test\n\n  breakeven alerts test --channel costs --format json"
    )
    def test(
        channel: Annotated[
            str | None, typer.Option(envvar="BREAKEVEN_ALERTS_CHANNEL", help="Only this one. \\[default: all]")
        ] = None,
        format: Format = TextOrJson.TABLE,
        url: Url = None,
        port: Port = None,
        store: StoreAddress = None,
        data_dir: DataDir = None,
        config: Config = None,
    ) -> None:
        """Send a message that says it is a test to each channel. Exit code 1 if one does not take it.

        A running collector sends it, with the secrets that it has; where none runs, this command does with its own.
        """
        from breakeven_collector.alerts.source import try_from_here_or_there

        settings = _settings_of(port=port, store=store, data_dir=data_dir, config=config)
        with plain_errors():
            document = try_from_here_or_there(settings, url, only=channel, now=datetime.now(UTC))
        if format is TextOrJson.JSON:
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            _print(document, Console())
        if not all(one["is_sent"] for one in document["channels"]):
            raise typer.Exit(1)


def _print(document: dict[str, Any], console: Console) -> None:
    for one in document["channels"]:
        mark = ("sent", "green") if one["is_sent"] else ("not sent", "red")
        # Text, not markup: names may hold square brackets.
        line = Text.assemble(mark, f"  {printable(one['channel'])} ({one['kind']})")
        if one["error"]:
            line.append(f"  {one['error']}")
        console.print(line, soft_wrap=True)
        if one["mend"]:
            console.print(Text(f"  → {printable(one['mend'])}", style="dim"), soft_wrap=True)
