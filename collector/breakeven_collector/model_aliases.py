"""Names of providers and models as they stand on spans, read as the names under which a price book lists them.

A span names what a client was told: a deployment, an ARN, a gateway's `provider/model`. Here such a name is taken apart
by rules that say nothing of prices; whether the book knows what comes out is the book's own affair. A name that says
too little comes back with a reason instead, for it must never be priced as something else.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from breakeven_collector.errors import ConfigError

_PROVIDERS: Final = {
    "x_ai": "x-ai",
    "xai": "x-ai",
    "fireworks_ai": "fireworks",
    "fireworks-ai": "fireworks",
    "deepseek_ai": "deepseek",
    "z_ai": "zai",
    "z.ai": "zai",
    "mistral_ai": "mistral",
    "github_copilot": "github-copilot",
}
"""OpenTelemetry's and LiteLLM's names of providers that the book does not know."""

_FAMILIES: Final = (
    *(("azure", "azure"), ("az.ai", "azure"), ("gcp", "google"), ("vertex", "google")),
    *(("aws", "aws"), ("bedrock", "aws"), ("amazon", "aws")),
)
"""Beginnings of names → provider: the book looks for `openai` in `azure.ai.openai` and takes it for OpenAI."""

_SELF_HOSTED: Final = frozenset(
    {
        *("ollama", "ollama_chat", "vllm", "hosted_vllm", "llamacpp", "llama_cpp", "llama.cpp", "llamafile", "tgi"),
        *("text-generation-inference", "lmstudio", "lm_studio", "sglang", "localai", "xinference", "triton", "mlx"),
    }
)

_GATEWAY_PREFIXES: Final = {
    **{name: name for name in ("anthropic", "openai", "groq", "mistral", "deepseek", "cohere", "openrouter")},
    **{name: name for name in ("perplexity", "cerebras", "databricks", "novita", "baseten", "minimax", "elevenlabs")},
    **{name: name for name in ("zai", "arcee", "cloudflare", "ovhcloud", *_PROVIDERS, *_SELF_HOSTED)},
    **{"azure": "azure", "azure_ai": "azure", "bedrock": "aws", "bedrock_converse": "aws", "gemini": "google"},
    **{"vertex_ai": "google", "vertex_ai_beta": "google", "together_ai": "together", "voyage": "voyageai"},
    **{"moonshot": "moonshotai", "cohere_chat": "cohere", "text-completion-openai": "openai"},
    "text-completion-codestral": "mistral",
}
"""What stands before the slash in LiteLLM's `provider/model` → provider."""

_BEDROCK_ARN: Final = re.compile(r"arn:aws[\w-]*:bedrock:[\w-]*:\d*:([\w-]+)/(.+)\Z")
_BEDROCK_ID: Final = re.compile(
    r"(?:(?:us|eu|ap|apac|jp|au|in|ca|sa|us-gov|global)\.)?"
    r"(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|writer|moonshotai|zai|minimax|nvidia|google)\.\S"
)
_REGION: Final = re.compile(r"(?:us|eu|ap|ca|sa|me|af|il|mx)(?:-gov|-iso\w?)?-[a-z]+-\d\Z")
_VERTEX_PATH: Final = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/([^/]+)\Z")
_VERTEX_ENDPOINT: Final = re.compile(
    r"(?:projects/[^/]+/locations/[^/]+/(?:endpoints|models)/|endpoints/|tunedModels/)\S"
)
_AZURE_GLOBAL: Final = re.compile(r"[-/](?:global-?standard|global)\Z")
_FINE_TUNED: Final = re.compile(r"(?:^|/)ft:|[.:]ft[-:]")


@dataclass(frozen=True)
class ModelAlias:
    """A `[[models]]` table of `breakeven.toml`: what a name on spans means."""

    model: str
    """As the spans name it."""
    book_model: str
    """As the book names it."""
    provider: str = ""
    """As the spans name it; empty: whichever."""
    book_provider: str = ""
    """As the book names it; empty: what the span's provider means."""


@dataclass(frozen=True)
class Reading:
    """One way to read a span's names. An empty provider is left to the model's name."""

    provider: str
    model: str


class NotPriceable(Exception):
    """The name says too little or is not a provider's product; the message says why and what to do."""


def load_model_aliases(path: Path) -> list[ModelAlias]:
    """What `[[models]]` in `breakeven.toml` says. A file that is not there says nothing.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit; the message names it.
    """
    if not path.exists():
        return []
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    tables = document.get("models", [])
    if not isinstance(tables, list):
        raise ConfigError(f"{path}: models must be a list of tables; write [[models]]")
    return [_alias(table, f"{path}: models[{n}]") for n, table in enumerate(cast(list[Any], tables), 1)]


