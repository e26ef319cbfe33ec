"""The price book: `genai-prices`, flattened into dated rates a bucket, so that SQL can price sums.

genai-prices answers "what does this one call cost"; here its own rules are asked once for each stretch of time, part of
the day, long-context tier and context in which its answer can differ, and the answers become rows of `price_book`.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from typing import Final

from genai_prices import data_snapshot
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from breakeven_collector import price_documents
from breakeven_collector.model_aliases import ModelAlias, NotPriceable, Reading, fine_tuned, readings

BUCKETS: Final[Mapping[str, str]] = {
    "uncached": "input_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "audio_input": "input_audio_tokens",
    "image_input": "input_image_tokens",
    "answer": "output_tokens",
    "reasoning": "output_reasoning_tokens",
    "audio_output": "output_audio_tokens",
    "image_output": "output_image_tokens",
}
"""Disjoint kinds of tokens in the ledger → genai-prices' name of the unit."""

PARENTS: Final[Mapping[str, str]] = {
    bucket: "answer" if unit.startswith("output") else "uncached" for bucket, unit in BUCKETS.items()
}
"""Bucket → the one whose rate it has where the book says nothing more of it, in short: input or output."""

METERS: Final[Mapping[str, str]] = {
    "web_search": "web_searches",
    "storage_search": "storage_searches",
    "social_search": "social_searches",
    "rerank_search": "rerank_searches",
    "code_execution": "code_executions",
    "audio_second": "audio_seconds",
    "input_audio_second": "input_audio_seconds",
    "output_audio_second": "output_audio_seconds",
    "page": "input_document_pages",
    "annotated_page": "input_annotated_document_pages",
    "character": "input_characters",
    "text_message": "input_text_messages",
}
"""Meter → genai-prices' name of the unit."""

_CONTEXT_KEYS: Final = ("service_tier", "processing", "speed")
_EPOCH: Final = date(2020, 1, 1)
"""The ledger holds nothing earlier: start times before 2020 are replaced."""
_SCALE: Final = Decimal(1).scaleb(-15)


