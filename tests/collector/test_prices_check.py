"""`check`: names without a price, old books, disagreements with LiteLLM's list."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.errors import ConfigError
from breakeven_collector.price_check import Finding, check, load_litellm
from breakeven_collector.prices import BUCKETS

BOOK = {"version": "book@1", "age_days": 3, "newest_price": "2026-11-01"}


def in_use(**fields: Any) -> dict[str, Any]:
    """A model in use as `list` has it, without anything wrong."""
    usd = dict.fromkeys(BUCKETS) | {"uncached": "2.5", "answer": "10", "cache_read": "1.25"}
    return {
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "price_context": "standard",
        "book_provider": "openai",
        "book_model": "gpt-4o",
        "book_context": "standard",
        "reason": None,
        "calls": 7,
        "unpriced_calls": 0,
        "unpriced_reasons": [],
        "overrides": [],
        "usd_per_million_tokens": usd,
        "source_url": "https://example.org/prices",
        **fields,
    }


def prices(*models: dict[str, Any], **book: Any) -> dict[str, Any]:
    return {"book": {**BOOK, **book}, "models": list(models)}


GPT_4O = {
    "litellm_provider": "openai",
    "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05,
    "cache_read_input_token_cost": 1.25e-06,
}


def test_nothing_is_found_where_all_is_well() -> None:
    assert check(prices(in_use()), {"gpt-4o-2024-08-06": GPT_4O}) == []


def test_a_rate_more_than_a_percent_off_litellms_is_found_and_one_within_is_not() -> None:
    theirs = {**GPT_4O, "input_cost_per_token": 2.52e-06, "output_cost_per_token": 1.02e-05}
    findings = check(prices(in_use()), {"gpt-4o-2024-08-06": theirs})
    assert findings == [
        Finding(
            "action",
            "litellm",
            "answer: the book says 10 USD a million tokens, LiteLLM's gpt-4o-2024-08-06 10.2. See "
            "https://example.org/prices; if the book is wrong, `breakeven prices set gpt-4o-2024-08-06`",
            "openai",
            "gpt-4o-2024-08-06",
        )
    ]
    assert check(prices(in_use()), {"gpt-4o-2024-08-06": theirs}, percent=Decimal(5)) == []


@pytest.mark.parametrize(
    ("model", "litellm"),
    [
        (in_use(overrides=["1f0c9a3e"]), {"gpt-4o": {**GPT_4O, "input_cost_per_token": 1}}),  # meant to differ
        (in_use(price_context="processing=batch", book_context="processing=batch"), {"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1}}),
        (in_use(), {"gpt-4o": {**GPT_4O, "litellm_provider": "azure", "input_cost_per_token": 1}}),  # another's
        (in_use(), {"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": None}}),
        (in_use(), {}),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_not(model: dict[str, Any], litellm: dict[str, Any]) -> None:
    assert check(prices(model), litellm) == []


@pytest.mark.parametrize(
    ("provider", "name", "key", "maker"),
    [
        ("azure", "gpt-4o", "azure/gpt-4o", "azure"),
        ("google", "models/gemini-2.5-pro", "gemini/gemini-2.5-pro", "gemini"),
        ("google", "claude-opus-5", "vertex_ai/claude-opus-5", "vertex_ai-anthropic_models"),
        ("aws", "us.anthropic.claude-opus-5", "us.anthropic.claude-opus-5", "bedrock_converse"),
        ("x-ai", "grok-3", "xai/grok-3", "xai"),
        ("groq", "llama", "groq/llama", "groq"),
        ("anthropic", "claude-opus-5", "claude-opus-5", "anthropic"),
    ],
)
def test_a_model_is_found_in_litellms_list_under_its_provider(provider: str, name: str, key: str, maker: str) -> None:
    model = in_use(provider=provider, book_provider=provider, model=name, book_model=name)
    findings = check(prices(model), {key: {"litellm_provider": maker, "input_cost_per_token": 9e-06}})
    assert [f.kind for f in findings] == ["litellm"]
    assert findings[0].message.startswith("uncached: the book says 2.5 USD a million tokens, LiteLLM's")


def test_names_without_a_price_old_books_and_unknown_contexts_are_found() -> None:
    unknown = in_use(
        model="gpt-9", book_model=None, book_provider=None, reason="not in the book: …", unpriced_calls=1200
    )
    no_rate = in_use(model="tts-1", unpriced_calls=3, unpriced_reasons=["no rate for a kind of token"])
    told = check(
        prices(
            unknown,
            no_rate,
            in_use(model="dall-e", unpriced_calls=2, unpriced_reasons=["no usage reported"]),
            {**unknown, "model": "own", "overrides": ["1f0c9a3e"]},
            in_use(model="o3", price_context="service_tier=flex"),
            age_days=60,
        ),
        None,
    )
    assert [(f.level, f.kind, f.model, f.message) for f in told] == [
        ("action", "no_price", "gpt-9", "1,200 calls without a price: not in the book: …"),
        ("action", "no_price", "tts-1", "no rate for a kind of token: give the whole price with `breakeven prices set tts-1`"),
        (
            "action",
            "old_book",
            None,
            "the book book@1 is 60 days old by its newest price: take a newer one with `pip install -U genai-prices` or "
            "`breakeven prices sync FILE`",
        ),
        (
            "note",
            "context",
            "o3",
            "service_tier=flex is priced as standard: the book has no other rate. Give yours with `breakeven prices set o3 "
            "--context 'service_tier=flex'`",
        ),
    ]  # fmt: skip
    assert check(prices(age_days=60), None, older_than_days=60) == []
    assert "gives no price a date" in check(prices(age_days=None), None)[0].message
    assert "run `breakeven up` once" in check({"book": None, "models": []}, None)[0].message


def test_litellms_list_is_read_from_a_file_exactly(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"m": {"input_cost_per_token": 2.5e-06}}))
    assert load_litellm(file) == {"m": {"input_cost_per_token": Decimal("0.0000025")}}
    for text, message in (("nope", "prices.json: Expecting"), ("[]", "is not LiteLLM's model_prices")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_litellm(file)
    with pytest.raises(ConfigError, match=r"missing\.json"):
        load_litellm(tmp_path / "missing.json")