def _alias(table: object, at: str) -> ModelAlias:
    if not isinstance(table, dict):
        raise ConfigError(f"{at} must be a table; write [[models]]")
    values = cast(dict[str, Any], table)
    known = ("provider", "model", "book_provider", "book_model")
    if unknown := sorted(values.keys() - set(known)):
        raise ConfigError(f"{at}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    for key in known:
        value = values.get(key, "")
        if not isinstance(value, str) or (key in ("model", "book_model") and not value.strip()):
            raise ConfigError(f"{at}.{key} is {value!r}; write a name in quotes")
    return ModelAlias(**{key: value.strip() for key, value in values.items()})


def readings(provider: str, model: str, aliases: Sequence[ModelAlias] = ()) -> Iterator[Reading]:
    """How the book may be asked for these names, the surest way first.

    Args:
        provider: as the span names it; may be empty.
        model: as the span names it.
        aliases: what the user says.

    Raises:
        NotPriceable: nothing can be asked; after the readings that were given before.
    """
    provider, model = provider.strip().lower(), model.strip()
    for alias in aliases:
        if alias.model.lower() == model.lower() and alias.provider.lower() in ("", provider):
            yield Reading(_provider(alias.book_provider or provider), alias.book_model)
            return
    if not model:
        raise NotPriceable("the span names no model: set gen_ai.request.model")
    if provider in _SELF_HOSTED:
        raise NotPriceable(_self_hosted(provider, model))
    if arn := _BEDROCK_ARN.match(model):
        if arn[1] not in ("foundation-model", "inference-profile"):
            raise NotPriceable(
                f"an ARN of {arn[1]} does not say which model it runs: name it under [[models]] in breakeven.toml"
            )
        yield Reading("aws", arn[2])
        return
    if path := _VERTEX_PATH.match(model):
        yield Reading("google", path[1])
        return
    if _VERTEX_ENDPOINT.match(model):
        raise NotPriceable(
            "an endpoint or tuned model of one's own does not say which model it is: name it under [[models]] in "
            "breakeven.toml"
        )
    if model.startswith("models/"):
        yield Reading(_provider(provider) or "google", model.removeprefix("models/"))
        return
    from_model = provider in ("", "litellm")
    if from_model and "/" not in model and _BEDROCK_ID.match(model):
        yield Reading("aws", model)
    elif from_model and model.split("/")[0].lower() in _GATEWAY_PREFIXES:
        yield from _without_prefix("", model)
    else:
        yield Reading("" if from_model else _provider(provider), model)
        if _BEDROCK_ID.match(model) and provider == "anthropic":
            # The client of Anthropic's SDK for Bedrock; its price is Bedrock's.
            yield Reading("aws", model)
        if "/" in model:
            yield from _without_prefix(_provider(provider), model)
        if _provider(provider) == "azure":
            yield from _azure(model)


def fine_tuned(model: str) -> bool:
    """Whether the name is that of a fine-tuned model, which must not be priced as the model it was made from."""
    return _FINE_TUNED.search(model) is not None


def _provider(provider: str) -> str:
    if provider in _PROVIDERS:
        return _PROVIDERS[provider]
    return next((book for beginning, book in _FAMILIES if provider.startswith(beginning)), provider)


def _without_prefix(provider: str, model: str) -> Iterator[Reading]:
    """LiteLLM's `provider/model`, with what it may hold in between: `bedrock/us-east-1/…`, `azure/eu/…`.

    Nothing where the prefix says another provider than the span, unless that is OpenAI: its client is what others are
    called with too.
    """
    first, rest = model.split("/", 1)
    named = _GATEWAY_PREFIXES.get(first.lower())
    if named is None or not rest or provider not in ("", "openai", _provider(named)):
        return
    if named in _SELF_HOSTED:
        raise NotPriceable(_self_hosted(named, rest))
    named = _provider(named)
    if named == "aws":
        while "/" in rest and (_REGION.match(rest.split("/")[0]) or rest.split("/")[0] in ("converse", "invoke")):
            rest = rest.split("/", 1)[1]
        if "/" in rest or rest.startswith("arn:"):
            yield from readings("aws", rest)
            return
    if named == "azure":
        yield from _azure_zone(rest)
        return
    yield Reading(named, rest)


def _azure_zone(model: str) -> Iterator[Reading]:
    zone, _, rest = model.partition("/")
    if rest and zone in ("us", "eu"):
        raise NotPriceable(
            f"the book has no prices for Azure's data zone {zone}, which are higher: give yours with "
            f"`breakeven prices set {rest}`"
        )
    name = rest if rest and zone in ("global", "global-standard") else model
    yield Reading("azure", name)
    yield from _azure(name)


def _azure(model: str) -> Iterator[Reading]:
    """Deployments are often called like their model, with `-global` behind it; Azure writes gpt-35 for gpt-3.5."""
    plain = _AZURE_GLOBAL.sub("", model)
    if plain != model:
        yield Reading("azure", plain)
    if plain.startswith("gpt-35-"):
        yield Reading("azure", plain.replace("gpt-35-", "gpt-3.5-", 1))


def _self_hosted(provider: str, model: str) -> str:
    return (
        f"self-hosted: say what its machines cost with `breakeven prices set {model} --provider {provider} "
        "--gpu-hour-usd USD --gpus N --from DATE`"
    )
