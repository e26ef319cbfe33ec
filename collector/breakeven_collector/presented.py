"""Where in a request its key stands."""

import base64
import binascii
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

COOKIE: Final = "breakeven_key"
"""Keeps the key of whoever signed in to the page."""


def presented_key(headers: Mapping[str, str], *, clickhouse: bool = False, cookie: bool = False) -> str | None:
    """The key of a request: `x-api-key`, else `Authorization: Bearer …`; None where there is none.

    Args:
        headers: names in lower case, or in any with a mapping that does not care.
        clickhouse: also `X-ClickHouse-Key`, and the password of Basic authorization.
        cookie: also the cookie of the page.
    """
    if key := headers.get("x-api-key", "").strip():
        return key
    kind, _, rest = headers.get("authorization", "").strip().partition(" ")
    if kind.lower() == "bearer" and rest.strip():
        return rest.strip()
    if clickhouse:
        if key := headers.get("x-clickhouse-key", "").strip():
            return key
        if kind.lower() == "basic":
            return _password(rest.strip())
    return _cookie(headers.get("cookie", "")) if cookie else None


def _cookie(header: str) -> str | None:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return found.value.strip() or None if found else None


def _password(credentials: str) -> str | None:
    try:
        _, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password or None
