"""Every recorded exchange is read, or is on the list of those that are not, with the reason."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven._usage import Usage, read_response
from breakeven.testing import raise_errors
from genai_prices.data import providers

from tests.sdk.cassettes import ARCHIVE, Exchange, read

pytest.importorskip("yaml", reason="cassettes are YAML: pip install pyyaml")


@pytest.fixture(autouse=True)
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield


@pytest.fixture(scope="module")
def exchanges(shared_data: Path) -> list[Exchange]:
    archive = shared_data / ARCHIVE
    if not archive.exists():
        pytest.skip(f"recorded exchanges are not here: {archive}")
    return read(archive)


def unsupported(exchange: Exchange) -> str | None:
    """Why an exchange cannot be read, told from request and status alone."""
    if exchange.body is None:
        return "the answer was lost when secrets were taken out"
    if exchange.provider == "not a provider":
        return "a picture from a web server"
    if exchange.status >= 400 or exchange.body.lstrip().startswith(b'{ "error"'):
        return "an error"
    if re.search(r"/v1/(assistants|threads$|threads/[^/]+/messages)", exchange.path):
        return "an assistant, thread or message: no call"
    if re.search(r"/model/(ai21\.j2|cohere\.command-text)", exchange.path):
        return "usage only in the headers"
    return None


TABLE = {
    ("anthropic", "no usage in it"): 3,
    ("anthropic", "usage"): 81,
    ("azure", "an error"): 12,
    ("azure", "no usage in it"): 24,
    ("azure", "usage"): 43,
    ("bedrock", "no usage in it"): 3,
    ("bedrock", "usage"): 77,
    ("bedrock", "usage only in the headers"): 6,
    ("cohere", "usage"): 27,
    ("deepseek", "usage"): 3,
    ("groq", "usage"): 39,
    ("local server", "no usage in it"): 1,
    ("local server", "usage"): 19,
    ("mistral", "usage"): 19,
    ("not a provider", "a picture from a web server"): 6,
    ("openai", "an assistant, thread or message: no call"): 63,
    ("openai", "an error"): 13,
    ("openai", "no usage in it"): 203,
    ("openai", "usage"): 374,
    ("vertex", "an error"): 3,
    ("vertex", "usage"): 23,
    ("", "the answer was lost when secrets were taken out"): 76,
}


def test_every_recorded_exchange_is_read_or_known_not_to_be(exchanges: list[Exchange]) -> None:
    table: Counter[tuple[str, str]] = Counter()
    for exchange in exchanges:
        reason = unsupported(exchange)
        usage = None if exchange.body is None else read_response(exchange.answer())
        assert (usage is None) == (reason is not None), (exchange.name, exchange.url, usage)
        if usage is not None:
            reason = "no usage in it" if usage.absent else "usage"
            counted = re.search(rb'(?i)token(s|_?count)"\s*:\s*[1-9]', exchange.body or b"")
            assert not (usage.absent and counted), (exchange.name, counted)
        provider = "" if exchange.body is None else exchange.provider
        table[provider, reason or ""] += 1
    for (provider, outcome), number in sorted(table.items()):
        print(f"{provider:16} {outcome:50} {number:5}")
    assert dict(table) == TABLE
    assert table.total() == 1118


def test_who_is_billed_is_told_right_or_not_at_all(exchanges: list[Exchange]) -> None:
    names = {
        **{"azure": "azure.ai.openai", "bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai", "mistral": "mistral_ai"},
        "local server": None,
    }
    wrong: Counter[tuple[str, str | None]] = Counter()
    untold: Counter[str] = Counter()
    for exchange in exchanges:
        if unsupported(exchange) is None:
            usage = read_response(exchange.answer())
            assert usage is not None
            if usage.provider is None:
                untold[exchange.provider] += 1
            elif usage.provider != names.get(exchange.provider, exchange.provider):
                wrong[exchange.provider, usage.provider] += 1
    # Nothing in an embedding tells Azure from OpenAI; two recordings are of a server that calls its model gpt-3.5-turbo.
    assert dict(wrong) == {("azure", "openai"): 6, ("local server", "openai"): 2}
    # Claude 2 and an imported model on Bedrock, vLLM of 2024, a made-up id, images without a model.
    assert dict(untold) == {"bedrock": 6, "local server": 18, "mistral": 1, "openai": 3}


def test_the_headers_of_bedrock_say_the_same_as_its_bodies(exchanges: list[Exchange]) -> None:
    compared = 0
    for exchange in exchanges:
        if "x-amzn-bedrock-input-token-count" in exchange.headers:
            usage = read_response({"ResponseMetadata": {"HTTPHeaders": exchange.headers}, "body": object()})
            assert usage is not None
            body = read_response(exchange.answer())
            if body is None or body.absent or body.output_tokens is None:
                assert usage.input_tokens
                assert usage.output_tokens
            else:
                compared += 1
                assert counts(usage) == counts(body)
    assert compared == 37


COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def counts(usage: Usage) -> dict[str, int]:
    return {name: getattr(usage, name) or 0 for name in COUNTS}


# --- against genai-prices' own extractors ------------------------------------------------------------------------------

ORACLES = [
    (r"openai azure local", r"/(chat/)?completions$", "openai", "chat"),
    (r"openai", r"/threads/[^/]+/runs", "openai", "chat"),
    (r"openai", r"/responses$", "openai", "responses"),
    (r"openai azure local", r"/embeddings$", "openai", "embeddings"),
    (r"anthropic", r"/messages$", "anthropic", "default"),
    (r"bedrock", r"/model/.*anthropic\.claude-3.*/invoke$", "aws", "anthropic"),
    (r"bedrock", r"/converse(-stream)?$", "aws", "default"),
    (r"bedrock", r"/model/.*nova.*/invoke$", "aws", "default"),
    (r"bedrock", r"/model/.*sagemaker.*/invoke$", "openai", "chat"),
    (r"mistral", r"", "mistral", "default"),
    (r"groq", r"", "groq", "default"),
    (r"deepseek", r"", "deepseek", "chat"),
    (r"cohere", r"/v2/chat$", "cohere", "default"),
    (r"cohere", r"/v2/embed$", "cohere", "embeddings"),
    (r"vertex", r"", "google", "default"),
]

UNCOMPARED = {
    ("anthropic", "a stream in two parts"): 37,
    ("bedrock", "Nova's body without output"): 3,
    ("bedrock", "no extractor"): 23,
    ("cohere", "no extractor"): 16,
    ("openai", "no extractor"): 3,
    ("vertex", "modalities by number"): 11,
}
"""What genai-prices cannot read: Anthropic's streams, Titan, Llama and the streams of InvokeModel, Cohere v1 and
reranks, images without tokens, a field that a guardrail left out, Vertex' older names of modalities."""


