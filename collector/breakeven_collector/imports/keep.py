"""Imports in the store: which lines hold, and how a later import takes an earlier one's place."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import uuid4

from breakeven_collector.imports.lines import Account, ImportFailed, Line, digest, open_on
from breakeven_collector.store import Store

_COLUMNS: Final = (
    *("project", "source", "report", "part", "provider", "from_time", "to_time", "open", "provider_project"),
    *("key_name", "key_id", "model", "price_context", "item", "meter", "quantity", "unit", "amount", "currency"),
    *("amount_usd", "tags", "import_id", "line", "imported_at"),
)
_HELD: Final = """
SELECT held.report AS report, held.part AS part, held.day AS day, held.provider_project AS provider_project,
    argMax((held.lines, held.open, held.digest, pulled), (imported_at, import_id)) AS told
FROM imports FINAL ARRAY JOIN days AS held
WHERE project = {project:String} AND source = {source:String}
GROUP BY ALL
"""

_NAMES: Final = """
SELECT key_id, argMax(key_name, imported_at) AS name
FROM billed
WHERE project = {project:String} AND source = {source:String} AND key_id != '' AND key_name != ''
GROUP BY key_id
"""

Unit = tuple[str, str, date, str]
"""Report, part, day, provider's project: what an import replaces whole."""


@dataclass(frozen=True)
class Origin:
    """Where an account was read from.

    Attributes:
        name: File names, or the address.
        pulled: Not from files.
        extent: What it says all of: `whole` account, only the provider's projects that are in it (`part`), or `auto`:
            whole, and refused where a project would go that an earlier import has.
    """

    name: str
    pulled: bool = False
    extent: str = "auto"


