"""What else could be bought for a profile, to the dollar."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.assumptions import Assumptions, load, rows
from breakeven_collector.economics.case import HOURS_PER_MONTH, Case, Prices
from breakeven_collector.economics.in_api import InApi, ProviderTuning
from breakeven_collector.economics.load import Hour
from breakeven_collector.economics.private import Private, Way
from breakeven_collector.economics.shutdowns import Shutdown, due
from breakeven_collector.errors import ConfigError
from breakeven_collector.verdicts.observed import Profile, Window
from breakeven_collector.verdicts.offers import Book, cached_by_model, offers_of

HOURS = 720
TO_MONTH = HOURS_PER_MONTH / HOURS
RATES = {"big": Prices(10, 1, 50), "small": Prices(1, 0.1, 5)}
# 60M tokens outside the cache, 20M from it, 4M of output, of the big model: 600 + 20 + 200 dollars.
PROFILE = Profile(
    "search",
    Window.before(datetime(2026, 11, 20, 12, tzinfo=UTC), "UTC"),
    40,
    tuple(Hour(datetime(2026, 10, 21, tzinfo=UTC) + n * timedelta(hours=1), 0, 0, 0, 0, 0) for n in range(HOURS)),
    calls=1_000,
    uncached_tokens=60e6,
    cached_tokens=20e6,
    output_tokens=4e6,
    live_usd=Decimal(820),
    usd_by_model={"big": Decimal(820)},
    input_by_model={"big": (60e6, 20e6)},
    night_usd=Decimal(82),
)
CASE = Case(820 * TO_MONTH, 1_000, 0.1)


def found(api: InApi | None = None, book: Book | None = None, **declared: object) -> dict[str, Alternative]:
    assumptions = replace(Assumptions(api=api or InApi(), hosted_models={}), **declared)
    return {one.name: one for one in offers_of(PROFILE, CASE, assumptions, book or Book(RATES))}


def saves(one: Alternative) -> float:
    """In the window's 30 days."""
    return one.saves_usd_per_month / TO_MONTH


def test_what_is_declared_of_prompts_is_saved_at_the_rates_of_the_book() -> None:
    ways = found(InApi(repeated_prefix_share=0.5, trimmed_share=0.1, batch_share=0.2))
    assert saves(ways["cache"]) == pytest.approx(30 * (10 - 1))
    assert saves(ways["trimming"]) == pytest.approx(0.1 * 620)
    assert saves(ways["batch"]) == pytest.approx(0.2 * 0.5 * 820)
    both = 820 - 30 * 9
    assert saves(ways["cache + batch + trimming"]) == pytest.approx(820 - (both - 0.1 * (both - 200)) * 0.9)
    assert all(one.tested for one in ways.values())


def test_a_bill_that_is_not_the_books_is_split_in_the_books_proportions() -> None:
    half = replace(CASE, api_usd_per_month=410 * TO_MONTH)
    ways = offers_of(PROFILE, half, Assumptions(api=InApi(repeated_prefix_share=0.5)), Book(RATES))
    cache = next(one for one in ways if one.name == "cache")
    assert saves(cache) == pytest.approx(30 * 9 / 2)
    # Of a model that the book does not have nothing is known but what a token came to.
    unknown = offers_of(PROFILE, CASE, Assumptions(api=InApi(repeated_prefix_share=0.5)), Book({}))
    assert next(one for one in unknown if one.name == "cache").saves_usd_per_month == pytest.approx(0)


def test_a_cache_that_another_feature_reads_better_is_a_guess() -> None:
    peer = replace(PROFILE, feature="chat", input_by_model={"big": (2e6, 8e6)})
    little = replace(PROFILE, feature="tiny", input_by_model={"big": (1e3, 9e5)})
    shares = cached_by_model({one.feature: one for one in (PROFILE, peer, little)})
    assert shares == {"big": [(0.8, "chat"), (0.25, "search")]}
    one = found(book=Book(RATES, shares))["cache as chat does"]
    assert (saves(one), one.tested) == (pytest.approx((0.8 - 0.25) * 80 * 9), False)
    assert "cache" not in " ".join(found(InApi(repeated_prefix_share=0.0), Book(RATES, shares)))
    night = found()["batch at night"]
    assert (saves(night), night.tested) == (pytest.approx(82 / 2), False)


def test_models_that_failed_are_offered_no_more() -> None:
    tiers = {"small": "workhorse", "big": "frontier"}
    assert saves(found(tiers=tiers)["small"]) == pytest.approx(820 * 0.9)
    assert found(InApi(tested_models=("small",)))["small"].tested
    assert "small" not in found(InApi(failed_models=("small",)), tiers=tiers)


