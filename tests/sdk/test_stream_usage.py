"""Streams of the real openai client against a server that speaks its protocol: who gets to see the usage."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from breakeven import _stream_usage

pytest.importorskip("openai")
pytest.importorskip("opentelemetry.instrumentation.genai.openai")

SETUP = """
import asyncio, inspect, logging, os
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
logging.getLogger("httpx").setLevel(logging.ERROR)
URL = os.environ["BREAKEVEN_ENDPOINT"]
import breakeven
"""
CLIENT = """
import openai
ASK = dict(model="gpt-4o", messages=[{"role": "user", "content": "private words"}])
client = openai.OpenAI(api_key="k", base_url=URL + "/v1", max_retries=0)
aclient = openai.AsyncOpenAI(api_key="k", base_url=URL + "/v1", max_retries=0)
def show(*chunks):
    for chunk in chunks:
        print(len(chunk.choices), chunk.choices[0].delta.content if chunk.choices else None, chunk.usage)
"""
INIT = SETUP + "breakeven.init()\n" + CLIENT
PLAIN = ["1 Hel None", "1 lo None", "1  None"]


def ask_of(loopback: Any) -> list[Any]:
    return [json.loads(call.body).get("stream_options", "nothing") for call in loopback.calls]


def tokens(loopback: Any) -> list[Any]:
    return [span["attributes"].get("gen_ai.usage.input_tokens") for span in loopback.spans]


WAYS = {
    "for": "show(*client.chat.completions.create(stream=True, **ASK))",
    "with": "with client.chat.completions.create(stream=True, **ASK) as stream: show(*stream)",
    "next": """
stream = client.chat.completions.create(stream=True, **ASK)
assert isinstance(stream, openai.Stream) and stream.response.status_code == 200
show(next(stream), next(stream), next(stream))
assert next(stream, None) is None
stream.close()
""",
    "azure": """
azure = openai.AzureOpenAI(api_key="k", azure_endpoint=URL, api_version="2024-10-21")
show(*azure.chat.completions.create(stream=True, **ASK))
""",
    "beta": "show(*client.beta.chat.completions.create(stream=True, **ASK))",
    "async for": """
async def main():
    assert inspect.iscoroutinefunction(aclient.chat.completions.create)
    stream = await aclient.chat.completions.create(stream=True, **ASK)
    assert isinstance(stream, openai.AsyncStream) and stream.response.status_code == 200
    show(*[chunk async for chunk in stream])
    await stream.close()
asyncio.run(main())
""",
    "async with": """
async def main():
    async with await aclient.chat.completions.create(stream=True, **ASK) as stream:
        show(*[chunk async for chunk in stream])
asyncio.run(main())
""",
    "stream()": """
with client.chat.completions.stream(**ASK) as stream:
    show(*[event.chunk for event in stream if event.type == "chunk"])
completion = stream.get_final_completion()
assert (completion.choices[0].message.content, completion.usage) == ("Hello", None)
""",
    "async stream()": """
async def main():
    async with aclient.chat.completions.stream(**ASK) as stream:
        show(*[event.chunk async for event in stream if event.type == "chunk"])
        await stream.until_done()
    completion = await stream.get_final_completion()
    assert (completion.choices[0].message.content, completion.usage) == ("Hello", None)
asyncio.run(main())
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_reports_its_usage_to_the_span_and_not_to_the_application(run: Any, loopback: Any, way: str) -> None:
    ended = run(INIT + WAYS[way])
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == PLAIN
    assert ask_of(loopback) == [{"include_usage": True}]
    assert tokens(loopback) == [1000]


def test_without_stream_usage_nothing_is_asked(run: Any, loopback: Any) -> None:
    ended = run(SETUP + "breakeven.init(stream_usage=False)\n" + CLIENT + WAYS["for"])
    assert ended.out.splitlines() == PLAIN
    assert ask_of(loopback) == ["nothing"]
    assert tokens(loopback) == [None]


