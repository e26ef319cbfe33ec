"""The providers' clients, the way their instrumentations report a call, and the ways in which a call ends."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, eq=False)
class Client:
    """A provider's client library with the instrumentation that reports it."""

    provider: str
    scope: str
    version: str
    span_name: str
    operation: str = "chat"
    id_prefix: str = ""
    has_status: bool = False
    """Whether it reports `http.response.status_code`."""


OPENAI: Final = Client(
    "openai", "opentelemetry.instrumentation.genai.openai", "1.3b0", "chat {}", id_prefix="chatcmpl-"
)
EMBEDDINGS: Final = Client("openai", OPENAI.scope, OPENAI.version, "embeddings {}", operation="embeddings")
VLLM: Final = Client("vllm", OPENAI.scope, OPENAI.version, "chat {}", id_prefix="chatcmpl-")
ANTHROPIC: Final = Client(
    "anthropic", "com.anthropic.sdk.python", "2.12.0", "anthropic.messages.create", id_prefix="msg_01", has_status=True
)
ANTHROPIC_AGAIN: Final = Client(
    "anthropic", "opentelemetry.instrumentation.genai.anthropic", "1.3b0", "chat {}", id_prefix="msg_01"
)
"""A second instrumentation of Anthropic's client: it reports every answer once more, around the SDK's own span."""
GOOGLE: Final = Client(
    "gcp.gemini", "opentelemetry.instrumentation.google_genai", "1.3b0", "generate_content {}", "generate_content"
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a call can end. `share` is of all calls."""

    share: float
    error_type: str = ""
    http_status: int = 200
    seconds: float = 0.0
    """How long it took, where that has nothing to do with the answer."""


ANSWERED: Final = Outcome(0.0)
WITHOUT_USAGE: Final = Outcome(0.0)
"""The stream ended without a word on tokens: OpenAI's default for streams."""
FAILURES: Final = (
    Outcome(0.006, "RateLimitError", 429, 0.2),
    Outcome(0.002, "APITimeoutError", 0, 60.0),
    Outcome(0.002, "InternalServerError", 500, 3.0),
)
