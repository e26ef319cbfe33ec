"""Books of prices as JSON documents, in the shape in which genai-prices publishes its data (`prices/new_data/v2`).

What decides prices and names is kept; descriptions and extractors are not. The text is canonical, so that its digest
tells whether two books say the same.
"""

import dataclasses
import json
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

from genai_prices import types
from genai_prices.types import ModelPrice, Provider
from pydantic import ValidationError

from breakeven_collector.errors import BadRequest

_DROPPED = frozenset({"extractors", "description", "price_comments", "context_window"})


def dump(providers: Sequence[Provider]) -> str:
    """The document of these providers."""
    return json.dumps([_plain(provider) for provider in providers], separators=(",", ":"), ensure_ascii=False)


def parse(document: str | bytes) -> list[Provider]:
    """The providers of a document.

    Raises:
        BadRequest: it is not one; the message says what is wrong.
    """
    try:
        raw: object = json.loads(document, parse_float=Decimal)
    except ValueError as error:
        raise BadRequest(400, f"not a JSON document: {error}") from None
    if not isinstance(raw, list) or not raw:
        raise BadRequest(
            400, "not a data file of genai-prices: it must be a list of providers, like prices/new_data/v2/data.json"
        )
    for provider in cast(list[Any], raw):
        if isinstance(provider, dict):
            # They tell how to read responses; a newer format of them must not keep prices out.
            cast(dict[str, Any], provider).pop("extractors", None)
    read: Any = types._providers_from_raw  # pyright: ignore[reportPrivateUsage]  # what its own updater calls
    try:
        return cast(list[Provider], read(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][:6])
        raise BadRequest(400, f"not a data file of genai-prices: {where}: {first['msg']}") from None
    except (TypeError, ValueError) as error:
        raise BadRequest(400, f"not a data file of genai-prices: {error}") from None


def _plain(value: object) -> Any:
    if isinstance(value, ModelPrice):
        return {key: _plain(price) for key, price in sorted(value.__dict__.items()) if price is not None}
    if dataclasses.is_dataclass(value):
        return {
            field.name.rstrip("_"): _plain(content)
            for field in dataclasses.fields(value)
            if field.name not in _DROPPED and (content := getattr(value, field.name)) is not None
        }
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast(Sequence[object], value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(cast(dict[str, object], value).items())}
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date | time):
        return value.isoformat()
    return value
