"""Processes that are measured: started, watched through /proc, stopped. Linux only."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_LATEST_START_S = 120.0


class Process:
    """A server and whatever it starts.

    Args:
        command: what to run.
        folder: where it runs and its log goes.
        env: its environment beside PATH and the like.
    """

    def __init__(self, command: Iterable[str | Path], folder: Path, env: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log.txt"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=clean_environment() | (env or {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Until `ready` says so.

        Raises:
            RuntimeError: it ended, or takes too long; the end of its log is in the message.
        """
        deadline = time.monotonic() + _LATEST_START_S
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._process.args} did not start:\n{self.said[-2000:]}")
            time.sleep(0.1)

    @property
    def said(self) -> str:
        """What it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of it and its children, ended ones included."""
        return sum(sum(map(int, _stat(pid)[11:15])) for pid in self._tree()) * _TICK_S

    def peak_bytes(self) -> int:
        """Most memory that was resident since the last `forget_peak`, of it and its children together."""
        return sum(_high_water(pid) for pid in self._tree())

    def forget_peak(self) -> None:
        """Peaks count from now."""
        for pid in self._tree():
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")

    def stop(self) -> None:
        """Told to stop, and killed if it does not."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)

    def _tree(self) -> list[int]:
        """Its group: it was started as the leader of a session of its own."""
        pids: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if int(_stat(int(entry.name))[3]) == self._process.pid:
                        pids.append(int(entry.name))
                except (OSError, IndexError):
                    continue
        return pids


def clean_environment() -> dict[str, str]:
    """This process's environment without what configures Breakeven, OpenTelemetry or a rival."""
    prefixes = ("BREAKEVEN_", "OTEL_", "PHOENIX_", "MLFLOW_", "ROTEL_", "OPENAI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def breakeven(*arguments: str | Path) -> list[str]:
    """The command line of this source tree."""
    return [sys.executable, "-c", "from breakeven_collector.entry import main; main()", *map(str, arguments)]


def source_path() -> dict[str, str]:
    """What makes a process of this interpreter import this source tree."""
    return {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "sdk", "collector", "schema"))}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(url: str) -> dict[str, Any]:
    """A JSON document."""
    return json.loads(read(url))


def read(url: str) -> bytes:
    """What is at this address."""
    with urlopen(url, timeout=300) as answer:
        return answer.read()


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name, from `state`: [3] is the session, [11:15] are the ticks."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024
