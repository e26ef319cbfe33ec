"""The receiving end over HTTP: `/v1/traces`, `/v1/metrics`, `/v1/logs`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from breakeven_collector import otlp
from breakeven_collector.access import Access
from breakeven_collector.compression import inflate
from breakeven_collector.errors import BadRequest
from breakeven_collector.journal import Journal, JournalError
from breakeven_collector.received import Received

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

PATHS: Final = {f"/v1/{signal}{slash}": signal for signal in ("traces", "metrics", "logs") for slash in ("", "/")}
"""Path → signal. With and without a trailing slash: exporters do not follow a redirect, the data would be lost."""

_SMALL: Final = 64 * 1024


class Receiver:
    """Takes OTLP requests into the journal."""

    def __init__(self, journal: Journal, access: Access, max_body_bytes: int, received: Received) -> None:
        self._journal = journal
        self._access = access
        self._max_body_bytes = max_body_bytes
        self.received = received

        self._endpoints = {path: self._of(signal) for path, signal in PATHS.items()}

    def router(self) -> APIRouter:
        """The routes, for who asks what there is and for methods that are not allowed."""
        router = APIRouter()
        for path, endpoint in self._endpoints.items():
            router.add_api_route(path, endpoint, methods=["POST"], include_in_schema=False)
        return router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a POST to one of PATHS, as ASGI has it."""
        answer = await self._endpoints[scope["path"]](Request(scope, receive))
        await answer(scope, receive, send)

    def _of(self, signal: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                encoding = otlp.Encoding.of(_header(request, "content-type"))
            except BadRequest as error:
                self.received.refuse(error.status)
                # There is no encoding of the client's to answer in.
                return self._error(otlp.Encoding.JSON, error.status, str(error))
            try:
                # Before the body: nothing of a stranger's is read.
                project = self._access.ingest_project(request.headers)
                body = await self._body(request)
                if signal != "traces":
                    self.received.drop(signal)
                    return Response(otlp.response(encoding), media_type=encoding.value)
                traces = await self._read(body, encoding)
                if traces.spans:
                    await asyncio.wrap_future(self._journal.append(traces.body, project))
            except BadRequest as error:
                self.received.refuse(error.status)
                return self._error(encoding, error.status, str(error))
            except JournalError as error:
                self.received.could_not_keep(str(error))
                return self._error(encoding, 503, str(error))
            except ClientDisconnect:
                return Response(status_code=400)
            except asyncio.CancelledError:
                # Only the end of the server does this, to clients that are still sending by then.
                return self._error(encoding, 503, "the collector is stopping")
            self.received.took(
                traces.spans,
                traces.rejected,
                protocol=encoding.protocol,
                oldest_end_ns=traces.oldest_end_ns,
                newest_end_ns=traces.newest_end_ns,
            )
            return Response(otlp.response(encoding, traces.rejected, traces.reason), media_type=encoding.value)

        return endpoint

    async def _body(self, request: Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._max_body_bytes:
                raise BadRequest(413, f"the body is over {self._max_body_bytes} bytes; send smaller batches")
            parts.append(part)
        body = b"".join(parts)
        compression = _header(request, "content-encoding")
        if len(body) <= _SMALL and not compression:
            return body
        return await asyncio.to_thread(inflate, body, compression, self._max_body_bytes)

    async def _read(self, body: bytes, encoding: otlp.Encoding) -> otlp.Traces:
        if len(body) <= _SMALL:
            return otlp.read_traces(body, encoding)
        return await asyncio.to_thread(otlp.read_traces, body, encoding)

    def _error(self, encoding: otlp.Encoding, status: int, message: str) -> Response:
        headers = {"Retry-After": "2"} if status in (429, 503) else {}
        return Response(
            otlp.error_body(encoding, status, message), status_code=status, media_type=encoding.value, headers=headers
        )


def _header(request: Request, name: str) -> str:
    """All lines of a header as one, which is what they mean: two that contradict each other are then neither."""
    return ", ".join(request.headers.getlist(name))
