"""`breakeven doctor`: what is wrong with a set-up, and how to mend it."""

import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.alerts.findings import examine_channels
from breakeven_collector.alerts.source import fetch_channels
from breakeven_collector.declarations import Declarations, load_declarations
from breakeven_collector.doctor_health import Finding, examine_health
from breakeven_collector.errors import BreakevenError
from breakeven_collector.map_overview import doubtful_names
from breakeven_collector.period import Asked
from breakeven_collector.render import printable
from breakeven_collector.report_document import Report
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorRefused, CollectorUnreachable, fetch_report, get_json, key_for

_MARKS = {"good": "[green]ok[/]", "note": "[yellow]look[/]", "wrong": "[red]wrong[/]"}
_LITTLE_DISK_BYTES = 2_000_000_000


def examine(settings: Settings, url: str | None = None) -> list[Finding]:
    """Look at everything that can be looked at from here; never raises for what it finds."""
    return [*_collector(settings, url), *_disk(settings, url), *_config(settings), *_data(settings, url)]


def print_findings(findings: list[Finding], console: Console) -> None:
    """As a table, what to do under what was found."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for finding in findings:
        # Text, not markup: what was found may hold square brackets.
        table.add_row(_MARKS[finding.level], Text(printable(finding.what)))
        if finding.mend:
            table.add_row("", Text(f"→ {finding.mend}", style="dim"))
    console.print(table)


def _collector(settings: Settings, url: str | None) -> Iterator[Finding]:
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    try:
        health = _ask(address, key_for(settings, address))
    except CollectorUnreachable as error:
        yield Finding("wrong" if url else "note", str(error), "start it with: breakeven up")
        if not url and (waiting := sum(file.stat().st_size for file in settings.journal_dir.glob("*.seg"))):
            yield Finding(
                "note",
                f"{waiting:,} bytes wait in the journal under {settings.journal_dir}",
                "they are counted once `breakeven up` has run",
            )
        return
    except BreakevenError as error:
        yield Finding("wrong", str(error), _mend_refusal(error))
        return
    if "store" not in health:
        yield Finding(
            "good" if health["status"] == "ok" else "wrong",
            f"a collector answers at {address}: {health['status']}",
            "what is in it, it tells an admin of all projects: put such a key into BREAKEVEN_KEY",
        )
        return
    yield Finding("good", f"a collector answers at {address}, store {health['store']}")
    yield from examine_health(health, datetime.now(UTC))
    try:
        channels = fetch_channels(settings, address)
    except BreakevenError as error:
        yield Finding(
            "wrong", f"where alerts go cannot be told: {error}", "let command and collector be of one version"
        )
    else:
        yield from examine_channels(channels)


def _ask(address: str, key: str) -> dict[str, Any]:
    health: dict[str, Any] = {}
    for wait in (0.0, 0.3, 1.0):
        time.sleep(wait)
        health = get_json(f"{address}/healthz", having="status", key=key, timeout=5)
        # What only the store knows, a collector finds out once somebody has asked.
        if health.get("price_book") or health.get("store_error") or "store" not in health:
            break
    return health


def _mend_refusal(error: BreakevenError) -> str:
    status = error.status if isinstance(error, CollectorRefused) else 0
    if status in (401, 403):
        return (
            "it wants a key: put one that may read into BREAKEVEN_KEY; whoever runs it makes one with "
            "`breakeven keys create --scope read`"
        )
    if status >= 500:
        return "the collector's log says why"
    return "another program has the port; choose one with --port on both sides"


def _disk(settings: Settings, url: str | None) -> Iterator[Finding]:
    if url:
        return
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_DISK_BYTES:
        yield Finding("wrong", f"{free / 1e9:.1f} GB free under {folder}", "make room, or move with --data-dir")
    else:
        yield Finding("good", f"{free / 1e9:.0f} GB free under {folder}")


def _config(settings: Settings) -> Iterator[Finding]:
    try:
        declared = load_declarations(settings.config)
    except BreakevenError as error:
        yield Finding("wrong", str(error), "mend the file; a collector goes on with what it declared before")
        return
    if settings.config.exists():
        yield Finding(
            "good",
            f"{settings.config}: {len(declared.features)} features declared, {len(declared.rules)} rules, "
            f"{len(declared.aliases.all)} aliases",
        )
    else:
        yield Finding("good", f"no {settings.config} (it may add owners and budgets)")


def _data(settings: Settings, url: str | None) -> Iterator[Finding]:
    try:
        report = fetch_report(settings, url, asked=Asked())
    except BreakevenError as error:
        known = isinstance(error, CollectorRefused) and error.status in (401, 403)
        yield Finding(
            "note" if "no data yet" in str(error) else "wrong", str(error), _mend_refusal(error) if known else ""
        )
        return
    calls = report["totals"]["calls"]
    if not calls:
        yield Finding("note", "no calls in the last 30 days")
        return
    yield Finding("good", f"{calls:,} calls in the last 30 days")
    yield from _quality(report)
    try:
        declared = load_declarations(settings.config)
    except BreakevenError:
        declared = Declarations()
    yield from _names(declared, [row["feature"] or "" for row in report["features"]])


def _names(declared: Declarations, seen: Iterable[str]) -> Iterator[Finding]:
    for pair in doubtful_names(declared, seen)[:5]:
        yield Finding(
            "note",
            f"features {pair.one!r} and {pair.other!r} differ by {pair.difference} only",
            "if they are one, make them so in breakeven.toml: [[alias]] with from and to; see docs/attribution.md",
        )


def _quality(report: Report) -> Iterator[Finding]:
    coverage, calls = report["coverage"], report["totals"]["calls"]
    unknown = sorted(
        {
            f"{e['provider'] or 'no provider'}/{e['model'] or 'no model'}"
            for e in report["unpriced"]
            if e["reason"].startswith("model")
        }
    )
    if unknown:
        yield Finding(
            "note",
            f"no price for {', '.join(unknown[:5])}{' and more' if len(unknown) > 5 else ''}",
            "`breakeven prices check` says what to do about each",
        )
    without = calls - round(coverage["reported_usage"] * calls)
    if without:
        yield Finding(
            "note",
            f"{without:,} calls came without usage; their dollars are estimated at best",
            "breakeven.init() asks streams of the OpenAI client for it; elsewhere set "
            'stream_options={"include_usage": true}. docs/dialects.md tells what each instrumentation leaves out',
        )
    if coverage["allocated"] < 0.95:
        yield Finding(
            "note",
            f"{(1 - coverage['allocated']) * 100:.1f} % of calls have no declared feature",
            'wrap them: with breakeven.feature("name"): …   or map them by where they come from: breakeven map',
        )
    if report["lost"]["spans"]:
        yield Finding(
            "note",
            f"{report['lost']['spans']:,} of {report['lost']['numbered']:,} numbered spans never came",
            "processes that end by SIGKILL or os._exit lose their last batch; see docs/attributes.md on breakeven.seq",
        )
