"""Keeps the application's baggage away from LLM providers.

Baggage often names users and tenants. Instrumentations of HTTP clients send it with every request, and Anthropic's own
client does so by itself. The feature is never in baggage; this is about what the application put there.
"""

import re
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from breakeven._guard import guard

LLM_HOSTS: Final = (
    "api.openai.com",
    "*.api.openai.com",
    "*.openai.azure.com",
    "*.services.ai.azure.com",
    "*.cognitiveservices.azure.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "aiplatform.googleapis.com",
    "*-aiplatform.googleapis.com",
    "bedrock-runtime.*.amazonaws.com",
    "bedrock-runtime-fips.*.amazonaws.com",
    "api.mistral.ai",
    "api.cohere.com",
    "api.cohere.ai",
    "api.groq.com",
    "api.together.xyz",
    "api.fireworks.ai",
    "api.deepseek.com",
    "api.x.ai",
    "api.perplexity.ai",
    "api.cerebras.ai",
    "api.voyageai.com",
    "api-inference.huggingface.co",
    "router.huggingface.co",
    "api.replicate.com",
    "api.moonshot.ai",
    "dashscope.aliyuncs.com",
    "dashscope-intl.aliyuncs.com",
    "open.bigmodel.cn",
    "openrouter.ai",
)
"""Hosts that get no baggage; `*` stands for any run of characters."""

_CLIENTS: Final = frozenset({"anthropic", "cohere", "groq", "litellm", "mistralai", "openai", "together"})
_CLIENT_MODULES: Final = ("google.genai",)
_HOST_ATTRIBUTES: Final = ("server.address", "url.full", "http.url", "net.peer.name", "http.host", "peer.service")
_MAX_FRAMES: Final = 80


def _pattern(hosts: tuple[str, ...]) -> re.Pattern[str]:
    each = (re.escape(host.strip().lower()).replace(r"\*", ".*") for host in hosts if host.strip())
    return re.compile("|".join(each))


def _host_of(text: object) -> str | None:
    """The host name in a URL, a Host header or a bare name."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not isinstance(text, str) or not text:
        return None
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname
    except ValueError:
        return None
    return host.rstrip(".") if host else None


class BaggageGate(TextMapPropagator):
    """The application's propagators, which find no baggage when the request goes to an LLM provider.

    Recognised by the Host header, by what the running span says of its server, by the running span being an LLM call,
    or by the caller being the client library of a provider. The last one also works for spans that are sampled out.
    """

    def __init__(self, inner: TextMapPropagator, llm_hosts: tuple[str, ...] = ()) -> None:
        self.inner = inner
        self._hosts = _pattern((*LLM_HOSTS, *llm_hosts))

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """As the application's propagators do it."""
        return self.inner.extract(carrier, context, getter)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """As the application's propagators do it, without baggage for LLM providers."""
        with guard("hold back baggage"):
            if baggage.get_all(context) and self._to_llm(carrier, context):
                context = baggage.clear(context)
        self.inner.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """Names of the headers that may be set."""
        return set(self.inner.fields)

    def _to_llm(self, carrier: object, context: Context | None) -> bool:
        headers: Any = carrier
        if isinstance(carrier, Mapping) or hasattr(carrier, "get"):
            for name in ("host", "Host"):
                if self._is_llm_host(headers.get(name)):
                    return True
        attributes: Any = getattr(trace.get_current_span(context), "attributes", None) or {}
        if any(name.startswith("gen_ai.") for name in attributes):
            return True
        if any(self._is_llm_host(attributes.get(name)) for name in _HOST_ATTRIBUTES):
            return True
        return _called_by_client(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]

    def _is_llm_host(self, text: object) -> bool:
        host = _host_of(text)
        return host is not None and self._hosts.fullmatch(host) is not None


def _called_by_client(frame: FrameType | None) -> bool:
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        module: object = frame.f_globals.get("__name__", "")
        if isinstance(module, str) and (module.partition(".")[0] in _CLIENTS or module.startswith(_CLIENT_MODULES)):
            return True
        frame = frame.f_back
    return False


@guard("hold back baggage from LLM providers")
def hold_back_baggage(llm_hosts: tuple[str, ...]) -> None:
    """Put the gate in front of the global propagators."""
    inner = propagate.get_global_textmap()
    if isinstance(inner, BaggageGate):
        inner = inner.inner
    propagate.set_global_textmap(BaggageGate(inner, llm_hosts))
