"""Recorded HTTP exchanges with providers (VCR cassettes of OpenTelemetry's and Traceloop's own tests)."""

import base64
import gzip
import json
import re
import struct
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ARCHIVE = "provider_cassettes.tar.xz"


@dataclass(frozen=True)
class Exchange:
    name: str
    url: str
    status: int
    content_type: str
    headers: dict[str, str]
    """Names in lower case, as AWS's client has them."""
    body: bytes | None
    """None: lost when secrets were taken out of the file."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.url).path)

    @property
    def provider(self) -> str:
        """Who answered, by the host."""
        for part, provider in _HOSTS.items():
            if part in self.host:
                return provider
        return self.host

    def answer(self) -> Any:
        """The body as an application gets it: bytes, or the list of a stream's events."""
        body = self.body or b""
        if "amazon.eventstream" in self.content_type:
            return _aws_events(body)
        if "event-stream" in self.content_type:
            lines = [line[5:].strip() for line in body.decode().splitlines() if line.startswith("data:")]
            return [json.loads(line) for line in lines if line != "[DONE]"]
        if "stream+json" in self.content_type:
            return [json.loads(line) for line in body.splitlines() if line.strip()]
        return body


_HOSTS = {
    "openai.azure.com": "azure",
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "amazonaws.com": "bedrock",
    "api.cohere.com": "cohere",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.deepseek.com": "deepseek",
    "generativelanguage.googleapis.com": "gemini",
    "aiplatform.googleapis.com": "vertex",
    "localhost": "local server",
    "upload.wikimedia.org": "not a provider",
}


def _aws_events(body: bytes) -> list[dict[str, Any]]:
    """`application/vnd.amazon.eventstream` as AWS's client hands it out."""
    events: list[dict[str, Any]] = []
    while body:
        size, headers_size = struct.unpack(">II", body[:8])
        kind = re.search(rb":event-type\x07\x00.(\w+)", body[12 : 12 + headers_size], re.DOTALL)
        assert kind is not None
        payload = json.loads(body[12 + headers_size : size - 4])
        name = kind[1].decode()
        events.append({name: {"bytes": base64.b64decode(payload["bytes"])} if name == "chunk" else payload})
        body = body[size:]
    return events


def read(archive: Path) -> list[Exchange]:
    import yaml  # pyright: ignore[reportMissingModuleSource]

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    exchanges: list[Exchange] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                for interaction in yaml.load(file.read(), Loader=loader)["interactions"]:
                    exchanges.append(_exchange(member.name, interaction))
    return exchanges


def _exchange(name: str, interaction: dict[str, Any]) -> Exchange:
    response: Any = interaction.get("response")
    if response is None:
        return Exchange(name, interaction["request"].get("uri", ""), 0, "", {}, None)
    headers = {
        name.lower(): str(value if isinstance(value, str) else value[0]) for name, value in response["headers"].items()
    }
    body = _bytes(response["body"])
    kind = headers.get("content-type", "")
    return Exchange(name, interaction["request"]["uri"], response["status"]["code"], kind, headers, body)


def _bytes(recorded: dict[str, str | bytes] | None) -> bytes:
    content = (recorded or {}).get("string", b"")
    body = content.encode() if isinstance(content, str) else content
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