@pytest.mark.parametrize("wanted", [True, False])
def test_what_the_application_says_about_its_stream_is_left_alone(run: Any, loopback: Any, wanted: bool) -> None:
    options = {"include_usage": wanted}
    for given in (f"stream_options={options}", f"extra_body={{'stream_options': {options}}}"):
        loopback.requests.clear()
        ended = run(INIT + f"show(*client.chat.completions.create(stream=True, {given}, **ASK))")
        assert (ended.status, ended.err) == (0, "")
        assert len(ended.out.splitlines()) == (4 if wanted else 3)
        assert ask_of(loopback) == [options]


def test_other_calls_and_raw_responses_are_left_alone(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
client.chat.completions.create(**ASK)
client.chat.completions.with_raw_response.create(stream=True, **ASK).parse().close()
with client.chat.completions.with_streaming_response.create(stream=True, **ASK) as response:
    print(b"usage" in b"".join(response.iter_bytes()))
"""
    )
    assert (ended.status, ended.out, ended.err) == (0, "False\n", "")
    assert ask_of(loopback) == ["nothing"] * 3


def test_a_stream_left_early_ends_as_the_client_ends_it(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
for chunk in client.chat.completions.create(stream=True, **ASK):
    show(chunk)
    break
with client.chat.completions.create(stream=True, **ASK) as stream:
    show(next(stream))
assert stream.response.is_closed
with client.chat.completions.stream(**ASK) as stream:
    next(stream)
try:
    with client.chat.completions.create(stream=True, **ASK) as stream:
        raise KeyError
except KeyError:
    assert stream.response.is_closed
"""
    )
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == PLAIN[:1] * 2
    assert ask_of(loopback) == [{"include_usage": True}] * 4


def test_legacy_completions_are_asked_too(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
for chunk in client.completions.create(model="gpt-3.5-turbo-instruct", prompt="private words", stream=True):
    print(len(chunk.choices), chunk.usage)
"""
    )
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == ["1 None"] * 3
    assert ask_of(loopback) == [{"include_usage": True}]


@pytest.mark.parametrize("way", ["for", "async for"])
def test_a_server_that_refuses_is_called_again_and_not_asked_again(run: Any, loopback: Any, way: str) -> None:
    loopback.knows_stream_options = False
    ended = run(INIT + WAYS[way] + "\n" + WAYS["for"])
    assert ended.status == 0, ended.err
    assert ended.out.splitlines() == PLAIN * 2
    assert ask_of(loopback) == [{"include_usage": True}, "nothing", "nothing"]
    (line,) = ended.err.splitlines()
    assert line.startswith(f"breakeven WARNING {loopback.url}/v1/ refuses stream_options")


def test_another_error_is_the_application_s_to_see(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
lost = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0)
try:
    lost.chat.completions.create(stream=True, **ASK)
except openai.APIConnectionError as error:
    print(error.__context__ is error.__cause__)
"""
    )
    assert (ended.status, ended.out, ended.err) == (0, "True\n", "")


def test_a_server_that_ignores_the_question_changes_nothing(run: Any, loopback: Any) -> None:
    loopback.knows_stream_options = None
    ended = run(INIT + WAYS["for"])
    assert (ended.status, ended.err, ended.out.splitlines()) == (0, "", PLAIN)
    assert tokens(loopback) == [None]


INSTRUMENTATIONS = {
    "genai-openai": (
        "opentelemetry.instrumentation.genai.openai",
        "from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor; OpenAIInstrumentor().instrument()",
        "gen_ai.usage.input_tokens",
    ),
    "Traceloop": (
        "opentelemetry.instrumentation.openai",
        "from opentelemetry.instrumentation.openai import OpenAIInstrumentor; OpenAIInstrumentor().instrument()",
        "gen_ai.usage.input_tokens",
    ),
    "OpenInference": (
        "openinference.instrumentation.openai",
        "from openinference.instrumentation.openai import OpenAIInstrumentor; OpenAIInstrumentor().instrument()",
        "llm.token_count.prompt",
    ),
}


