"""`breakeven demo`: traffic through the real receive path into a throw-away store, the report, and the collector."""

import http.client
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
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
from breakeven_collector.period import last_days
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.render import print_report
from breakeven_collector.render_imports import Summary
from breakeven_collector.report import build_report
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.report_document import Report
from breakeven_collector.serve import Collector, until_stopped
from breakeven_collector.settings import Settings
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
        print_imports(console, import_bill(collector.pipeline.store, traffic, now))
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


def seed_store(console: Console, collector: Collector, traffic: Traffic) -> None:
    """Send the traffic to a running collector and wait until it stands in the ledger.

    Raises:
        BreakevenError: the collector refuses it.
    """
    address = urlsplit(collector.url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=60)
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
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise BreakevenError(f"the collector answers {answer.status} to the demo's traffic")
            bar.advance(sending, spans)
        waiting = bar.add_task("Making the bill", total=None)
        collector.pipeline.drain(timeout=300)
        bar.remove_task(waiting)
    connection.close()


def _report(pipeline: Pipeline, now: datetime) -> Report:
    period = last_days(30, now)
    report = build_report(pipeline.store, features=load_features(CONFIG), period=period)
    billed = billed_summary(
        pipeline.store, lambda: (pipeline.catalog, pipeline.attribution.declared), period=period, project=None
    )
    return {**report, "billed": billed}


def import_bill(store: Store, traffic: Traffic, now: datetime) -> list[Summary]:
    """Import what the providers bill for the traffic, from files as one exports them; a summary a source."""
    summaries: list[Summary] = []
    with tempfile.TemporaryDirectory(prefix="breakeven-demo-bill-") as folder:
        for source, paths in traffic.bill().write(Path(folder)).items():
            account = read_files(source, paths, now=now)
            summary = Summary(source)
            origin = Origin(", ".join(path.name for path in paths))
            summary.add(account, Imports(store).add(account, origin, DEFAULT_PROJECT))
            summaries.append(summary)
    return summaries


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
