"""The `breakeven` command; without the extra `collector` it says how to get it."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from breakeven_collector.cli import app

        app()
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name.startswith("breakeven"):
            raise
        sys.exit(
            f"breakeven: the command line comes with the collector, which is not installed (no module {name!r}).\n"
            "Install it with: pip install 'breakeven[collector]'"
        )
