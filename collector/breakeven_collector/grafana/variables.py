"""What Grafana's browser side does to a query before it sends it: template variables. Its server expands the rest."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

ALL: Final = "$__all"
"""Value of a variable that stands for every value."""

_VARIABLE: Final = re.compile(r"\$\{(?P<braced>\w+)(?:\.\w+)?(?::(?P<form>\w+))?\}|\$(?P<plain>\w+)")
_CONDITIONAL: Final = "$__conditionalAll("


def expand(sql: str, values: Mapping[str, Sequence[str]]) -> str:
    """The query as the browser sends it.

    Args:
        sql: as it stands in a dashboard.
        values: the values of each variable; `[ALL]` where all are meant. Other names are left to the server.
    """
    return _VARIABLE.sub(lambda found: _value(found, values), _conditions(sql, values))


def _conditions(sql: str, values: Mapping[str, Sequence[str]]) -> str:
    """`$__conditionalAll(condition, $variable)` → the condition, or 1=1 where the variable stands for all."""
    while (start := sql.find(_CONDITIONAL)) >= 0:
        end = _closing(sql, start + len(_CONDITIONAL))
        condition, _, variable = sql[start + len(_CONDITIONAL) : end].rpartition(",")
        name = variable.strip().lstrip("$").strip("{}").partition(":")[0]
        is_all = list(values.get(name, [ALL])) in ([ALL], [""], [])
        sql = sql[:start] + ("1=1" if is_all else condition.strip()) + sql[end + 1 :]
    return sql


def _closing(sql: str, start: int) -> int:
    """Where the bracket that was opened before `start` closes; as for the plugin, one in quotes is a bracket too."""
    depth = 1
    for at in range(start, len(sql)):
        depth += (sql[at] == "(") - (sql[at] == ")")
        if not depth:
            return at
    return len(sql)


def _value(found: re.Match[str], values: Mapping[str, Sequence[str]]) -> str:
    name = found["braced"] or found["plain"]
    if name not in values:
        return found[0]
    chosen = [value for value in values[name] if value != ALL]
    if found["form"] == "singlequote":
        return ",".join("'" + value.replace("'", "\\'") + "'" for value in chosen) or "''"
    return ",".join(chosen)
