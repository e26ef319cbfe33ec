"""`breakeven grafana build | push | verify`."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from breakeven_dashboards.dashboard import PAGE_URL
from rich.console import Console
from rich.text import Text

from breakeven_collector.cli_options import fail, plain_errors

grafana_app = typer.Typer(help="Dashboards and alert rules in Grafana.", no_args_is_help=True)

_Url = Annotated[str, typer.Option("--url", envvar="GRAFANA_URL", help="Grafana's address.")]
_TokenEnv = Annotated[
    str,
    typer.Option(
        "--token-env",
        envvar="BREAKEVEN_GRAFANA_TOKEN_ENV",
        help="Variable with the token of a service account (role Admin), or user:password.",
    ),
]
_Timeout = Annotated[
    float, typer.Option("--timeout", envvar="BREAKEVEN_GRAFANA_TIMEOUT", min=1, help="Seconds to wait for an answer.")
]
_DatasourceUid = Annotated[
    str, typer.Option("--datasource-uid", envvar="BREAKEVEN_GRAFANA_DATASOURCE_UID", help="Uid of the data source.")
]


def _address(value: str) -> str:
    if not re.match(r"https?://\S", value):
        raise typer.BadParameter(f"{value!r}: write it like {PAGE_URL}")
    return value


_PageUrl = Annotated[
    str,
    typer.Option(
        "--page-url",
        envvar="BREAKEVEN_GRAFANA_PAGE_URL",
        callback=_address,
        help="Breakeven's page as a browser reaches it, for links.",
    ),
]
_Alerts = Annotated[
    bool | None,
    typer.Option(
        "--alerts/--no-alerts",
        envvar="BREAKEVEN_GRAFANA_ALERTS",
        help="Let the rules run, or pause them. \\[default: new ones are paused, others stay as they are]",
    ),
]


@grafana_app.command(
    epilog="Examples:\n\n  breakeven grafana build --out /etc/grafana/provisioning\n\n"
    "  breakeven grafana build --out ./provisioning --datasource-url http://collector.internal:4318/clickhouse"
)
def build(
    out: Annotated[Path, typer.Option(envvar="BREAKEVEN_GRAFANA_OUT", help="Folder; Grafana's provisioning/.")],
    datasource_url: Annotated[
        str,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_DATASOURCE_URL", help="The store as Grafana reaches it, without a password."
        ),
    ] = "http://grafana@127.0.0.1:4318/clickhouse",
    password_env: Annotated[
        str,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_PASSWORD_ENV",
            help="Variable of Grafana's environment with the reader's password, or a read key.",
        ),
    ] = "BREAKEVEN_READ_KEY",
    dashboards_path: Annotated[
        str | None,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_DASHBOARDS_PATH",
            help="Where Grafana sees dashboards/breakeven. \\[default: where it is written]",
        ),
    ] = None,
    alerts: Annotated[
        bool, typer.Option("--alerts/--no-alerts", envvar="BREAKEVEN_GRAFANA_ALERTS", help="Let the rules run.")
    ] = False,
    webhook_env: Annotated[
        str | None,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_WEBHOOK_ENV",
            help="Variable of Grafana's environment with Slack's webhook; Grafana does not start where it is empty.",
        ),
    ] = None,
    page_url: _PageUrl = PAGE_URL,
) -> None:
    """Write the files from which a Grafana is provisioned: data source, dashboards, rules."""
    from breakeven_collector.grafana.tree import write_tree
    from breakeven_collector.grafana.wanted import datasource_of

    _need_name(password_env, "--password-env")
    if webhook_env:
        _need_name(webhook_env, "--webhook-env")
    with plain_errors(other_folder="--out"):
        source = datasource_of(datasource_url, f"${password_env}")
        for path in write_tree(
            out,
            datasource=source,
            dashboards_path=dashboards_path,
            alerts=alerts,
            webhook_variable=webhook_env,
            page_url=page_url,
        ):
            typer.echo(path)


@grafana_app.command(
    epilog="Examples:\n\n  breakeven grafana push --url http://127.0.0.1:3000 --dry-run\n\n"
    "  breakeven grafana push --url https://grafana.internal --datasource-url clickhouse://breakeven_default@clickhouse:9000/breakeven"
)
def push(
    url: _Url,
    token_env: _TokenEnv = "GRAFANA_TOKEN",
    folder: Annotated[str, typer.Option(envvar="BREAKEVEN_GRAFANA_FOLDER", help="Title of the folder.")] = "Breakeven",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", envvar="BREAKEVEN_DRY_RUN", help="Say what would be done, and do nothing.")
    ] = False,
    datasource_url: Annotated[
        str | None,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_DATASOURCE_URL",
            help="The store as Grafana reaches it, without a password. \\[default: the data source is there already]",
        ),
    ] = None,
    password_env: Annotated[
        str,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_PASSWORD_ENV", help="Variable with the reader's password, or a read key."
        ),
    ] = "BREAKEVEN_READ_KEY",
    datasource_uid: _DatasourceUid = "breakeven",
    alerts: _Alerts = None,
    webhook_env: Annotated[
        str | None,
        typer.Option(
            envvar="BREAKEVEN_GRAFANA_WEBHOOK_ENV",
            help="Variable with Slack's webhook: a contact point for the rules. "
            "\\[default: they tell whom the policies say]",
        ),
    ] = None,
    secrets: Annotated[
        bool,
        typer.Option("--secrets", envvar="BREAKEVEN_GRAFANA_SECRETS", help="Send password and webhook once more."),
    ] = False,
    page_url: _PageUrl = PAGE_URL,
    timeout: _Timeout = 30.0,
) -> None:
    """Bring data source, dashboards, rules and contact point into a Grafana. What is not Breakeven's stays as it is."""
    from breakeven_collector.grafana.connect import connect
    from breakeven_collector.grafana.push import Done, Push
    from breakeven_collector.grafana.wanted import datasource_of

    token, webhook = _secret(token_env, "--token-env"), _secret(webhook_env, "--webhook-env") if webhook_env else ""
    with plain_errors():
        source = None
        if datasource_url is not None:
            source = datasource_of(datasource_url, _secret(password_env, "--password-env"))
        wish = Push(folder, source, datasource_uid, webhook, alerts, secrets, dry_run, page_url)
        count: Counter[Done] = Counter()
        for told in wish.into(connect(url, token, timeout=timeout), url):
            count[told.done] += 1
            _line(
                "would be " + told.done if dry_run and told.done in (Done.CREATED, Done.UPDATED) else told.done,
                told.what,
                told.why,
            )
    typer.echo(", ".join(f"{number} {done}" for done, number in count.items()) + (" (dry run)" if dry_run else ""))
    if count[Done.FAILED]:
        raise typer.Exit(1)


