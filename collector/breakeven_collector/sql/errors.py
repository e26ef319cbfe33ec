"""What `/clickhouse/` answers instead of rows: ClickHouse's own codes, in ClickHouse's own form."""

import re
from typing import Final

from breakeven_collector.errors import BreakevenError

_NAMES: Final = {
    36: ("BAD_ARGUMENTS", 400),
    42: ("NUMBER_OF_ARGUMENTS_DOESNT_MATCH", 400),
    43: ("ILLEGAL_TYPE_OF_ARGUMENT", 400),
    46: ("UNKNOWN_FUNCTION", 404),
    47: ("UNKNOWN_IDENTIFIER", 404),
    48: ("NOT_IMPLEMENTED", 501),
    50: ("UNKNOWN_TYPE", 404),
    53: ("TYPE_MISMATCH", 400),
    60: ("UNKNOWN_TABLE", 404),
    62: ("SYNTAX_ERROR", 400),
    73: ("UNKNOWN_FORMAT", 404),
    81: ("UNKNOWN_DATABASE", 404),
    158: ("TOO_MANY_ROWS", 400),
    159: ("TIMEOUT_EXCEEDED", 408),
    162: ("TOO_DEEP_SUBQUERIES", 400),
    164: ("READONLY", 403),
    167: ("TOO_DEEP_AST", 400),
    179: ("MULTIPLE_EXPRESSIONS_FOR_ALIAS", 400),
    184: ("ILLEGAL_AGGREGATION", 400),
    202: ("TOO_MANY_SIMULTANEOUS_QUERIES", 503),
    207: ("AMBIGUOUS_IDENTIFIER", 400),
    215: ("NOT_AN_AGGREGATE", 400),
    241: ("MEMORY_LIMIT_EXCEEDED", 400),
    306: ("TOO_DEEP_RECURSION", 400),
    386: ("NO_COMMON_TYPE", 400),
    396: ("TOO_MANY_ROWS_OR_BYTES", 400),
    456: ("UNKNOWN_QUERY_PARAMETER", 400),
    457: ("BAD_QUERY_PARAMETER", 400),
    497: ("ACCESS_DENIED", 403),
    516: ("AUTHENTICATION_FAILED", 403),
}
"""Code → its name and the HTTP status it is answered with."""

# Told while a query is planned, so from its text and the types of columns alone. What is told while it runs may quote
# rows.
_TOLD_BEFORE_ROWS: Final = frozenset({36, 42, 43, 46, 47, 50, 53, 62, 162, 167, 179, 184, 207, 215, 306, 386, 456, 457})
_LIMITS: Final = {
    158: "the query reads or makes too many rows",
    159: "the query takes too long",
    241: "the query needs too much memory",
    396: "the result is too large; aggregate, or add a LIMIT",
}
_CODE: Final = re.compile(r"\bCode: (\d+)")
_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]{3,})\)")
# Behind these words the engine shows the statement as it ran, with what stands around it.
_CONTEXT: Final = re.compile(
    r"(?i)(?::\s*|\.\s*|\s)(?:in scope\b|while (?:processing|executing)\b|in query\b|stack trace\b|\(version\b"
    r"|maybe you meant\b|expected one of\b|\(line \d+).*",
    re.DOTALL,
)
_PATH: Final = re.compile(r"(?<![\w<])/(?:[\w.@+-]+/)+[\w.@+-]*")


class SqlError(BreakevenError):
    """A query that is not answered.

    Attributes:
        code: ClickHouse's number for what is wrong.
        name: ClickHouse's name for it.
        status: HTTP status to answer with.
    """

    def __init__(self, code: int, message: str, *, name: str = "", status: int = 0) -> None:
        super().__init__(message)
        known_name, known_status = _NAMES.get(code, ("QUERY_FAILED", 500))
        self.code, self.name, self.status = code, name or known_name, status or known_status

    @property
    def text(self) -> str:
        """As ClickHouse writes it."""
        return f"Code: {self.code}. DB::Exception: {self}. ({self.name})\n"


def denied(message: str) -> SqlError:
    """The query uses something that is not on the lists."""
    return SqlError(497, message)


def of_engine(message: str) -> SqlError:
    """What the engine said, without paths, the statement that was really run, or values out of rows."""
    found = _CODE.search(message)
    code = int(found[1]) if found else 1002
    names = _NAME.findall(message)
    name = str(names[-1]) if names else ""
    if code in _LIMITS:
        return SqlError(code, _LIMITS[code], name=name)
    if code in _TOLD_BEFORE_ROWS:
        said = message.split("DB::Exception:", 1)[-1].strip().split("\n")[0]
        said = _PATH.sub("…", _CONTEXT.sub("", _NAME.sub("", said))).strip(" .:")
        return SqlError(code, said[:300] or "the query is refused", name=name)
    # 4xx: what the query does with its rows is the query's fault, whatever the number.
    status = 0 if code in _NAMES else 400 if code < 999 else 500
    return SqlError(code, "the query failed on its rows: check conversions and divisions", name=name, status=status)
