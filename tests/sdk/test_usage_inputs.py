"""What may be handed over as a response, and what becomes of that which may not."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import MagicMock

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from breakeven._usage import Usage, read_response
from breakeven.testing import raise_errors
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response
from pydantic import TypeAdapter

from tests.sdk.conftest import CHAT, MESSAGE, Loopback

CHAT_TOLD = Usage(
    provider="openai",
    model="gpt-4o-2024-08-06",
    response_id="chatcmpl-1",
    operation="chat",
    input_tokens=1000,
    output_tokens=200,
    cache_read_tokens=600,
)
MESSAGE_TOLD = Usage(
    provider="anthropic",
    model="claude-sonnet-4-5-20250929",
    response_id="msg_1",
    operation="chat",
    input_tokens=7100,
    output_tokens=300,
    cache_read_tokens=5000,
    cache_write_tokens=2000,
)


@pytest.fixture(autouse=True)
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield


USAGE: Any = MESSAGE["usage"]


@dataclass
class Details:
    cached_tokens: int = 600


@dataclass
class Tokens:
    prompt_tokens: int = 1000
    completion_tokens: int = 200
    prompt_tokens_details: Details = field(default_factory=Details)


@dataclass
class Answer:
    id: str = "chatcmpl-1"
    object: str = "chat.completion"
    model: str = "gpt-4o-2024-08-06"
    usage: Tokens = field(default_factory=Tokens)


@dataclass(slots=True)
class SlottedChunk:
    choices: list[str] = field(default_factory=list[str])
    id: str = "chatcmpl-1"
    object: str = "chat.completion.chunk"
    model: str = "gpt-4o-2024-08-06"
    usage: Tokens | None = None


class Wrapped:
    """As clients wrap protobuf messages: fields are properties, and nothing can be listed."""

    __slots__ = ()

    @property
    def usage_metadata(self) -> Any:
        return Counts()

    @property
    def model_version(self) -> str:
        return "gemini-2.5-flash"

    @property
    def text(self) -> str:
        raise ValueError("the response was blocked")


class Counts:
    prompt_token_count = 8
    candidates_token_count = 4
    traffic_type = "ON_DEMAND"


WRAPPED_TOLD = Usage(
    provider="gcp.vertex_ai",
    model="gemini-2.5-flash",
    operation="generate_content",
    input_tokens=8,
    output_tokens=4,
)


@pytest.mark.parametrize(
    ("response", "usage"),
    [
        (CHAT, CHAT_TOLD),
        (json.dumps(CHAT), CHAT_TOLD),
        (json.dumps(CHAT).encode(), CHAT_TOLD),
        (bytearray(json.dumps(CHAT).encode()), CHAT_TOLD),
        (ChatCompletion.model_validate(CHAT), CHAT_TOLD),
        (ChatCompletion.model_validate(CHAT).model_dump(), CHAT_TOLD),
        (Answer(), CHAT_TOLD),
        ([Answer()], CHAT_TOLD),
        ((SlottedChunk(), SlottedChunk(usage=Tokens())), CHAT_TOLD),
        (MESSAGE, MESSAGE_TOLD),
        (Message.model_validate(MESSAGE), MESSAGE_TOLD),
        (Wrapped(), WRAPPED_TOLD),
        ([Wrapped(), Wrapped()], WRAPPED_TOLD),
    ],
)
def test_one_response_is_read_alike_in_every_form(response: Any, usage: Usage) -> None:
    assert read_response(response) == usage


def test_events_as_the_clients_have_them_are_read_as_their_json_is() -> None:
    chunk: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
    }
    chunks: list[dict[str, Any]] = [{**chunk, "choices": []}, {**chunk, "choices": [], "usage": CHAT["usage"]}]
    assert read_response([ChatCompletionChunk.model_validate(each) for each in chunks]) == CHAT_TOLD
    events = [
        {"type": "message_start", "message": {**MESSAGE, "usage": {**USAGE, "output_tokens": 1}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 300}},
        {"type": "message_stop"},
    ]
    event: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    assert read_response([event.validate_python(each) for each in events]) == MESSAGE_TOLD


def test_a_raw_response_of_a_client_is_read_without_parsing_it_anew(loopback: Loopback) -> None:
    client = openai.OpenAI(base_url=f"{loopback.url}/v1", api_key="k")
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=[])
    assert read_response(raw) == CHAT_TOLD
    claude = anthropic.Anthropic(base_url=loopback.url, api_key="k")
    raw_message = claude.messages.with_raw_response.create(model="claude-opus-4-6", max_tokens=9, messages=[])
    assert read_response(raw_message) == MESSAGE_TOLD
    assert read_response(httpx2.Response(200, json=CHAT)) == CHAT_TOLD


def words() -> Iterator[dict[str, Any]]:
    yield CHAT


async def async_words() -> AsyncIterator[dict[str, Any]]:
    yield CHAT


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_stream_that_still_runs_is_left_to_the_application(caplog: pytest.LogCaptureFixture) -> None:
    running = words()
    assert read_response(running) is None
    assert read_response(words()) is None
    assert next(running) == CHAT
    assert logged(caplog) == [
        "record(response=…): a generator is read by the application and not by Breakeven; pass the list of its events, "
        "or its final response, when it has ended"
    ]
    assert read_response(async_words()) is None
    coroutine = asyncio.sleep(0)
    assert read_response(coroutine) is None
    coroutine.close()
    assert read_response(iter([CHAT])) is None


def test_a_stream_of_a_client_is_left_to_the_application(loopback: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    client = openai.OpenAI(base_url=f"{loopback.url}/v1", api_key="k")
    with client.chat.completions.create(model="gpt-4o", messages=[], stream=True) as stream:
        assert read_response(stream) is None
        assert not stream.response.is_stream_consumed
    assert [message.split(";")[0] for message in logged(caplog)] == [
        "record(response=…): a Stream is read by the application and not by Breakeven"
    ]


@pytest.mark.parametrize(
    "response",
    [
        object(),
        "no JSON",
        b"\xff\xfe",
        "",
        "[" * 100_000,
        "3",
        3,
        [],
        [1, 2],
        [None],
        {},
        {"usage": None},
        {"usage": {"tokens": "many"}},
        {"error": {"message": "slow down", "type": "rate_limit_error"}},
        {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]},
        {"object": "list", "data": [], "has_more": False},
        {"id": "batch_1", "object": "batch", "request_counts": {"total": 3}},
        {"custom_id": "row-1", "result": {"type": "errored", "error": {"type": "error"}}},
        {"data": {"a": 1}, "text": 3},
        MagicMock(),
    ],
)
def test_what_is_no_response_is_named_by_its_type_once(response: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert read_response(response) is None
    assert read_response(response) is None
    (message,) = logged(caplog)
    assert type(response).__name__ in message


def test_a_long_response_is_neither_copied_nor_slow() -> None:
    pages = 10_000
    long: dict[str, Any] = {
        **CHAT,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 200 * pages}}],
    }
    answer: Any = ChatCompletion.model_construct(**long)
    chunks = [{**CHAT, "object": "chat.completion.chunk", "choices": [{"delta": {"content": "x" * 1000}}]}] * pages
    for response in (long, answer, chunks):
        read_response(response)
        tracemalloc.start()
        try:
            assert read_response(response) == CHAT_TOLD
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100_000


@pytest.mark.parametrize("bad", [True, -1, 1.5, float("nan"), float("inf"), "10", 2**63, [], {}])
def test_what_is_no_count_is_unknown(bad: Any) -> None:
    response: dict[str, Any] = {**CHAT, "usage": {"prompt_tokens": bad, "completion_tokens": 2.0}}
    usage = read_response(response)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (None, 2)


def test_the_response_is_not_changed() -> None:
    events = [
        {"type": "message_start", "message": {**MESSAGE}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}},
    ]
    before = json.dumps([events, CHAT])
    read_response(events)
    read_response(CHAT)
    assert json.dumps([events, CHAT]) == before


def test_an_embedding_and_a_response_of_the_client_are_read() -> None:
    embedding = CreateEmbeddingResponse.model_validate(
        {
            **{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}]},
            **{"model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8}},
        }
    )
    assert read_response(embedding) == Usage(
        provider="openai", model="text-embedding-3-small", operation="embeddings", input_tokens=8
    )
    response = Response.model_construct(
        id="resp_1", object="response", model="gpt-4.1-nano", usage=None, output=[], service_tier="default"
    )
    assert read_response(response) == Usage(
        provider="openai", model="gpt-4.1-nano", response_id="resp_1", operation="chat", service_tier="default"
    )
