"""Headers that every answer to people and programs that read has; answers to OTLP clients have none of them."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    # What is told depends on the key, and on the second: no cache may keep it.
    "Cache-Control": "no-store",
}
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
"""An answer that is data: opened in a browser it may load, run and be framed by nothing."""
_PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""A page takes everything from this collector, and has no script or style of its own in it."""


class SecurityHeaders:
    """Adds them to what an application answers, where it has not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        otlp = scope["path"].startswith("/v1/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if message["status"] == 401:
                    headers.setdefault("WWW-Authenticate", 'Bearer realm="breakeven"')
                if not otlp:
                    page = headers.get("content-type", "").startswith("text/html")
                    for name, value in _ALWAYS.items():
                        headers.setdefault(name, value)
                    headers.setdefault("Content-Security-Policy", _PAGE if page else _NOTHING)
            await send(message)

        await self._app(scope, receive, with_headers)
