"""Real processes on loopback: collectors that are started, stopped and killed, and programs run to their end."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
_UP = re.compile(r"Listening on (http://\S+?),? ")
_LATEST_START_S = 60.0
_LONGEST_RUN_S = 120.0


@dataclass(frozen=True)
class Ended:
    """A process that has come to its end."""

    status: int
    out: str
    err: str


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that configures Breakeven, OpenTelemetry or a provider's client."""
    prefixes = ("BREAKEVEN_", "OTEL_", "OPENAI_", "ANTHROPIC_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)} | {
        # Rich folds lines at 80 columns where there is no terminal.
        "COLUMNS": "200",
        **more,
    }


def run(*command: str | Path, cwd: Path | None = None, **env: str) -> Ended:
    """Run a program to its end."""
    return _run([str(part) for part in command], cwd, env)


def breakeven(*arguments: str | Path, **env: str) -> Ended:
    """Run the command line to its end."""
    return _run(_breakeven(*arguments), None, env)


def _run(command: list[str], cwd: Path | None, env: Mapping[str, str]) -> Ended:
    done = subprocess.run(
        command,
        env=clean_environment(**env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=_LONGEST_RUN_S,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _breakeven(*arguments: str | Path, python: Path = Path(sys.executable)) -> list[str]:
    # Not the script beside the interpreter: tests may run where only the source tree is on the path.
    return [str(python), "-c", "from breakeven_collector.entry import main; main()", *map(str, arguments)]


def store_rows(data_dir: Path, sql: str) -> list[dict[str, Any]]:
    """Query a store that no collector has open, in a process of its own: one process opens one embedded store."""
    program = """
import json, sys
from breakeven_collector.store import Store
store = Store(f"chdb://{sys.argv[1]}/store").open()
print(json.dumps(store.rows(sys.argv[2]), default=str))
store.close()
"""
    done = run(sys.executable, "-c", program, data_dir, sql)
    assert done.status == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)
    return rows


def wait_until(found: Callable[[], T | None], timeout: float = 60, every: float = 0.1) -> T:
    """What `found` gives once it is neither None nor False.

    Raises:
        TimeoutError: it never is; the last it gave stands in the message.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = found()
        if result is not None and result is not False:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} gives {result!r} after {timeout} s")
        time.sleep(every)


class CollectorProcess:
    """`breakeven up` as a process. It may be killed and started again on the same folder and port."""

    def __init__(self, data_dir: Path, *, python: Path = Path(sys.executable), **env: str) -> None:
        self.data_dir = data_dir
        self._python = python
        self.url = ""
        self.starts = 0
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []

    @property
    def pid(self) -> int:
        """Id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> "CollectorProcess":
        """Start it and wait until it listens."""
        port = self.url.rpartition(":")[2] or "0"
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = process = subprocess.Popen(
            _breakeven("up", "--port", port, "--grpc-port", "0", "--data-dir", self.data_dir, python=self._python),
            env=clean_environment(PYTHONUNBUFFERED="1", **self._env),
            cwd=self.data_dir.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # Read to the end, or the process blocks on a full pipe.
        threading.Thread(target=self._read, args=(process, lines), daemon=True).start()
        deadline = time.monotonic() + _LATEST_START_S
        while not (up := _UP.search(self._next(lines, deadline))):
            pass
        self.url = up[1]
        self.starts += 1
        return self

    def stop(self) -> None:
        """Tell it to stop, and wait until it has shipped what it took."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(60) == 0, self.said
        self._process = None

    def kill(self) -> None:
        """End it by `kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    @property
    def said(self) -> str:
        """All that it printed so far, by all its starts."""
        return "".join(self._said)

    def get(self, path: str) -> dict[str, Any]:
        """A JSON document of its API."""
        with urlopen(self.url + path, timeout=120) as answer:
            document: dict[str, Any] = json.load(answer)
        return document

    def report(self, by: str = "feature", days: int = 30) -> dict[str, Any]:
        """The bill by one dimension."""
        return self.get(f"/api/report?days={days}&by={by}")

    def report_of(self, calls: int, days: int = 30, timeout: float = 60) -> dict[str, Any]:
        """The bill by feature, once it counts so many calls and nothing waits any more."""

        def landed() -> dict[str, Any] | None:
            report = self.report(days=days)
            enough = report["totals"]["calls"] >= calls and not self.get("/healthz")["journal_bytes"]
            return report if enough else None

        return wait_until(landed, timeout)

    def _read(self, process: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._said.append(line)
            lines.put(line)
        lines.put("")

    def _next(self, lines: "queue.SimpleQueue[str]", deadline: float) -> str:
        line = lines.get(timeout=max(0.1, deadline - time.monotonic()))
        assert line, f"the collector ended before it listened:\n{self.said}"
        return line


@contextmanager
def collector(data_dir: Path, *, python: Path = Path(sys.executable), **env: str) -> Generator[CollectorProcess]:
    """A running collector; killed at the end if it still runs."""
    process = CollectorProcess(data_dir, python=python, **env)
    try:
        yield process.start()
    finally:
        process.kill()


def by_name(report: Mapping[str, Any]) -> dict[str | None, dict[str, Any]]:
    """Rows of a report by the name of what it is broken down by."""
    rows: list[dict[str, Any]] = report[f"{report['by']}s"]
    return {row[report["by"]]: row for row in rows}
