"""Runs the collector: the pipeline with its HTTP front on a socket."""

import errno
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

import uvicorn

from breakeven_collector import local_key
from breakeven_collector.app import create_app
from breakeven_collector.errors import ConfigError
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings


class Collector:
    """A running collector, serving in a thread. A context manager: leaving it ships what was taken.

    Attributes:
        pipeline: What is behind it.
        url: Where it listens.
        app: Its HTTP front, once it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.pipeline = Pipeline(settings)
        self._settings = settings
        self.url = ""

    def __enter__(self) -> "Collector":
        """Start.

        Raises:
            ConfigError: the address cannot be listened on, or others can reach it and there is no key.
            StoreError: the store cannot be opened.
        """
        # The port first: that it is taken is the likelier and cheaper failure.
        self._socket = _listen(self._settings.host, self._settings.port)
        try:
            self.pipeline.__enter__()
        except BaseException:
            self._socket.close()
            raise
        host, self._port = self._socket.getsockname()[:2]
        try:
            self.pipeline.access.listen(host)
            self._local_key = local_key.leave(self._settings.data_dir, self._port)
            self.pipeline.access.trust(self._local_key)
        except BaseException:
            self._socket.close()
            self.pipeline.__exit__(None, None, None)
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
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        local_key.take_away(self._settings.data_dir, self._port, self._local_key)
        self.pipeline.__exit__(kind, error, tb)

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


def _listen(host: str, port: int) -> socket.socket:
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
                "--port, or BREAKEVEN_PORT"
            ) from None
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another --host or --port"
        ) from None
    return listener
