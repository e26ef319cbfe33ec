"""What the README shows works as it stands there."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.features import Feature, load_features
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
ANSWER = {
    "id": "chatcmpl-readme",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-6-luna",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found, language
    return found[1]


class Loopback(ThreadingHTTPServer):
    """Stands in for the paid API and for the collector, and keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: dict[str, list[bytes]] = {}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.bodies.setdefault(self.path, []).append(self.rfile.read(int(self.headers["content-length"])))
        answer = json.dumps(ANSWER).encode() if self.path.endswith("/chat/completions") else b""
        self.send_response(200)
        self.send_header("content-type", "application/json" if answer else "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_the_lines_of_application_code_send_a_span_with_feature_and_tokens(loopback: Loopback) -> None:
    url = f"http://127.0.0.1:{loopback.server_port}"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "BREAKEVEN_"))},
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "none",
        "BREAKEVEN_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    ended = subprocess.run(
        [sys.executable, "-c", block("python")], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert "prompt_tokens=9" in ended.stdout
    (body,) = loopback.bodies["/v1/traces"]
    (resource_spans,) = ExportTraceServiceRequest.FromString(body).resource_spans
    (span,) = resource_spans.scope_spans[0].spans
    values = {a.key: a.value.int_value or a.value.string_value for a in span.attributes}
    assert (
        values
        | {
            "breakeven.feature": "ticket-triage",
            "breakeven.tenant": "acme",
            "gen_ai.response.model": "gpt-6-luna",
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 2,
            "breakeven.seq": 1,
        }
        == values
    )


def test_the_lines_of_application_code_are_six_or_fewer() -> None:
    assert len(block("python").split("\n\n", 1)[1].strip().splitlines()) <= 6


def test_the_declared_feature_is_read(tmp_path: Path) -> None:
    path = tmp_path / "breakeven.toml"
    path.write_text(block("toml"), encoding="utf-8")
    assert load_features(path) == {"ticket-triage": Feature("support", "CC-300", Decimal(4000))}


def test_every_link_leads_to_a_file() -> None:
    root = Path(__file__).parents[1]
    pages = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("*/README.md"), root / "CONTRIBUTING.md"]
    dead = [
        (str(page.relative_to(root)), link)
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert dead == []
