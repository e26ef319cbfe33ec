"""The golden test: what SQL makes of sums equals what genai-prices makes of single calls, and where it does not."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from breakeven_collector import otlp
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.prices import METERS, Book, context_text
from genai_prices import Usage, calc_price
from genai_prices.data_units import unit_data
from genai_prices.types import ModelInfo, Provider, StartDateConstraint

from tests.spans import Call, body

NANODOLLAR = Decimal("1e-9")
"""The book holds rates to 15 decimals a token; some of OpenRouter have more."""

CALLS = 5_000

_KINDS = {
    "cache_read": "cache_read_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "audio_input": "input_audio_tokens",
    "image_input": "input_image_tokens",
    "reasoning": "output_reasoning_tokens",
    "audio_output": "output_audio_tokens",
    "image_output": "output_image_tokens",
}
"""Disjoint parts of a call's tokens → genai-prices' units. What is left is uncached input and the answer."""


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


@dataclass(frozen=True)
class Sample:
    """One call to be priced by both."""

    provider: Provider
    model: ModelInfo
    name: str
    at: datetime
    context: dict[str, str]
    input_tokens: int
    output_tokens: int
    cache_write_5m: int
    parts: dict[str, int]
    meters: dict[str, int] = field(default_factory=dict[str, int])

    def usage(self, *, with_meters: bool = True) -> Usage:
        values = {_KINDS[kind]: count for kind, count in self.parts.items()}
        meters: dict[str, int] = {}
        for meter, count in self.meters.items() if with_meters else ():
            unit = METERS[meter]
            dimensions = unit_data[unit]["dimensions"].items()
            # genai-prices wants the wider units too: seconds of input audio are seconds of audio.
            meters |= {k: count for k in unit_data if unit_data[k]["dimensions"].items() <= dimensions}
        meters.pop("requests", None)
        told = {
            **values,
            **meters,
            "cache_write_tokens": self.cache_write_5m + self.parts["cache_write_1h"],
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }
        # It refuses audio beside cached tokens unless it is told that none of these are those.
        joins = {k: 0 for k in unit_data if k != "requests" and k not in told}
        return Usage(**joins, **told)

    def by_genai_prices(self, *, with_meters: bool = True) -> Decimal:
        return calc_price(
            self.usage(with_meters=with_meters),
            self.name,
            provider_id=self.provider.id,
            genai_request_timestamp=self.at,
            price_context=self.context or None,
        ).total_price

    def call(self, feature: str) -> Call:
        return Call(
            at=self.at,
            feature=feature,
            provider=self.provider.id,
            model=self.name,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            attributes={
                "gen_ai.usage.cache_read.input_tokens": self.parts["cache_read"],
                "gen_ai.usage.cache_write.input_tokens": self.cache_write_5m + self.parts["cache_write_1h"],
                "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": self.parts["cache_write_1h"],
                "gen_ai.usage.audio.input_tokens": self.parts["audio_input"],
                "gen_ai.usage.image.input_tokens": self.parts["image_input"],
                "gen_ai.usage.reasoning.output_tokens": self.parts["reasoning"],
                "gen_ai.usage.audio.output_tokens": self.parts["audio_output"],
                "gen_ai.usage.image.output_tokens": self.parts["image_output"],
                "openai.response.service_tier": self.context.get("service_tier")
                or ("batch" if "processing" in self.context else None),
                "anthropic.response.speed": self.context.get("speed"),
                **{f"breakeven.meter.{meter}": count for meter, count in self.meters.items()},
            },
        )

    def priced_units(self) -> set[str]:
        own = any(self.model is m for m in self.provider.models)
        price = self.model.get_prices(self.at, self.context if own else None)
        return {unit for unit, about in unit_data.items() if price.__dict__.get(about["price_key"]) is not None}

    def lacks_a_rate(self, units: set[str]) -> bool:
        """Some of these units is used and neither it nor a wider one has a price."""
        priced = self.priced_units()
        return any(
            not any(unit_data[k]["dimensions"].items() <= unit_data[unit]["dimensions"].items() for k in priced)
            for unit in units
        )

    def used_tokens(self) -> set[str]:
        inside = sum(self.parts[kind] for kind in ("cache_read", "cache_write_1h", "audio_input", "image_input"))
        said = sum(self.parts[kind] for kind in ("reasoning", "audio_output", "image_output"))
        counts = {_KINDS[kind]: count for kind, count in self.parts.items()}
        counts["cache_write_5m_tokens"] = self.cache_write_5m
        counts["input_tokens"] = self.input_tokens - inside - self.cache_write_5m
        counts["output_tokens"] = self.output_tokens - said
        return {unit for unit, count in counts.items() if count}


def sold_models(book: Book) -> list[tuple[Provider, ModelInfo]]:
    """All models by who sells them: Azure sells OpenAI's."""
    by_id = {provider.id: provider for provider in book.providers}
    sold: dict[tuple[str, str], tuple[Provider, ModelInfo]] = {}
    for provider in book.providers:
        for owner in (provider, *(by_id[id] for id in provider.fallback_model_providers or ())):
            for model in owner.models:
                sold.setdefault((provider.id, model.id), (provider, model))
    return list(sold.values())


