"""Tables and views, whole, as files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from breakeven_collector.errors import BadRequest
from breakeven_collector.export.files import FileFormat, write_query
from breakeven_collector.parquet import column_types, readable
from breakeven_collector.projects import of_project
from breakeven_collector.sql.allowed import OWNER_TABLES, RELATIONS, V1_VIEWS
from breakeven_collector.store import Store

_NOT_WHOLE: Final = frozenset({"spend"})
"""`spend` holds the whole bill once for each grain: its promised views are what can be summed."""
_SECRET: Final = frozenset({"keys", "migrations"})


@dataclass(frozen=True)
class Exportable:
    """Something that can be exported by its name."""

    name: str
    what: str
    """`view`: its columns are promised; `table`: they may change with the version."""


def exportable(store: Store, project: str | None) -> list[Exportable]:
    """What may be exported: views first.

    Args:
        store: an open store.
        project: of who asks: what anybody reads with SQL; None: also the tables that hold all projects.

    Raises:
        StoreUnavailable, StoreError: see there.
    """
    rows = store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
    )
    tables = {row["name"] for row in rows} - _SECRET
    if project is not None:
        tables &= {*RELATIONS} - _NOT_WHOLE - OWNER_TABLES
    return [
        *(Exportable(name, "view") for name in V1_VIEWS),
        *(Exportable(name, "table") for name in sorted(tables)),
    ]


def write_table(store: Store, name: str, form: FileFormat, path: Path, *, project: str | None) -> None:
    """Write a table or view into a new file: the rows of the project, in the order of the table's key.

    Args:
        store: an open store.
        name: one of `exportable`.
        form: what is written.
        path: the file.
        project: whose rows; None: all.

    Raises:
        BadRequest: 404 there is no such table to be exported.
        StoreUnavailable, StoreError: see there.
    """
    found = {one.name: one for one in exportable(store, project)}
    if name not in found:
        raise BadRequest(404, f"no table {name!r} can be exported: {', '.join(found)}")
    types = column_types(store, name)
    parameters: dict[str, Any] = {}
    where = final = order = ""
    if "project" in types:
        where = " WHERE (project = {project:String} OR {every_project:Bool})"
        parameters = of_project(project)
    if found[name].what == "table":
        (table,) = store.rows(
            "SELECT engine, sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {n:String}",
            {"n": name},
        )
        final = "" if table["engine"] in ("MergeTree", "ReplicatedMergeTree") else " FINAL"
        order = f" ORDER BY {table['sorting_key']}" if table["sorting_key"] else ""
    selected = f"SELECT * FROM {name}{final}{where}{order}"
    # Views have readable ids already.
    sql = readable(selected, types) if found[name].what == "table" else selected
    write_query(store, sql, form, path, parameters)