@dataclass(frozen=True)
class Rates:
    """USD for one token of each bucket (None: no rate), for one call, and for one unit of each meter."""

    buckets: tuple[Decimal | None, ...]
    request: Decimal | None = None
    meters: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of `price_book`."""

    provider: str
    model: str
    price_context: str
    tier_start: int
    day_start: int
    valid_from: datetime
    rates: Rates
    source_url: str


@dataclass(frozen=True)
class Name:
    """What a name on a span means in the book.

    Attributes:
        provider: Id in the book, empty where the name is not known.
        model: Id in the book.
        price_context: The part of the context that makes a difference to this model's price.
        tier_starts: Edges of its long-context prices, without 0.
        day_starts: Seconds of the day at which its prices change, without 0.
        reason: Why there is no price, where there is none.
    """

    provider: str = ""
    model: str = ""
    price_context: str = ""
    tier_starts: tuple[int, ...] = ()
    day_starts: tuple[int, ...] = ()
    reason: str = ""


class Book:
    """genai-prices' providers as a book of dated rates.

    Args:
        providers: what the book holds; those of the installed genai-prices where left out.
        source: where it is from; stands before the digest in `version`.
    """

    def __init__(self, providers: Sequence[Provider] | None = None, source: str = "") -> None:
        self.providers = list(data_snapshot.get_snapshot().providers if providers is None else providers)
        self._source = source or f"genai-prices@{version('genai-prices')}"
        self._snapshot = data_snapshot.DataSnapshot(providers=self.providers, from_auto_update=False)

    @cached_property
    def document(self) -> str:
        """The book as JSON, see `price_documents`."""
        return price_documents.dump(self.providers)

    @cached_property
    def version(self) -> str:
        """Source, and a digest of what the book says: genai-prices carries no data version of its own."""
        return f"{self._source}+sha256:{hashlib.sha256(self.document.encode()).hexdigest()[:16]}"

    @cached_property
    def models(self) -> int:
        """How many models it prices."""
        return sum(len(provider.models) for provider in self.providers)

    @cached_property
    def newest_price(self) -> date | None:
        """The latest date that it gives a price up to today: the book was kept at least until then."""
        dates = {
            condition.start_date
            for provider in self.providers
            for model in provider.models
            for condition in _conditions(model)
            if isinstance(condition, StartDateConstraint)
        }
        return max((d for d in dates if d <= datetime.now(UTC).date()), default=None)

    def rows(self) -> Iterator[Row]:
        """All lines of `price_book`."""
        for provider in self.providers:
            url = (provider.pricing_urls or [""])[0]
            for model in provider.models:
                for context in _contexts(model):
                    yield from _rows(provider, model, context, url)
            for owner, model in self._resold(provider).values():
                yield from _rows(provider, model, {}, (owner.pricing_urls or [""])[0])

    def _resold(self, provider: Provider) -> dict[str, tuple[Provider, ModelInfo]]:
        """Models of others that it sells at those others' prices, by id: Azure those of OpenAI, Google Anthropic's.

        Of these genai-prices knows the standard price alone, whatever the context.
        """
        own = {model.id for model in provider.models}
        others = [p for id in provider.fallback_model_providers or () for p in self.providers if p.id == id]
        return {m.id: (p, m) for p in reversed(others) for m in p.models if m.id not in own}

    def resolve(self, provider: str, model: str, price_context: str, aliases: Sequence[ModelAlias] = ()) -> Name:
        """Find the model that a span's names mean. Never raises: a name that is not known comes back with a reason."""
        asked = readings(provider, model, aliases)
        try:
            for reading in asked:
                if found := self._find(reading):
                    return self._name(*found, price_context)
        except NotPriceable as error:
            return Name(reason=str(error))
        if fine_tuned(model):
            return Name(
                reason="a fine-tuned model for which the book has no rate; its base model's price is not used: give "
                f"yours with `breakeven prices set {model}`"
            )
        return Name(
            reason="not in the book: take a newer one with `breakeven prices sync`, name the model that is meant under "
            "[[models]] in breakeven.toml, or give a rate with `breakeven prices set`"
        )

    def _find(self, reading: Reading) -> tuple[Provider, ModelInfo] | None:
        try:
            asked, found = self._snapshot.find_provider_model(reading.model, None, reading.provider or None, None)
        except LookupError:
            return None
        if fine_tuned(reading.model) and not fine_tuned(found.id):
            return None
        if (
            any(found is model for model in asked.models)
            or self._resold(asked).get(found.id, (asked, None))[1] is found
        ):
            return asked, found
        # Called as another model of the same id: its rates stand with who makes it.
        return next((p, found) for p in self.providers if any(found is model for model in p.models))

    def _name(self, provider: Provider, model: ModelInfo, price_context: str) -> Name:
        context = dict(part.split("=", 1) for part in price_context.split(";") if "=" in part)
        own = any(model is m for m in provider.models)
        known = {key: value for key, value in context.items() if own and _varies(model, key, value)}
        return Name(
            provider=provider.id,
            model=model.id,
            price_context=context_text(known),
            tier_starts=tuple(t for t in _tier_starts(model, known) if t),
            day_starts=tuple(s for s in _day_starts(model) if s),
        )


def text_of_context(context: str) -> str:
    """A price context as a user writes it, put into the order of the tables."""
    return context_text(dict(part.strip().split("=", 1) for part in context.split(";") if "=" in part))


def context_text(context: Mapping[str, str]) -> str:
    """Price context as it stands in the tables: `service_tier=flex;processing=batch`."""
    return ";".join(f"{key}={context[key]}" for key in _CONTEXT_KEYS if context.get(key))


def _varies(model: ModelInfo, key: str, value: str) -> bool:
    return any(variant.when.get(key) == value for variant in model.price_variants or ())