def test_providers_tuning_and_private_ways_are_priced_as_declared() -> None:
    private = Private(
        own_account=Way(prices=Prices(2, 2, 8), one_off_usd=500), own_network=Way(usd_per_month=300, tested=True)
    )
    ways = found(InApi(provider_tuning=ProviderTuning(0.25, 4_000)), private=private)
    tuned = ways["provider's fine-tuning"]
    assert (saves(tuned), tuned.one_off_usd, tuned.tested) == (pytest.approx(820 * 0.75), 4_000, False)
    account = ways["a vendor's model in your own cloud account"]
    assert (saves(account), account.one_off_usd) == (pytest.approx(820 - 160 - 32), 500)
    network = ways["an open model in your own network"]
    assert (network.usd_per_month, network.kind, network.tested) == (300, "own_network", True)


def test_all_of_it_is_read_from_the_file_and_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "breakeven.toml"
    path.write_text(
        """
        [assumptions.features.search.api]
        failed_models = ["small"]
        repeated_prefix_share = 0.4
        provider_tuning = {price_factor = 0.5, one_off_usd = 5_000, tested = true}
        [assumptions.features.search.private]
        own_network = {usd_per_month = 900, source = "platform"}
        own_account = {input = 2, output = 8}
        [assumptions.features.search.objectives]
        p95_seconds = 4
        [assumptions.shutdowns]
        plain = 2027-01-14
        told = {on = 2027-02-01, source = "the provider's page", date = 2026-11-01}
        """
    )
    own = load(path).of("search")
    assert own.api == InApi(
        failed_models=("small",), repeated_prefix_share=0.4, provider_tuning=ProviderTuning(0.5, 5_000, True)
    )
    assert own.private == Private(Way(prices=Prices(2, 2, 8)), Way(usd_per_month=900, source="platform"))
    assert own.objectives.p95_seconds == 4
    shown = {
        row["key"]: (row["value"], row["source"]) for row in rows(own) if row["key"].startswith(("api", "p", "obj"))
    }
    assert {key: told for key, told in shown.items() if not key.startswith(("project", "peak"))} == {
        "api.repeated_prefix_share": (0.4, "breakeven.toml"),
        "api.provider_tuning.price_factor": (0.5, "breakeven.toml"),
        "api.provider_tuning.one_off_usd": (5_000, "breakeven.toml"),
        "objectives.p95_seconds": (4, "breakeven.toml"),
        "private.own_account.input": (2, "declared"),
        "private.own_account.cached": (2, "declared"),
        "private.own_account.output": (8, "declared"),
        "private.own_account.one_off_usd": (0, "declared"),
        "private.own_network.usd_per_month": (900, "platform"),
        "private.own_network.one_off_usd": (0, "platform"),
    }
    assert {name: (str(end.on), end.source) for name, end in own.shutdowns.items()} == {
        "plain": ("2027-01-14", "declared"),
        "told": ("2027-02-01", "the provider's page"),
    }
    path.write_text(
        """
        [assumptions.features.a.api]
        tested_models = ["small"]
        failed_models = "small"
        [assumptions.features.b.api]
        provider_tuning = {one_off_usd = 5}
        [assumptions.features.c.private]
        own_account = {input = 2, usd_per_month = 3, output = 4}
        [assumptions.features.d.private]
        own_account = {input = 2}
        [assumptions.features.e.private]
        basement = {input = 2}
        [assumptions.features.f.objectives]
        error_share = 2
        [assumptions.shutdowns]
        gone = {source = "hearsay"}
        """
    )
    with pytest.raises(ConfigError) as raised:
        load(path)
    said = [line.removeprefix(f"{path}: assumptions") for line in str(raised.value).splitlines()]
    assert [line.split(";")[0] for line in said] == [
        ".shutdowns.gone: on is missing",
        ".features.a.api: 'small' is in tested_models (which passed) and in failed_models",
        ".features.b.api.provider_tuning: price_factor is missing",
        ".features.c.private.own_account needs a price: usd_per_month, or input and output in USD a million tokens",
        ".features.d.private.own_account: output is missing",
        ".features.e.private: unknown key 'basement'",
        ".features.f.objectives.error_share is 2",
    ]


def test_a_models_end_makes_a_decision_due_once_90_days_before_and_once_it_is_gone() -> None:
    ends = {"old": Shutdown(date(2027, 2, 25)), "unused": Shutdown(date(2027, 1, 1))}

    def told(decided: date, today: date) -> list[str]:
        return due(ends, ["old", "other"], decided, today)

    before, within = date(2026, 11, 20), date(2026, 11, 27)
    assert (told(before, date(2026, 11, 26)), told(before, within)) == ([], ["old ends on 2027-02-25"])
    assert (told(within, date(2027, 2, 24)), told(within, date(2027, 2, 25))) == ([], ["old ends on 2027-02-25"])
