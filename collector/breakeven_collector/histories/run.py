"""An import from the files to what is told at its end."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from breakeven_collector.histories.call import request_of
from breakeven_collector.histories.reading import Options
from breakeven_collector.histories.take import Span, Taken, calls_of, requests_of
from breakeven_collector.histories.target import Target

Progress = Callable[[str], Any]


def look_at(source: str, files: Iterable[Path], options: Options, wanted: Span, progress: Progress) -> dict[str, Any]:
    """Read the files and say what is in them: the document of `take_in`, without `imported`.

    Raises:
        BreakevenError, OSError: a file cannot be read.
    """
    taken = Taken(source)
    for _ in requests_of(calls_of(source, files, options, wanted, taken)):
        progress(f"{taken.rows:,} rows")
    return {**taken.document(), "imported": None, "overlap": [], "settled": None}


def take_in(
    target: Target,
    source: str,
    files: Iterable[Path],
    options: Options,
    wanted: Span,
    progress: Progress,
    *,
    sealed: bool = False,
) -> dict[str, Any]:
    """Send the calls in the files, wait until they are counted, and say what came of them.

    Args:
        target: where to.
        source: litellm, langfuse or helicone.
        files: its exports.
        options: how rows are read.
        wanted: which calls.
        progress: is told how far it is.
        sealed: also send calls of sealed minutes.

    Returns:
        `Taken.document`; imported: the entry of build_imported for this source, None where there is none; overlap: its
        entries for it; settled: whether all of it stands in the ledger.

    Raises:
        BreakevenError, OSError: a file cannot be read, or the collector cannot take it; what was sent before stays.
    """
    taken, import_id = Taken(source), uuid4().hex
    limits = {name: datetime.fromisoformat(told) for name, told in target.limits().items() if told}
    wanted = replace(
        wanted, kept_from=limits.get("kept_from"), sealed_before=None if sealed else limits.get("sealed_before")
    )
    for calls in requests_of(calls_of(source, files, options, wanted, taken)):
        target.send(request_of(calls, import_id))
        progress(f"{taken.rows:,} rows, {taken.calls:,} calls sent")
    progress(f"{taken.calls:,} calls sent, making the bill")
    settled = target.settle()
    imported = target.imported()
    return {
        **taken.document(),
        "imported": next((entry for entry in imported["sources"] if entry["source"] == source), None),
        "overlap": [entry for entry in imported["overlap"] if entry["source"] == source],
        "settled": settled,
    }
