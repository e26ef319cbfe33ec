"""Erases a person or a tenant from an embedded store or a server, and proves it; the bill stays what it was.

Calls keep their rows, without who they were for: deleted, a pass would take them off the bill. In the ledger the sums
move to the rows of nobody. See docs/design/0009-erasure.md.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from breakeven_collector.alerts.documents import named_in_causes
from breakeven_collector.alerts.why import ERASED
from breakeven_collector.errors import BreakevenError
from breakeven_collector.ledger import Ledger, as_one_block
from breakeven_collector.store import Store

Progress = Callable[[str], None]
"""Called with what is being done."""

_SUMMED: Final = (
    *(
        "calls",
        "failed_calls",
        "uncached_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
    ),
    *("audio_input_tokens", "image_input_tokens", "answer_tokens", "reasoning_tokens", "audio_output_tokens"),
    *("image_output_tokens", "quantity", "reported_cost_usd", "duration_us", "resends", "estimated_calls"),
    *("estimated_input_tokens", "estimated_output_tokens"),
)
_LEDGER: Final = ("spend_slices", "spend_cubes")
_TOLD: Final[Mapping[str, str]] = {"alert_events": "document", "alert_states": "event"}
"""Tables of alerts, and where in them causes stand that name tenants."""
_CHANGED: Final = ("calls", "late_spans", "decisions", "revenue", "alert_snoozes", *_TOLD, *_LEDGER)
_OLD_PARTS_SECONDS: Final = 60.0


class EraseError(BreakevenError):
    """What was asked cannot be erased; the message says why."""


@dataclass(frozen=True)
class Whom:
    """Whose rows."""

    column: str
    """`user_id` or `tenant`."""
    id: str
    project: str | None = None
    """Only there; None: in all projects."""

    def __post_init__(self) -> None:
        if not self.id:
            raise EraseError("name whom to erase: an empty id is everybody who has none")


@dataclass(frozen=True)
class Erased:
    """What was found, and what is left."""

    before: dict[str, int]
    """`table.column` → rows in which the id stands, before."""
    after: dict[str, int]
    """The same afterwards."""
    files_before: list[str] = field(default_factory=list[str])
    """Requests beside the store that hold the id: set aside, or damaged."""
    files_after: list[str] = field(default_factory=list[str])
    bill_before: dict[str, Any] = field(default_factory=dict[str, Any])
    """Sums of the whole ledger."""
    bill_after: dict[str, Any] = field(default_factory=dict[str, Any])


def erase(
    store: Store, ledger: Ledger, whom: Whom, *, files: list[Path], progress: Progress, dry_run: bool = False
) -> Erased:
    """Erase one id; nothing else may write to the store meanwhile. What is interrupted is done again by a second call.

    Args:
        store: an open store, in whose journal nothing waits.
        ledger: its ledger.
        whom: whose.
        files: folders with requests beside the store.
        progress: is told what is done.
        dry_run: only look.

    Raises:
        StoreError: the store refuses.
        EraseError: the bill is not what it was before: nothing of the ledger was deleted.
    """
    progress("looking for the id in every column")
    before, held, bill = scan(store, whom), _files(files, whom.id), _bill(store)
    if dry_run:
        return Erased(before, before, held, held, bill, bill)
    # A mutation's text stays on disk for a while: it names this table, not the id.
    wanted = "erasing"
    store.run(f"DROP TABLE IF EXISTS {wanted} SYNC")
    store.run(
        f"CREATE TABLE {wanted} (id String COMMENT 'whom', told String COMMENT 'as alerts name it') ENGINE = Memory"
    )
    try:
        store.insert(wanted, ["id", "told"], [(whom.id, named_in_causes(whom.id))])
        with ledger.lock:
            progress("taking the id off calls")
            _blank_calls(store, whom, wanted)
            progress("moving the sums to nobody")
            _move_sums(store, ledger, whom)
            for table in _LEDGER:
                if n := _left(store, table, whom):
                    raise EraseError(f"{n} sums of {table} are not moved: nothing of the ledger was deleted. Try again")
            progress("deleting what is now zero")
            for table in _LEDGER:
                _mutate(store, table, "DELETE", f"{whom.column} IN (SELECT id FROM {wanted})", whom)
    finally:
        store.run(f"DROP TABLE {wanted} SYNC")
    progress("removing old parts and requests")
    _drop_old_parts(store)
    for name in held:
        Path(name).unlink(missing_ok=True)
    progress("looking again")
    return Erased(before, scan(store, whom), held, _files(files, whom.id), bill, _bill(store))


def scan(store: Store, whom: Whom) -> dict[str, int]:
    """`table.column` → rows in which the id stands: in every column of text, maps and lists too."""
    found: dict[str, int] = {}
    for table, columns in _text_columns(store).items():
        names = dict(columns)
        where = "project = {project:String}" if whom.project is not None and "project" in names else "1"
        # Not named after the columns: the condition would mean the counts.
        counts = ", ".join(f"countIf({_stands(column, type)}) AS c{n}" for n, (column, type) in enumerate(columns))
        (row,) = store.rows(
            f"SELECT {counts} FROM {table} WHERE {where}", {"id": whom.id, "project": whom.project or ""}
        )
        found |= {f"{table}.{columns[int(name[1:])][0]}": n for name, n in row.items() if n}
    return found


def _stands(column: str, type: str) -> str:
    if type.startswith("Map("):
        values = f"arrayMap(v -> toString(v), mapValues(`{column}`))"
        return f"has(mapKeys(`{column}`), {{id:String}}) OR has({values}, {{id:String}})"
    if "String" in type and type.startswith("Array("):
        # A list of tuples too: as text, with the quotes around it.
        return f"position(toString(`{column}`), concat('\\'', {{id:String}}, '\\'')) > 0"
    return f"`{column}` = {{id:String}}"


def _text_columns(store: Store) -> dict[str, list[tuple[str, str]]]:
    columns: dict[str, list[tuple[str, str]]] = {}
    for row in store.rows(
        "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND type LIKE '%String%' "
        "AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree') "
        "ORDER BY table, position"
    ):
        columns.setdefault(row["table"], []).append((row["name"], row["type"]))
    return columns


def _blank_calls(store: Store, whom: Whom, wanted: str) -> None:
    is_whom = f"{whom.column} IN (SELECT id FROM {wanted})"
    # Whatever a person's call says of the person goes; elsewhere, what is the id itself.
    of_session = f"session_id IN (SELECT id FROM {wanted})"
    of_run = f"run IN (SELECT id FROM {wanted})"
    of_tags = f"hasAny(mapValues(tags), (SELECT groupArray(id) FROM {wanted}))"
    personal = is_whom if whom.column == "user_id" else "0"
    _mutate(
        store,
        "calls",
        f"UPDATE {whom.column} = if({is_whom}, '', {whom.column}), "
        f"session_id = if({personal} OR {of_session}, '', session_id), run = if({of_run}, '', run), "
        f"tags = if({personal} OR {of_tags}, CAST(map() AS Map(LowCardinality(String), String)), tags)",
        f"{is_whom} OR {of_session} OR {of_run} OR {of_tags}",
        whom,
    )
    _mutate(store, "late_spans", f"UPDATE {whom.column} = ''", is_whom, whom)
    # The decision, the snooze and the dollars stay, without the name.
    named = "made_by" if whom.column == "user_id" else "tenant"
    for table in ("decisions", "alert_snoozes") if whom.column == "user_id" else ("revenue",):
        _mutate(store, table, f"UPDATE {named} = ''", f"{named} IN (SELECT id FROM {wanted})", whom)
    if whom.column == "tenant":
        told = f"(SELECT any(told) FROM {wanted})"
        for table, column in _TOLD.items():
            blank = f"UPDATE {column} = replaceAll({column}, {told}, {{erased:String}})"
            _mutate(store, table, blank, f"position({column}, {told}) > 0", whom)


def _mutate(store: Store, table: str, what: str, where: str, whom: Whom) -> None:
    project = "" if whom.project is None else " AND project = {project:String}"
    store.run(
        f"ALTER TABLE {table} {what} WHERE ({where}){project}",
        {"project": whom.project or "", "erased": named_in_causes(ERASED)},
        {"mutations_sync": 2, "allow_nondeterministic_mutations": 1, "max_execution_time": 0},
    )


def _move_sums(store: Store, ledger: Ledger, whom: Whom) -> None:
    """Add, a month at a time and as one block, the person's sums to nobody's and take them off the person's."""
    keys = _keys(store, "spend_slices")
    summed = ", ".join(f"sum(s.{column}) AS {column}" for column in _SUMMED)
    grouped = ", ".join(keys)
    for month in _months(store, whom):
        # It also mends cubes that lack the ledger's last pass: what they hold of the person is zero only then.
        number = ledger.next_pass(month)
        where = f"toYYYYMM(slice) = {month} AND {_is(whom)}"
        held = f"SELECT {grouped}, {summed} FROM spend_slices AS s WHERE {where} GROUP BY {grouped}"
        moved = ", ".join(f"if(side = 1, {column}, -{column}) AS {column}" for column in _SUMMED)
        names = ", ".join(
            f"if(side = 1, '', toString({key})) AS {key}" if key == whom.column else f"h.{key} AS {key}" for key in keys
        )
        store.run(
            f"INSERT INTO spend_slices ({grouped}, {', '.join(_SUMMED)}, pass) "
            f"SELECT {names}, {moved}, {number} AS pass FROM ({held}) AS h ARRAY JOIN [0, 1] AS side "
            f"WHERE {' OR '.join(f'h.{column} != 0' for column in _SUMMED)}",
            {"id": whom.id, "project": whom.project or ""},
            as_one_block(f"{month}/{number}"),
        )
        ledger.next_pass(month)


