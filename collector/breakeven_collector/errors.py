"""What can go wrong on the server side.

    BreakevenError
    ├── StoreError          the store cannot be opened or refuses
    │   └── StoreUnavailable    it may work again later: try again
    ├── BadRequest          a request that no retry mends
    └── ConfigError         a setting or file that must be changed

Messages name the bad value and what to do about it.
"""

from typing import Final

CONFIG_UNUSABLE: Final = "the collector cannot use its breakeven.toml; whoever runs it sees why with `breakeven doctor`"
"""What callers are told who may not see the error's own text."""


class BreakevenError(Exception):
    """Base of all."""


class StoreError(BreakevenError):
    """The store cannot be opened, or refuses what it was asked.

    Attributes:
        detail: what the store said in its own words. It may quote data: never for logs and answers.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class StoreUnavailable(StoreError):
    """The store does not answer now; the same call may go through later."""


class BadRequest(BreakevenError):
    """A request that is wrong in itself.

    Attributes:
        status: HTTP status to answer with.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ConfigError(BreakevenError):
    """A setting or a file must be changed before it works."""