class Imports:
    """The imports of a store. A project's imports are made one after another."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, account: Account, origin: Origin, project: str) -> dict[str, Any]:
        """Take up what an account says; days that say what they said before are left alone.

        Returns:
            counts: `days` and `lines` written, `replaced_lines`, `unchanged_days`, `import_id` (empty: nothing new);
            and `left`: days that stay as they were, for a row of theirs is bad (day, report, where the row stands).

        Raises:
            ImportFailed: lines of a provider's project would go, and nobody said that they should.
            StoreError: the store cannot be read or written; what was written counts nothing.
        """
        held = self._held(account.source, project)
        self._name_keys(account, project)
        by_unit = defaultdict[Unit, list[Line]](list)
        for line in account.lines:
            by_unit[line.report, line.part, line.day, line.provider_project].append(line)
        covered = account.covered | {unit[:3] for unit in by_unit}
        left = _left_as_they_were(account, by_unit, covered, held, of_projects=origin.extent == "part")
        units = {unit: lines for unit, lines in by_unit.items() if unit not in left}
        covered -= {unit[:3] for unit in left}
        if origin.extent == "part" and (twice := _grouped_otherwise(units.keys(), held)):
            raise ImportFailed(_would_count_twice(twice))
        if origin.extent != "part":
            gone = {unit: told for unit, told in held.items() if unit[:3] in covered and unit not in units and told[0]}
            if gone and origin.extent == "auto":
                raise ImportFailed(_would_go(gone))
            for unit in gone:
                units[unit] = []
        # A day without a line is known to be empty, once.
        for report, part, day in covered - {unit[:3] for unit in units}:
            units[report, part, day, ""] = []
        new = {unit: lines for unit, lines in units.items() if digest(lines) != held.get(unit, (0, False, ""))[2]}
        told = {
            "import_id": "",
            "days": len({unit[2] for unit in new}),
            "lines": sum(map(len, new.values())),
            "replaced_lines": sum(held[unit][0] for unit in new if unit in held),
            "unchanged_days": len({unit[2] for unit in units} - {unit[2] for unit in new}),
            "left": [
                {"day": day.isoformat(), "report": report, "where": where}
                for day, report, where in sorted({(unit[2], unit[0], where) for unit, where in left.items()})
            ],
        }
        return {**told, "import_id": self._write(account, origin, project, new)} if new else told

    def held_days(self, source: str, project: str) -> set[tuple[str, str, date]]:
        """(report, part, day) that a pull brought and that the provider changes no more."""
        found: dict[tuple[str, str, date], bool] = {}
        for unit, (_, is_open, _, pulled) in self._held(source, project).items():
            found[unit[:3]] = found.get(unit[:3], True) and pulled and not is_open
        return {key for key, closed in found.items() if closed}

    def _name_keys(self, account: Account, project: str) -> None:
        """Keys keep the names that an earlier import knew them by."""
        nameless = {line.key_id for line in account.lines if line.key_id and not line.key_name}
        if not nameless:
            return
        rows = self._store.rows(_NAMES, {"project": project, "source": account.source})
        names = {row["key_id"]: row["name"] for row in rows}
        account.lines = [
            replace(line, key_name=names.get(line.key_id, "")) if line.key_id and not line.key_name else line
            for line in account.lines
        ]

    def _held(self, source: str, project: str) -> dict[Unit, Any]:
        rows = self._store.rows(_HELD, {"project": project, "source": source})
        return {(r["report"], r["part"], r["day"], r["provider_project"]): r["told"] for r in rows}

    def _write(self, account: Account, origin: Origin, project: str, new: dict[Unit, list[Line]]) -> str:
        import_id, now = uuid4().hex, datetime.now(UTC)
        lines = [line for unit in sorted(new) for line in new[unit]]
        for start in range(0, len(lines), 100_000):
            rows = [
                _row(line, project, account.source, import_id, number, now)
                for number, line in enumerate(lines[start : start + 100_000], start)
            ]
            self._insert_by_year(rows)
        days = [
            (*unit, len(new[unit]), any(line.open for line in new[unit]) or open_on(unit[2], now), digest(new[unit]))
            for unit in sorted(new)
        ]
        whole = hashlib.sha256(repr(days).encode()).hexdigest()
        self._store.insert(
            "imports",
            (
                *("project", "import_id", "source", "origin", "pulled", "days", "lines", "bad_rows", "warnings"),
                *("digest", "imported_at"),
            ),
            [
                [
                    *(project, import_id, account.source, origin.name, origin.pulled, days, len(lines)),
                    *(len(account.bad), sorted(account.warnings), whole, now),
                ]
            ],
        )
        return import_id

    def _insert_by_year(self, rows: list[list[Any]]) -> None:
        # A month is a partition, and a block may span a hundred of them.
        years = defaultdict[int, list[list[Any]]](list)
        for row in rows:
            years[row[5].year].append(row)
        for found in years.values():
            self._store.insert("billed", _COLUMNS, found)


def _row(line: Line, project: str, source: str, import_id: str, number: int, now: datetime) -> list[Any]:
    return [
        *(project, source, line.report, line.part, line.provider, line.from_time, line.to_time, line.open),
        *(line.provider_project, line.key_name, line.key_id, line.model, line.price_context, line.item, line.meter),
        *(line.quantity, line.unit, line.amount, line.currency, line.amount_usd, dict(line.tags)),
        *(import_id, number, now),
    ]


def _left_as_they_were(
    account: Account,
    units: Mapping[Unit, list[Line]],
    covered: Iterable[tuple[str, str, date]],
    held: Mapping[Unit, Any],
    *,
    of_projects: bool,
) -> dict[Unit, str]:
    """What must not be replaced, and the bad row because of which: a day that is held would lose that row's line.

    Days that say what they said before are not among them. With `of_projects` each project's day is for itself.
    """
    spoiled: dict[tuple[str, str, date], str] = {}
    for report, part, day in covered:
        if where := next((bad.where for bad in account.bad if bad.spoils(report, day)), ""):
            spoiled[report, part, day] = where
    differ = {
        unit
        for unit in units.keys() | held.keys()
        if unit[:3] in spoiled and digest(units.get(unit, [])) != held.get(unit, (0, False, digest([])))[2]
    }
    filled = {unit for unit, told in held.items() if told[0]}
    if of_projects:
        return {unit: spoiled[unit[:3]] for unit in differ & filled & units.keys()}
    days = {unit[:3] for unit in differ} & {unit[:3] for unit in filled}
    return {unit: spoiled[unit[:3]] for unit in units.keys() | {(*day, "") for day in days} if unit[:3] in days}


def _grouped_otherwise(units: Iterable[Unit], held: Mapping[Unit, Any]) -> list[date]:
    """Days of which one side has all lines without a project, and the other has none without: the same money twice."""
    new, old = defaultdict[tuple[str, str, date], set[str]](set), defaultdict[tuple[str, str, date], set[str]](set)
    for unit in units:
        new[unit[:3]].add(unit[3])
    for unit, told in held.items():
        if told[0]:
            old[unit[:3]].add(unit[3])
    return sorted(
        {
            day[2]
            for day, projects in new.items()
            if old[day] and ((projects == {""} and "" not in old[day]) or (old[day] == {""} and "" not in projects))
        }
    )


def _would_count_twice(days: Sequence[date]) -> str:
    return (
        f"{len(days)} days from {days[0]} on have lines by project in one import and lines without a project in the "
        "other: with --part they would count twice. Export them grouped by project, as before, or say --whole"
    )


def _would_go(gone: dict[Unit, Any]) -> str:
    projects: Sequence[str] = sorted({unit[3] or "(none)" for unit in gone})
    return (
        f"{len({unit[2] for unit in gone})} days that an earlier import has would lose the lines of "
        f"{', '.join(map(repr, projects[:5]))}{', …' if len(projects) > 5 else ''}. If this is limited to some of the "
        "provider's projects, say --part: the others stay. If it tells of the whole account, say --whole: they go"
    )
