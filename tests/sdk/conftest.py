"""Loopback servers, a clean environment, and no error of ours that hides."""

import gzip
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from breakeven._payer import frame_in
from breakeven.testing import raise_errors
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SDK = Path(__file__).parents[2] / "sdk"


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Loopback:
    """A server that keeps what it is sent. POST /v1/traces is OTLP, other paths are LLM providers."""

    requests: list[Request] = field(default_factory=list[Request])
    status: int = 200
    delay_s: float = 0.0
    url: str = ""
    knows_stream_options: bool | None = True
    """False: answers them with 400. None: ignores them."""

    @property
    def exports(self) -> list[Request]:
        return [request for request in self.requests if request.path == "/v1/traces"]

    @property
    def calls(self) -> list[Request]:
        return [request for request in self.requests if request.path != "/v1/traces"]

    @property
    def spans(self) -> list[dict[str, Any]]:
        """Every span that arrived: name, scope, attributes and resource as plain dicts."""
        found: list[dict[str, Any]] = []
        for request in self.exports:
            for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
                for scope in resource.scope_spans:
                    found += [
                        {
                            "name": span.name,
                            "kind": span.kind,
                            "scope": scope.scope.name,
                            "trace": span.trace_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "attributes": _plain(span.attributes),
                            "resource": _plain(resource.resource.attributes),
                        }
                        for span in scope.spans
                    ]
        return found


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "total_tokens": 1200,
        "prompt_tokens_details": {"cached_tokens": 600},
    },
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 2000,
        "cache_read_input_tokens": 5000,
        "output_tokens": 300,
    },
}


def stream_of(with_usage: bool, legacy: bool) -> bytes:
    """Server-sent events as OpenAI sends them: "Hello", and the usage in a chunk of its own if it is asked for."""
    base = {key: CHAT[key] for key in ("id", "created", "model")}
    base["object"] = "text_completion" if legacy else "chat.completion.chunk"
    null = {"usage": None} if with_usage else {}
    texts: list[tuple[str, str | None]] = [("Hel", None), ("lo", None), ("", "stop")]
    events = [
        {
            **base,
            **null,
            "choices": [
                {"index": 0, "finish_reason": end}
                | ({"text": text, "logprobs": None} if legacy else {"delta": {"role": "assistant", "content": text}})
            ],
        }
        for text, end in texts
    ]
    if with_usage:
        events.append({**base, "choices": [], "usage": CHAT["usage"]})
    lines = [json.dumps(event) for event in events] + ["[DONE]"]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    kept = Loopback()
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def read(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def do_POST(self) -> None:
            body = self.read()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            stopped.wait(kept.delay_s)
            kept.requests.append(Request(self.path, headers, body))
            answer = b""
            status = kept.status if self.path == "/v1/traces" else 200
            kind = "application/x-protobuf" if self.path == "/v1/traces" else "application/json"
            path = self.path.split("?")[0]
            if path.endswith("/completions"):
                asked: Any = json.loads(body)
                answer = json.dumps(CHAT).encode()
                if "stream_options" in asked and kept.knows_stream_options is False:
                    status = 400
                    answer = b'{"error": {"message": "Unrecognized request argument supplied: stream_options"}}'
                elif asked.get("stream"):
                    kind = "text/event-stream"
                    options: dict[str, Any] = asked.get("stream_options") or {}
                    with_usage = bool(options.get("include_usage") and kept.knows_stream_options)
                    answer = stream_of(with_usage, not path.endswith("/chat/completions"))
            elif path.endswith("/messages"):
                answer = json.dumps(MESSAGE).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield kept
    stopped.set()
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., Ended]


@pytest.fixture
def start(tmp_path: Path, loopback: Loopback) -> Start:
    """Start a program in a process of its own, with a clean environment and the loopback server as collector."""

    def start(program: str, **env: str) -> "subprocess.Popen[str]":
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(program))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "BREAKEVEN_", "ANTHROPIC_"))}
        return subprocess.Popen(
            # Python 3.12 and later warn of every fork beside a running thread.
            [sys.executable, "-W", "ignore::DeprecationWarning", str(path)],
            env={**clean, "PYTHONPATH": str(SDK), "BREAKEVEN_ENDPOINT": loopback.url, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start: Start) -> Run:
    """Run such a program to its end."""

    def run(program: str, **env: str) -> Ended:
        process = start(program, **env)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)

    return run


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "BREAKEVEN_", "ANTHROPIC_")):
            monkeypatch.delenv(name)


@pytest.fixture
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield
    assert frame_in() is None, "a feature leaked out of the test"