def name_of(book: Book, provider: Provider, model: ModelInfo) -> str:
    """A name that the book's rules take for this model; its id is not always one. Empty: the rules give none in plain."""

    def literals(clause: Any) -> Iterator[str]:
        for inner in (*getattr(clause, "or_", ()), *getattr(clause, "and_", ())):
            yield from literals(inner)
        told = cast(dict[str, object], vars(clause))
        yield from (value for value in told.values() if isinstance(value, str))

    for name in (model.id, *literals(model.match)):
        found = book.resolve(provider.id, name, "")
        if (found.provider, found.model) == (provider.id, model.id):
            return name
    return ""


def parts_of(draw: random.Random, total: int, kinds: list[str]) -> dict[str, int]:
    """A random split of some of the total; most kinds are not there at all."""
    parts: dict[str, int] = {}
    for kind in kinds:
        parts[kind] = draw.choice([0, 0, draw.randrange(total + 1)])
        total -= parts[kind]
    return parts


def samples(book: Book, count: int) -> Iterator[Sample]:
    """Random calls over all models of the book, before and after each change of price, at tier edges, in each context."""
    draw = random.Random(11)
    models = sold_models(book)
    draw.shuffle(models)
    names = {(p.id, m.id): name_of(book, p, m) for p, m in models}
    # Left out: what another rule of the book takes for another model, whatever it is called.
    assert sum(not name for name in names.values()) <= 8
    # What is rare is drawn as often as what is not: changes, contexts, edges, meters, audio.
    rare = [
        (p, m)
        for p, m in models
        if m.price_variants
        or isinstance(m.prices, list)
        or book.resolve(p.id, names[p.id, m.id], "").tier_starts
        or any(k not in ("input_mtok", "output_mtok", "cache_read_mtok") for k in m.prices.__dict__)
    ]
    for number in range(10**9):
        if not count:
            return
        # Each model once, then at random.
        provider, model = models[number] if number < len(models) else draw.choice(draw.choice([models, rare, rare]))
        if not (name := names[provider.id, model.id]):
            continue
        own = any(model is m for m in provider.models)
        starts = [
            c.constraint.start_date
            for c in (*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ()))
            if isinstance(c.constraint, StartDateConstraint)
        ]
        day = draw.choice([*starts, date(2026, 11, 1)])
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
            days=draw.choice([-1, 0, 0, 1]), minutes=draw.randrange(24 * 60)
        )
        if not datetime(2020, 1, 2, tzinfo=UTC) < at < datetime.now(UTC):
            continue
        variants = [
            v.when for v in model.price_variants or () if v.when.keys() <= {"service_tier", "processing", "speed"}
        ]
        context = draw.choice([{}, *variants]) if own else {}
        if context.get("service_tier") == "default":
            context = {}
        edge = draw.choice([0, *book.resolve(provider.id, name, context_text(context)).tier_starts])
        total = max(1, edge + draw.choice([-1, 0, 1, 5000])) if edge else draw.randrange(1, 400_000)
        inputs = parts_of(draw, total, ["cache_read", "cache_write_1h", "cache_write_5m", "audio_input", "image_input"])
        output = draw.randrange(0, 20_000)
        outputs = parts_of(draw, output, ["reasoning", "audio_output", "image_output"])
        priced = [m for m in METERS if unit_data[METERS[m]]["price_key"] in _price_keys(model)]
        meter = draw.choice([None, None, "web_search", *priced, *priced])
        yield Sample(
            provider=provider,
            model=model,
            name=name,
            at=at,
            context=dict(context),
            input_tokens=total,
            output_tokens=output,
            cache_write_5m=inputs.pop("cache_write_5m"),
            parts={**inputs, **outputs},
            meters={} if meter is None else {meter: draw.randrange(10, 5000)},
        )
        count -= 1


def _price_keys(model: ModelInfo) -> set[str]:
    prices = [p.prices for p in model.prices] if isinstance(model.prices, list) else [model.prices]
    return {key for price in prices for key, value in price.__dict__.items() if value is not None}


