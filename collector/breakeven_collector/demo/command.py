"""`breakeven demo`: traffic through the real receive path into a throw-away store, the report, and the collector."""

import http.client
import tempfile
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from breakeven_collector.demo.traffic import Traffic
from breakeven_collector.errors import BreakevenError
from breakeven_collector.features import load_features
from breakeven_collector.render import print_report
from breakeven_collector.report import build_report
from breakeven_collector.serve import Collector, until_stopped
from breakeven_collector.settings import Settings

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
        seed_store(console, collector, Traffic(days=days, seed=seed, end=now.replace(second=0, microsecond=0)))
        console.print(
            f"Seeded in {time.monotonic() - started:.1f} s, over OTLP and the same way as any application's spans.\n"
        )
        print_report(build_report(collector.pipeline.store, features=load_features(CONFIG), now=now), console)
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


def _start(folder: Path, serve: bool, port: int | None) -> Collector:
    def collector(port: int) -> Collector:
        return Collector(Settings(data_dir=folder, store="", config=CONFIG, port=port, grpc_port=-1, host="127.0.0.1"))

    if not serve:
        return collector(0)
    if port is not None:
        return collector(port)
    chosen = collector(Settings.model_fields["port"].default)
    return chosen if chosen.can_listen() else collector(0)
