"""Money and shares as people read them."""


def usd(value: float) -> str:
    """$950, $23.9k, $140k, $1.2M."""
    size, sign = abs(value), "-" if value < 0 else ""
    # Each bound is where the rounded text would need a digit more.
    if size < 999.5:
        return f"{sign}${size:,.0f}"
    if size < 99_950:
        return f"{sign}${size / 1e3:.1f}k"
    if size < 999_500:
        return f"{sign}${size / 1e3:.0f}k"
    return f"{sign}${size / 1e6:,.1f}M"


def rise(value: float) -> str:
    """The same with its sign: +$60, -$1.2k."""
    return f"{'+' if value >= 0 else ''}{usd(value)}"


def listed(parts: list[str], last: str = "and") -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""
