"""Files of an export → calls, and what is told about them: nothing that is not taken goes without a word."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from breakeven_collector.histories import helicone, langfuse, litellm
from breakeven_collector.histories.call import Call
from breakeven_collector.histories.fields import BadRow, Row
from breakeven_collector.histories.reading import NotACall, Options
from breakeven_collector.histories.rows import rows_of
from breakeven_collector.report import usd

Reader = Callable[[Row, Options], Call]

SOURCES: Final[dict[str, tuple[Reader, frozenset[str], str]]] = {
    "litellm": (litellm.read, litellm.KNOWN, litellm.TABLE),
    "langfuse": (langfuse.read, langfuse.KNOWN, ""),
    "helicone": (helicone.read, helicone.KNOWN, ""),
}
"""By name: what reads a row, the columns that are known, the table in a dump of a database."""

A_REQUEST: Final = 500
"""Calls in a request."""

_MOST_BAD: Final = 1000


@dataclass
class OfModel:
    """Imported calls of a model."""

    calls: int = 0
    their_cost_usd: Decimal | None = None
    without_their_cost: int = 0


@dataclass(frozen=True)
class Bad:
    """A row that was left out."""

    file: str
    line: int
    reason: str


@dataclass
class Taken:
    """What was found in the files.

    Attributes:
        rows: Records.
        calls: Of these, calls that were taken.
        not_calls: Records of something else, by what it is.
        cut: Calls outside --from and --until.
        too_old: Calls from before kept_from, left out.
        too_old_usd: What the tool says they cost.
        kept_from: What is older is deleted from the ledger; None: nothing is.
        sealed: Calls of sealed minutes, left out.
        sealed_usd: What the tool says they cost.
        bad_rows: Rows that could not be read; the first of them in bad.
        unknown_columns: Columns that this program does not know, with how many rows had them.
        notes: What was decided by a rule, with how many calls it concerns.
        features: Calls with a declared feature.
        without_response_id: Calls by whose ids no span can be recognised.
        models: By provider and model.
    """

    source: str
    rows: int = 0
    calls: int = 0
    not_calls: Counter[str] = field(default_factory=Counter[str])
    cut: int = 0
    too_old: int = 0
    too_old_usd: Decimal = Decimal(0)
    kept_from: datetime | None = None
    sealed: int = 0
    sealed_usd: Decimal = Decimal(0)
    bad_rows: int = 0
    bad: list[Bad] = field(default_factory=list[Bad])
    unknown_columns: Counter[str] = field(default_factory=Counter[str])
    notes: Counter[str] = field(default_factory=Counter[str])
    features: int = 0
    without_response_id: int = 0
    days: set[date] = field(default_factory=set[date])
    models: dict[tuple[str, str], OfModel] = field(default_factory=dict[tuple[str, str], OfModel])

    def document(self) -> dict[str, Any]:
        """As JSON: decimals are strings."""
        return {
            "source": self.source,
            "rows": self.rows,
            "calls": self.calls,
            "not_calls": dict(self.not_calls),
            "cut": self.cut,
            "too_old": {
                "calls": self.too_old,
                "their_cost_usd": usd(self.too_old_usd),
                "kept_from": self.kept_from and self.kept_from.date().isoformat(),
            },
            "sealed": {"calls": self.sealed, "their_cost_usd": usd(self.sealed_usd)},
            "bad_rows": self.bad_rows,
            "bad": [asdict(bad) for bad in self.bad],
            "unknown_columns": dict(self.unknown_columns),
            "notes": dict(self.notes),
            "with_feature": self.features,
            "without_response_id": self.without_response_id,
            "from": min(self.days).isoformat() if self.days else None,
            "to": max(self.days).isoformat() if self.days else None,
            "days": len(self.days),
            "models": [
                {
                    "provider": provider,
                    "model": model,
                    "calls": of.calls,
                    "their_cost_usd": usd(of.their_cost_usd),
                    "without_their_cost": of.without_their_cost,
                }
                for (provider, model), of in sorted(self.models.items())
            ],
        }


@dataclass(frozen=True)
class Span:
    """Which calls are wanted.

    Attributes:
        first: From this moment on; None: from the beginning.
        until: Up to this moment, which is not included; None: to the end.
        kept_from: What is older is deleted from the ledger; None: nothing is.
        sealed_before: Minutes before this are sealed in the store; None: none is.
    """

    first: datetime | None = None
    until: datetime | None = None
    kept_from: datetime | None = None
    sealed_before: datetime | None = None


def calls_of(source: str, files: Iterable[Path], options: Options, wanted: Span, taken: Taken) -> Iterator[Call]:
    """The calls in the files, one after another; what is left out is counted in `taken`.

    Raises:
        UnreadableFile: a file is none of the formats.
        OSError: it cannot be read.
    """
    read, known, table = SOURCES[source]
    taken.kept_from = wanted.kept_from
    for path in files:
        for row in rows_of(path, table):
            taken.rows += 1
            try:
                if isinstance(row, tuple):
                    raise row[1]
                _count_unknown(row, known, source, taken)
                call = read(row, options)
            except NotACall as what:
                taken.not_calls[str(what)] += 1
            except BadRow as error:
                taken.bad_rows += 1
                if len(taken.bad) < _MOST_BAD:
                    taken.bad.append(Bad(path.name, row[0] if isinstance(row, tuple) else row.line, str(error)))
            else:
                if _is_wanted(call, wanted, taken):
                    _count(call, taken)
                    yield call


def requests_of(calls: Iterable[Call]) -> Iterator[list[Call]]:
    """As many at a time as make a request. A call that comes twice in it is taken as it comes last."""
    for some in _batched(calls):
        yield list({call.key: call for call in some}.values())


def _batched(calls: Iterable[Call]) -> Iterator[list[Call]]:
    held: list[Call] = []
    for call in calls:
        held.append(call)
        if len(held) == A_REQUEST:
            yield held
            held = []
    if held:
        yield held


def _is_wanted(call: Call, wanted: Span, taken: Taken) -> bool:
    if (wanted.first and call.start < wanted.first) or (wanted.until and call.start >= wanted.until):
        taken.cut += 1
        return False
    if wanted.kept_from and call.start < wanted.kept_from:
        taken.too_old += 1
        taken.too_old_usd += call.their_cost_usd or 0
        return False
    if wanted.sealed_before and call.start < wanted.sealed_before:
        taken.sealed += 1
        taken.sealed_usd += call.their_cost_usd or 0
        return False
    return True


def _count(call: Call, taken: Taken) -> None:
    taken.calls += 1
    taken.days.add(call.start.astimezone(UTC).date())
    taken.features += bool(call.feature)
    taken.without_response_id += not call.response_id
    if call.note:
        taken.notes[call.note] += 1
    of = taken.models.setdefault((call.provider, call.model), OfModel())
    of.calls += 1
    if call.their_cost_usd is None:
        of.without_their_cost += 1
    else:
        of.their_cost_usd = (of.their_cost_usd or Decimal(0)) + call.their_cost_usd


def _count_unknown(row: Row, known: frozenset[str], source: str, taken: Taken) -> None:
    for name in row.values:
        plain = langfuse.snake(name) if source == "langfuse" else name
        if plain not in known:
            taken.unknown_columns[name] += 1
