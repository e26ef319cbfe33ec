"""Files of accounts: JSON pages, lists of pages, JSONL, CSV, Parquet. The rest of a file with a bad row goes in."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import file_digest
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, cast

from breakeven_collector.imports import anthropic, focus, openai
from breakeven_collector.imports.exchange import exchange
from breakeven_collector.imports.lines import Account, Bad, BadRow, ImportFailed, days_told, open_on, text
from breakeven_collector.imports.pages import TWICE, read_page

Progress = Callable[[str, int, int], None]
"""What is read, bytes done, of how many."""
_STEP: Final = 2_000
_DAY: Final = timedelta(days=1)
_MORE: Final = "\0more"
"""Column for cells beyond the heading."""
_MOST_JSON: Final = 256 * 1024 * 1024
"""Python's objects take some ten times as much memory. Lines of JSON, CSV and Parquet are read piece by piece."""
_MOST_BAD: Final = 10_000


def read_files(
    source: str,
    paths: Sequence[Path],
    *,
    now: datetime,
    rates: Mapping[str, Decimal] | None = None,
    progress: Progress = lambda _what, _done, _all: None,
) -> Account:
    """Read files as one account.

    Args:
        source: openai, anthropic or focus.
        paths: the files; those of one export belong together.
        now: the present: what of it is still open.
        rates: currency → dollars for one of it.
        progress: is told how far it is.

    Raises:
        ImportFailed: a file is none of that source.
        OSError: a file cannot be read.
    """
    account, names, seen = Account(source), dict[str, str](), set[str]()
    for path in paths:
        with path.open("rb") as file:
            sha = file_digest(file, "sha256").hexdigest()
        if sha in seen:
            account.warnings[f"{path.name}: the same as a file before, and read once"] += 1
            continue
        seen.add(sha)
        if source == "focus":
            _read_focus(account, path, rates or {}, now, progress)
            continue
        with path.open("rb") as file:
            first = file.read(4_096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if first in (b"{", b"["):
            one = Account(source)
            for where, page in _pages(path, one, progress):
                take_page(one, names, page, where, now=now)
            _tell_empty_days(one, path)
            merge(account, one)
        elif source == "openai":
            one = Account(source)
            _read_openai_csv(one, path, now, progress)
            merge(account, one)
        else:
            raise ImportFailed(f"{path}: not JSON; Anthropic's reports are read as the API answers them")
    name_keys(account, names)
    _leave_out_parts_of_days(account, now)
    exchange(account, rates or {})
    if after := sorted({line.day for line in account.lines if line.day > now.astimezone(UTC).date()}):
        account.warnings[f"days that are still to come, {after[0]} to {after[-1]}: is the file for another year?"] += (
            len(after)
        )
    if not account.lines and not account.covered and not account.skipped:
        why = f"; first bad row: {account.bad[0].where}: {account.bad[0].reason}" if account.bad else ""
        raise ImportFailed(f"{', '.join(map(str, paths))}: nothing that `import {source}` can take in it{why}")
    return account


def take_page(account: Account, names: dict[str, str], page: Any, where: str, *, now: datetime) -> None:
    """Take a page of a report, or of the list of keys: a bucket that an earlier page had takes its place."""

    if not isinstance(page, dict):
        note_bad(account, Bad(where, "not a page: an object with data"))
        return
    found = cast(dict[str, Any], page)
    data: Any = found.get("data")
    if isinstance(data, list) and data and all(map(_is_key, cast(list[Any], data))):
        try:
            names.update(key_names(cast(list[dict[str, Any]], data)))
        except BadRow as error:
            account.warnings[f"{where}: names of keys could not be read, keys have their ids: {error}"] += 1
        return
    if "data" not in found and "results" in found:
        found = {"data": [found]}
    one = Account(account.source)
    shape = openai.SHAPE if account.source == "openai" else anthropic.SHAPE
    read_page(one, found, where, lambda bad: note_bad(account, bad), shape, now=now)
    merge(account, one)


def merge(account: Account, page: Account) -> None:
    """Put a page to the rest."""
    buckets = {(line.report, line.part, line.from_time) for line in page.lines}
    again = [line for line in account.lines if (line.report, line.part, line.from_time) in buckets] if buckets else []
    if again:
        account.warnings[TWICE] += len({line.day for line in again})
        account.lines = [line for line in account.lines if (line.report, line.part, line.from_time) not in buckets]
    account.lines += page.lines
    account.covered |= page.covered
    account.untold |= page.untold
    for day, stretches in page.stretches.items():
        account.stretches.setdefault(day, set()).update(stretches)
    account.bad += page.bad
    account.warnings.update(page.warnings)


def _tell_empty_days(account: Account, path: Path) -> None:
    """Days of empty pages are of the report that the rest of the file is of."""
    parts = {(report, part) for report, part, _ in account.covered}
    if len(parts) == 1:
        for start, end in account.untold:
            account.cover(next(iter(parts)), start, end)
    elif account.untold:
        account.warnings[f"{path.name}: days without a result do not say of which report they are; not taken"] += 1
    account.untold.clear()


def _leave_out_parts_of_days(account: Account, now: datetime) -> None:
    """An import takes the place of whole days: one that is over and that files tell only a part of is left out."""
    parts: set[tuple[str, str, date]] = set()
    for (report, part, day), stretches in sorted(account.stretches.items()):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        inside = sum((min(end, midnight + _DAY) - start for start, end in stretches), timedelta())
        if inside < _DAY and not open_on(day, now):
            parts.add((report, part, day))
            first, last = min(stretches)[0], max(end for _, end in stretches)
            reason = (
                f"{inside.total_seconds() / 3600:g} of its 24 hours are told of, {first:%H:%M} to {last:%H:%M} UTC; "
                "left out, as it would take the place of the whole day: export whole days of UTC"
            )
            note_bad(account, Bad(f"{part or report} of {day}", reason, day.isoformat(), day.isoformat(), report))
    if parts:
        account.lines = [line for line in account.lines if (line.report, line.part, line.day) not in parts]
        account.covered -= parts


def key_names(keys: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Id → name of the keys in a list that have one.

    Raises:
        BadRow: an id or a name is no text.
    """
    told = [(text(key.get("id"), "id"), text(key.get("name"), "name")) for key in keys]
    return {id: name for id, name in told if id and name}


def name_keys(account: Account, names: Mapping[str, str]) -> None:
    """Give keys the names that a list of keys has for them."""
    if names:
        account.lines = [
            replace(line, key_name=names[line.key_id]) if line.key_id in names else line for line in account.lines
        ]


def note_bad(account: Account, bad: Bad) -> None:
    """List a row that was left out."""
    if len(account.bad) >= _MOST_BAD:
        raise ImportFailed(f"more than {_MOST_BAD:,} bad rows, the last one {bad.where}: {bad.reason}")
    account.bad.append(bad)


def _is_key(item: Any) -> bool:
    return isinstance(item, dict) and (
        cast(dict[str, Any], item).get("object") == "organization.project.api_key"
        or cast(dict[str, Any], item).get("type") == "api_key"
    )


def _pages(path: Path, account: Account, progress: Progress) -> Iterator[tuple[str, Any]]:
    size = path.stat().st_size
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline(_MOST_JSON)
            if len(first) < _MOST_JSON and _json(first) is not None and (rest := file.readline()):
                for number, line in enumerate(_chain(first, rest, file), 1):
                    if not line.strip():
                        continue
                    if (page := _json(line)) is None:
                        note_bad(account, Bad(f"{path.name}, line {number}", "not JSON"))
                    else:
                        yield f"{path.name}, line {number}", page
                    progress(path.name, min(number * len(line), size), size)
                return
    except UnicodeDecodeError as error:
        raise ImportFailed(f"{path}: not JSON in UTF-8 ({error})") from None
    if size > _MOST_JSON:
        raise ImportFailed(
            f"{path}: {size:,} bytes of JSON in one piece, and at most {_MOST_JSON:,} are read so: put a page on a line"
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ImportFailed(f"{path}: not JSON ({error})") from None
    pages: list[Any] = cast(list[Any], document) if isinstance(document, list) else [document]
    for number, page in enumerate(pages):
        yield path.name if document is page else f"{path.name}: [{number}]", page
        progress(path.name, size * (number + 1) // len(pages), size)


def _chain(first: str, second: str, rest: IO[str]) -> Iterator[str]:
    yield first
    yield second
    yield from rest


def _json(line: str) -> Any:
    try:
        return json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _rows(account: Account, path: Path, progress: Progress) -> Iterator[tuple[str, dict[str, str]]]:
    size = path.stat().st_size
    with path.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey=_MORE)
        rows = iter(reader)
        number = 0
        while True:
            try:
                row = next(rows, None)
            except (csv.Error, UnicodeDecodeError) as error:
                raise ImportFailed(f"{path}, line {reader.line_num + 1}: not CSV in UTF-8 ({error})") from None
            if row is None:
                break
            if number % _STEP == 0:
                progress(path.name, raw.tell(), size)
            number += 1
            where = f"{path.name}, line {reader.line_num}"
            if _MORE in row or None in row.values():
                reason = f"not as many cells as the heading has, {len(reader.fieldnames or ())}"
                note_bad(account, Bad(where, reason))
            else:
                yield where, row
    progress(path.name, size, size)


def _read_openai_csv(account: Account, path: Path, now: datetime, progress: Progress) -> None:
    for where, row in _rows(account, path, progress):
        try:
            openai.read_csv_row(account, row, now=now)
        except BadRow as error:
            days = days_told(row, "start_time", "end_time")
            if not days[0]:
                days = days_told(row, "start_time_iso", "end_time_iso")
            report = "costs" if "amount_value" in row else "usage"
            note_bad(account, Bad(where, str(error), *days, report))


def _read_focus(account: Account, path: Path, rates: Mapping[str, Decimal], now: datetime, progress: Progress) -> None:
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    for where, row in (_parquet_rows if parquet else _rows)(account, path, progress):
        if missing := [name for name in focus.NEEDED if name not in row]:
            raise ImportFailed(f"{path}: not a FOCUS file, it has no column {', '.join(missing)}")
        try:
            focus.read_row(account, row, rates=rates, now=now)
        except BadRow as error:
            days = days_told(row, "ChargePeriodStart", "ChargePeriodEnd")
            note_bad(account, Bad(where, str(error), *days, "focus"))


def _parquet_rows(_account: Account, path: Path, progress: Progress) -> Iterator[tuple[str, dict[str, str]]]:
    # They take a quarter of a second to load, and have no types.
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    try:
        file: Any = parquet.ParquetFile(path)
        total, number = file.metadata.num_rows, 0
        for batch in file.iter_batches(_STEP):
            for row in batch.to_pylist():
                number += 1
                yield f"{path.name}, row {number}", {name: _text(value) for name, value in row.items()}
            progress(path.name, number, total)
    except (arrow.ArrowException, OSError) as error:
        raise ImportFailed(f"{path}: not a Parquet file that can be read ({error})") from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)
