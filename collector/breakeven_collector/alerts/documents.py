"""Events and digests as JSON: in the store, and for webhooks."""

import json
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from breakeven_collector.alerts.events import Digest, Event

DIGEST_RULE: Final = "digest"
"""What stands as the rule of a digest in the store."""

_EVENT: Final = TypeAdapter(Event)
_DIGEST: Final = TypeAdapter(Digest)


def to_json(what: Event | Digest) -> str:
    """All of it; `from_json` reads it."""
    adapter: TypeAdapter[Any] = _EVENT if isinstance(what, Event) else _DIGEST
    return adapter.dump_json(what, exclude={"thread"}).decode()


def from_json(text: str, rule: str) -> Event | Digest | None:
    """What stood in the store; None where it is not such a text.

    Args:
        text: JSON.
        rule: of the row; `digest` for a digest.
    """
    try:
        return _DIGEST.validate_json(text) if rule == DIGEST_RULE else _EVENT.validate_json(text)
    except ValidationError:
        return None


def as_document(what: Event | Digest) -> dict[str, Any]:
    """The same as a document."""
    return json.loads(to_json(what))
