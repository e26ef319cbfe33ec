"""Tables of the page: the same rows as HTML and as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Row = dict[str, Any]
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: Of the row.
        label: Its heading.
        kind: How a value is shown: text (a name), sentence, link, money, spend (marked where an estimate is in it),
            small_money, whole (dollars of a model), plain (text to the right), count, tokens, percent, trend, seconds,
            time, spark.
        csv: It stands in the CSV.
        page: It stands on the page.
    """

    key: str
    label: str
    kind: str = "text"
    csv: bool = True
    page: bool = True

    @property
    def is_number(self) -> bool:
        """It stands to the right."""
        return self.kind not in ("text", "sentence", "spark", "time", "link")


@dataclass(frozen=True)
class TableOf:
    """A table.

    Attributes:
        name: In addresses and file names.
        caption: What it shows.
        columns: From left to right.
        rows: Key of a column → value; `href` links the first column, `mark` says what is odd about the row.
        ruled_after: Number of rows above the rule; 0: no rule.
        empty: What stands there without rows.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row] = field(default_factory=list[Row])
    ruled_after: int = 0
    empty: str = "Nothing in this period."

    def csv(self) -> str:
        """A header, and the rows; decimals as they are known, unknown figures empty.

        A name that a spreadsheet would take for a formula gets an apostrophe before it.
        """
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\r\n")
        shown = [column for column in self.columns if column.csv]
        writer.writerow([column.key for column in shown])
        for row in self.rows:
            writer.writerow([_cell(row.get(column.key), column) for column in shown])
        return out.getvalue()


def _cell(value: Any, column: Column) -> Any:
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if not column.is_number and text.startswith(_FORMULA) else text
