"""Names on spans: what they mean in the book, and that none is ever priced as another model."""

import re
from pathlib import Path

import pytest
from breakeven_collector.errors import ConfigError
from breakeven_collector.model_aliases import ModelAlias, load_model_aliases
from breakeven_collector.prices import Book

BEDROCK = "arn:aws:bedrock:us-east-1:123456789012"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


@pytest.mark.parametrize(
    ("provider", "model", "meant"),
    [
        # OpenTelemetry's names of providers
        ("gcp.gen_ai", "gemini-2.0-flash", ("google", "gemini-2.0-flash")),
        ("gcp.gemini", "gemini-2.0-flash", ("google", "gemini-2.0-flash")),
        ("gcp.vertex_ai", "gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("x_ai", "grok-3", ("x-ai", "grok-3")),
        ("mistral_ai", "mistral-large-latest", ("mistral", "mistral-large")),
        ("azure.ai.inference", "gpt-4o", ("azure", "gpt-4o")),
        ("azure.ai.openai", "gpt-4o", ("azure", "gpt-4o")),
        ("az.ai.openai", "gpt-4o", ("azure", "gpt-4o")),
        ("aws.bedrock", SONNET, ("aws", f"regional.{SONNET}")),
        # no provider: the model says it
        ("", "gpt-4o", ("openai", "gpt-4o")),
        ("", "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("", f"eu.{SONNET}", ("aws", f"regional.{SONNET}")),
        # Azure's deployments and model names
        ("azure.ai.openai", "gpt-4o-2024-08-06", ("azure", "gpt-4o")),
        ("azure.ai.openai", "gpt-4o-global", ("azure", "gpt-4o")),
        ("azure.ai.openai", "gpt-4o-2024-08-06-global-standard", ("azure", "gpt-4o")),
        ("azure.ai.openai", "gpt-35-turbo-0125", ("azure", "gpt-3.5-turbo")),
        ("azure", "o3", ("azure", "o3-2025-04-16")),
        # Bedrock's regions, inference profiles and ARNs
        ("aws.bedrock", f"us.{SONNET}", ("aws", f"regional.{SONNET}")),
        ("aws.bedrock", f"global.{SONNET}", ("aws", f"global.{SONNET}")),
        ("aws.bedrock", f"{BEDROCK}:inference-profile/us.{SONNET}", ("aws", f"regional.{SONNET}")),
        ("aws.bedrock", f"{BEDROCK}:inference-profile/global.{SONNET}", ("aws", f"global.{SONNET}")),
        ("aws.bedrock", f"arn:aws:bedrock:eu-west-1::foundation-model/{SONNET}", ("aws", f"regional.{SONNET}")),
        ("anthropic", f"us.{SONNET}", ("aws", f"regional.{SONNET}")),
        # Vertex
        ("gcp.vertex_ai", "publishers/anthropic/models/claude-sonnet-4-5@20250929", ("google", "claude-sonnet-4-5")),
        ("gcp.gemini", "models/gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        (
            "gcp.vertex_ai",
            "projects/acme/locations/us-central1/publishers/google/models/gemini-2.5-pro",
            ("google", "gemini-2.5-pro"),
        ),
        # LiteLLM
        ("litellm", "anthropic/claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("anthropic", "anthropic/claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("", f"bedrock/us-east-1/{SONNET}", ("aws", f"regional.{SONNET}")),
        ("litellm", f"bedrock/converse/global.{SONNET}", ("aws", f"global.{SONNET}")),
        ("", "azure/gpt-4o", ("azure", "gpt-4o")),
        ("", "azure/global/gpt-4o", ("azure", "gpt-4o")),
        ("", "vertex_ai/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("", "gemini/gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("", "groq/llama-3.3-70b-versatile", ("groq", "llama-3.3-70b-versatile")),
        ("", "xai/grok-3", ("x-ai", "grok-3")),
        ("", "openrouter/anthropic/claude-sonnet-4.5", ("openrouter", "anthropic/claude-sonnet-4.5")),
        ("openrouter", "anthropic/claude-sonnet-4.5", ("openrouter", "anthropic/claude-sonnet-4.5")),
        ("groq", "openai/gpt-oss-120b", ("groq", "openai/gpt-oss-120b")),
        # fine-tuned, with a rate of its own
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", ("openai", "ft:gpt-4o-mini")),
        # snapshots
        ("openai", "gpt-4o-2024-11-20", ("openai", "gpt-4o")),
        ("openai", "gpt-5.2-20251211", ("openai", "gpt-5.2")),
    ],
)
def test_a_name_on_a_span_means_a_model_of_the_book(
    book: Book, provider: str, model: str, meant: tuple[str, str]
) -> None:
    found = book.resolve(provider, model, "")
    assert ((found.provider, found.model), found.reason) == (meant, "")


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("openai", "gpt-9-ultra", "not in the book"),
        ("", "gpt-9-ultra", "not in the book"),
        ("anthropic", "claude-sonnet-99", "not in the book"),
        ("", "claude-sonnet-99", "not in the book"),
        ("openai", "gpt-4o-2031-01-01", "not in the book"),
        ("azure.ai.openai", "our-deployment", r"not in the book.*\[\[models\]\] in breakeven.toml"),
        ("ibm.watsonx.ai", "ibm/granite-13b", "not in the book"),
        ("groq", "anthropic/claude-sonnet-4-5", "not in the book"),
        ("", "", "names no model"),
        ("ollama", "llama3.2", "self-hosted.*prices set llama3.2 --provider ollama --gpu-hour-usd"),
        ("vllm", "gpt-4o", "self-hosted"),
        ("", "hosted_vllm/acme", "self-hosted"),
        ("litellm", "ollama/llama3.2", "self-hosted"),
        ("openai", "ft:gpt-4.1-mini-2025-04-14:acme::abc", "fine-tuned.*base model's price is not used"),
        ("openai", "ft:gpt-4-0613:acme::abc", "fine-tuned"),  # the book would take it for gpt-4
        ("litellm", "openai/ft:gpt-4.1-mini-2025-04-14:acme::abc", "fine-tuned"),
        ("aws.bedrock", f"{BEDROCK}:application-inference-profile/a1b2c3", "does not say which model"),
        ("aws.bedrock", f"bedrock/{BEDROCK}:application-inference-profile/a1b2c3", "does not say which model"),
        ("aws.bedrock", f"{BEDROCK}:provisioned-model/x", "does not say which model"),
        ("gcp.vertex_ai", "projects/1/locations/us-central1/endpoints/77", "does not say which model"),
        ("litellm", "azure/eu/gpt-4o", "no prices for Azure's data zone eu"),
    ],
)
def test_a_name_that_says_too_little_or_is_not_known_has_no_price_and_a_reason(
    book: Book, provider: str, model: str, reason: str
) -> None:
    found = book.resolve(provider, model, "")
    assert (found.provider, found.model) == ("", "")
    assert re.search(reason, found.reason), found.reason


def test_the_books_own_rules_decide_what_the_beginning_of_a_name_means(book: Book) -> None:
    """Documented in docs/prices.md: genai-prices takes any name that begins like this for this model."""
    assert book.resolve("anthropic", "claude-sonnet-4-5-some-day", "").model == "claude-sonnet-4-5"
    assert book.resolve("google", "gemini-3.6-flash-lite", "").model == "gemini-3.6-flash"


def test_what_the_user_says_of_a_name_comes_first() -> None:
    book = Book()
    aliases = [
        ModelAlias(provider="azure.ai.openai", model="Chat-Prod", book_model="gpt-4o-mini"),
        ModelAlias(model="profile-7", book_provider="aws", book_model=f"us.{SONNET}"),
        ModelAlias(provider="vllm", model="phi", book_provider="azure", book_model="phi-4"),
    ]
    asked = [("azure.ai.openai", "chat-prod"), ("aws.bedrock", "profile-7"), ("vllm", "phi"), ("vllm", "chat-prod")]
    found = [book.resolve(*names, "", aliases) for names in asked]
    assert [(f.provider, f.model) for f in found] == [
        ("azure", "gpt-4o-mini"),
        ("aws", f"regional.{SONNET}"),
        ("azure", "phi-4"),
        ("", ""),
    ]


def test_aliases_are_read_from_the_config_file(tmp_path: Path) -> None:
    file = tmp_path / "breakeven.toml"
    assert load_model_aliases(file) == []
    file.write_text(
        '[features.search]\nowner = "web"\n\n[[models]]\nprovider = "azure.ai.openai"\nmodel = "prod"\nbook_model = "gpt-4o"\n'
    )
    assert load_model_aliases(file) == [ModelAlias(provider="azure.ai.openai", model="prod", book_model="gpt-4o")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[models]]\nmodel = "x"\n', r"models\[1\]\.book_model is ''; write a name in quotes"),
        ('[[models]]\nmodel = 7\nbook_model = "y"\n', r"models\[1\]\.model is 7"),
        ('[[models]]\nname = "x"\n', r"models\[1\]: unknown key 'name'; known are provider, model, book_provider"),
        ('models = "x"\n', r"models must be a list of tables; write \[\[models\]\]"),
        ("[[models\n", r"breakeven\.toml"),
    ],
)
def test_a_wrong_alias_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "breakeven.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_model_aliases(file)


def test_what_is_resold_is_priced_at_its_makers_price_in_every_context(book: Book) -> None:
    """As in genai-prices: Azure's batch discount is not in the book."""
    rates = {(r.provider, r.model, r.price_context): r.rates for r in book.rows() if r.tier_start == 0}
    assert rates["azure", "gpt-4o", ""] == rates["openai", "gpt-4o", ""]
    assert book.resolve("azure", "gpt-4o", "processing=batch").price_context == ""
    assert book.resolve("openai", "gpt-4o", "processing=batch").price_context == "processing=batch"
