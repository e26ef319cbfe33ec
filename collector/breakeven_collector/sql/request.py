"""A request in ClickHouse's HTTP dialect: where query, parameters, key and wishes for the answer stand."""

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from uuid import uuid4

import lz4.frame  # pyright: ignore[reportMissingTypeStubs]
from starlette.requests import Request

from breakeven_collector.sql.allowed import FORMAT_SPELLINGS
from breakeven_collector.sql.errors import SqlError, denied
from breakeven_collector.sql.tokens import MAX_TEXT_BYTES

try:
    from compression import zstd  # pyright: ignore
except ImportError:  # Python before 3.14
    from backports import zstd

_IGNORED: Final = frozenset(
    {
        # A query changes nothing, so a session has nothing to keep.
        *("session_id", "session_timeout", "session_check", "quota_key", "user", "readonly", "wait_end_of_query"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms", "buffer_size"),
        *("cancel_http_readonly_queries_on_client_close", "add_http_cors_header", "http_receive_timeout"),
        *("http_send_timeout", "log_queries", "log_comment", "connect_timeout", "send_timeout", "receive_timeout"),
    }
)


@dataclass(frozen=True)
class Asked:
    """What a request asks for."""

    text: str
    """The query."""
    parameters: Mapping[str, str]
    """Values of its `{name:Type}`, in the form of a `param_…`: escaped as in TabSeparated."""
    default_format: str
    """Format of the answer where the query names none."""
    query_id: str
    encoding: str
    """How to compress the answer; empty: not at all."""
    revision: int
    """`client_protocol_version`."""
    max_seconds: float | None
    """How long it may run by the client's wish."""


def credential(headers: Mapping[str, str]) -> str | None:
    """The key of a request: `X-ClickHouse-Key`, `Authorization: Bearer`, Basic's password, or `x-api-key`.

    Args:
        headers: names in lower case.
    """
    if key := headers.get("x-clickhouse-key"):
        return key
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            _, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        if password:
            return password
    return headers.get("x-api-key") or None


def bearer_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with the key where all of Breakeven looks for it: as `Authorization: Bearer`."""
    key = credential(headers)
    others = {name: value for name, value in headers.items() if name not in ("authorization", "x-api-key")}
    return {**others, "authorization": f"Bearer {key}"} if key else others


async def read_request(request: Request, database: str) -> Asked:
    """Read a request.

    Raises:
        SqlError: it wants what is not offered here.
    """
    query = request.query_params
    if "password" in query:
        raise SqlError(
            516,
            "no passwords in addresses: they end up in logs. Send the key as X-ClickHouse-Key, as the password of "
            "Basic authentication, or as Authorization: Bearer",
            status=400,
        )
    parameters: dict[str, str] = {}
    wishes: dict[str, str] = {}
    for name, value in query.items():
        if name.startswith("param_"):
            parameters[name.removeprefix("param_")] = value
        elif name not in _IGNORED and name != "query":
            wishes[name] = value
    wished = wishes.pop("database", "") or request.headers.get("x-clickhouse-database", "")
    if wished not in ("", "default", database):
        raise SqlError(81, f"there is no database {wished[:64]} here; leave it out, or name {database}")
    form = wishes.pop("default_format", "") or request.headers.get("x-clickhouse-format", "")
    encoding = _encoding(request) if wishes.pop("enable_http_compression", "0") in ("1", "true") else ""
    if wishes.pop("compress", "0") != "0" or wishes.pop("decompress", "0") != "0":
        raise denied("compress=1 is not offered; use Accept-Encoding with enable_http_compression=1")
    revision = _whole(wishes.pop("client_protocol_version", "0"), "client_protocol_version")
    query_id = wishes.pop("query_id", "")[:100]
    seconds = wishes.pop("max_execution_time", "")
    if wishes:
        name = min(wishes)
        raise SqlError(164, f"Cannot modify '{name[:64]}' setting in readonly mode; leave it out")
    text = "\n".join(part for part in (query.get("query", ""), await _body(request)) if part.strip())
    return Asked(
        text=text,
        parameters=parameters,
        default_format=format_name(form or "TabSeparated"),
        query_id=re.sub(r"[^\w.:-]", "", query_id) or str(uuid4()),
        encoding=encoding,
        revision=revision,
        max_seconds=_seconds(seconds),
    )


def format_name(spelled: str) -> str:
    """The name of a format in any spelling.

    Raises:
        SqlError: there is none.
    """
    try:
        return FORMAT_SPELLINGS[spelled.lower()]
    except KeyError:
        raise SqlError(
            73, f"the format {spelled[:64]} is not offered; there is JSON, CSVWithNames, Native, Parquet …"
        ) from None


def compress(data: bytes, encoding: str) -> bytes:
    """Compress an answer."""
    match encoding:
        case "zstd":
            return cast(bytes, zstd.compress(data))
        case "lz4":
            return cast(bytes, lz4.frame.compress(data))
        case "gzip":
            return gzip.compress(data, compresslevel=3)
        case "deflate":
            return zlib.compress(data, level=3)
        case _:
            return data


def _encoding(request: Request) -> str:
    accepted: set[str] = set()
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if not re.fullmatch(r"\s*q\s*=\s*0(?:\.0*)?\s*", quality):
            accepted.add(name.strip())
    return next((known for known in ("zstd", "lz4", "gzip", "deflate") if known in accepted), "")


async def _body(request: Request) -> str:
    kind = request.headers.get("content-type", "").lower()
    if kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        raise denied("forms and external tables are not offered; send the query as the body or as ?query=")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_TEXT_BYTES:
            raise SqlError(62, f"the query is longer than {MAX_TEXT_BYTES} bytes", status=413)
    encoding = request.headers.get("content-encoding", "identity").lower()
    try:
        if encoding in ("gzip", "deflate"):
            inflater = zlib.decompressobj(wbits=47)
            data = inflater.decompress(bytes(body), MAX_TEXT_BYTES + 1)
            if len(data) > MAX_TEXT_BYTES:
                raise SqlError(62, f"the query is longer than {MAX_TEXT_BYTES} bytes", status=413)
            return data.decode()
        if encoding == "identity":
            return body.decode()
    except (zlib.error, UnicodeDecodeError):
        raise SqlError(62, "the body cannot be read as UTF-8 text") from None
    raise SqlError(
        36, f"Content-Encoding {encoding[:20]} is not offered for queries; send them as they are", status=415
    )


def _whole(value: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise SqlError(36, f"{name} is {value[:20]!r}; it has to be a whole number")
    return int(value)


def _seconds(value: str) -> float | None:
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
        raise SqlError(36, f"max_execution_time is {value[:20]!r}; it has to be a number of seconds")
    # 0 is no limit of the client's.
    return float(value) or None
