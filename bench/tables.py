"""Tables of results: on the terminal, and as Markdown between marks in docs/benchmarks.md."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from bench.measure import Result
from bench.processes import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Table:
    """Results of one subject."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def of_results(title: str, results: Sequence[Result]) -> Table:
    """Ours against something else."""
    return Table(
        title,
        ("What", "Ours", "Against", "Ratio"),
        [(result.what, result.ours, result.against, result.ratio) for result in results],
    )


def show(console: Console, table: Table) -> None:
    """Print it."""
    shown = RichTable(*table.columns, title=table.title, title_justify="left")
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)


def write(part: str, tables: Sequence[Table], command: str, took_s: float) -> None:
    """Put the tables of a part between its marks in the document; a part without marks is added at the end."""
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = f"<!-- bench:{part} -->", f"<!-- /bench:{part} -->"
    block = "\n\n".join([begin, *map(_markdown, tables), f"{_circumstances(command, took_s)}", end])
    if begin in text:
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: block, text, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    DOCUMENT.write_text(text, encoding="utf-8")


def machine() -> str:
    """Processor, cores, memory, system."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*:\s*(.*)", info)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{model[1] if model else platform.machine()}, {cores} cores, {memory:.0f} GiB, Linux {platform.release()}"


def versions() -> str:
    """Of what is measured and of what it stands on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = ("chdb-core", "clickhouse-connect", "uvicorn", "opentelemetry-sdk")
    return ", ".join(
        [f"breakeven {commit.stdout.strip() or version('breakeven')}", f"Python {platform.python_version()}"]
        + [f"{name} {version(name)}" for name in names]
    )


def _markdown(table: Table) -> str:
    lines = [f"**{table.title}**", ""]
    for number, row in enumerate([table.columns, *table.rows]):
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
        if not number:
            lines.append("|" + "---|" * len(row))
    return "\n".join(lines)


def _circumstances(command: str, took_s: float) -> str:
    load = os.getloadavg()[2]
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {took_s / 60:.0f} min. {machine()}; "
        f"load over the last 15 minutes {load:.1f}. {versions()}."
    )