def _contexts(model: ModelInfo) -> list[dict[str, str]]:
    """Every combination of context values that some variant of the model names, the empty one first."""
    values = {
        key: sorted({v.when[key] for v in model.price_variants or () if key in v.when} - {"default"})
        for key in _CONTEXT_KEYS
    }
    return [
        {key: value for key, value in zip(_CONTEXT_KEYS, combination, strict=True) if value}
        for combination in itertools.product(*(["", *values[key]] for key in _CONTEXT_KEYS))
    ]


def _conditions(model: ModelInfo) -> Iterator[StartDateConstraint | TimeOfDateConstraint]:
    prices = model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]
    for condition in (*(p.constraint for p in prices), *(v.constraint for v in model.price_variants or ())):
        if condition is not None:
            yield condition


def _start_dates(model: ModelInfo) -> list[date]:
    later = {c.start_date for c in _conditions(model) if isinstance(c, StartDateConstraint)}
    return [_EPOCH, *sorted(d for d in later if d > _EPOCH)]


def _day_starts(model: ModelInfo) -> list[int]:
    edges = {0}
    for condition in _conditions(model):
        if isinstance(condition, TimeOfDateConstraint):
            edges |= {_utc_second(condition.start_time), _utc_second(condition.end_time)}
    return sorted(edges)


def _utc_second(value: time) -> int:
    moment = datetime.combine(date(2020, 1, 2), value, tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _all_prices(model: ModelInfo, context: Mapping[str, str]) -> Iterator[tuple[date, int, ModelPrice]]:
    for start, second in itertools.product(_start_dates(model), _day_starts(model)):
        moment = datetime.combine(start, time(), tzinfo=UTC) + timedelta(seconds=second)
        yield start, second, model.get_prices(moment, dict(context) or None)


def _tier_starts(model: ModelInfo, context: Mapping[str, str]) -> list[int]:
    edges = {0}
    for _, _, price in _all_prices(model, context):
        for value in price.__dict__.values():
            if isinstance(value, TieredPrices):
                edges |= {tier.start for tier in value.tiers}
    return sorted(edges)


def _rows(provider: Provider, model: ModelInfo, context: dict[str, str], url: str) -> Iterator[Row]:
    tiers = _tier_starts(model, context)
    last: dict[tuple[int, int], Rates] = {}
    for start, second, price in _all_prices(model, context):
        for tier in tiers:
            rates = _rates(price, tier)
            if last.get((tier, second)) == rates:
                continue
            last[tier, second] = rates
            yield Row(
                provider=provider.id,
                model=model.id,
                price_context=context_text(context),
                tier_start=tier,
                day_start=second,
                valid_from=datetime.combine(start, time(), tzinfo=UTC),
                rates=rates,
                source_url=url,
            )


def _rates(price: ModelPrice, tier_start: int) -> Rates:
    per_unit: dict[str, Decimal] = {}
    for usage_key, unit in unit_data.items():
        value = price.__dict__.get(unit["price_key"])
        if isinstance(value, TieredPrices):
            # Strictly greater: a call of exactly `start` tokens still has the lower price.
            value = next((t.price for t in reversed(value.tiers) if tier_start >= t.start), value.base)
        if isinstance(value, Decimal):
            per_unit[usage_key] = (value / unit["per"]).quantize(_SCALE)
    return Rates(
        buckets=tuple(most_specific(unit, per_unit) for unit in BUCKETS.values()),
        request=per_unit.get("requests"),
        meters=tuple(
            (meter, rate) for meter, unit in METERS.items() if (rate := most_specific(unit, per_unit)) is not None
        ),
    )


def most_specific(usage_key: str, per_unit: Mapping[str, Decimal]) -> Decimal | None:
    """Rate of the unit, else of the priced unit that contains it and says most about it."""
    dimensions = unit_data[usage_key]["dimensions"].items()
    containing = [key for key in per_unit if unit_data[key]["dimensions"].items() <= dimensions]
    return per_unit[max(containing, key=lambda key: len(unit_data[key]["dimensions"]))] if containing else None
