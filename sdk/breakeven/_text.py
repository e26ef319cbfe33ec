"""Strings that are fit for a span attribute: short, printable, encodable as UTF-8."""

import re

from breakeven._guard import log_once

MAX_CHARS = 200

# Lone surrogates cannot be encoded: one of them would make the exporter drop its whole batch.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def clean(value: object) -> str | None:
    """The value as one short line of text, or None if nothing is left of it."""
    if value is None:
        return None
    try:
        text = value if type(value) is str else str(value)
    except Exception as error:  # noqa: BLE001 - the value is the application's, with a __str__ of its own
        log_once("text", "a %s has no text (%s); left out", type(value).__name__, type(error).__name__)
        return None
    # Cut first, generously: a megabyte passed by mistake should not be searched to its end.
    text = _UNFIT.sub("", text[: MAX_CHARS * 10]).strip()[:MAX_CHARS].rstrip()
    return text or None
