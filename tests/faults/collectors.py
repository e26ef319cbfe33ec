"""Collectors in processes of their own, that can be killed."""

import json
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from breakeven_collector.settings import Settings

# A process begun from this one has the collector imported already: it listens within a second.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["breakeven_collector.serve"])


def settings_of(folder: Path, store: str = "", **more: Any) -> Settings:
    """Settings of a collector whose data lies in this folder; embedded where no store is named."""
    some: dict[str, Any] = {"batch_seconds": 0.1, "min_free_bytes": 0, "port": 0, "grpc_port": -1, **more}
    return Settings(data_dir=folder / "data", config=folder / "none.toml", store=store, **some)


class Killable:
    """A collector in a process. It may be killed and started again on the same folder.

    Attributes:
        address: Where it listens, `host:port`; changes with each start.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Without a lock: a process that is killed while it holds one would stop all that come after it.
        self.clock = _context.RawValue("d", 0.0)
        """Seconds that its wall clock is ahead; may be set while it runs."""
        self.address = "127.0.0.1:1"
        self._process: Any = None

    def start(self, timeout: float = 60) -> "Killable":
        """Start it and wait until it listens."""
        ours, theirs = _context.Pipe()
        self._process = _context.Process(target=_serve, args=(self.settings, self.clock, theirs), daemon=True)
        self._process.start()
        theirs.close()
        assert ours.poll(timeout), f"the collector does not listen after {timeout} s"
        self.address = ours.recv().removeprefix("http://")
        ours.close()
        return self

    @property
    def pid(self) -> int:
        """Id of the process."""
        return int(self._process.pid)

    def kill(self) -> None:
        """End it by `kill -9`."""
        if self._process is not None:
            os.kill(self.pid, signal.SIGKILL)
            self._process.join(30)
            self._process = None

    def stop(self, timeout: float = 90) -> None:
        """Tell it to stop, and wait until it has shipped what it took."""
        os.kill(self.pid, signal.SIGTERM)
        self._process.join(timeout)
        assert self._process.exitcode == 0, self._process.exitcode
        self._process = None

    def health(self) -> dict[str, Any]:
        """Its `/healthz`."""
        with urlopen(f"http://{self.address}/healthz", timeout=30) as answer:
            health: dict[str, Any] = json.load(answer)
        return health

    def resident_bytes(self) -> int:
        """Memory of the process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def _serve(settings: Settings, clock: Any, report: Connection) -> None:
    from breakeven_collector.serve import Collector, until_stopped

    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + clock.value
    time.time_ns = lambda: nanoseconds() + int(clock.value * 1e9)
    with Collector(settings) as collector:
        until_stopped(lambda: report.send(collector.url))
