"""The demo's traffic against a bill for it, with all that can come between: each finding in dollars."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from breakeven_collector import otlp
from breakeven_collector.demo.clients import ANSWERED
from breakeven_collector.demo.plan import Call, Plan
from breakeven_collector.demo.traffic import Traffic
from breakeven_collector.period import between
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.prices import Book
from breakeven_collector.settings import Settings
from breakeven_collector.tieout import TieOutBy, build_tieout

from tests.collector.billed_lines import insert_billed

END = datetime(2026, 11, 18, tzinfo=UTC)
DAYS = 2
DISCOUNT = Decimal("0.88")
SEARCHES_USD = Decimal(400)
BILLED = ("openai", "anthropic", "gcp.gemini")
EDGE = 200_000
"""No price has an edge below this many tokens: how long prompts are priced is another test's."""
RULES = (
    "".join(
        f'[[map]]\nkey = "{name}-prod"\nfeature = "{name}"\n'
        for name in (
            *("contract-review", "code-assistant", "support-chat", "ticket-triage", "sales-research"),
            *("nightly-enrichment", "semantic-search", "changelog-writer", "meeting-notes", "internal-tools"),
            "invoice-intake",
        )
    )
    + '[[map]]\nagent = "meeting-notes"\nfeature = "meeting-notes"\n[[map]]\nservice = "internal-tools"\nfeature = "internal-tools"\n'
)


class Kept(Plan):
    """The calls of a plan that arrive."""

    def __init__(self, plan: Plan, calls: list[Call]) -> None:
        self.__dict__.update(plan.__dict__)
        self._calls_kept = calls

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls_kept)


@pytest.fixture
def own(settings: Settings) -> Iterator[Pipeline]:
    settings.config.write_text(RULES, encoding="utf-8")
    with Pipeline(settings) as pipeline:
        yield pipeline


def used(call: Call) -> dict[str, int]:
    """Quantities that a provider counts."""
    if call.outcome is not ANSWERED:
        return {}
    meters = {
        "uncached_tokens": call.input_tokens - call.cache_read_tokens - call.cache_write_tokens,
        "cache_read_tokens": call.cache_read_tokens,
        "cache_write_1h_tokens": call.cache_write_tokens,
        "output_tokens": call.output_tokens,
        "web_search": call.step.searches,
    }
    return {meter: n for meter, n in meters.items() if n}


class Rates:
    """USD a unit, straight from the book."""

    def __init__(self) -> None:
        self._book = Book()
        self._rows = [row for row in self._book.rows() if row.tier_start == 0 and row.day_start == 0]

    def of(self, call: Call, meter: str) -> Decimal:
        context = "processing=batch" if call.step.tier == "batch" else ""
        name = self._book.resolve(call.step.client.provider, call.step.model, context)
        rows = [
            row
            for row in self._rows
            if (row.provider, row.model, row.price_context) == (name.provider, name.model, name.price_context)
            and row.valid_from <= END - timedelta(days=DAYS)
        ]
        row = max(rows, key=lambda row: row.valid_from)
        if meter == "web_search":
            return dict(row.rates.meters)[meter]
        rate = row.rates.buckets[_BUCKETS.index(meter)]
        assert rate is not None
        return rate


_BUCKETS = (
    "uncached_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "",
    "",
    "output_tokens",
)


