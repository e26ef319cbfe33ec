"""Faults, each with a load under it and a count of what became of it."""

import contextlib
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


def wait_for(condition: Callable[[], bool], at_most: float = 180) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + at_most
    while not condition():
        assert time.monotonic() < deadline, f"not within {at_most} s"
        time.sleep(0.02)


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
    with place() as folder, running(folder, store, batch_seconds=0.3) as collector:
        load = Load(lambda: collector.address, requests=100_000, pause=0.01, seed=seed).start()
        for _ in range(kills):
            enough = len(load.acknowledged) + draw.randrange(1, 100)
            wait_for(lambda enough=enough: len(load.acknowledged) > enough)
            # Anywhere between the write to the journal, the insert, and the pass over the ledger.
            time.sleep(draw.uniform(0, 0.4))
            collector.kill()
            collector.start()
        load.stop()
        wait_for(lambda: nothing_waits(collector), 300)
        collector.stop()
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
    with place() as folder, Front(server) as front, running(folder, f"http://{front.address}") as collector:
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
        wait_for(lambda: nothing_waits(collector), 300)
        collector.stop()
        return load.outcome(rows_over_http(f"http://{server}")), Away(grown, dict(front.seen))


def two_collectors(store: str, requests: int) -> Outcome:
    """Two collectors with journals of their own on one store, both in the same minutes at once."""
    with place() as folder, ExitStack() as stack:
        collectors = [stack.enter_context(running(folder / name, store)) for name in ("a", "b")]
        turn = iter(range(1 << 30))
        # Each connection goes to the other one: every minute has calls from both.
        load = Load(lambda: collectors[next(turn) % 2].address, requests=requests, calls_a_request=3, threads=6)
        load.start().join()
        for collector in collectors:
            # A stop leaves in the journal what the store does not take in time: that is not lost, and not counted yet.
            wait_for(lambda collector=collector: nothing_waits(collector), 300)
        for collector in collectors:
            collector.stop()
            assert not list(collector.settings.journal_dir.glob("*.seg"))
        return load.outcome(rows_over_http(store))


def disk_full(store: str) -> tuple[Outcome, Load, dict[str, Any]]:
    """The journal's disk, a small one, fills up under load and is emptied again.

    Returns:
        What became of the calls, the load, and the collector's health afterwards: it was not touched.
    """
    with small_disk(2_000_000) as folder, running(folder, store) as collector:
        load = Load(lambda: collector.address, requests=100_000, pause=0.005).start()
        wait_for(lambda: len(load.acknowledged) > 50)
        hog = folder / "hog"
        with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        wait_for(lambda: load.statuses.get(503, 0) > 50)
        hog.unlink()
        before = len(load.acknowledged)
        wait_for(lambda: len(load.acknowledged) > before + 50)
        load.stop()
        wait_for(lambda: nothing_waits(collector), 120)
        health = collector.health()
        collector.stop()
        return load.outcome(rows_over_http(store)), load, health


def journal_full(server: str) -> tuple[Outcome, Load, int]:
    """The store is away until the journal has reached its limit, and comes back.

    Returns:
        What became of the calls, the load, and how many bytes waited at the limit of 1,000,000.
    """
    with (
        place() as folder,
        Front(server) as front,
        running(folder, f"http://{front.address}", max_journal_bytes=1_000_000) as collector,
    ):
        front.become(Mode.REFUSING)
        load = Load(lambda: collector.address, requests=100_000, calls_a_request=50).start()
        wait_for(lambda: load.statuses.get(503, 0) > 50)
        waiting = collector.health()["journal_bytes"]
        front.become(Mode.WELL)
        before = len(load.acknowledged)
        wait_for(lambda: len(load.acknowledged) > before + 500)
        load.stop()
        wait_for(lambda: nothing_waits(collector), 300)
        collector.stop()
        return load.outcome(rows_over_http(f"http://{server}")), load, waiting


def left_behind(
    store: str, tail: Callable[[str], bytes], damage: Callable[[bytes], bytes]
) -> tuple[Outcome, dict[str, Any]]:
    """A collector is killed with acknowledged requests in an open segment; another starts on what is left.

    Args:
        store: address of the store.
        tail: what stands behind the acknowledged requests, for the name of a segment.
        damage: what becomes of the segment after that.
    """
    with place() as folder, running(folder, store, batch_seconds=60) as collector:
        load = Load(lambda: collector.address, requests=40, again=0).start().join()
        collector.kill()
        (segment,) = collector.settings.journal_dir.glob("*.seg")
        segment.write_bytes(damage(segment.read_bytes() + tail(segment.stem)))
        # Its memory of what it took is lost too: what waits tells.
        shutil.rmtree(collector.settings.recent_dir)
        collector.start()
        wait_for(lambda: nothing_waits(collector), 120)
        health = collector.health()
        collector.stop()
        return load.outcome(rows_over_http(store)), health


def clock_steps(store: str, steps: Sequence[float]) -> Outcome:
    """The collector's wall clock steps under load, by so many seconds each time; in the end it is killed."""
    with place() as folder, running(folder, store) as collector:
        load = Load(lambda: collector.address, requests=100_000, pause=0.02, again=0.3).start()
        for step in steps:
            before = len(load.acknowledged)
            collector.clock.value += step
            wait_for(lambda before=before: len(load.acknowledged) > before + 100)
            assert 0 <= collector.health()["lag_seconds"] < 60
        collector.kill()
        collector.start()
        load.stop()
        wait_for(lambda: nothing_waits(collector), 300)
        collector.stop()
        return load.outcome(rows_over_http(store))


@dataclass(frozen=True)
class Memory:
    """Resident memory of a collector in MB."""

    before: float
    while_away: float
    """With everything in the journal."""
    restarted: float
    """After a start on that journal."""
    highest_in_drain: float
    journal: float
    """Size of the journal."""


def memory(server: str, megabytes: int) -> tuple[Outcome, Memory]:
    """So much is taken while the store is away; then the collector is started anew, and the store comes back."""
    with place() as folder, Front(server) as front, running(folder, f"http://{front.address}") as collector:
        warm = Load(lambda: collector.address, requests=50, calls_a_request=200).start().join()
        wait_for(lambda: nothing_waits(collector), 120)
        before = collector.resident_bytes()
        front.become(Mode.REFUSING)
        load = Load(lambda: collector.address, requests=100_000, calls_a_request=200).start()
        wait_for(lambda: collector.health()["journal_bytes"] > megabytes * 1_000_000, 400)
        load.stop()
        away, journal = collector.resident_bytes(), collector.health()["journal_bytes"]
        collector.kill()
        front.become(Mode.WELL)
        collector.start()
        restarted = highest = collector.resident_bytes()
        while not nothing_waits(collector):
            highest = max(highest, collector.resident_bytes())
            time.sleep(0.05)
        collector.stop()
        rows = rows_over_http(f"http://{server}")
        outcomes = [warm.outcome(rows), load.outcome(rows)]
        total = Outcome(
            sum(o.acknowledged for o in outcomes),
            sum(o.landed for o in outcomes),
            sum(o.lost for o in outcomes),
            sum(o.doubled for o in outcomes),
        )
        figures = [round(size / 1e6, 1) for size in (before, away, restarted, highest, journal)]
        return total, Memory(*figures)
