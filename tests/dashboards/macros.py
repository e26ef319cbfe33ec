"""What Grafana and its ClickHouse plugin make of a query before it is sent, written after the plugin's source:

first `$__conditionalAll`, by the text of the variable's value; then variables; then, in the backend, the macros of time.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

ALL: Final = "$__all"
Values = Mapping[str, Sequence[str]]
"""Variable → the values that are chosen; `(ALL,)` or none: all."""

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?:\.([^:^}]+))?(?::(\w+))?\}|\$(\w+)")


@dataclass(frozen=True)
class Range:
    """What the time picker says, and the width of a bucket that the panel works out."""

    start: datetime
    end: datetime
    interval_seconds: int = 86_400


def expand(sql: str, values: Values, time: Range) -> str:
    """The text that the data source gets."""
    return backend(templated(conditional(sql, values), values), time)


def conditional(sql: str, values: Values) -> str:
    """`$__conditionalAll(condition, $variable)`, from the last to the first."""
    macro = "$__conditionalAll("
    while (at := sql.rfind(macro)) != -1:
        arguments, _ = _arguments(sql, at + len(macro) - 1)
        if len(arguments) != 2:
            return sql
        condition, variable = arguments
        found = re.search(r"(?<=\$\{)\w+(?=\})|(?<=\$)\w+", variable)
        assert found, variable
        # JavaScript's toString of a list: a single empty name looks like none.
        chosen = ",".join(values.get(found[0], (ALL,)))
        phrase = "1=1" if chosen in ("", ALL) else condition
        sql = sql.replace(f"{macro}{condition},{variable})", phrase, 1)
    return sql


def templated(sql: str, values: Values) -> str:
    """Variables in the formats that are used here. Names that are no variables stay as they are."""

    def one(found: re.Match[str]) -> str:
        name, form = found[1] or found[4], found[3]
        if name not in values:
            return found[0]
        if form != "singlequote":
            raise AssertionError(f"{found[0]}: texts are only safe as :singlequote")
        # Grafana escapes the quote alone: a backslash goes through.
        return ",".join("'" + value.replace("'", "\\'") + "'" for value in values[name])

    return _VARIABLE.sub(one, sql)


def backend(sql: str, time: Range) -> str:
    """The macros of the plugin's backend. Unknown ones pass, and ClickHouse does not understand them."""
    for name in sorted(_MACROS, key=len, reverse=True):
        at = 0
        while found := re.compile(rf"\$__{name}\b").search(sql, at):
            arguments, end = [], found.end()
            if sql[end : end + 1] == "(":
                arguments, end = _arguments(sql, end)
            made = _MACROS[name]([argument.strip() for argument in arguments], time)
            sql = sql[: found.start()] + made + sql[end:]
            at = found.start() + len(made)
    return sql


def _seconds(moment: datetime) -> str:
    return f"toDateTime({int(moment.timestamp())})"


def _day(moment: datetime) -> str:
    return f"toDate('{moment.astimezone(UTC):%Y-%m-%d}')"


def _milliseconds(moment: datetime) -> str:
    return f"fromUnixTimestamp64Milli({int(moment.timestamp() * 1000)})"


def _between(column: str, time: Range, form: Callable[[datetime], str]) -> str:
    return f"{column} >= {form(time.start)} AND {column} <= {form(time.end)}"


_MACROS: Final[dict[str, Callable[[list[str], Range], str]]] = {
    "fromTime": lambda _, time: _seconds(time.start),
    "toTime": lambda _, time: _seconds(time.end),
    "fromTime_ms": lambda _, time: _milliseconds(time.start),
    "toTime_ms": lambda _, time: _milliseconds(time.end),
    "timeFilter": lambda of, time: _between(of[0], time, _seconds),
    "timeFilter_ms": lambda of, time: _between(of[0], time, _milliseconds),
    "dateFilter": lambda of, time: _between(of[0], time, _day),
    "dateTimeFilter": lambda of, time: f"({_between(of[0], time, _day)}) AND ({_between(of[1], time, _seconds)})",
    "dt": lambda of, time: f"({_between(of[0], time, _day)}) AND ({_between(of[1], time, _seconds)})",
    "timeInterval": lambda of, time: (
        f"toStartOfInterval(toDateTime({of[0]}), INTERVAL {max(1, time.interval_seconds)} second)"
    ),
    "timeInterval_ms": lambda of, time: (
        f"toStartOfInterval(toDateTime64({of[0]}, 3), INTERVAL {max(1, time.interval_seconds * 1000)} millisecond)"
    ),
    "interval_s": lambda _, time: str(max(1, time.interval_seconds)),
}


def _arguments(sql: str, bracket: int) -> tuple[list[str], int]:
    """Arguments in brackets, and where the text goes on. Quotes mean nothing to the plugin, so they do not here."""
    depth, start = 0, bracket + 1
    found: list[str] = []
    for at in range(bracket, len(sql)):
        if sql[at] == "(":
            depth += 1
        elif sql[at] == ")":
            depth -= 1
            if depth == 0:
                found.append(sql[start:at])
                return found, at + 1
        elif sql[at] == "," and depth == 1:
            found.append(sql[start:at])
            start = at + 1
    return [], bracket