def test_dropped_spans_an_unknown_key_a_discount_and_searches_are_found_in_dollars(own: Pipeline) -> None:
    plan = Plan(int((END - timedelta(days=DAYS)).timestamp()) * 10**9, int(END.timestamp()) * 10**9, 7)
    calls = [call for call in plan if call.input_tokens <= EDGE]
    unknown = [call for call in calls if call.feature.name == "changelog-writer"]
    unknown += [call for call in calls if call.feature.name == "support-chat"][::11]
    hidden = {id(call) for call in unknown}
    rest = [call for call in calls if id(call) not in hidden]
    dropped = {id(call) for call in rest[::20]}
    traffic = Traffic(DAYS, 7, end=END)
    traffic._plan = Kept(plan, [call for call in rest if id(call) not in dropped])  # pyright: ignore[reportPrivateUsage]
    for body, _ in traffic.requests():
        own.journal.append(otlp.read_traces(body, otlp.Encoding.PROTOBUF).body, "default").result(10)
    own.drain()

    rates = Rates()
    rate: dict[tuple[str, str, str, str], Decimal] = {}
    lost, secret, seen_list = (defaultdict[str, Decimal](Decimal) for _ in range(3))
    quantity: dict[tuple[date, str, str, str, str, str], int] = defaultdict(int)
    money: dict[tuple[date, str, str, str], Decimal] = defaultdict(Decimal)
    for call in calls:
        step, provider = call.step, call.step.client.provider
        if provider not in BILLED:
            continue
        day = datetime.fromtimestamp(call.start_ns // 10**9, UTC).date()
        key = "skunkworks" if id(call) in hidden else f"{call.feature.name or 'internal-tools'}-prod"
        context = "processing=batch" if step.tier == "batch" else ""
        for meter, n in used(call).items():
            which = provider, step.model, context, meter
            rate[which] = unit = rate.get(which) or rates.of(call, meter)
            quantity[day, provider, key, step.model, context, meter] += n
            usd = n * unit
            money[day, provider, step.model, meter] += usd * DISCOUNT
            where = secret if id(call) in hidden else lost if id(call) in dropped else seen_list
            where[provider] += usd
    usage = [
        {
            "day": d,
            "provider": p,
            "report": "usage",
            "key_name": k,
            "model": m,
            "price_context": c,
            "meter": meter,
            "quantity": Decimal(n),
        }
        for (d, p, k, m, c, meter), n in quantity.items()
    ]
    costs = [
        {
            "day": d,
            "provider": p,
            "report": "costs",
            "model": m,
            "item": f"{m}, {meter}",
            "meter": meter,
            "amount_usd": usd,
        }
        for (d, p, m, meter), usd in money.items()
    ]
    searches = {
        **{"day": (END - timedelta(days=1)).date(), "provider": "openai", "report": "costs"},
        **{"item": "web search tool calls", "meter": "web_search", "amount_usd": SEARCHES_USD},
    }
    insert_billed(own.store, [*usage, *costs, searches])

    first, last = (END - timedelta(days=DAYS)).date(), (END - timedelta(days=1)).date()
    document = build_tieout(
        own.store,
        own.catalog,
        own.attribution.declared,
        period=between(first, last, datetime.now(UTC)),
        by=TieOutBy.KEY,
    )
    parts = {part: Decimal(usd) for part, usd in document["parts"].items()}
    totals = document["totals"]
    assert sum(parts.values()) == Decimal(totals["billed_usd"]) - Decimal(totals["seen_usd"])
    vllm = parts.pop("not_billed")
    assert abs(vllm) < Decimal("0.01"), vllm
    found: dict[str, Decimal] = defaultdict(Decimal)
    for finding in document["findings"]:
        name = "unknown key" if finding["key"] == "skunkworks" else finding["part"]
        found[name] += Decimal(finding["usd"])
    nano = Decimal("1e-6")
    expected = {
        "unseen": sum(lost.values()) * DISCOUNT,
        "unknown key": sum(secret.values()) * DISCOUNT,
        "no_span": SEARCHES_USD,
        "price": sum(seen_list.values()) * (DISCOUNT - 1),
    }
    assert {name: abs(found[name] - usd) < nano for name, usd in expected.items()} == dict.fromkeys(expected, True), {
        name: (found[name], usd) for name, usd in expected.items()
    }
    assert abs(found["rest"]) < nano
    skunk = next(one for one in document["findings"] if one["key"] == "skunkworks" and one["part"] == "unseen")
    assert skunk["seen_share"] == 0
    assert {one["percent_off"] for one in document["proposals"]} == {"12"}
    billed = sum(money.values()) + SEARCHES_USD
    assert totals["tied_out"] == pytest.approx(float(sum(seen_list.values()) * DISCOUNT / billed), abs=1e-8)

    # The same bill as spend of features, by the rules on its keys.
    own.attribution.keep_names()
    by_feature: dict[str, Decimal] = defaultdict(Decimal)
    for (_, p, k, m, c, meter), n in quantity.items():
        by_feature["" if k == "skunkworks" else k.removesuffix("-prod")] += n * rate[p, m, c, meter]
    told = own.store.rows("SELECT feature, sum(u.cost_usd) AS usd FROM billed_usage AS u GROUP BY feature")
    assert {row["feature"]: round(row["usd"], 9) for row in told} == {f: round(v, 9) for f, v in by_feature.items()}
    days = own.store.rows("SELECT sum(t.billed_usd) AS billed, sum(t.seen_usd) AS seen FROM tieout_daily AS t")
    assert days == [{"billed": Decimal(totals["billed_usd"]), "seen": Decimal(totals["seen_usd"])}]
