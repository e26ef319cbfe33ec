"""The ends of a process: normal exit, SIGTERM, and workers of multiprocessing."""

import atexit
import os
import signal
import threading
from multiprocessing import util as multiprocessing_util
from types import FrameType
from typing import Any

from breakeven._guard import guard
from breakeven._outbox import Outbox

_outboxes: list[Outbox] = []
_installed = False


def watch(outbox: Outbox) -> None:
    """Deliver what is in this outbox when the process ends."""
    global _installed
    _outboxes.append(outbox)
    if not _installed:
        _installed = True
        atexit.register(_finish)
        _watch_multiprocessing()
    # `init` may run first in a thread and later in the main one.
    _watch_sigterm()


def unwatch(outbox: Outbox) -> None:
    """Forget an outbox that was shut down."""
    _outboxes.remove(outbox)


@guard("deliver spans at exit")
def _finish() -> None:
    for outbox in tuple(_outboxes):
        outbox.finish()


@guard("watch for worker exits")
def _watch_multiprocessing() -> None:
    # Such workers end with os._exit after they have run multiprocessing's own finalizers, which a fresh child clears
    # before it runs its after-fork hooks.
    multiprocessing_util.register_after_fork(_finish, _finalize_child)
    _finalize_child(None)


def _finalize_child(_: object) -> None:
    multiprocessing_util.Finalize(None, _finish, exitpriority=-1)


@guard("watch for SIGTERM")
def _watch_sigterm() -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    theirs = signal.getsignal(signal.SIGTERM)
    if theirs is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)
    elif callable(theirs) and theirs is not _on_sigterm and not getattr(theirs, "_breakeven", False):
        signal.signal(signal.SIGTERM, _beside(theirs))


def _on_sigterm(number: int, _frame: FrameType | None) -> None:
    """Deliver, then die of the signal as if nobody had caught it: the exit status stays -15."""
    _finish()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _beside(theirs: Any) -> Any:
    """The application's own handler, told nothing and delayed by nothing.

    It usually lets running work end and then exits, by itself or by raising the signal anew (uvicorn). Waiting here
    would hold that up, and spans of the running work come later anyway. So from here on each span is sent when it ends.
    """

    def handler(number: int, frame: FrameType | None) -> Any:
        for outbox in tuple(_outboxes):
            with guard("hurry"):
                outbox.hurry()
        return theirs(number, frame)

    handler._breakeven = True  # type: ignore[attr-defined]
    return handler