def _months(store: Store, whom: Whom) -> Iterator[int]:
    rows = store.rows(
        f"SELECT DISTINCT toYYYYMM(slice) AS month FROM spend_slices WHERE {_is(whom)} "
        f"UNION DISTINCT SELECT DISTINCT toYYYYMM(at) AS month FROM spend_cubes WHERE {_is(whom)} ORDER BY month",
        {"id": whom.id, "project": whom.project or ""},
    )
    return (int(row["month"]) for row in rows)


def _is(whom: Whom) -> str:
    return f"{whom.column} = {{id:String}}" + ("" if whom.project is None else " AND project = {project:String}")


def _keys(store: Store, table: str) -> list[str]:
    rows = store.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "AND is_in_sorting_key ORDER BY position",
        {"table": table},
    )
    return [row["name"] for row in rows]


def _left(store: Store, table: str, whom: Whom) -> int:
    """Sums of the person that are not zero."""
    summed = ", ".join(f"sum(s.{column}) AS {column}" for column in _SUMMED)
    some = " OR ".join(f"{column} != 0" for column in _SUMMED)
    held = (
        f"SELECT {summed} FROM {table} AS s WHERE {_is(whom)} GROUP BY {', '.join(_keys(store, table))} HAVING {some}"
    )
    return store.rows(f"SELECT count() AS n FROM ({held})", {"id": whom.id, "project": whom.project or ""})[0]["n"]


