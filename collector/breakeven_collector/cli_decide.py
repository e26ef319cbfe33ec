"""`breakeven decide`, `breakeven whatif`, `breakeven assumptions`: when it pays to host a feature's model."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from breakeven_collector.cli_options import TextOrJson, plain_errors
from breakeven_collector.errors import ConfigError

decide_app = typer.Typer()
assumptions_app = typer.Typer(help="What the verdict assumes: defaults, sources, and your own.", no_args_is_help=True)
decide_app.add_typer(assumptions_app, name="assumptions")

Format = Annotated[TextOrJson, typer.Option("--format", envvar="BREAKEVEN_FORMAT", help="table or json.")]


@decide_app.command(
    epilog="Examples:\n\n  breakeven decide --scenario case.json\n\n"
    "  breakeven decide --scenario - --format json < case.json"
)
def decide(
    scenario: Annotated[
        str,
        typer.Option(envvar="BREAKEVEN_SCENARIO", help="A JSON file with the case; - reads it from stdin."),
    ],
    format: Format = TextOrJson.TABLE,
) -> None:
    """Compute when hosting pays, from a case in a file; nothing is read from a store."""
    from breakeven_collector.economics.answer import answer
    from breakeven_collector.economics.scenario import parse
    from breakeven_collector.render_decide import print_answer

    with plain_errors():
        text, name = _text_of(scenario)
        document = answer(parse(text, name))
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print_answer(document, Console())


def _text_of(name: str) -> tuple[str, str]:
    if name == "-":
        return sys.stdin.read(), "stdin"
    try:
        return Path(name).read_text(encoding="utf-8"), name
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{name}: {reason}; give the path of a JSON file, or - for stdin") from None
