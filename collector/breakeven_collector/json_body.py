"""Bodies of API requests, read by the route itself: FastAPI would read one whole before it asks whose it is."""

import json
from typing import Any, Final, TypeVar, cast

from fastapi import Request
from pydantic import BaseModel, ValidationError

from breakeven_collector.errors import BadRequest

_MOST_BYTES: Final = 1_000_000
Body = TypeVar("Body", bound=BaseModel)


async def json_object(request: Request, what: str, most_bytes: int = _MOST_BYTES) -> dict[str, Any]:
    """The JSON object that a request brings; `what` is its name in a message.

    Raises:
        BadRequest: it is none, or too large.
    """
    is_json(request)
    body = await read_body(request, most_bytes, what)
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise BadRequest(422, f"{what} is a JSON object")
    return cast(dict[str, Any], document)


def checked(kind: type[Body], document: dict[str, Any]) -> Body:
    """The object as a model.

    Raises:
        BadRequest: 422: a field does not fit; the message names it.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


async def read_body(request: Request, most_bytes: int, what: str) -> bytes:
    """The whole body.

    Raises:
        BadRequest: it is too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise BadRequest(413, f"{what} may have {most_bytes:,} bytes at most")
    return bytes(body)


def is_json(request: Request) -> None:
    """Refuse what a web page may send to another origin without being let to.

    Raises:
        BadRequest: it is not said to be JSON.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise BadRequest(415, "send application/json")
