"""What the providers' accounts say of the demo's calls, as pages of their APIs.

What spans tell is in them, and what none can show: a job that nobody instrumented, searches, spans lost on the way.
Each feature has a key and each service a project. Models that others serve are in neither account.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from breakeven_collector.demo.bill_pages import Page, anthropic_pages, openai_pages
from breakeven_collector.demo.bill_usage import METERS, Kind, Usage
from breakeven_collector.demo.clients import ANSWERED, ANTHROPIC, EMBEDDINGS, OPENAI, WITHOUT_USAGE
from breakeven_collector.demo.plan import Call, draw_tokens
from breakeven_collector.demo.shapes import WITHOUT_SDK, Step
from breakeven_collector.prices import BUCKETS, Book, Row

_DAY_NS: Final = 86_400 * 1_000_000_000
_EPOCH_DAY: Final = date(1970, 1, 1)
_UNKNOWN_MODEL: Final = "gpt-5.4-mini"
_UNKNOWN_PROJECT: Final = "proj_legacy"


@dataclass(frozen=True)
class Terms:
    """What the account has that the calls' own list prices do not say.

    Attributes:
        discount: share taken off what tokens cost by list; tools are never part of it.
        unknown_key: name of a key of OpenAI whose job sends no spans; empty: there is none.
        unknown_usd_a_day: about what it spends, by list.
        searches_usd: OpenAI's web searches, over all days.
        silent: whether streams that never told what they used are billed; their tokens are drawn as those of the rest.
        lost: whether spans that got a number and never arrived are billed, as calls like the next one.
        dropped_share: share of the calls that do not arrive, see `dropped`. They are billed as the rest; only
            `Bill.list_usd` tells them apart, for whoever sends the traffic leaves them out.
    """

    discount: Decimal = Decimal()
    unknown_key: str = "legacy-batch-prod"
    unknown_usd_a_day: Decimal = Decimal(45)
    searches_usd: Decimal = Decimal(400)
    silent: bool = True
    lost: bool = True
    dropped_share: float = 0.0


@dataclass(frozen=True)
class Bill:
    """The accounts.

    Attributes:
        pages: source → file name → pages as the API answers them.
        list_usd: (provider, why) → dollars by list, exact. Why: `seen` (a span tells of it), `dropped`, `lost`,
            `silent`, `unknown key`, `searches`.
        billed_usd: the same as billed, with the discount.
    """

    pages: Mapping[str, Mapping[str, list[Page]]]
    list_usd: Mapping[tuple[str, str], Decimal]
    billed_usd: Mapping[tuple[str, str], Decimal]

    def write(self, folder: Path) -> dict[str, list[Path]]:
        """Write files that `breakeven import` reads; returns them by source."""
        written: dict[str, list[Path]] = {}
        for source, files in self.pages.items():
            for name, pages in files.items():
                path = folder / f"{source}_{name}"
                path.write_text(json.dumps(pages), encoding="utf-8")
                written.setdefault(source, []).append(path)
        return written


def key_of(call: Call) -> str:
    """Name of the provider's key that a call is made with."""
    return f"{call.feature.name or WITHOUT_SDK}-prod"


def dropped(call: Call, share: float) -> bool:
    """Whether a call is among the share of those whose spans do not arrive: told by its id, so always the same ones."""
    return int.from_bytes(call.span_id[:4]) < share * 2**32


