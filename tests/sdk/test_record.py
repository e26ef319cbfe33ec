from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import breakeven
import pytest
from breakeven.testing import captured_spans, raise_errors
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind, StatusCode


@pytest.fixture(autouse=True)
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield


def recorded(**call: Any) -> dict[str, Any]:
    """The attributes of the span, without what is random."""
    with captured_spans() as spans:
        breakeven.record(provider="openai", model="gpt-4o", **call)
    (span,) = spans
    random = ("breakeven.run", "breakeven.seq", "breakeven.seq.source")
    return {name: value for name, value in (span.attributes or {}).items() if name not in random}


BARE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o",
}


def test_a_call_is_recorded_under_the_names_of_opentelemetry() -> None:
    with breakeven.feature("triage", tenant="acme"), captured_spans() as spans:
        breakeven.record(
            provider="anthropic",
            model="claude-sonnet-4-5",
            input_tokens=7100,
            output_tokens=300,
            cached_input_tokens=5000,
            cache_write_tokens=2000,
            reasoning_tokens=20,
            meters={"web_search": 2, "audio_second": 12.5, "page": Decimal("3")},
            cost_usd="0.0123",
            response_id="msg_1",
            service_tier="batch",
            duration_s=1.5,
        )
    (span,) = spans
    attributes = dict(span.attributes or {})
    assert isinstance(attributes.pop("breakeven.run"), str)
    assert isinstance(attributes.pop("breakeven.seq"), int)
    assert isinstance(attributes.pop("breakeven.seq.source"), str)
    assert attributes == {
        "breakeven.feature": "triage",
        "breakeven.tenant": "acme",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.response.model": "claude-sonnet-4-5",
        "gen_ai.response.id": "msg_1",
        "openai.response.service_tier": "batch",
        "gen_ai.usage.cost.amount": "0.0123",
        "gen_ai.usage.input_tokens": 7100,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 5000,
        "gen_ai.usage.cache_write.input_tokens": 2000,
        "gen_ai.usage.reasoning.output_tokens": 20,
        "breakeven.meter.web_search": 2,
        "breakeven.meter.audio_second": 12.5,
        "breakeven.meter.page": 3.0,
    }
    assert (span.name, span.kind) == ("chat claude-sonnet-4-5", SpanKind.CLIENT)
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "breakeven"
    assert (span.end_time or 0) - (span.start_time or 0) == 1_500_000_000


def test_an_error_is_recorded_by_its_type_and_not_by_its_message() -> None:
    with captured_spans() as spans:
        breakeven.record(provider="openai", model="gpt-4o", error=TimeoutError("prompt: secret"))
    (span,) = spans
    assert (span.attributes or {})["error.type"] == "TimeoutError"
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())


def test_a_feature_given_for_one_call_pays_for_it() -> None:
    with breakeven.feature("outer", tenant="acme"), breakeven.task("step"):
        assert recorded(feature="batch", tags={"file": 3}) == {
            **BARE,
            "breakeven.feature": "batch",
            "breakeven.tenant": "acme",
            "breakeven.tag.file": "3",
        }
        assert recorded(tenant="beta") == {
            **BARE,
            "breakeven.feature": "outer",
            "breakeven.task": "step",
            "breakeven.tenant": "beta",
        }


@pytest.mark.parametrize("bad", [-1, True, float("nan"), float("inf"), 1.5, "10", 2**64, [], Decimal("NaN")])
def test_a_bad_number_of_tokens_is_logged_once_and_left_out(bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert recorded(input_tokens=bad, output_tokens=5) == {**BARE, "gen_ai.usage.output_tokens": 5}
    assert recorded(input_tokens=bad) == BARE
    assert [record.getMessage() for record in caplog.records] == [
        f"record(input_tokens={bad!r}): must be a whole number of tokens, 0 or more; it is left out and counts as "
        "unknown"
    ]


@pytest.mark.parametrize(
    ("given_usd", "sent"),
    [
        (Decimal("0.000001"), "0.000001"),
        ("1e-7", "0.0000001"),
        (0, "0"),
        (0.1, "0.1"),
        (" 2.50 ", "2.50"),
        (1e-9, "0.000000001"),
        (True, None),
        (-0.1, None),
        (float("nan"), None),
        ("$3", None),
        (object, None),
        (Decimal("1e999999"), None),
    ],
)
def test_money_goes_out_as_decimal_digits(given_usd: Any, sent: str | None) -> None:
    assert recorded(cost_usd=given_usd).get("gen_ai.usage.cost.amount") == sent


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=12))
def test_no_cent_is_lost(amount: Decimal) -> None:
    assert Decimal(recorded(cost_usd=amount)["gen_ai.usage.cost.amount"]) == amount


def test_a_repeated_attempt_is_marked() -> None:
    assert recorded(retry=True) == {**BARE, "breakeven.retry": True}
    assert recorded(retry=False) == {**BARE, "breakeven.retry": False}
    assert recorded(retry="yes") == BARE


def test_bad_meters_are_left_out_and_the_good_ones_stay() -> None:
    assert recorded(meters={"image": 1, "page": -1, "x": float("nan"), "": 3, "y": True}) == {
        **BARE,
        "breakeven.meter.image": 1,
    }
    assert recorded(meters=[1]) == BARE


def test_input_that_is_less_than_its_cached_part_is_pointed_out(caplog: pytest.LogCaptureFixture) -> None:
    assert recorded(input_tokens=100, cached_input_tokens=600)["gen_ai.usage.input_tokens"] == 100
    assert [record.getMessage() for record in caplog.records] == [
        "record(input_tokens=100): less than its 600 cached tokens; input_tokens includes cached ones: add them"
    ]


def test_nothing_that_is_passed_makes_it_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    from breakeven import _guard

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("hostile")

        __repr__ = __str__

    monkeypatch.setattr(_guard, "strict", False)
    hostile: Any = Hostile()
    breakeven.record(provider=hostile, model=hostile, input_tokens=hostile, meters={hostile: hostile})
    breakeven.record()
    breakeven.record(response=hostile, provider="openai", model="gpt-4o")
    with breakeven.feature("f", tenant=hostile, **{"tag": hostile}):
        pass
