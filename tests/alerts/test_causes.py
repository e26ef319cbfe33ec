"""Why something costs more: the parts add up to the rise, and the one that moved is the one that is named."""

from dataclasses import replace

import pytest
from breakeven_collector.alerts.causes import Rates, Taken, causes
from hypothesis import given
from hypothesis import strategies as st

RATES = {"a": Rates(2e-6, 2e-7, 2.5e-6, 1e-5), "b": Rates(1e-7, 1e-8, 1e-7, 5e-7)}


def taken(calls: float, uncached: float, cached: float, output: float, model: str = "a") -> Taken:
    rates = RATES[model]
    usd = calls * (uncached * rates.uncached + cached * rates.cached + output * rates.output)
    return Taken(calls, calls * uncached, calls * cached, 0.0, calls * output, usd)


USUAL = {"a": taken(1000, 600, 400, 200)}


@pytest.mark.parametrize(
    ("now", "what", "detail"),
    [
        ({"a": taken(3000, 600, 400, 200)}, "volume", "calls 1,000 → 3,000"),
        ({"a": taken(1000, 3000, 2000, 200)}, "prompt length", "input tokens a call 1,000 → 5,000"),
        ({"a": taken(1000, 1000, 0, 200)}, "cache", "cached share of the input 40% → 0%"),
        ({"a": taken(1000, 603, 397, 200)}, "cache", "cached share of the input 40.0% → 39.7%"),
        ({"a": taken(1000, 600, 400, 900)}, "answer length", "output tokens a call 200 → 900"),
    ],
)
def test_the_cause_that_moved_is_the_whole_rise(now: dict[str, Taken], what: str, detail: str) -> None:
    rise = now["a"].usd - USUAL["a"].usd
    (cause,) = causes(USUAL, now, RATES)
    assert (cause.what, cause.detail, cause.usd) == (what, detail, pytest.approx(rise))


def test_a_dearer_model_is_named() -> None:
    before = {"b": taken(1000, 600, 400, 200, "b")}
    (cause,) = causes(before, {"a": taken(1000, 600, 400, 200)}, RATES)
    assert (cause.what, cause.detail) == ("model", "a $0 → $3")


def test_retries_and_another_price_are_causes_of_their_own() -> None:
    dearer = {"a": replace(USUAL["a"], usd=4.0)}
    found = causes(USUAL, dearer, RATES, retries_before_usd=1.0, retries_now_usd=9.0)
    assert [(one.what, one.detail) for one in found] == [
        ("retries", "$1 → $9"),
        ("price", "rates, contracts, meters and what is estimated"),
    ]


def test_what_was_never_there_is_volume() -> None:
    (cause,) = causes({}, {"a": taken(10, 600, 400, 200)}, RATES)
    assert (cause.what, cause.detail) == ("volume", "calls 0 → 10")
    assert cause.usd == pytest.approx(taken(10, 600, 400, 200).usd)
    assert causes({}, {}, {}) == []


_AMOUNT = st.integers(0, 10**7).map(float)
_TAKEN = st.builds(
    Taken,
    st.integers(0, 10**6).map(float),
    _AMOUNT,
    _AMOUNT,
    _AMOUNT,
    _AMOUNT,
    st.integers(0, 10**7).map(lambda n: n / 100),
)
_MODELS = st.dictionaries(st.sampled_from(["a", "b", "c", ""]), _TAKEN)


@given(_MODELS, _MODELS, st.floats(0, 1e4), st.floats(0, 1e4))
def test_causes_add_up_to_the_rise(
    before: dict[str, Taken], now: dict[str, Taken], retries_before: float, retries_now: float
) -> None:
    found = causes(before, now, RATES, retries_before_usd=retries_before, retries_now_usd=retries_now)
    rise = sum(one.usd for one in now.values()) + retries_now - sum(one.usd for one in before.values()) - retries_before
    assert sum(one.usd or 0.0 for one in found) == pytest.approx(rise, abs=0.02 + 1e-6 * abs(rise))
    assert len(found) <= 5
