"""What in the prices wants looking at: names without a price, old prices, and where LiteLLM's list says otherwise."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from breakeven_collector.errors import ConfigError

_LITELLM_FILE: Final = "model_prices_and_context_window_backup.json"
_RATES: Final = {
    "uncached": "input_cost_per_token",
    "answer": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
}
_PREFIXES: Final = {
    "openai": ("", "openai/"),
    "anthropic": ("", "anthropic/"),
    "google": ("gemini/", "vertex_ai/", ""),
    "azure": ("azure/", "azure_ai/"),
    "aws": ("", "bedrock/"),
    "x-ai": ("xai/",),
    "together": ("together_ai/",),
    "fireworks": ("fireworks_ai/",),
    "voyageai": ("voyage/",),
    "moonshotai": ("moonshot/",),
    "cohere": ("", "cohere/"),
}
_MAKERS: Final = {
    **{"aws": "bedrock", "azure": "azure", "google": ("gemini", "vertex_ai")},
    "openai": ("openai", "text-completion-openai"),
}
"""How LiteLLM calls the provider, where not like the prefix."""
_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True)
class Finding:
    """One thing; `action` where something should be done, else `note`."""

    level: str
    kind: str
    """no_price, old_book, litellm or context."""
    message: str
    provider: str | None = None
    model: str | None = None


def check(
    prices: Mapping[str, Any],
    litellm: Mapping[str, Any] | None,
    *,
    older_than_days: int = 45,
    percent: Decimal = Decimal(1),
) -> list[Finding]:
    """Look through the document of `list_prices`.

    Args:
        prices: the document.
        litellm: LiteLLM's price list; None: not to be compared.
        older_than_days: how old the newest price of the book may be. genai-prices does not say of single prices when
            they were last looked at.
        percent: how far a rate may be from LiteLLM's.
    """
    findings = [*_old(prices, older_than_days)]
    for model in prices["models"]:
        findings.extend(_without_price(model))
        findings.extend(_without_context(model))
        # An own rate is meant to differ; a percentage rests on the book's.
        if litellm is not None and model["book_model"] and not model["overrides"]:
            findings.extend(_disagreements(model, litellm, percent))
    return sorted(findings, key=lambda f: (f.level, f.kind))


def load_litellm(path: Path | None) -> dict[str, Any] | None:
    """LiteLLM's list from a file, else from the installed litellm, which is not imported; None where there is none.

    Raises:
        ConfigError: the file cannot be used.
    """
    if path is None:
        found = importlib.util.find_spec("litellm")
        path = Path(found.origin).parent / _LITELLM_FILE if found and found.origin else None
        if path is None or not path.exists():
            return None
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is not LiteLLM's model_prices_and_context_window.json")
    return cast(dict[str, Any], document)


def _old(prices: Mapping[str, Any], days: int) -> Iterator[Finding]:
    book = prices["book"]
    if book is None:
        yield Finding("action", "old_book", "no book is loaded: run `breakeven up` once")
    elif book["age_days"] is None or book["age_days"] > days:
        age = (
            "gives no price a date"
            if book["age_days"] is None
            else f"is {book['age_days']} days old by its newest price"
        )
        yield Finding(
            "action",
            "old_book",
            f"the book {book['version']} {age}: take a newer one with `pip install -U genai-prices` or "
            "`breakeven prices sync FILE`",
        )


def _without_price(model: Mapping[str, Any]) -> Iterator[Finding]:
    reasons = [r for r in model["unpriced_reasons"] if r != "no usage reported"]
    if model["reason"] and model["unpriced_calls"] and not model["overrides"]:
        yield _finding(
            "action", "no_price", model, f"{model['unpriced_calls']:,} calls without a price: {model['reason']}"
        )
    elif not model["reason"] and any(r.startswith("no rate") for r in reasons):
        yield _finding(
            "action",
            "no_price",
            model,
            f"{', '.join(reasons)}: give the whole price with `breakeven prices set {model['model']}`",
        )


def _without_context(model: Mapping[str, Any]) -> Iterator[Finding]:
    if model["book_model"] and model["price_context"] != model["book_context"] and not model["overrides"]:
        yield _finding(
            "note",
            "context",
            model,
            f"{model['price_context']} is priced as {model['book_context']}: the book has no other rate. Give yours "
            f"with `breakeven prices set {model['model']} --context {model['price_context']!r}`",
        )


def _disagreements(model: Mapping[str, Any], litellm: Mapping[str, Any], percent: Decimal) -> Iterator[Finding]:
    found = _entry(model, litellm)
    if found is None or model["price_context"] != "standard":
        return
    key, entry = found
    for bucket, name in _RATES.items():
        ours, theirs = model["usd_per_million_tokens"][bucket], entry.get(name)
        if ours is None or not isinstance(theirs, int | float | Decimal):
            continue
        theirs = Decimal(str(theirs)) * _MILLION
        off = abs(theirs - Decimal(ours))
        if off > Decimal(ours) * percent / 100:
            yield _finding(
                "action",
                "litellm",
                model,
                f"{bucket.replace('_', ' ')}: the book says {ours} USD a million tokens, LiteLLM's {key} "
                f"{format(theirs.normalize(), 'f')}. See {model['source_url'] or 'the provider'}; if the book is "
                f"wrong, `breakeven prices set {model['model']}`",
            )


def _entry(model: Mapping[str, Any], litellm: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    provider = model["book_provider"]
    maker = _MAKERS.get(provider, _PREFIXES.get(provider, (f"{provider}/",))[-1].rstrip("/"))
    for prefix in _PREFIXES.get(provider, (f"{provider}/",)):
        # The book's id may gather snapshots: the very name comes first.
        for name in (model["model"], model["book_model"]):
            entry: Any = litellm.get(prefix + str(name).removeprefix("models/"))
            if isinstance(entry, dict):
                told = cast(dict[str, Any], entry)
                if str(told.get("litellm_provider", "")).startswith(maker):
                    return prefix + name, told
    return None


def _finding(level: str, kind: str, model: Mapping[str, Any], message: str) -> Finding:
    return Finding(level, kind, message, model["provider"], model["model"])
