"""What reading a row is told, and what it may say instead of a call."""

from dataclasses import dataclass
from enum import StrEnum

from breakeven_collector.errors import BreakevenError


class Cached(StrEnum):
    """Where the cached tokens of a row stand."""

    AUTO = "auto"
    INSIDE = "inside"
    BESIDE = "beside"


@dataclass(frozen=True)
class Options:
    """How rows are read.

    Attributes:
        feature_from: Path of the feature in a row, such as `metadata.team.feature`; empty: the usual places.
        cached: Whether cached tokens are part of the input that is told, or stand beside it.
    """

    feature_from: str = ""
    cached: Cached = Cached.AUTO


class NotACall(BreakevenError):
    """A row of something else than a call of a model; the message names what it is."""
