"""Moments as the store gives them, with their zone: it keeps all in UTC, and names none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def utc(moment: datetime) -> datetime:
    """One of the store's."""
    return moment.replace(tzinfo=UTC)


def in_utc(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the store, with the zone of each moment in it."""
    return {name: utc(value) if isinstance(value, datetime) else value for name, value in row.items()}
