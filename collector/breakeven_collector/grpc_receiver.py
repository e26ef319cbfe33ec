"""The receiving end over gRPC: the `Export` calls of OTLP's three services.

The same journal, access and counters as over HTTP; gRPC hands the message over as the bytes that came. Imported only
where it is served: grpc takes its time to load.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterable, Iterable
from concurrent.futures import Future
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from breakeven_collector import otlp
from breakeven_collector.access import Access
from breakeven_collector.errors import BadRequest, ConfigError
from breakeven_collector.journal import Journal, JournalError
from breakeven_collector.received import Received

_log = logging.getLogger(__name__)

_METHODS: Final = {
    f"/opentelemetry.proto.collector.{signal}.v1.{service}/Export": name
    for signal, service, name in (
        ("trace", "TraceService", "traces"),
        ("metrics", "MetricsService", "metrics"),
        ("logs", "LogsService", "logs"),
    )
}
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_RETRY_SECONDS: Final = 2
_SMALL: Final = 64 * 1024
_GRACE_SECONDS: Final = 3.0


class GrpcReceiver:
    """Takes OTLP requests over gRPC into the journal, in a thread of its own.

    Attributes:
        address: Where it listens, as gRPC clients name it: `127.0.0.1:4317`.
    """

    def __init__(self, journal: Journal, access: Access, max_body_bytes: int, received: Received) -> None:
        self._journal = journal
        self._access = access
        self._max_body_bytes = max_body_bytes
        self._received = received
        self.address = ""

    def start(self, host: str, port: int) -> None:
        """Listen on an IP address and a port; 0 takes any free one.

        Raises:
            ConfigError: that cannot be listened on.
        """
        listening: Future[int] = Future()
        name = f"[{host}]" if ":" in host else host
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(f"{name}:{port}", listening)), name="breakeven-grpc", daemon=True
        )
        self._thread.start()
        self.address = f"{name}:{listening.result()}"

    def close(self) -> None:
        """Take no more; requests that are under way are answered, for a few seconds."""
        if self.address:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self.address = ""

    async def _serve(self, address: str, listening: "Future[int]") -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = grpc.aio.server(
            options=[
                # Held to before and after decompression; a bomb is stopped while it inflates.
                ("grpc.max_receive_message_length", self._max_body_bytes),
                # Or a second collector would silently share the port.
                ("grpc.so_reuseport", 0),
            ]
        )
        server.add_generic_rpc_handlers((_Services(self._export),))
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            listening.set_exception(ConfigError(f"cannot listen on {address} for gRPC: {error}"))
            return
        await server.start()
        listening.set_result(port)
        await self._stopping.wait()
        await server.stop(_GRACE_SECONDS)

    async def _export(self, signal: str, messages: AsyncIterable[bytes], context: Any) -> bytes:
        try:
            return await self._take(signal, messages, context.invocation_metadata() or ())
        except BadRequest as error:
            self._received.refuse(error.status)
            code, message = _CODES[otlp.GRPC_CODES.get(error.status, 2)], str(error)
        except _NoMessage:
            # Over the limit: gRPC has answered RESOURCE_EXHAUSTED already. Or the client is gone. Nobody hears us.
            self._received.leave_unread()
            return b""
        except JournalError as error:
            self._received.could_not_keep(str(error))
            code, message = grpc.StatusCode.UNAVAILABLE, str(error)
            # Clients that go by the details send again only where they are told when.
            context.set_trailing_metadata((("grpc-status-details-bin", _retry_later(message)),))
        except Exception:  # noqa: BLE001  # or gRPC would tell the client what is in it
            _log.exception("a request over gRPC failed")
            code, message = grpc.StatusCode.INTERNAL, "the collector failed; its log says why"
        await context.abort(code, message)
        raise AssertionError("abort raises")

    async def _take(self, signal: str, messages: AsyncIterable[bytes], metadata: Iterable[Any]) -> bytes:
        # Before the message: nothing of a stranger's is read.
        project = self._access.ingest_project({key: value for key, value in metadata if isinstance(value, str)})
        body = await self._message(messages)
        if signal != "traces":
            self._received.drop(signal)
            return b""
        traces = await self._read(body)
        if traces.spans:
            await asyncio.wrap_future(self._journal.append(traces.body, project))
        self._received.took(
            traces.spans,
            traces.rejected,
            protocol="grpc",
            oldest_end_ns=traces.oldest_end_ns,
            newest_end_ns=traces.newest_end_ns,
        )
        return otlp.response(otlp.Encoding.PROTOBUF, traces.rejected, traces.reason)

    async def _message(self, messages: AsyncIterable[bytes]) -> bytes:
        async for message in messages:
            return message
        raise _NoMessage

    async def _read(self, body: bytes) -> otlp.Traces:
        if len(body) <= _SMALL:
            return otlp.read_traces(body, otlp.Encoding.PROTOBUF)
        return await asyncio.to_thread(otlp.read_traces, body, otlp.Encoding.PROTOBUF)


class _NoMessage(Exception):
    """The call ended without a message."""


class _Services(grpc.GenericRpcHandler):
    def __init__(self, export: Any) -> None:
        self._export = export

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        signal = _METHODS.get(handler_call_details.method)
        if signal is None:
            return None

        async def export(messages: AsyncIterable[bytes], context: Any) -> bytes:
            return await self._export(signal, messages, context)

        # As a stream of one: on the wire it is the same, and the message is read when we ask for it.
        return grpc.stream_unary_rpc_method_handler(export)


def _retry_later(message: str) -> bytes:
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=_RETRY_SECONDS)))
    return Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=message, details=[detail]).SerializeToString()
