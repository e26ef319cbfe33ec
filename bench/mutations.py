"""Requests that no client should send: what real clients sent, bent at random. Same seed, same requests."""

import base64
import copy
import gzip
import json
import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from breakeven_collector.compression import zstd
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

FIXTURES: Final = Path(__file__).parents[1] / "tests" / "fixtures"
_LARGEST: Final = 30_000
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_INTEGERS: Final = (0, 1, -1, 1 << 31, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63), 1 << 63, (1 << 64) - 1, 1 << 64)
_VALUES: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        "",
        "x",
        "9" * 30,
        "NaN",
        "é",
        "\ud800",
        "\0",
        1.5,
        -0.0,
        1e308,
        [],
        {},
        [[]],
        [None],
        [1, {}],
    ),
    *map(json.loads, ('{"stringValue":null}', '{"intValue":"x"}', '{"kvlistValue":{"values":[{}]}}')),
    *_INTEGERS,
    *map(str, _INTEGERS),
)
_TIMES: Final = (0, 1, 1_000_000_000, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_TYPES: Final = (
    *("Application/X-Protobuf; charset=utf-8", "APPLICATION/JSON;charset=UTF-8", "text/plain", "", "application/jsonl"),
    *("application/x-protobuf, application/json", "x" * 1000, "\xff", "multipart/form-data; boundary=x"),
)


@dataclass(frozen=True)
class Sent:
    """A request: what of it is sent."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    path: str = "/v1/traces"
    method: str = "POST"
    chunked: bool = False
    """Without a Content-Length."""


class Mutations:
    """Draws requests."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._protobuf, self._json = captured()

    def request(self) -> Sent:
        """The next one."""
        draw = self._random
        is_json = draw.random() < 0.4
        body = self._json_body() if is_json else self._protobuf_body()
        headers = {"Content-Type": JSON if is_json else PROTOBUF}
        if draw.random() < 0.08:
            headers["Content-Type"] = draw.choice((*_TYPES, JSON, PROTOBUF))
        body, encoding = self._compressed(body)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Sent(
            body,
            headers,
            path=draw.choice(("/v1/traces",) * 20 + ("/v1/traces/", "/v1/metrics", "/v1/logs", "/v1/nothing")),
            method=draw.choice(("POST",) * 60 + ("GET", "PUT")),
            chunked=draw.random() < 0.1,
        )

    # ---------------------------------------------------------------------------------------------------- bodies

    def _protobuf_body(self) -> bytes:
        draw = self._random
        kind = draw.random()
        if kind < 0.1:
            return draw.randbytes(draw.randrange(200))
        data = draw.choice(self._protobuf)
        if kind < 0.5:
            return self._bent(data, draw.choice(self._protobuf))
        message = ExportTraceServiceRequest.FromString(data)
        for _ in range(draw.randrange(1, 4)):
            self._bend_message(message)
        data = message.SerializeToString()
        return self._bent(data, data) if kind < 0.6 else data

    def _bend_message(self, message: ExportTraceServiceRequest) -> None:
        draw = self._random
        spans = [span for r in message.resource_spans for scope in r.scope_spans for span in scope.spans]
        if not spans:
            return
        span = draw.choice(spans)
        how: list[Callable[[Span], None]] = [self._bend_id, self._bend_time, self._bend_attribute, self._repeat]
        draw.choice(how)(span)

    def _bend_id(self, span: Span) -> None:
        name = self._random.choice(("trace_id", "span_id", "parent_span_id"))
        setattr(span, name, self._random.choice((b"", b"x", bytes(8), bytes(16), self._random.randbytes(17))))

    def _bend_time(self, span: Span) -> None:
        name = self._random.choice(("start_time_unix_nano", "end_time_unix_nano"))
        setattr(span, name, self._random.choice(_TIMES))

    def _bend_attribute(self, span: Span) -> None:
        draw = self._random
        if not span.attributes:
            return
        value = draw.choice(span.attributes).value
        kind = draw.randrange(6)
        if kind == 0:
            value.int_value = draw.choice(tuple(n for n in _INTEGERS if -(1 << 63) <= n < 1 << 63))
        elif kind == 1:
            value.double_value = draw.choice((float("nan"), float("inf"), -1.5, 1e308))
        elif kind == 2:
            value.string_value = draw.choice(("", "\0", "{", "[1", "9" * 40, "-1", "x" * 5000, "{'a': 1}", "\u202e"))
        elif kind == 3:
            value.bytes_value = draw.randbytes(draw.randrange(50))
        elif kind == 4:
            for _ in range(draw.choice((1, 5, 90))):
                value = value.array_value.values.add()
        else:
            value.kvlist_value.values.add(key="gen_ai.usage.input_tokens").value.int_value = 5

    def _repeat(self, span: Span) -> None:
        if span.attributes:
            for _ in range(self._random.choice((1, 200))):
                span.attributes.add().CopyFrom(self._random.choice(span.attributes))

    def _json_body(self) -> bytes:
        draw = self._random
        text = draw.choice(self._json)
        kind = draw.random()
        if kind < 0.4:
            return self._bent(text, draw.choice(self._json))
        if kind < 0.45:
            return b"[" * draw.choice((1, 100, 20_000))
        document = json.loads(text)
        for _ in range(draw.randrange(1, 4)):
            self._bend_node(document)
        return json.dumps(document, ensure_ascii=draw.random() < 0.9).encode(errors="surrogatepass")

    def _bend_node(self, document: Any) -> None:
        """Walk down to a random depth, and change, repeat or take away what is there."""
        draw = self._random
        node: Any = document
        while True:
            keys: list[Any] = [*range(len(cast(list[Any], node)))] if isinstance(node, list) else [*node]
            if not keys:
                return
            key = draw.choice(keys)
            if not isinstance(node[key], dict | list) or draw.random() < 0.1:
                break
            node = cast(Any, node[key])
        how = draw.randrange(4)
        if how == 0:
            del node[key]
        elif how == 1 and isinstance(node, list):
            items = cast(list[Any], node)
            items.extend([copy.deepcopy(items[key])] * draw.choice((1, 50)))
        elif how == 2 and isinstance(node, dict):
            node[draw.choice(("traceId", "spanId", "parentSpanId", "value", "attributes", "intValue", "kind"))] = node[
                key
            ]
        else:
            node[key] = copy.deepcopy(draw.choice(_VALUES))

    def _bent(self, data: bytes, other: bytes) -> bytes:
        """Bytes changed, put in, taken out, cut off, or continued by another body's."""
        draw = self._random
        out = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 5, 30))):
            at = draw.randrange(len(out) + 1)
            how = draw.randrange(6)
            if how == 0 and at < len(out):
                out[at] ^= 1 << draw.randrange(8)
            elif how == 1:
                out[at:at] = draw.randbytes(draw.randrange(1, 9))
            elif how == 2:
                del out[at : at + draw.randrange(1, 9)]
            elif how == 3 and at < len(out):
                out[at] = draw.choice((0, 127, 128, 255))
            elif how == 4 and draw.random() < 0.3:
                del out[at:]
            elif how == 5 and draw.random() < 0.3:
                out[at:] = other[draw.randrange(len(other) + 1) :]
        return bytes(out[: 2 * _LARGEST])

    # ----------------------------------------------------------------------------------------------- compression

    def _compressed(self, body: bytes) -> tuple[bytes, str]:
        draw = self._random
        name = draw.choice(("", "", "", "gzip", "zstd", "deflate"))
        packed = {"gzip": lambda: gzip.compress(body, 1), "zstd": lambda: zstd.compress(body, 1)}
        packed["deflate"] = lambda: zlib.compress(body, 1)
        body = packed[name]() if name else body
        kind = draw.random()
        if kind < 0.05:
            body = self._bent(body, body)
        elif kind < 0.08:
            name = draw.choice(("gzip", "zstd", "deflate", "br", "gzip, gzip", "identity", "x" * 300))
        elif kind < 0.0805:
            return bomb(), "zstd"
        return body, name


@cache
def captured() -> tuple[list[bytes], list[bytes]]:
    """What real clients sent, in protobuf and in JSON."""
    protobuf: list[bytes] = []
    texts: list[bytes] = []
    for path in sorted([*(FIXTURES / "otlp").iterdir(), *(FIXTURES / "wire").iterdir()]):
        name = path.name.removesuffix(".gz")
        if not path.is_file() or "metrics" in name or "truth" in name or "headers" in name:
            continue
        data = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
        if len(data) > _LARGEST:
            continue
        if name.endswith(".pb"):
            protobuf.append(data)
        elif name.endswith(".json"):
            texts.append(data)
    return protobuf, texts


def bomb() -> bytes:
    """Half a megabyte that becomes 13 GB."""
    block = (1 << 1 | 131_072 << 3).to_bytes(3, "little") + b"x"  # one byte, 131,072 times
    return base64.b16decode("28B52FFD0038") + block * 100_000
