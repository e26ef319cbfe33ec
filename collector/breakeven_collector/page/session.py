"""Signing in: a key becomes a cookie that the page's own scripts cannot read.

The cookie holds the key, so it opens what the key opens and ends when the key is revoked. What reads takes it
(`Access.reader`), and beside that one form alone, which snoozes an alert (`Access.admin_at_page`). SameSite=Strict
keeps other sites from sending it along; making and leaving one is refused to forms of other sites, and the form that
snoozes has to bring a word that is made of the key.
"""

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from breakeven_collector.errors import BadRequest
from breakeven_collector.presented import COOKIE, presented_key

_DAYS: Final = 30
LONGEST_KEY: Final = 200
_OWN: Final = secrets.token_bytes(32)
"""Where there are no keys."""


def check_same_site(request: Request) -> None:
    """Refuse a form that another site sends.

    Raises:
        BadRequest: 403.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    fetched = request.headers.get("sec-fetch-site")
    if (origin is not None and urlsplit(origin).netloc.lower() != host.lower()) or fetched not in (None, "same-origin"):
        raise BadRequest(403, "this form was sent by another site: open the page itself and sign in there")


def form_token(request: Request) -> str:
    """What a form that changes something brings along: only who has the key, or got the page, can tell it."""
    shown = presented_key(request.headers, cookie=True)
    return hmac.new(shown.encode() if shown else _OWN, b"a form of the page", hashlib.sha256).hexdigest()


def check_form(request: Request, token: str) -> None:
    """Refuse a form that does not come from a page that this reader got.

    Raises:
        BadRequest: 403.
    """
    check_same_site(request)
    if not hmac.compare_digest(form_token(request).encode(), token.encode()):
        raise BadRequest(
            403, "this form is of another key, or from before a restart: open the page anew, and try again"
        )


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
