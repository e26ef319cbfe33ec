"""Runs the collector: the pipeline with its HTTP front on a socket."""

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

import uvicorn

from breakeven_collector import local_key
from breakeven_collector.app import create_app
from breakeven_collector.errors import ConfigError
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings

if TYPE_CHECKING:
    from breakeven_collector.grpc_receiver import GrpcReceiver

_log = logging.getLogger(__name__)


class Collector:
    """A running collector, serving in a thread. A context manager: leaving it ships what was taken.

    Attributes:
        pipeline: What is behind it.
        url: Where it listens.
        grpc_address: Where it listens for gRPC; empty where it does not.
        app: Its HTTP front, once it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.pipeline = Pipeline(settings)
        self._settings = settings
        self.url = ""
        self._grpc: GrpcReceiver | None = None

    def __enter__(self) -> "Collector":
        """Start.

        Raises:
            ConfigError: the address cannot be listened on, or others can reach it and there is no key.
            StoreError: the store cannot be opened.
        """
        # The port first: that it is taken is the likelier and cheaper failure.
        self._socket = _listen(self._settings.host, self._settings.port)
        host = self._socket.getsockname()[0]
        try:
            serves_grpc = self._can_serve_grpc(host)
            self.pipeline.__enter__()
        except BaseException:
            self._socket.close()
            raise
        host, self._port = self._socket.getsockname()[:2]
        try:
            self.pipeline.access.listen(host)
            self._local_key = local_key.leave(self._settings.data_dir, self._port)
            self.pipeline.access.trust(self._local_key)
            if serves_grpc:
                self._grpc = self._start_grpc(host)
        except BaseException as error:
            self._socket.close()
            self.pipeline.__exit__(type(error), error, None)
            raise
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._port}"
        self.app = create_app(self.pipeline)
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="breakeven-http", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        # A look at months of the past would hold the server's last thread for minutes.
        self.pipeline.alerts.stop.set()
        self._server.should_exit = True
        if self._grpc:
            self._grpc.close()
        self._thread.join()
        self.app.verdicts.close()
        self.app.bills.close()
        self._socket.close()
        local_key.take_away(self._settings.data_dir, self._port, self._local_key)
        self.pipeline.__exit__(kind, error, tb)

    @property
    def grpc_address(self) -> str:
        """As gRPC clients name it, `127.0.0.1:4317`."""
        return self._grpc.address if self._grpc else ""

    def _can_serve_grpc(self, host: str) -> bool:
        """Looked at before the store is opened.

        Raises:
            ConfigError: the port is taken, and it was named on purpose.
        """
        if self._settings.grpc_port < 0:
            return False
        try:
            _listen(host, self._settings.grpc_port, "grpc-port").close()
        except ConfigError as error:
            if "grpc_port" in self._settings.model_fields_set:
                raise
            _log.warning("without gRPC: %s", error)
            return False
        return True

    def _start_grpc(self, host: str) -> "GrpcReceiver | None":
        from breakeven_collector.grpc_receiver import GrpcReceiver

        behind = self.pipeline
        receiver = GrpcReceiver(behind.journal, behind.access, self._settings.max_body_bytes, behind.received)
        try:
            receiver.start(host, self._settings.grpc_port)
        except ConfigError as error:
            # Somebody took it since it was looked at.
            if "grpc_port" in self._settings.model_fields_set:
                raise
            _log.warning("without gRPC: %s", error)
            return None
        return receiver

    def can_listen(self) -> bool:
        """Whether the port is free."""
        try:
            _listen(self._settings.host, self._settings.port).close()
        except ConfigError:
            return False
        return True


def until_stopped(on_wait: Callable[[], None] | None = None) -> None:
    """Return when the process is told to stop (Ctrl-C, SIGTERM). Main thread only."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    # chDB takes signals over when it is imported; these are ours.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if on_wait:
        on_wait()
    stopped.wait()


def _listen(host: str, port: int, option: str = "port") -> socket.socket:
    listener = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except UnicodeError:
        raise ConfigError(f"{host!r} is not the name of a host. Choose another --host") from None
    except OSError as error:
        if listener:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host} is taken, perhaps by another collector. Stop that, or choose another port: "
                f"--{option}, or BREAKEVEN_{option.upper().replace('-', '_')}"
            ) from None
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another --host or --{option}"
        ) from None
    return listener
