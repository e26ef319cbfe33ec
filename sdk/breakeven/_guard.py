"""The boundary: nothing that goes wrong in here reaches the application."""

import functools
import logging
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

logger = logging.getLogger("breakeven")

P = ParamSpec("P")
R = TypeVar("R")

strict = False
"""Let errors through. Tests set it (`breakeven.testing.raise_errors`); an application never does."""

_MAX_KINDS = 1000
_said: set[str] = set()


def log_once(kind: str, message: str, *args: object, level: int = logging.WARNING) -> None:
    """Log to the logger "breakeven", unless something of this kind was logged before in this process."""
    if kind in _said or len(_said) >= _MAX_KINDS:
        return
    _said.add(kind)
    logger.log(level, message, *args)


def forget_logged() -> None:
    """Start anew, so that a test sees its own message."""
    _said.clear()


class guard:
    """Context manager and decorator that turns an exception of ours into one line of log.

    As a decorator it is for functions that return nothing. Only `Exception` is held back: KeyboardInterrupt and
    SystemExit belong to the application.
    """

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _tb: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or strict:
            return False
        report(self._doing, error)
        return True

    def __call__(self, func: Callable[P, None]) -> Callable[P, None]:
        doing = self._doing

        # Written out rather than `with self:`, which costs three times as much and runs for every span.
        @functools.wraps(func)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                func(*args, **kwargs)
            except Exception as error:
                if strict:
                    raise
                report(doing, error)

        return guarded


def report(doing: str, error: BaseException) -> None:
    """Log an error of ours once for each place and type."""
    log_once(
        f"error:{doing}:{type(error).__name__}",
        "could not %s (%s: %s); the application is not affected, cost data may be missing",
        doing,
        type(error).__name__,
        error,
    )
