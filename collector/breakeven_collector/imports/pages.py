"""Pages of buckets, as the APIs of OpenAI and Anthropic both answer them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from breakeven_collector.imports.lines import Account, Bad, BadRow, Line, days_told, moment

TWICE: Final = "days came more than once, and what came last was taken"
_DAY: Final = timedelta(days=1)

Take = Callable[[Account, dict[str, Any], datetime, datetime, datetime], tuple[tuple[str, str], list[Line]]]
"""Account, fields of a result, start and end of its bucket, the present → (report, part) and the lines.

Raises BadRow where it cannot be read.
"""


@dataclass(frozen=True)
class Shape:
    """What a provider calls the parts of a page, and who reads its results."""

    start: str
    end: str
    results: tuple[str, ...]
    page: frozenset[str]
    bucket: frozenset[str]
    take: Take


def read_page(
    account: Account,
    page: Mapping[str, Any],
    where: str,
    bad: Callable[[Bad], None],
    shape: Shape,
    *,
    now: datetime,
) -> None:
    """Take a page of buckets; a bucket or result that cannot be read is told to `bad`, with its path.

    `endpoint`, which a pull writes into its pages, says which report a page without results is of.
    """
    account.unknown(page, shape.page | {"endpoint"}, "page")
    buckets: Any = page.get("data")
    if not isinstance(buckets, list):
        bad(Bad(f"{where}: data", "is not a list of buckets"))
        return
    stretches: list[tuple[datetime, datetime]] = []
    found: dict[tuple[tuple[str, str], datetime], list[Line]] = {}
    wrong: list[Bad] = []
    twice = set[date]()
    parts: set[tuple[str, str]] = set()
    for number, bucket in enumerate(cast(list[Any], buckets)):
        at = f"{where}: data[{number}]"
        try:
            start, end, results = _bucket(account, bucket, shape)
        except BadRow as error:
            fields = cast(dict[str, Any], bucket) if isinstance(bucket, dict) else {}
            wrong.append(Bad(at, str(error), *days_told(fields, shape.start, shape.end)))
            continue
        stretches.append((start, end))
        of_bucket: dict[tuple[tuple[str, str], datetime], list[Line]] = {}
        for index, result in enumerate(results):
            try:
                if not isinstance(result, dict):
                    raise BadRow(f"a result is {result!r}: not an object")
                part, lines = shape.take(account, cast(dict[str, Any], result), start, end, now)
            except BadRow as error:
                days = start.date().isoformat(), (end - timedelta(seconds=1)).date().isoformat()
                wrong.append(Bad(f"{at}.results[{index}]", str(error), *days))
                continue
            of_bucket.setdefault((part, start), []).extend(lines)
            parts.add(part)
        twice |= {begin.date() for _, begin in found.keys() & of_bucket.keys()}
        found |= of_bucket
    if twice:
        account.warnings[TWICE] += len(twice)
    account.lines += [line for lines in found.values() for line in lines]
    told = page.get("endpoint")
    if isinstance(told, str):
        parts.add(("costs", "") if told == "costs" else ("usage", told))
    report = next(iter(parts))[0] if len(parts) == 1 else ""
    for one in wrong:
        bad(replace(one, report=report))
    for start, end in stretches:
        for part in parts:
            account.cover(part, start, end)
        if not parts:
            account.untold.add((start, end))


def _bucket(account: Account, bucket: Any, shape: Shape) -> tuple[datetime, datetime, list[Any]]:
    wrong = f"not a bucket with {shape.start}, {shape.end} and {shape.results[0]}"
    if not isinstance(bucket, dict):
        raise BadRow(wrong)
    fields = cast(dict[str, Any], bucket)
    account.unknown(fields, shape.bucket, "bucket")
    results: Any = next((fields[name] for name in shape.results if name in fields), None)
    if shape.start not in fields or shape.end not in fields or not isinstance(results, list):
        raise BadRow(wrong)
    start, end = moment(fields[shape.start], shape.start), moment(fields[shape.end], shape.end)
    if not timedelta() < end - start <= _DAY:
        raise BadRow(f"a bucket from {start} to {end}: take buckets of a day, an hour or a minute")
    return start, end, cast(list[Any], results)


def inner(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object inside of another; null and missing are empty.

    Raises:
        BadRow: it is something else.
    """
    found: Any = fields.get(name)
    if found is not None and not isinstance(found, dict):
        raise BadRow(f"{name} is {found!r}: not an object")
    return cast(dict[str, Any], found or {})