class _Rates:
    """USD a unit, from the price book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows = defaultdict[tuple[str, str, str, int], list[Row]](list)
        for row in book.rows():
            if row.day_start == 0:
                self._rows[row.provider, row.model, row.price_context, row.tier_start].append(row)

    def edges(self, provider: str, model: str, batch: bool) -> tuple[int, ...]:
        """Tokens of input above which a call has another price, highest first."""
        return self._book.resolve(provider, model, _context(batch)).tier_starts[::-1]

    def of(self, kind: Kind, day: date) -> dict[str, Decimal]:
        """By meter. Raises LookupError where the book does not know the model."""
        name = self._book.resolve(kind.provider, kind.model, _context(kind.batch))
        if name.reason or name.day_starts:
            raise LookupError(f"{kind.model}: {name.reason or 'its price changes over the day'}")
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        rows = self._rows[name.provider, name.model, name.price_context, kind.above]
        rates = max((row for row in rows if row.valid_from <= start), key=lambda row: row.valid_from).rates
        told = dict(zip(BUCKETS, rates.buckets, strict=True))
        return {
            **{meter: told[meter.removesuffix("_tokens")] or Decimal() for meter in METERS[:3]},
            "output_tokens": told["answer"] or Decimal(),
            **dict(rates.meters),
        }


_Use = dict[tuple[date, Kind, str], Usage]
"""Day, kind and why (see `Bill.list_usd`) → usage."""


def bill_for(
    calls: Iterable[Call], first: date, last: date, terms: Terms | None = None, book: Book | None = None
) -> Bill:
    """What OpenAI and Anthropic bill for the calls.

    Args:
        calls: all that were made, also those whose spans do not arrive.
        first: first UTC day of the account.
        last: last one, inclusive; no call starts outside.
        terms: what else it has.
        book: list prices.
    """
    terms, rates = terms or Terms(), _Rates(book or Book())
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    use: _Use = defaultdict(Usage)
    _count_calls(calls, terms, rates, use)
    if terms.unknown_key:
        _count_unknown(days, terms, rates, use)
    money = defaultdict[tuple[date, str, str, str, str], Decimal](Decimal)
    listed, billed = defaultdict[tuple[str, str], Decimal](Decimal), defaultdict[tuple[str, str], Decimal](Decimal)
    for (day, kind, why), used in use.items():
        rate = rates.of(kind, day)
        for meter, number in {**used.tokens(), "web_search": used.searches}.items():
            if not number:
                continue
            usd = number * rate[meter]
            owed = usd if meter == "web_search" else usd * (1 - terms.discount)
            model = "" if meter == "web_search" else kind.model
            money[day, kind.provider, kind.project, model, meter] += owed
            listed[kind.provider, why] += usd
            billed[kind.provider, why] += owed
    if terms.searches_usd:
        share = (terms.searches_usd / len(days)).quantize(Decimal("0.01"))
        for day in days:
            owed = share if day < last else terms.searches_usd - share * (len(days) - 1)
            money[day, "openai", "proj_support-api", "", "web_search"] += owed
        listed["openai", "searches"] = billed["openai", "searches"] = terms.searches_usd
    by_kind: dict[tuple[date, Kind], Usage] = defaultdict(Usage)
    for (day, kind, _), used in use.items():
        total = by_kind[day, replace(kind, above=0)]
        for name, number in vars(used).items():
            setattr(total, name, getattr(total, name) + number)
    return Bill(
        {"openai": openai_pages(days, by_kind, money), "anthropic": anthropic_pages(days, by_kind, money)},
        dict(listed),
        dict(billed),
    )


def _count_calls(calls: Iterable[Call], terms: Terms, rates: _Rates, use: _Use) -> None:
    edges: dict[Step, tuple[int, ...]] = {}
    billed = (OPENAI, EMBEDDINGS, ANTHROPIC)
    kinds: dict[tuple[Step, int], Kind] = {}
    for call in calls:
        step = call.step
        if step.client not in billed:
            continue
        why = "dropped" if dropped(call, terms.dropped_share) else "seen"
        if call.outcome is ANSWERED:
            tokens = call.input_tokens, call.output_tokens, call.cache_read_tokens, call.cache_write_tokens
        elif call.outcome is WITHOUT_USAGE and terms.silent:
            random = Random(call.span_id)
            tokens, why = draw_tokens(random, step, random.random())[:4], "silent"
        else:
            continue
        if step not in edges:
            edges[step] = rates.edges(step.client.provider, step.model, step.tier == "batch")
        above = next((edge for edge in edges[step] if tokens[0] > edge), 0)
        if (kind := kinds.get((step, above))) is None:
            kind = kinds[step, above] = Kind(
                step.client.provider,
                f"{'proj' if step.client.provider == 'openai' else 'wrkspc'}_{call.feature.service}",
                key_of(call),
                step.model,
                step.tier == "batch",
                above,
                embeddings=step.client is EMBEDDINGS,
            )
        day = _day(call.start_ns)
        use[day, kind, why].add(tokens, step.searches, 1)
        if terms.lost and call.lost_before:
            use[day, kind, "lost"].add(tokens, step.searches, call.lost_before)


def _count_unknown(days: list[date], terms: Terms, rates: _Rates, use: _Use) -> None:
    """A batch every night: two thirds of its dollars are input."""
    kind = Kind("openai", _UNKNOWN_PROJECT, terms.unknown_key, _UNKNOWN_MODEL, batch=True)
    for day in days:
        rate = rates.of(kind, day)
        usd = terms.unknown_usd_a_day * Decimal(90 + Random(day.toordinal()).randrange(21)) / 100
        tokens = int(usd * 2 / 3 / rate["uncached_tokens"]), int(usd / 3 / rate["output_tokens"])
        used = use[day, kind, "unknown key"]
        used.add((*tokens, 0, 0), 0, 1)
        used.requests = tokens[0] // 4_000 + 1


def _day(start_ns: int) -> date:
    return _EPOCH_DAY + timedelta(days=start_ns // _DAY_NS)


def _context(batch: bool) -> str:
    return "processing=batch" if batch else ""
