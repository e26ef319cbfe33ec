"""What happens when a route fails for a reason that nobody foresaw."""

import logging
import traceback
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)


class CatchBugs:
    """Answers for a route that failed, and logs what failed and where, without the values.

    An exception's own text may quote what was sent: a prompt, a user's name, a key.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001  # the last one that can tell
            _log.error("%s %r failed: %s", scope.get("method"), scope.get("path"), without_values(error))
            if begun or scope["type"] != "http":
                # Half an answer cannot be taken back: the connection breaks off.
                raise ConnectionAbortedError from None
            await self._answer(Request(scope))(scope, receive, send)


def without_values(error: BaseException) -> str:
    """The types of an error and of what caused it, and where: lines of our source, nothing of what they worked on."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        frames = "".join(traceback.format_list(traceback.extract_tb(seen.__traceback__)))
        parts.append(f"{type(seen).__module__}.{type(seen).__qualname__}\n{frames}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "caused by ".join(parts)
