"""Estimates of whole exchanges: the form they come in does not matter, and how near they are to what was reported."""

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from breakeven._estimate import Estimate, estimate, estimate_messages
from breakeven._exchange import MAX_CHARS, keep, read
from breakeven._messages import Side

from tests.sdk import exchanges

COOKBOOK = [
    ("system", None, "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    ("system", "example_user", "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    ("user", None, "This late pivot means we don't have time to boil the ocean for the client deliverable."),
]  # fmt: skip


def test_a_chat_is_counted_as_the_provider_counted_it() -> None:
    """129 is what OpenAI's API reported (openai-cookbook, How_to_count_tokens_with_tiktoken)."""
    messages = [{"role": r, "content": c} | ({"name": n} if n else {}) for r, n, c in COOKBOOK]
    assert estimate_messages("gpt-4-0613", messages, [{"role": "assistant", "content": "Yes."}]) == Estimate(
        129, 2, False
    )
    assert estimate_messages("gpt-4o", messages) == Estimate(124, None, False)


ASKED = "What is the weather in Oslo?"
CALL = '{"city":"Oslo"}'
TOLD = "It is raining."
DIALECTS: dict[str, dict[str, Any]] = {
    "GenAI": {
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": ASKED}]}]),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": TOLD}], "finish_reason": "stop"}]
        ),
    },
    "Traceloop 0.40": {
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": ASKED,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.finish_reason": "stop",
        "gen_ai.completion.0.content": TOLD,
    },
    "OpenInference": {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "text",
        "llm.input_messages.0.message.contents.0.message_content.text": ASKED,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": TOLD,
        "input.value": json.dumps({"messages": [{"role": "user", "content": ASKED}] * 2}),
        "output.value": json.dumps({"id": "chatcmpl-1", "choices": [{"message": {"content": TOLD * 2}}]}),
    },
    "values only": {
        "input.value": json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": ASKED}]}),
        "output.value": json.dumps({"id": "chatcmpl-1", "choices": [{"index": 0, "message": {"content": TOLD}}]}),
    },
    "Traceloop entities": {
        "traceloop.entity.input": json.dumps({"inputs": [{"role": "user", "content": ASKED}]}),
        "traceloop.entity.output": json.dumps({"output": TOLD}),
    },
    "Logfire": {
        "request_data": json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": ASKED}]}),
        "response_data": json.dumps({"combined_chunk_content": TOLD, "chunk_count": 3}),
    },
    "plain": {"gen_ai.prompt": ASKED, "gen_ai.completion": TOLD},
    "Langfuse": {
        "langfuse.observation.input": json.dumps([{"role": "user", "content": ASKED}]),
        "langfuse.observation.output": json.dumps({"role": "assistant", "content": TOLD}),
    },
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_count(dialect: str) -> None:
    expected = estimate_messages("gpt-4o", [{"role": "user", "content": ASKED}], TOLD)
    assert estimate(read(keep(DIALECTS[dialect])), "gpt-4o") == expected


def test_tools_their_calls_and_results_are_counted() -> None:
    plain = estimate_messages("gpt-4o", [{"role": "user", "content": ASKED}], TOLD)
    tool: dict[str, Any] = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"properties": {"city": {}}}},
    }
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": CALL}}
    tooled = estimate_messages("gpt-4o", [{"role": "user", "content": ASKED}], [{"tool_calls": [call]}], tools=[tool])
    assert plain.input_tokens is not None
    assert tooled.input_tokens is not None
    assert tooled.input_tokens > plain.input_tokens + 5
    assert tooled.output_tokens == pytest.approx(7, abs=2)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 10_000}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo" * 10_000}},
        {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "iVBORw0KGgo" * 10_000},
        {"type": "input_audio", "input_audio": {"data": "UklGR" * 10_000, "format": "wav"}},
        {"inline_data": {"mime_type": "audio/wav", "data": "UklGR" * 10_000}},
    ],
    ids=["openai", "anthropic", "genai", "audio", "gemini"],
)
def test_what_is_not_text_is_left_out_and_said(part: dict[str, Any]) -> None:
    text = {"type": "text", "text": ASKED}
    plain = estimate_messages("gpt-4o", [{"role": "user", "content": [text]}])
    mixed = estimate_messages("gpt-4o", [{"role": "user", "content": [text, part]}])
    assert mixed == plain._replace(incomplete=True)


def test_an_embedding_has_no_chat_around_it() -> None:
    kept = keep({"embedding.embeddings.0.embedding.text": "hi", "embedding.embeddings.1.embedding.text": "hi"})
    assert estimate(read(kept), "text-embedding-3-small", chat=False) == Estimate(2, None, False)


@pytest.mark.parametrize("dialect", ["GenAI", "Traceloop 0.40", "values only"])
def test_content_that_was_cut_is_counted_by_proportion(dialect: str) -> None:
    long = {name: value.replace(ASKED, f"{ASKED} " * 100_000) for name, value in DIALECTS[dialect].items()}
    kept = keep(long)
    assert sum(len(each.value) for each in kept.values()) <= MAX_CHARS + 10
    whole = estimate_messages("gpt-4o", f"{ASKED} " * 100_000)
    found = estimate(read(kept), "gpt-4o")
    assert found.input_tokens == pytest.approx(whole.input_tokens, rel=0.01)


def test_a_prompt_in_a_million_pieces_is_not_walked_to_its_end() -> None:
    side = Side()
    side.add_messages([{"role": "user", "content": "hi"}] * 1_000_000)
    assert side.nodes < 30_000
    assert side.incomplete


def test_nothing_at_all_is_no_estimate() -> None:
    assert estimate(read({}), "gpt-4o") == Estimate(None, None, False)
    assert estimate_messages("gpt-4o", []) == Estimate(None, None, False)


def test_estimates_of_recorded_exchanges(shared_data: Path) -> None:
    """Prints how many tokens were reported for one that is estimated: what the collector is to learn."""
    pytest.importorskip("yaml", reason="cassettes are YAML: pip install pyyaml")
    archive = shared_data / exchanges.ARCHIVE
    if not archive.exists():
        pytest.skip(f"recorded exchanges are not here: {archive}")
    ratios: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for recorded in exchanges.read(archive):
        found = estimate_messages(
            recorded.model, recorded.messages, recorded.answer, system=recorded.system, tools=recorded.tools
        )
        kind = "tools" if recorded.tools else "plain"
        if found.input_tokens and not found.incomplete:
            ratios[recorded.family, kind, "input"].append(recorded.input_tokens / found.input_tokens)
        if found.output_tokens and not recorded.reasoning_tokens:
            ratios[recorded.family, kind, "output"].append(recorded.output_tokens / found.output_tokens)
    lines = [f"{'family':<10} {'kind':<6} {'side':<7} {'calls':>5} {'median':>7} {'lowest':>7} {'highest':>8}"]
    for (family, kind, side), values in sorted(ratios.items()):
        lines.append(
            f"{family:<10} {kind:<6} {side:<7} {len(values):>5} {statistics.median(values):>7.2f} {min(values):>7.2f} "
            f"{max(values):>8.2f}"
        )
    print("\nreported / estimated\n" + "\n".join(lines))
    assert sum(len(values) for values in ratios.values()) > 1000
    for family in ("openai", "azure"):
        for side in ("input", "output"):
            assert statistics.median(ratios[family, "plain", side]) == pytest.approx(1, abs=0.05)
