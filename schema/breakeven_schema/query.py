"""The SQL statements that the collector runs, read from their files."""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def query(name: str) -> str:
    """Text of `queries/<name>.sql`; its parameters stand in it as ClickHouse's `{name:Type}`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return (files("breakeven_schema") / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def priced(name: str, *, contracts: bool = True, minutes: bool = True) -> str:
    """`queries/<name>.sql`; its `spend_of(…)` prices the rows of `queries/<name>_rows.sql`, not those of the ledger.

    A view cannot know what its reader will sum up, so its query is put into the statement with other rows in the place
    that `views/12_spend_of.sql` marks: there stays one formula of prices.

    Args:
        name: the query.
        contracts: whether there are own prices. Where there are none, nothing is joined with them: a fifth of planning.
        minutes: whether minutes are read. Where they are not, planning is a fifth shorter again.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the marks are not where they should be.
    """
    view = (files("breakeven_schema") / "views" / "12_spend_of.sql").read_text(encoding="utf-8")
    _, _, formula = view.partition("CREATE OR REPLACE VIEW spend_of AS\n")
    rows = query(f"{name}_rows")
    if not minutes:
        rows = _instead(_instead(rows, "both", lambda _: ""), "minutes", lambda _: "")
    formula = _instead(formula, "rows", lambda _: f"(\n{rows})\n")
    if not contracts:
        formula = _instead(formula, "contracts", lambda marked: "\n".join(re.findall(r"--   (.*)", marked)) + "\n")
        formula = _instead(formula, "joins with contracts", lambda _: "")
    reader, call, remainder = query(name).partition("spend_of(book={book:String})")
    if not call:
        raise ValueError(f"{name}.sql does not read spend_of(book={{book:String}})")
    return f"{reader}({formula}){remainder}"


def _instead(formula: str, mark: str, other: Callable[[str], str]) -> str:
    found = re.search(rf"-- {mark}\b.*?-- end of {mark}\n", formula, re.DOTALL)
    if found is None:
        raise ValueError(f"the mark {mark!r} is missing")
    return formula[: found.start()] + other(found[0]) + formula[found.end() :]


def otlp_schema() -> Path:
    """The file with the protobuf schema that ClickHouse decodes requests with (`format_schema`)."""
    return Path(str(files("breakeven_schema") / "otlp.proto"))