@pytest.mark.timeout(400)
def test_sql_prices_five_thousand_random_calls_like_genai_prices(pipeline: Pipeline, project: str, book: Book) -> None:
    """A feature a call, so that sums by feature are single calls."""
    drawn = {f"f{number}": sample for number, sample in enumerate(samples(book, CALLS))}
    assert {s.provider.id for s in drawn.values()} == {p.id for p in book.providers if p.models}
    calls = [sample.call(feature) for feature, sample in drawn.items()]
    for start in range(0, len(calls), 2000):
        traces = otlp.read_traces(body(*calls[start : start + 2000]), otlp.Encoding.PROTOBUF)
        pipeline.journal.append(traces.body, project).result(30)
    pipeline.drain(240)
    rows = pipeline.store.rows(
        "SELECT feature, sumIf(s.cost_usd, meter = '') AS tokens_usd, sumIf(s.cost_usd, meter != '') AS meters_usd, "
        "sumIf(s.calls, cost_usd IS NULL) AS unpriced, sumIf(s.quantity, s.cost_usd IS NULL) AS unpriced_units "
        "FROM spend AS s WHERE grain = 'minute' AND project = {p:String} GROUP BY feature",
        {"p": project},
    )
    found = {row["feature"]: row for row in rows}
    assert found.keys() == drawn.keys()

    # The named difference: what genai-prices has no rate for costs nothing there; here it is unknown and counted.
    no_token_rate = {f for f, s in drawn.items() if s.lacks_a_rate(s.used_tokens())}
    no_meter_rate = {f for f, s in drawn.items() if s.meters and s.lacks_a_rate({METERS[m] for m in s.meters})}
    assert {f for f, row in found.items() if row["unpriced"]} == no_token_rate
    assert {f for f, row in found.items() if row["unpriced_units"]} == no_meter_rate
    assert len(no_token_rate) < CALLS / 4

    different: dict[str, tuple[Sample, Decimal, Decimal]] = {}
    for feature, sample in drawn.items():
        row = found[feature]
        tokens = sample.by_genai_prices(with_meters=False)
        both = sample.by_genai_prices()
        ours = row["meters_usd"] or Decimal(0)
        if feature not in no_token_rate:
            ours += row["tokens_usd"]
        else:
            both -= tokens
        if abs(ours - both) > NANODOLLAR:
            different[feature] = (sample, ours, both)
    assert different == {}


def test_every_long_context_edge_of_the_book_is_an_edge_of_the_ledgers_bands(
    pipeline: Pipeline, project: str, book: Book
) -> None:
    """A call on each side of each edge: they come to stand in bands of their own."""
    edges = {
        (row.provider, row.model, row.price_context, row.tier_start)
        for row in book.rows()
        if row.tier_start and (name := book.resolve(row.provider, row.model, row.price_context)).model == row.model
        and (name.provider, name.price_context) == (row.provider, row.price_context)
    }  # fmt: skip
    assert len(edges) > 100
    calls: list[Call] = []
    for provider, model, context, edge in sorted(edges):
        told = dict(part.split("=") for part in context.split(";") if part)
        tier = told.get("service_tier") or ("batch" if "processing" in told else None)
        if "service_tier" in told and "processing" in told:
            continue  # no span says both
        for more in (0, 1):
            attributes = {"openai.response.service_tier": tier, "anthropic.response.speed": told.get("speed")}
            calls.append(
                Call(
                    provider=provider,
                    model=model,
                    input_tokens=edge + more,
                    feature=f"{provider}/{model}/{context}/{edge}/{more}",
                    attributes=attributes,
                )
            )
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    bands = {
        row["feature"]: row["tier_start"]
        for row in pipeline.store.rows(
            "SELECT feature, max(tier_start) AS tier_start FROM spend_slices WHERE project = {p:String} GROUP BY feature",
            {"p": project},
        )
    }
    assert len(bands) == len(calls)
    for feature, band in bands.items():
        edge, more = int(feature.split("/")[-2]), int(feature.split("/")[-1])
        # Above the edge: its own band. At the edge: still the one below.
        assert (band == edge) if more else (band < edge), feature


def test_the_shortest_time_that_groq_bills_is_not_in_the_rates(pipeline: Pipeline, project: str) -> None:
    """A named difference: genai-prices counts at least 10 seconds for Groq's Whisper; a rate cannot say that."""
    call = Call(
        provider="groq",
        model="whisper-large-v3",
        input_tokens=None,
        output_tokens=None,
        attributes={"breakeven.meter.audio_second": 4},
    )
    pipeline.journal.append(otlp.read_traces(body(call), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    ours = pipeline.store.rows(
        "SELECT sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day' AND project = {p:String} AND meter != ''",
        {"p": project},
    )[0]["usd"]
    usage = Usage(audio_seconds=4, input_audio_seconds=4)
    theirs = calc_price(usage, "whisper-large-v3", provider_id="groq", genai_request_timestamp=call.at).total_price
    assert ours.quantize(NANODOLLAR) == (theirs * Decimal("0.4")).quantize(NANODOLLAR)