def oracle(exchange: Exchange) -> tuple[str, str] | None:
    for hosts, path, provider, flavor in ORACLES:
        if exchange.provider.split()[0] in hosts.split() and re.search(path, exchange.path):
            return provider, flavor
    return None


def last_with_usage(answer: Any) -> Any:
    """The body, or the event of a stream that an extractor is meant for."""
    if isinstance(answer, bytes):
        return json.loads(answer)
    for event in reversed(answer):
        for inner in (event, *(event.get(name) for name in ("response", "metadata", "delta", "x_groq"))):
            if inner and (inner.get("usage") or inner.get("usageMetadata")):
                return inner
    return None


def test_counts_agree_with_the_extractors_of_genai_prices(exchanges: list[Exchange]) -> None:
    by_id = {provider.id: provider for provider in providers}
    compared: Counter[str] = Counter()
    uncompared: Counter[tuple[str, str]] = Counter()
    for exchange in exchanges:
        if unsupported(exchange) is not None:
            continue
        answer = exchange.answer()
        ours = read_response(answer)
        assert ours is not None
        if ours.absent:
            continue
        theirs = oracle(exchange)
        if theirs is None:
            uncompared[exchange.provider, "no extractor"] += 1
            continue
        if isinstance(answer, list) and exchange.provider == "anthropic":
            uncompared[exchange.provider, "a stream in two parts"] += 1
            continue
        if ours.output_tokens is None and "/invoke" in exchange.path:
            uncompared[exchange.provider, "Nova's body without output"] += 1
            continue
        if re.search(rb'"modality": *\d', exchange.body or b""):
            uncompared[exchange.provider, "modalities by number"] += 1
            continue
        provider, flavor = theirs
        _, expected = by_id[provider].extract_usage(last_with_usage(answer), api_flavor=flavor)
        assert extracted(ours) == {name: getattr(expected, name) or 0 for name in EXTRACTED}, exchange.name
        compared[exchange.provider] += 1
    assert dict(uncompared) == UNCOMPARED
    assert dict(compared) == {
        **{"anthropic": 44, "azure": 43, "bedrock": 51, "cohere": 11, "deepseek": 3, "groq": 39, "local server": 19},
        **{"mistral": 19, "openai": 371, "vertex": 12},
    }


EXTRACTED = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "input_audio_tokens": "audio_input_tokens",
    "output_audio_tokens": "audio_output_tokens",
}


def extracted(usage: Usage) -> dict[str, int | Decimal]:
    return {theirs: getattr(usage, ours) or 0 for theirs, ours in EXTRACTED.items()}
