"""The feature across threads.

Python starts a thread with an empty context. Carried over is the feature only, not the running span: traces look the
same with Breakeven and without. opentelemetry-instrumentation-threading does carry the span, and may be used as well.
"""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

from breakeven import _switch
from breakeven._entry import Settled
from breakeven._guard import guard
from breakeven._payer import NOBODY, current

_PATCHED = "_breakeven_patched"


@guard("follow threads")
def follow_threads() -> None:
    """Patch ThreadPoolExecutor.submit (and with it run_in_executor) and Thread.start, once."""
    if not hasattr(ThreadPoolExecutor.submit, _PATCHED):
        ThreadPoolExecutor.submit = _following_submit(ThreadPoolExecutor.submit)  # type: ignore[method-assign]
    if not hasattr(threading.Thread.start, _PATCHED):
        threading.Thread.start = _following_start(threading.Thread.start)  # type: ignore[method-assign]


def _following_submit(submit: Any) -> Any:
    @functools.wraps(submit)
    def wrapper(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if _switch.off:
            return cast("Future[Any]", submit(self, fn, *args, **kwargs))
        # Also outside any feature: the worker thread may have been started inside one.
        settled = Settled(current())

        def work(*args: Any, **kwargs: Any) -> Any:
            with settled:
                return fn(*args, **kwargs)

        return cast("Future[Any]", submit(self, work, *args, **kwargs))

    setattr(wrapper, _PATCHED, True)
    return wrapper


def _following_start(start: Any) -> Any:
    @functools.wraps(start)
    def wrapper(self: threading.Thread) -> None:
        # A daemon thread is mostly one that a library starts at its first use and keeps for everyone: billing all its
        # later work to the feature that happened to come first would be worse than billing it to nobody.
        payer = NOBODY if _switch.off or self.daemon else current()
        if payer is not NOBODY:
            run = self.run

            def follow() -> None:
                with Settled(payer):
                    run()

            self.run = follow  # type: ignore[method-assign]
        start(self)

    setattr(wrapper, _PATCHED, True)
    return wrapper
