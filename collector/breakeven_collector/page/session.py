"""Signing in: a key becomes a cookie that the page's own scripts cannot read, and that changes nothing.

The cookie holds the key, so it opens what the key opens and ends when the key is revoked. Only what reads takes it
(`Access.reader`), and SameSite=Strict keeps other sites from sending it along; making and leaving one is refused to
forms of other sites.
"""

from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from breakeven_collector.errors import BadRequest
from breakeven_collector.presented import COOKIE

_DAYS: Final = 30
LONGEST_KEY: Final = 200


def check_same_site(request: Request) -> None:
    """Refuse a form that another site sends.

    Raises:
        BadRequest: 403.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    fetched = request.headers.get("sec-fetch-site")
    if (origin is not None and urlsplit(origin).netloc.lower() != host.lower()) or fetched not in (None, "same-origin"):
        raise BadRequest(403, "this form was sent by another site: open the page itself and sign in there")


def signed_in(request: Request, secret: str, to: str) -> Response:
    """Keep the key in the browser, and go on to where the reader came from."""
    answer = RedirectResponse(_own_path(to), status_code=303)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=_DAYS * 86_400,
        httponly=True,
        samesite="strict",
        # Behind a proxy that ends TLS the request itself is in clear text.
        secure="https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "")),
        path="/",
    )
    return answer


def signed_out() -> Response:
    """Forget the key."""
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def _own_path(to: str) -> str:
    """Only a path of this page: never another site's."""
    parts = urlsplit(to)
    if parts.scheme or parts.netloc or not to.startswith("/") or to.startswith(("//", "/\\")) or not to.isprintable():
        return "/"
    return to
