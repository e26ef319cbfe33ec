"""Reading what others built: dicts, pydantic models, dataclasses, protobuf wrappers. Nothing is copied or called."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

MAX_COUNT: Final = 2**63 - 1


def get(holder: object, *names: str) -> Any:
    """The first of these fields that is there and not None; None where there is no holder."""
    fields = _fields(holder)
    for name in names:
        value = _attribute(holder, name) if fields is None else _item(fields, name)
        if value is not None:
            return value
    return None


def _fields(holder: object) -> tuple[Mapping[str, Any], ...] | None:
    """The fields of a mapping or a pydantic model; None: they are attributes.

    Neither is asked for attributes: a dict has `items` and `values` of its own, and Google's model joins all its text
    at `text` and warns at `data`.
    """
    if isinstance(holder, Mapping):
        return (cast("Mapping[str, Any]", holder),)
    if hasattr(type(holder), "__pydantic_fields__"):
        return vars(holder), getattr(holder, "__pydantic_extra__", None) or {}
    return None


def _item(fields: tuple[Mapping[str, Any], ...], name: str) -> Any:
    for each in fields:
        if (value := each.get(name)) is not None:
            return value
    return None


def _attribute(holder: object, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a property of somebody's class: what it does not tell is unknown
        return None


def has(holder: object, name: str) -> bool:
    """Whether the field was sent, be it null."""
    if isinstance(holder, Mapping):
        return name in holder
    # Fields that a pydantic model does not know; those it knows are there whether sent or not.
    extra: object = getattr(holder, "__pydantic_extra__", None)
    return isinstance(extra, Mapping) and name in extra


def text(holder: object, *names: str) -> str | None:
    """The first of these fields that is a non-empty string; of an enum, its value."""
    for name in names:
        value = get(holder, name)
        if isinstance(value, str) and value:
            return str(getattr(value, "value", value))
    return None


def count(holder: object, *names: str) -> int | None:
    """The first of these fields that is a whole number, 0 or more. Cohere and Titan send 28.0 for 28."""
    for name in names:
        value = get(holder, name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
            return int(value)
    return None


def quantity(holder: object, *names: str) -> int | float | None:
    """The first of these fields that is a finite number, 0 or more."""
    for name in names:
        value = get(holder, name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
            return value
    return None


def items(holder: object, *names: str) -> Sequence[Any]:
    """The elements of the first of these fields that is there, if it is a list; else nothing."""
    value = get(holder, *names)
    return value if is_list(value) else ()


def is_list(value: object) -> bool:
    """Whether it is a collection that may be walked more than once, and no text."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return False
    # Protobuf's repeated fields are sequences in all but name.
    return isinstance(value, Sequence) or (hasattr(value, "__len__") and hasattr(value, "__getitem__"))


def pairs(holder: object, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Fields and values that are not None: all of a mapping, model or dataclass; of other objects, those named."""
    every = _fields(holder)
    if every is None:
        dataclass = hasattr(type(holder), "__dataclass_fields__") and hasattr(holder, "__dict__")
        every = (vars(holder) if dataclass else {name: _attribute(holder, name) for name in names},)
    for fields in every:
        for name, value in fields.items():
            if value is not None:
                yield name, value


def is_record(value: object) -> bool:
    """Whether its fields can be listed: a mapping, a pydantic model or a dataclass."""
    kind = type(value)
    return isinstance(value, Mapping) or hasattr(kind, "__pydantic_fields__") or hasattr(kind, "__dataclass_fields__")