def _bill(store: Store) -> dict[str, Any]:
    """Sums of the whole ledger, and dollars as reports see them."""
    summed = ", ".join(f"sum(s.{column}) AS {column}" for column in _SUMMED)
    (sums,) = store.rows(f"SELECT {summed} FROM spend_slices AS s WHERE counted IN ('yes', 'late')")
    (dollars,) = store.rows(
        "SELECT sum(s.cost_usd) AS cost_usd, sum(s.estimated_usd) AS estimated_usd FROM spend AS s "
        "WHERE grain = 'day' AND counted IN ('yes', 'late')"
    )
    return {**sums, **dollars}


def _drop_old_parts(store: Store) -> None:
    """Parts that a mutation replaced lie on disk for minutes: let them go now."""
    for table in _CHANGED:
        store.run(f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 1")
    deadline = time.monotonic() + _OLD_PARTS_SECONDS
    try:
        while time.monotonic() < deadline and _old_parts(store):
            time.sleep(0.2)
    finally:
        for table in _CHANGED:
            store.run(f"ALTER TABLE {table} RESET SETTING old_parts_lifetime")


def _old_parts(store: Store) -> int:
    (row,) = store.rows(
        "SELECT count() AS n FROM system.parts WHERE database = currentDatabase() AND NOT active AND rows > 0 "
        "AND table IN {t:Array(String)}",
        {"t": list(_CHANGED)},
    )
    return int(row["n"])


def _files(folders: list[Path], id: str) -> list[str]:
    """Files that hold the id, in protobuf or text: UTF-8 both."""
    return sorted(
        str(path)
        for folder in folders
        for pattern in ("*.pb", "*.damaged")
        for path in folder.glob(pattern)
        if id.encode() in path.read_bytes()
    )