@grafana_app.command(
    epilog="Examples:\n\n  breakeven grafana verify --url http://127.0.0.1:3000\n\n"
    "  breakeven grafana verify --url https://grafana.internal --strict"
)
def verify(
    url: _Url,
    token_env: _TokenEnv = "GRAFANA_TOKEN",
    datasource_uid: _DatasourceUid = "breakeven",
    start: Annotated[
        str,
        typer.Option("--from", envvar="BREAKEVEN_GRAFANA_FROM", help="Start of the time range, as Grafana writes it."),
    ] = "now-30d",
    strict: Annotated[
        bool, typer.Option("--strict", envvar="BREAKEVEN_STRICT", help="A query without rows is wrong too.")
    ] = False,
    timeout: _Timeout = 60.0,
) -> None:
    """Run every query of dashboards and rules through a running Grafana. Exit code 1 if one fails."""
    from breakeven_collector.grafana.connect import connect
    from breakeven_collector.grafana.verify import Result, Verifier

    token = _secret(token_env, "--token-env")
    count: Counter[Result] = Counter()
    with plain_errors():
        verifier = Verifier(connect(url, token, timeout=timeout), url, datasource=datasource_uid, start=start)
        for tried in verifier.run():
            count[tried.result] += 1
            _line(tried.result, tried.where, tried.why)
    typer.echo(", ".join(f"{count[result]} {result}" for result in Result))
    if count[Result.FAILED] or (strict and count[Result.EMPTY]):
        raise typer.Exit(1)


def _secret(variable: str, option: str) -> str:
    """The value of an environment variable; without one the program ends."""
    _need_name(variable, option)
    value = os.environ.get(variable, "").strip()
    if not value:
        fail(f"{variable} is not set; put it into the environment, or name another variable with {option}")
    return value


def _need_name(variable: str, option: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        # What stands there instead may be the secret itself.
        fail(f"{option} takes the name of an environment variable, such as BREAKEVEN_READ_KEY: not what it holds")


_STYLES = {"failed": "bold red", "empty": "yellow"}


def _line(word: str, what: str, why: str) -> None:
    # Not as markup: a title may hold square brackets.
    Console().print(
        Text.assemble((f"{word:<17}", _STYLES.get(word, "")), what, f": {why}" if why else ""),
        soft_wrap=True,
        highlight=False,
    )
