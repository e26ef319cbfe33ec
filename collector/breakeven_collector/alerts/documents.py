"""Events and digests as JSON and back: as they are kept, and as the API gives them."""

import json
from typing import Any, Final

from pydantic import TypeAdapter

from breakeven_collector.alerts.events import Digest, Event

_EVENT: Final = TypeAdapter(Event)
_DIGEST: Final = TypeAdapter(Digest)


def event_json(event: Event) -> str:
    """All of an event."""
    return _written(_EVENT.dump_python(event, mode="json"))


def read_event(text: str) -> Event:
    """The event that `event_json` wrote.

    Raises:
        pydantic.ValidationError: another version of the program wrote it otherwise.
    """
    return _EVENT.validate_json(text)


def event_document(event: Event) -> dict[str, Any]:
    """As a document."""
    return _EVENT.dump_python(event, mode="json")


def digest_json(digest: Digest) -> str:
    """All of a digest."""
    return _written(_DIGEST.dump_python(digest, mode="json"))


def read_digest(text: str) -> Digest:
    """The digest that `digest_json` wrote.

    Raises:
        pydantic.ValidationError: another version of the program wrote it otherwise.
    """
    return _DIGEST.validate_json(text)


def _written(document: Any) -> str:
    # Erasure looks for texts as they are written here.
    return json.dumps(document, ensure_ascii=False)


def named_in_causes(tenant: str) -> str:
    """How a tenant stands in the causes of an event that was written here: for erasure, which looks for it."""
    return f'"detail": {_written(tenant)[:-1]}: '
