"""What the providers' accounts say of the demo's calls, as pages of their APIs.

What spans tell is in them, and what none can show: a job that nobody instrumented, searches, spans lost on the way.

OpenAI: `/v1/organization/costs`, `/usage/completions` and `/usage/embeddings`, and the list of keys. Anthropic:
`cost_report`, `usage_report/messages`, and the list of keys. Each feature has a key and each service a project. Models
that others serve are in neither account.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from breakeven_collector.demo.clients import ANSWERED, ANTHROPIC, EMBEDDINGS, OPENAI, WITHOUT_USAGE
from breakeven_collector.demo.plan import Call, draw_tokens
from breakeven_collector.demo.shapes import WITHOUT_SDK, Step
from breakeven_collector.prices import BUCKETS, Book, Row

Page = dict[str, Any]
_DAY_NS: Final = 86_400 * 1_000_000_000
_EPOCH_DAY: Final = date(1970, 1, 1)
_DAYS_A_PAGE: Final = 31
"""The most that usage by day gives at once."""
_UNKNOWN_MODEL: Final = "gpt-5.4-mini"
_UNKNOWN_PROJECT: Final = "proj_legacy"
_LINE_ITEMS: Final = {"uncached_tokens": "input", "cache_read_tokens": "cached input", "output_tokens": "output"}
_TOKEN_TYPES: Final = {
    "uncached_tokens": ("uncached_input_tokens", "Input Tokens"),
    "cache_read_tokens": ("cache_read_input_tokens", "Input Tokens, Cache Hit"),
    "cache_write_1h_tokens": ("cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write 1h"),
    "output_tokens": ("output_tokens", "Output Tokens"),
}
_METERS: Final = ("uncached_tokens", "cache_read_tokens", "cache_write_1h_tokens", "output_tokens")


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
        dropped_share: share of the calls that do not arrive, see `dropped`. They are billed as the rest; only `usd`
            tells them apart, for whoever sends the traffic leaves them out.
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


@dataclass(frozen=True)
class _Kind:
    """Usage of one line of an account by day; `above` is the edge of the long-context price that it has."""

    provider: str
    project: str
    key: str
    model: str
    batch: bool
    above: int = 0
    embeddings: bool = False


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

    def of(self, kind: _Kind, day: date) -> dict[str, Decimal]:
        """By meter. Raises LookupError where the book does not know the model."""
        name = self._book.resolve(kind.provider, kind.model, _context(kind.batch))
        if name.reason or name.day_starts:
            raise LookupError(f"{kind.model}: {name.reason or 'its price changes over the day'}")
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        rows = self._rows[name.provider, name.model, name.price_context, kind.above]
        rates = max((row for row in rows if row.valid_from <= start), key=lambda row: row.valid_from).rates
        told = dict(zip(BUCKETS, rates.buckets, strict=True))
        return {
            **{meter: told[meter.removesuffix("_tokens")] or Decimal() for meter in _METERS[:3]},
            "output_tokens": told["answer"] or Decimal(),
            **dict(rates.meters),
        }


@dataclass
class _Usage:
    uncached: int = 0
    cache_read: int = 0
    cache_write_1h: int = 0
    output: int = 0
    searches: int = 0
    requests: int = 0

    def add(self, tokens: tuple[int, int, int, int], searches: int, calls: int) -> None:
        total, output, read, written = tokens
        self.uncached += (total - read - written) * calls
        self.cache_read += read * calls
        self.cache_write_1h += written * calls
        self.output += output * calls
        self.searches += searches * calls
        self.requests += calls

    def tokens(self) -> dict[str, int]:
        return dict(zip(_METERS, (self.uncached, self.cache_read, self.cache_write_1h, self.output), strict=True))


_Use = dict[tuple[date, _Kind, str], _Usage]
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
    use: _Use = defaultdict(_Usage)
    _count_calls(calls, terms, rates, use)
    if terms.unknown_key:
        _count_unknown(days, terms, rates, use)
    money = defaultdict[tuple[date, str, str, str, str], Decimal](Decimal)
    """Day, provider, project, model, meter → billed dollars."""
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
    by_kind: dict[tuple[date, _Kind], _Usage] = defaultdict(_Usage)
    for (day, kind, _), used in use.items():
        line = _Kind(kind.provider, kind.project, kind.key, kind.model, kind.batch, embeddings=kind.embeddings)
        total = by_kind[day, line]
        for name, number in vars(used).items():
            setattr(total, name, getattr(total, name) + number)
    return Bill(
        {"openai": _openai_pages(days, by_kind, money), "anthropic": _anthropic_pages(days, by_kind, money)},
        dict(listed),
        dict(billed),
    )


def _count_calls(calls: Iterable[Call], terms: Terms, rates: _Rates, use: _Use) -> None:
    edges: dict[Step, tuple[int, ...]] = {}
    billed = (OPENAI, EMBEDDINGS, ANTHROPIC)
    kinds: dict[tuple[Step, int], _Kind] = {}
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
            kind = kinds[step, above] = _Kind(
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
    kind = _Kind("openai", _UNKNOWN_PROJECT, terms.unknown_key, _UNKNOWN_MODEL, batch=True)
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


def _key_id(provider: str, key: str) -> str:
    return f"{'key' if provider == 'openai' else 'apikey'}_{key}"


def _pages(days: list[date], results: Mapping[date, list[Page]], openai: bool) -> list[Page]:
    pages: list[Page] = []
    for start in range(0, len(days), _DAYS_A_PAGE):
        more = start + _DAYS_A_PAGE < len(days)
        page = {
            "data": [_bucket(day, results.get(day, []), openai) for day in days[start : start + _DAYS_A_PAGE]],
            "has_more": more,
            "next_page": f"page_{start + _DAYS_A_PAGE}" if more else None,
        }
        pages.append({"object": "page", **page} if openai else page)
    return pages


def _bucket(day: date, results: list[Page], openai: bool) -> Page:
    after = day + timedelta(days=1)
    if openai:
        start, end = ((moment - _EPOCH_DAY).days * 86_400 for moment in (day, after))
        return {"object": "bucket", "start_time": start, "end_time": end, "results": results}
    return {"starting_at": f"{day}T00:00:00Z", "ending_at": f"{after}T00:00:00Z", "results": results}


_ByKind = Mapping[tuple[date, _Kind], _Usage]
_Money = Mapping[tuple[date, str, str, str, str], Decimal]


def _openai_pages(days: list[date], by_kind: _ByKind, money: _Money) -> dict[str, list[Page]]:
    costs, completions, embeddings = (defaultdict[date, list[Page]](list) for _ in range(3))
    keys: dict[str, Page] = {}
    for (day, provider, project, model, meter), usd in money.items():
        if provider == "openai":
            costs[day].append(
                {
                    "object": "organization.costs.result",
                    # A number there, so a float here: its 15 digits come back as they were.
                    "amount": {"value": float(usd), "currency": "usd"},
                    "line_item": f"{model}, {_LINE_ITEMS[meter]}" if model else "web search tool calls",
                    "project_id": project,
                }
            )
    for (day, kind), used in by_kind.items():
        if kind.provider != "openai":
            continue
        common = {
            "input_tokens": used.uncached + used.cache_read,
            "num_model_requests": used.requests,
            "project_id": kind.project,
            "user_id": None,
            "api_key_id": _key_id("openai", kind.key),
            "model": kind.model,
        }
        if kind.embeddings:
            embeddings[day].append({"object": "organization.usage.embeddings.result", **common})
        else:
            completions[day].append(
                {
                    "object": "organization.usage.completions.result",
                    **common,
                    "output_tokens": used.output,
                    "input_cached_tokens": used.cache_read,
                    "input_audio_tokens": 0,
                    "output_audio_tokens": 0,
                    "batch": kind.batch,
                    "service_tier": "default",
                }
            )
        id = _key_id("openai", kind.key)
        keys[id] = {"object": "organization.project.api_key", "id": id, "name": kind.key}
    return {
        "costs.json": _pages(days, costs, openai=True),
        "completions.json": _pages(days, completions, openai=True),
        "embeddings.json": _pages(days, embeddings, openai=True),
        "api_keys.json": [{"object": "list", "data": list(keys.values()), "has_more": False}],
    }


def _anthropic_pages(days: list[date], by_kind: _ByKind, money: _Money) -> dict[str, list[Page]]:
    costs, usage = (defaultdict[date, list[Page]](list) for _ in range(2))
    keys: dict[str, Page] = {}
    for (day, provider, project, model, meter), usd in money.items():
        if provider != "anthropic":
            continue
        token_type, said = _TOKEN_TYPES.get(meter, (None, ""))
        costs[day].append(
            {
                "currency": "USD",
                "amount": f"{usd * 100:f}",
                "workspace_id": project,
                "description": f"{model} Usage - {said}" if model else "Web Search Usage",
                "cost_type": "tokens" if model else "web_search",
                "context_window": "0-200k" if model else None,
                "model": model or None,
                "service_tier": "standard" if model else None,
                "token_type": token_type,
                "inference_geo": None,
            }
        )
    for (day, kind), used in by_kind.items():
        if kind.provider != "anthropic":
            continue
        id = _key_id("anthropic", kind.key)
        usage[day].append(
            {
                "uncached_input_tokens": used.uncached,
                "cache_creation": {
                    "ephemeral_1h_input_tokens": used.cache_write_1h,
                    "ephemeral_5m_input_tokens": 0,
                },
                "cache_read_input_tokens": used.cache_read,
                "output_tokens": used.output,
                "server_tool_use": {"web_search_requests": used.searches},
                "api_key_id": id,
                "workspace_id": kind.project,
                "model": kind.model,
                "service_tier": "batch" if kind.batch else "standard",
                "context_window": "0-200k",
            }
        )
        keys[id] = {"id": id, "type": "api_key", "name": kind.key, "workspace_id": kind.project}
    return {
        "cost_report.json": _pages(days, costs, openai=False),
        "usage_report.json": _pages(days, usage, openai=False),
        "api_keys.json": [{"data": list(keys.values()), "has_more": False}],
    }
