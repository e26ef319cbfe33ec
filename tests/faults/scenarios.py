"""Faults, each with a load under it and a count of what became of it."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from breakeven_collector.store import Store

from tests.end_to_end.processes import store_rows
from tests.faults.collectors import Killable, settings_of
from tests.faults.front import Front, Mode
from tests.faults.load import Load, Outcome, Rows


@contextmanager
def place() -> Generator[Path]:
    """An empty folder, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="breakeven-fault-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(size: int) -> Generator[Path]:
    """A file system of its own in memory.

    Raises:
        CannotMount: that takes root, or sudo without a password.
    """
    with place() as folder:
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        options = f"size={size},uid={os.geteuid()},gid={os.getegid()}"
        try:
            subprocess.run(
                [*sudo, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise CannotMount(str(error)) from None
        try:
            yield folder
        finally:
            subprocess.run([*sudo, "umount", "-l", folder], check=True)


class CannotMount(Exception):
    """There is no way to have a small disk here."""


@contextmanager
def running(folder: Path, store: str = "", **more: Any) -> Generator[Killable]:
    """A collector; killed at the end if it still runs."""
    collector = Killable(settings_of(folder, store, **more))
    try:
        yield collector.start()
    finally:
        collector.kill()


def rows_over_http(store: str) -> Rows:
    """Queries against the store at this address."""

    def rows(sql: str) -> Sequence[dict[str, Any]]:
        opened = Store(store)
        try:
            return opened.rows(sql)
        finally:
            opened.close()

    return rows


def wait_for(condition: Callable[[], bool], at_most: float = 60) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + at_most
    while not condition():
        assert time.monotonic() < deadline, f"not within {at_most} s"
        time.sleep(0.02)


def database(server: str) -> str:
    """Address of a store that nobody else uses."""
    return f"http://{server}/f_{uuid4().hex[:8]}"


def nothing_waits(collector: Killable) -> bool:
    """The journal is empty."""
    health = collector.health()
    return health["journal_bytes"] == 0


def killed(store: str, kills: int, *, seed: int = 1) -> tuple[Outcome, Load]:
    """`kill -9` at random moments under load.

    Args:
        store: address of the store; empty: embedded, so the engine dies too.
        kills: how often.
        seed: of the moments.
    """
    draw = random.Random(seed)
    with place() as folder, running(folder, store) as collector:
        load = Load(lambda: collector.address, requests=100_000, pause=0.005, seed=seed).start()
        for _ in range(kills):
            enough = len(load.acknowledged) + draw.randrange(1, 100)
            wait_for(lambda enough=enough: len(load.acknowledged) > enough)
            # Anywhere between the write to the journal, the insert, and the pass over the ledger.
            time.sleep(draw.uniform(0, 0.4))
            collector.kill()
            collector.start()
        load.stop()
        collector.stop()
        assert not list(collector.settings.journal_dir.glob("*.seg"))
        rows: Rows = rows_over_http(store) if store else partial(store_rows, collector.settings.data_dir)
        return load.outcome(rows), load


@dataclass(frozen=True)
class Away:
    """What was seen while the store was away."""

    grown: dict[Mode, int]
    """Bytes that the journal grew by in each mode."""
    asked: dict[Mode, int]
    """How often the store was asked in each."""


def away(server: str, modes: Sequence[Mode], seconds: float) -> tuple[Outcome, Away]:
    """The store is away in one way after another, while clients send; each time it comes back.

    Args:
        server: `host:port` of a ClickHouse server.
        modes: what its front does, one after another.
        seconds: for how long, each.
    """
    name = database(server).rpartition("/")[2]
    with place() as folder, Front(server) as front, running(folder, f"http://{front.address}/{name}") as collector:
        load = Load(lambda: collector.address, requests=100_000, pause=0.05).start()
        grown: dict[Mode, int] = {}
        for mode in modes:
            wait_for(lambda: collector.health()["shipped_segments"] > 0)
            acknowledged, bytes_before = len(load.acknowledged), collector.health()["journal_bytes"]
            asked = front.seen[mode]
            front.become(mode)
            time.sleep(seconds)
            if mode == Mode.REFUSING:
                wait_for(lambda: collector.health()["held_up"] is not None)
            else:
                wait_for(lambda mode=mode, asked=asked: front.seen[mode] > asked)
            grown[mode] = collector.health()["journal_bytes"] - bytes_before
            assert len(load.acknowledged) > acknowledged, "clients are served meanwhile"
            front.become(Mode.WELL)
            wait_for(lambda: collector.health()["held_up"] is None, 60 + seconds)
        load.stop()
        wait_for(lambda: nothing_waits(collector), 120)
        collector.stop()
        return load.outcome(rows_over_http(f"http://{server}/{name}")), Away(grown, dict(front.seen))


def two_collectors(server: str, requests: int) -> Outcome:
    """Two collectors with journals of their own on one store, both in the same minutes at once."""
    store = database(server)
    with place() as folder, ExitStack() as stack:
        # One after the other: the first makes the tables.
        collectors = [stack.enter_context(running(folder / name, store)) for name in ("a", "b")]
        turn = iter(range(1 << 30))
        # Calls of one request go here, those of the next there: each minute has calls from both.
        load = Load(lambda: collectors[next(turn) % 2].address, requests=requests, calls_a_request=3, threads=6)
        load.start().join()
        for collector in collectors:
            collector.stop()
        return load.outcome(rows_over_http(store))


def disk_full(folder: Path, store: str) -> tuple[Outcome, Load, bool]:
    """The journal's disk fills up under load, and is emptied again.

    Args:
        folder: on a small file system of its own.
        store: address of the store, which lies elsewhere.

    Returns:
        What became of the calls, the load, and whether the collector went on by itself.
    """
    with running(folder, store, min_free_bytes=0) as collector:
        load = Load(lambda: collector.address, requests=100_000, pause=0.005).start()
        wait_for(lambda: len(load.acknowledged) > 50)
        hog = folder / "hog"
        with hog.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        wait_for(lambda: load.statuses.get(503, 0) > 50)
        hog.unlink()
        before = len(load.acknowledged)
        wait_for(lambda: len(load.acknowledged) > before + 50)
        load.stop()
        wait_for(lambda: nothing_waits(collector))
        went_on = collector.health()["status"] == "ok"
        collector.stop()
        return load.outcome(rows_over_http(store)), load, went_on
