"""The SQL of the dashboards: `sql/NAME.sql`, with what many of them have in common from `sql/parts/`.

A query holds `<name>` where a part stands; `<name: a, b>` puts a for `{1}` and b for `{2}` in it. `<chosen>` is one
condition for each variable of the dashboard, on a table that is called `s`; `<chosen: project, feature>` for these two.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

FILTERS: Final = ("project", "environment", "feature", "model", "tenant")
"""Variables that choose rows, in the order in which they stand on a dashboard."""

_PART: Final = re.compile(r"<(\w+)(?:: ([\w, ()]+))?>")


class Queries:
    """The queries of one dashboard.

    Args:
        filters: its variables that choose rows: some of FILTERS.
    """

    def __init__(self, filters: Sequence[str]) -> None:
        self.filters = tuple(filters)

    def __call__(self, name: str) -> str:
        """The text of `sql/NAME.sql` as Grafana gets it: parts put in, comments left out.

        Raises:
            FileNotFoundError: there is no such file, or no such part.
        """
        return _without_comments(self._filled(_read(name)))

    def _filled(self, text: str) -> str:
        while found := _PART.search(text):
            arguments = found[2].split(", ") if found[2] else []
            text = text[: found.start()] + self._part(found[1], arguments) + text[found.end() :]
        return text

    def _part(self, name: str, arguments: Sequence[str]) -> str:
        if name == "chosen":
            wanted = arguments or self.filters
            return " AND ".join(_read(f"parts/{column}") for column in wanted if column in self.filters) or "1=1"
        text = _read(f"parts/{name}")
        for number, argument in enumerate(arguments, 1):
            text = text.replace(f"{{{number}}}", argument)
        if name.endswith("grain"):
            # A variable that the dashboard has not chooses nothing.
            for column in set(FILTERS) - set(self.filters):
                text = text.replace(f"$__conditionalAll(0=1, ${column})", "1=1")
        return text


@cache
def _read(name: str) -> str:
    return (files("breakeven_dashboards") / "sql" / f"{name}.sql").read_text(encoding="utf-8").strip()


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
