"""Which Breakeven runs."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """Breakeven's version; `unknown` where it was not installed."""
    try:
        return version("breakeven")
    except PackageNotFoundError:
        return "unknown"
