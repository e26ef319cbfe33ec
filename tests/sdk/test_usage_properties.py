"""What holds of every response, real or not."""

import json
from typing import Any, cast

from breakeven._usage import Usage, read_response
from breakeven.testing import raise_errors
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk import test_usage_openai, test_usage_providers

CASES = [case for cases in (test_usage_openai.CASES, test_usage_providers.CASES) for case, _ in cases.values()]


def names(value: Any) -> set[str]:
    return set[str](cast("Any", value) if isinstance(value, dict) else ()).union(*map(names, inside(value)))


def words(value: Any) -> set[str]:
    found = {value} if isinstance(value, str) else set[str]()
    return found.union(*map(words, inside(value)))


def inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []


NAMES = sorted({*names(CASES), *("message", "delta", "chunk", "bytes", "metadata", "x_groq", "event", "response")})
WORDS = sorted({*words(CASES), *("message_start", "message_delta", "message-end", "stream-end", "thread.run")})

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5000)
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)
counts = st.none() | st.integers(0, 5000) | st.floats(0, 5000).map(round).map(float)


@st.composite
def disturbed(draw: st.DrawFn) -> Any:
    """A documented response, each of whose numbers may be another or missing."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return dict(zip(cast("Any", value), map(walk, inside(value)), strict=True))
        if isinstance(value, list):
            return [walk(inner) for inner in inside(value)]
        return draw(counts) if type(value) in (int, float) else value

    return walk(draw(st.sampled_from(CASES)))


def holds(usage: Usage) -> None:
    read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    assert (usage.cache_write_1h_tokens or 0) <= write
    parts_in = read + write + (usage.audio_input_tokens or 0) + (usage.image_input_tokens or 0)
    parts_out = (usage.reasoning_tokens or 0) + (usage.audio_output_tokens or 0) + (usage.image_output_tokens or 0)
    assert parts_in <= (usage.input_tokens or 0)
    assert parts_out <= (usage.output_tokens or 0)
    numbers = [value for name in Usage.__slots__ if "tokens" in name and (value := getattr(usage, name)) is not None]
    assert all(type(number) is int and number >= 0 for number in numbers)
    assert all(type(quantity) in (int, float) and quantity > 0 for quantity in usage.meters.values())
    assert usage.cost_usd is None or usage.cost_usd >= 0


@settings(max_examples=500, deadline=None)
@given(anything)
def test_whatever_comes_nothing_is_raised_and_parts_fit_their_totals(response: Any) -> None:
    with raise_errors():
        usage = read_response(response)
    if usage is not None:
        holds(usage)


@settings(max_examples=500, deadline=None)
@given(disturbed())
def test_parts_fit_their_totals_whatever_the_numbers(response: Any) -> None:
    with raise_errors():
        usage = read_response(response)
    if usage is not None:
        holds(usage)


@settings(max_examples=200, deadline=None)
@given(disturbed().filter(lambda case: "body" not in case))
def test_json_text_says_what_the_dict_says(response: Any) -> None:
    with raise_errors():
        assert read_response(json.dumps(response)) == read_response(response)


@settings(max_examples=200, deadline=None)
@given(
    *[st.integers(0, 10**6) for _ in range(4)],
)
def test_all_input_of_anthropic_is_the_sum_of_three(fresh: int, read: int, short: int, long: int) -> None:
    usage = read_response(
        {
            **{"type": "message", "id": "msg_1", "model": "claude-sonnet-4-5"},
            "usage": {
                **{"input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": short + long},
                "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
                "output_tokens": 1,
            },
        }
    )
    assert usage is not None
    assert usage.input_tokens == fresh + read + short + long
    assert (usage.cache_read_tokens, usage.cache_write_tokens, usage.cache_write_1h_tokens) == (
        read,
        short + long,
        long,
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=9))
def test_of_cumulative_counts_the_last_ones_stand(told: list[tuple[int, int]]) -> None:
    chunk: dict[str, Any] = {"object": "chat.completion.chunk", "model": "gpt-4o", "choices": []}
    chunks = [{**chunk, "usage": {"prompt_tokens": read, "completion_tokens": wrote}} for read, wrote in told]
    usage = read_response(chunks)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == told[-1]
