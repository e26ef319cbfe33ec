"""Whether Breakeven is switched off for this process."""

import os

_TRUE = frozenset({"1", "true", "yes", "on"})


def _read() -> bool:
    """BREAKEVEN_DISABLED, or OpenTelemetry's own OTEL_SDK_DISABLED."""
    return any(
        os.environ.get(name, "").strip().lower() in _TRUE for name in ("BREAKEVEN_DISABLED", "OTEL_SDK_DISABLED")
    )


off: bool = _read()
"""Read on every entry of a feature, hence a plain module variable."""


def reread() -> bool:
    """Take the environment as it is now; `init` calls it because `.env` files are often loaded after imports."""
    global off
    off = _read()
    return off
