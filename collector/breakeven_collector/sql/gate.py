"""Decides whether a query may run. Two checks that know nothing of each other, both by lists of what is allowed:

- over the words of the query, which sees all of it but not what it means;
- over the engine's own syntax tree, which sees what it means but not all of it (what stands inside `OVER (…)`, the
  function of an `APPLY`).

A verdict holds for every query of the same words with other numbers and dates, and is kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from breakeven_collector.sql import allowed
from breakeven_collector.sql.errors import SqlError, denied
from breakeven_collector.sql.tokens import (
    Kind,
    Token,
    canonical,
    parameters,
    sample_value,
    take_format,
    template,
    tokens,
)
from breakeven_collector.sql.tree import TreeCheck, read_tree

Explain = Callable[[str, Mapping[str, str]], list[str]]
"""Runs `EXPLAIN AST`: lines of the tree, from a query and its parameters."""

_KEPT_VERDICTS: Final = 1_000
_KEPT_CHARACTERS: Final = 4_000_000


@dataclass(frozen=True)
class Passed:
    """A query that may run."""

    sql: str
    """What to run, wrapped in a query of its own."""
    format: str | None
    """What stands behind FORMAT."""
    parameters: frozenset[str]
    """Names of its parameters."""


class Gate:
    """Checks queries. Safe to use from any thread.

    Args:
        explain: runs `EXPLAIN AST`, within limits.
        database: name of the store's database.
        relations: every table and view in it.
    """

    def __init__(self, explain: Explain, *, database: str, relations: frozenset[str]) -> None:
        self._explain = explain
        self._database = database
        self._relations = relations
        self._verdicts: OrderedDict[str, SqlError | None] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def check(self, text: str) -> Passed:
        """Check a query.

        Raises:
            SqlError: it may not run; the message says what of it.
        """
        found, form = take_format(tokens(text))
        key = template(found)
        known, verdict = self._look_up(key)
        if not known:
            verdict = self._verdict(found)
            self._keep(key, verdict)
        if verdict is not None:
            raise SqlError(verdict.code, str(verdict), name=verdict.name, status=verdict.status)
        return Passed(canonical(found), form, frozenset(parameters(found)))

    def _verdict(self, found: list[Token]) -> SqlError | None:
        try:
            _check_words(found)
            samples = {name: sample_value(kind) for name, kind in parameters(found).items()}
            tree = read_tree(self._explain(canonical(found), samples))
            TreeCheck(self._database, self._relations, _ctes(found)).check(tree)
        except SqlError as error:
            # The engine being slow or short of memory says nothing of the query.
            if error.code in (159, 202, 241) or error.status >= 500:
                raise
            return error
        return None

    def _look_up(self, key: str) -> tuple[bool, SqlError | None]:
        with self._lock:
            if key not in self._verdicts:
                return False, None
            self._verdicts.move_to_end(key)
            return True, self._verdicts[key]

    def _keep(self, key: str, verdict: SqlError | None) -> None:
        with self._lock:
            if key in self._verdicts:
                return
            self._verdicts[key] = verdict
            self._characters += len(key)
            while len(self._verdicts) > _KEPT_VERDICTS or self._characters > _KEPT_CHARACTERS:
                old, _ = self._verdicts.popitem(last=False)
                self._characters -= len(old)


def _check_words(found: list[Token]) -> None:
    if found[0].word not in ("SELECT", "WITH") and found[0].text != "(":
        raise denied("only SELECT is answered here")
    for before, token, after in zip([None, *found], found, [*found[1:], None], strict=False):
        if token.word in allowed.DENIED_WORDS:
            raise denied(
                f"{token.text} may not be used here; a name that is spelled so goes into quotes: `{token.text}`"
            )
        if after is None or after.text != "(":
            continue
        if token.kind is Kind.QUOTED:
            raise denied(f"{token.text} may not stand before a bracket")
        if token.kind is not Kind.WORD or token.word in allowed.SYNTAX_BEFORE_BRACKET:
            continue
        is_priced_with = token.text == allowed.PRICED_WITH and (
            before is not None and (before.word in ("FROM", "JOIN") or before.text == ",")
        )
        if not is_priced_with and not allowed.is_function(token.text):
            raise SqlError(46, f"the function {token.text} may not be used here")
    _check_windows(found)


def _check_windows(found: list[Token]) -> None:
    # The engine's tree does not show what is inside.
    inside = False
    for before, token in zip([None, *found], found, strict=False):
        if before is not None and before.word == "OVER" and token.text == "(":
            inside = True
        elif inside and token.text == ")":
            inside = False
        elif inside and not (
            token.text in (",", ".") or (token.kind in (Kind.WORD, Kind.QUOTED, Kind.NUMBER) and token.word != "IN")
        ):
            raise denied(
                f"{token.text} may not stand inside OVER (…): only columns. Name the window instead: "
                "… OVER w … WINDOW w AS (…)"
            )


def _ctes(found: list[Token]) -> list[str]:
    """Names that queries have in WITH, in the order of the text."""
    names: list[str] = []
    for at in range(len(found) - 3):
        name, as_, bracket = found[at : at + 3]
        if name.kind not in (Kind.WORD, Kind.QUOTED) or as_.word != "AS" or bracket.text != "(":
            continue
        inner = next((t for t in found[at + 3 :] if t.text != "("), None)
        if inner is not None and inner.word in ("SELECT", "WITH"):
            names.append(name.text.strip("`"))
    return names