@pytest.mark.parametrize(
    ("order", "way"),
    [
        ("before", "for"),
        ("before", "stream()"),
        ("after", "for"),
        ("after", "async for"),
        ("after", "stream()"),
        ("after the first call", "for"),
    ],
)
@pytest.mark.parametrize("name", INSTRUMENTATIONS)
def test_an_instrumentation_sees_the_usage_whenever_it_is_turned_on(
    run: Any, loopback: Any, name: str, order: str, way: str
) -> None:
    module, turn_on, attribute = INSTRUMENTATIONS[name]
    pytest.importorskip(module)
    init = "breakeven.init(instrument=False)\n"
    steps = {
        "before": turn_on + "\n" + init + CLIENT,
        "after": init + turn_on + "\n" + CLIENT,
        "after the first call": init + CLIENT + "client.chat.completions, aclient.chat.completions\n" + turn_on + "\n",
    }[order]
    ended = run(SETUP + steps + WAYS[way])
    assert ended.status == 0, ended.err
    assert ended.out.splitlines() == PLAIN
    (span,) = loopback.spans
    assert span["attributes"][attribute] == 1000


@pytest.mark.parametrize("order", ["before", "after"])
def test_logfire_sees_the_usage_too(run: Any, loopback: Any, order: str) -> None:
    pytest.importorskip("logfire")
    turn_on = "logfire.instrument_openai(client)\n"
    init = "breakeven.init(instrument=False)\n"
    ended = run(
        SETUP
        + CLIENT
        + "import logfire\nlogfire.configure(send_to_logfire=False, console=False)\n"
        + (turn_on + init if order == "before" else init + turn_on)
        + WAYS["for"]
    )
    assert ended.status == 0, ended.err
    assert ended.out.splitlines() == PLAIN
    assert 1000 in tokens(loopback)


def test_a_client_that_was_used_before_init_is_asked_from_then_on(run: Any, loopback: Any) -> None:
    ended = run(SETUP + CLIENT + WAYS["for"] + "\nbreakeven.init()\n" + WAYS["for"])
    assert (ended.status, ended.err, ended.out.splitlines()) == (0, "", PLAIN * 2)
    assert ask_of(loopback) == ["nothing", {"include_usage": True}]


def test_the_client_is_not_imported_for_it(run: Any, loopback: Any) -> None:
    ended = run(
        SETUP
        + """
import sys
breakeven.init(instrument=False)
print("openai" in sys.modules)
"""
        + CLIENT
        + WAYS["for"]
    )
    assert (ended.status, ended.err, ended.out.splitlines()) == (0, "", ["False", *PLAIN])
    assert ask_of(loopback) == [{"include_usage": True}]


def test_after_shutdown_streams_are_as_they_were(run: Any, loopback: Any) -> None:
    ended = run(INIT + "breakeven.shutdown()\n" + WAYS["for"])
    assert (ended.status, ended.err, ended.out.splitlines()) == (0, "", PLAIN)
    assert ask_of(loopback) == ["nothing"]


def test_an_application_s_mock_is_called_with_what_the_application_gave(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
from unittest import mock
with mock.patch.object(client.chat.completions, "create") as create:
    client.chat.completions.create(stream=True, **ASK)
create.assert_called_once_with(stream=True, **ASK)
print("stream_options" in inspect.signature(client.chat.completions.create).parameters)
"""
    )
    assert (ended.status, ended.out, ended.err) == (0, "True\n", "")


def test_openrouter_reports_anyway_so_its_chunk_is_not_hidden() -> None:
    class Resource:
        def __init__(self, url: str) -> None:
            self._client = SimpleNamespace(base_url=url)

    hosts = ("openrouter.ai", "api.openai.com")
    assert [_stream_usage._wanted(Resource(f"https://{host}/v1"), {"stream": True}) for host in hosts] == [False, True]  # pyright: ignore[reportPrivateUsage]
