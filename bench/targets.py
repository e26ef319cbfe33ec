"""What a load is sent to: Breakeven, and others that take OpenTelemetry spans, each with how to start it and count."""

import os
import re
import sqlite3
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.processes import Process, breakeven, free_port, get, listens, source_path

_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "breakeven-bench"
_LISTENING: Final = re.compile(r"Listening on (http://\S+?),? ")


class Target(ABC):
    """A server that takes spans.

    Attributes:
        name: As it stands in the tables.
        spans: How many spans a run sends, by spans a request: as many as it lands in some seconds.
        headers: That its clients must send.
        is_fresh: Every run starts it anew, on an empty store; else it starts once, because that takes long.
        keeps: What it stores can be counted.
    """

    name: str
    spans: Mapping[int, int]
    headers: tuple[str, ...] = ()
    is_fresh = True
    keeps = True
    repeat = 1

    def __init__(self) -> None:
        self.process: Process | None = None
        self.url = ""

    def prepare(self) -> str:
        """Install it where it is not; returns its version."""
        return ""

    @abstractmethod
    def start(self, folder: Path) -> None:
        """Start it on an empty store in this folder and wait until it answers."""

    @abstractmethod
    def landed(self) -> int:
        """Spans that its store holds."""

    def wait_for(self, spans: int, timeout: float) -> bool:
        """Until the store holds so many, or it took too long."""
        deadline = time.monotonic() + timeout
        while self.landed() < spans:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.stop()
            self.process = None


class Breakeven(Target):
    """`breakeven up` of this source tree with default settings."""

    name = "breakeven"
    spans: Mapping[int, int] = {1: 50_000, 50: 300_000, 512: 500_000}

    def start(self, folder: Path, data: Path | None = None) -> None:
        self.process = process = Process(
            breakeven("up", "--port", "0", "--data-dir", data or folder / "data"),
            folder,
            source_path() | {"COLUMNS": "300"},
        )
        process.wait_for(lambda: bool(_LISTENING.search(process.said)))
        found = _LISTENING.search(process.said)
        assert found
        self.url = found[1]

    def landed(self) -> int:
        """Calls in the bill; those without dollars do not count."""
        totals = get(f"{self.url}/api/report?days=2&by=provider")["totals"]
        return totals["calls"] - totals["unpriced_calls"]

    def wait_for(self, spans: int, timeout: float) -> bool:
        # A report costs as much as a small pass: it is asked once the journal is empty.
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not get(f"{self.url}/healthz")["journal_bytes"] and self.landed() >= spans:
                return True
            time.sleep(0.1)
        return False


class _Rival(Target):
    package: str
    program: str

    def prepare(self) -> str:
        python = self._bin / "python"
        if not (self._folder / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", self._folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", self.package], check=True)
            (self._folder / "installed").touch()
        show = f"from importlib.metadata import version; print(version({self.package!r}))"
        done = subprocess.run([python, "-c", show], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    @property
    def _folder(self) -> Path:
        return _CACHE / self.package

    @property
    def _bin(self) -> Path:
        return self._folder / "bin"

    def _rows(self, database: Path, table: str) -> int:
        try:
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
                return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


class Monitor(_Rival):
    """llm-ot-cost-monitor: one process, SQLite."""

    name = package = "llm-ot-cost-monitor"
    spans: Mapping[int, int] = {1: 30_000, 50: 100_000, 512: 100_000}

    def start(self, folder: Path) -> None:
        port = free_port()
        self._database = folder / "usage.db"
        self.process = Process(
            [self._bin / "llm-monitor", "--db", self._database, "--port", str(port), "serve"], folder
        )
        self.process.wait_for(lambda: listens(port))
        self.url = f"http://127.0.0.1:{port}"

    def landed(self) -> int:
        return self._rows(self._database, "usage")


class Phoenix(_Rival):
    """arize-phoenix: one process, SQLite; answers before it stores."""

    name = package = "arize-phoenix"
    spans: Mapping[int, int] = {1: 1_000, 50: 1_500, 512: 1_536}
    is_fresh = False

    def start(self, folder: Path) -> None:
        port = free_port()
        self._database = folder / "phoenix.db"
        self.process = Process(
            [self._bin / "phoenix", "serve"],
            folder,
            {
                "PHOENIX_HOST": "127.0.0.1",
                "PHOENIX_PORT": str(port),
                "PHOENIX_GRPC_PORT": str(free_port()),
                "PHOENIX_WORKING_DIR": str(folder),
                "PHOENIX_TELEMETRY_ENABLED": "false",
            },
        )
        self.process.wait_for(lambda: listens(port))
        self.url = f"http://127.0.0.1:{port}"

    def landed(self) -> int:
        return self._rows(self._database, "spans")


class MLflow(_Rival):
    """mlflow: a server with its default workers, SQLite."""

    name = package = "mlflow"
    spans: Mapping[int, int] = {1: 500, 50: 1_000, 512: 1_024}
    headers = ("x-mlflow-experiment-id: 0",)
    is_fresh = False

    def start(self, folder: Path) -> None:
        port = free_port()
        self._database = folder / "mlflow.db"
        self.process = Process(
            [
                self._bin / "mlflow",
                *("server", "--host", "127.0.0.1", "--port", str(port)),
                *("--backend-store-uri", f"sqlite:///{self._database}"),
                *("--default-artifact-root", str(folder / "artifacts")),
            ],
            folder,
            {"PATH": f"{self._bin}:{os.environ['PATH']}"},
        )
        self.process.wait_for(lambda: listens(port))
        self.url = f"http://127.0.0.1:{port}"

    def landed(self) -> int:
        return self._rows(self._database, "spans")


class Rotel(_Rival):
    """rotel into its blackhole: receives, keeps nothing. What receiving alone could reach."""

    name = "rotel, blackhole"
    package = "rotel"
    spans: Mapping[int, int] = {1: 50_000, 50: 500_000, 512: 500_000}
    repeat = 4
    keeps = False

    def start(self, folder: Path) -> None:
        port = free_port()
        program = next(self._folder.rglob("rotel-agent"))
        self.process = Process(
            [
                program,
                *("start", "--exporter", "blackhole"),
                *("--otlp-http-endpoint", f"127.0.0.1:{port}"),
                *("--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"),
            ],
            folder,
        )
        self.process.wait_for(lambda: listens(port))
        self.url = f"http://127.0.0.1:{port}"

    def landed(self) -> int:
        return 0


RIVALS: Final[tuple[type[Target], ...]] = (Monitor, Phoenix, MLflow, Rotel)
