"""`breakeven demo`: traffic through the real receive path into a throw-away store, the report, and the collector."""

import http.client
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from breakeven_collector.access import DEFAULT_PROJECT
from breakeven_collector.billed_api import take_up_bill
from breakeven_collector.demo.traffic import Traffic
from breakeven_collector.errors import BreakevenError
from breakeven_collector.features import load_features
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account
from breakeven_collector.imports_client import open_target
from breakeven_collector.period import Asked, last_days
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.render import print_report
from breakeven_collector.render_imports import Summary
from breakeven_collector.report import build_report
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.report_document import Report
from breakeven_collector.serve import Collector, until_stopped
from breakeven_collector.settings import Settings
from breakeven_collector.source import fetch_report, get_json, key_for
from breakeven_collector.store import Store

CONFIG = Path(__file__).with_name("breakeven.toml")
"""Owners and budgets of the demo's features."""


def run_demo(console: Console, *, days: int, seed: int, serve: bool, port: int | None, now: datetime) -> None:
    """Seed, report, and serve until told to stop.

    Raises:
        BreakevenError: the collector cannot start, or does not take the traffic.
    """
    with (
        tempfile.TemporaryDirectory(prefix="breakeven-demo-") as folder,
        _start(Path(folder), serve, port) as collector,
    ):
        started = time.monotonic()
        traffic = Traffic(days=days, seed=seed, end=now.replace(second=0, microsecond=0))
        seed_store(console, collector, traffic)
        console.print(
            f"Seeded in {time.monotonic() - started:.1f} s, over OTLP and the same way as any application's spans.\n"
        )
        print_imports(console, import_bill(keep_in(collector.pipeline.store), traffic, now))
        take_up_bill(collector.pipeline)
        print_report(_report(collector.pipeline, now), console)
        if serve:

            def ready() -> None:
                console.print(
                    f"\nServing at [bold]{collector.url}[/] until Ctrl-C; in another terminal:", highlight=False
                )
                console.print(f"  breakeven report --url {collector.url} --by model", highlight=False)
                console.print(f"  breakeven decide --all --url {collector.url}", highlight=False)

            until_stopped(ready)


def run_demo_at(
    console: Console, settings: Settings, url: str, *, days: int, seed: int, now: datetime, timeout: float = 600.0
) -> None:
    """Seed a collector that runs elsewhere, and report. One that has calls is left as it is.

    Args:
        console: where it is told.
        settings: with the key of an admin.
        url: the collector's address.
        days: of traffic, as `Traffic` takes it.
        seed: the same.
        now: end of the traffic.
        timeout: seconds to wait until all of it stands in the bill.

    Raises:
        BreakevenError: it cannot be reached, or does not take the traffic.
    """
    settings = settings.model_copy(update={"config": CONFIG})
    url, key = url.rstrip("/"), key_for(settings, url)
    # Counted in whole days, today among them.
    asked = Asked(days=days + 1)
    if calls := fetch_report(settings, url, asked=asked)["totals"]["calls"]:
        console.print(f"The collector at {url} has {calls:,} calls already: no demo is sent there.", highlight=False)
        return

    def look() -> dict[str, Any]:
        health = get_json(f"{url}/healthz", having="status", key=key)
        if "journal_segments" not in health:
            raise BreakevenError("the demo needs the key of an admin of all projects, in BREAKEVEN_KEY")
        return health

    def wait() -> None:
        deadline = time.monotonic() + timeout
        while True:
            health = look()
            if not (health["journal_bytes"] or health["journal_segments"] or health["lag_seconds"]):
                return
            if time.monotonic() > deadline:
                raise BreakevenError(f"the demo's spans are not in the bill after {timeout:.0f} s: {health['held_up']}")
            time.sleep(0.2)

    # Before anything is sent.
    look()
    traffic = Traffic(days=days, seed=seed, end=now.replace(second=0, microsecond=0))
    _send(console, url, key, traffic, wait)
    with open_target(settings, url, None) as target:
        print_imports(console, import_bill(target.add, traffic, now))
    print_report(fetch_report(settings, url, asked=Asked()), console)


def seed_store(console: Console, collector: Collector, traffic: Traffic) -> None:
    """Send the traffic to a running collector and wait until it stands in the ledger.

    Raises:
        BreakevenError: the collector refuses it.
    """
    _send(console, collector.url, "", traffic, lambda: collector.pipeline.drain(timeout=300))


def _send(console: Console, url: str, key: str, traffic: Traffic, wait: Callable[[], None]) -> None:
    address = urlsplit(url)
    connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connect(address.hostname or "127.0.0.1", address.port, timeout=60)
    headers = {"Content-Type": "application/x-protobuf", **({"Authorization": f"Bearer {key}"} if key else {})}
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        sending = bar.add_task("Sending spans", total=traffic.spans)
        for body, spans in traffic.requests():
            connection.request("POST", f"{address.path}/v1/traces", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise BreakevenError(f"the collector answers {answer.status} to the demo's traffic")
            bar.advance(sending, spans)
        waiting = bar.add_task("Making the bill", total=None)
        wait()
        bar.remove_task(waiting)
    connection.close()


def _report(pipeline: Pipeline, now: datetime) -> Report:
    period = last_days(30, now)
    report = build_report(pipeline.store, features=load_features(CONFIG), period=period)
    billed = billed_summary(
        pipeline.store, lambda: (pipeline.catalog, pipeline.attribution.declared), period=period, project=None
    )
    return {**report, "billed": billed}


def import_bill(add: Callable[[Account, Origin], dict[str, Any]], traffic: Traffic, now: datetime) -> list[Summary]:
    """Import what the providers bill for the traffic, from files as one exports them; a summary a source.

    `add` keeps an account, as `Imports.add` does.
    """
    summaries: list[Summary] = []
    with tempfile.TemporaryDirectory(prefix="breakeven-demo-bill-") as folder:
        for source, paths in traffic.bill().write(Path(folder)).items():
            account = read_files(source, paths, now=now)
            summary = Summary(source)
            origin = Origin(", ".join(path.name for path in paths))
            summary.add(account, add(account, origin))
            summaries.append(summary)
    return summaries


def keep_in(store: Store) -> Callable[[Account, Origin], dict[str, Any]]:
    """Keeps accounts in an open store, in the project `default`."""
    return lambda account, origin: Imports(store).add(account, origin, DEFAULT_PROJECT)


def print_imports(console: Console, summaries: Sequence[Summary]) -> None:
    """A line a provider's account."""
    for summary in summaries:
        console.print(f"Imported from {summary.source}'s account: ${summary.usd:,.2f} billed", highlight=False)
    console.print()


def _start(folder: Path, serve: bool, port: int | None) -> Collector:
    def collector(port: int) -> Collector:
        return Collector(Settings(data_dir=folder, store="", config=CONFIG, port=port, grpc_port=-1, host="127.0.0.1"))

    if not serve:
        return collector(0)
    if port is not None:
        return collector(port)
    chosen = collector(Settings.model_fields["port"].default)
    return chosen if chosen.can_listen() else collector(0)
