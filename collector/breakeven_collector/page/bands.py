"""Bands for orientation, on the trailing 30 days, until a feature's own break-even is known: `[assumptions.bands]`."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from breakeven_collector.economics import words
from breakeven_collector.economics.bands import Bands, bands_of
from breakeven_collector.errors import ConfigError


def usd(amount: float) -> str:
    """$5k, $12.5k."""
    return words.usd(amount).replace(".0", "")


class Orientation:
    """The bands of a file; the defaults where it does not count as it stands.

    Args:
        config: `breakeven.toml`.
    """

    def __init__(self, config: Path) -> None:
        self._config = config
        self._known: dict[str | None, Bands] = {}

    def _bands(self, feature: str | None = None) -> Bands:
        if feature not in self._known:
            try:
                self._known[feature] = bands_of(self._config, feature)
            except ConfigError:
                # The page says so at its top.
                self._known[feature] = Bands()
        return self._known[feature]

    def band_usd(self, feature: str) -> Decimal:
        """A feature's band, USD in 30 days."""
        return Decimal(str(self._bands(feature).feature_usd))

    def of_feature(self, feature: str, monthly: Decimal) -> str:
        """Where a feature stands."""
        most = self.band_usd(feature)
        if monthly >= most:
            return f"above the {usd(float(most))} band"
        share = monthly / most
        near = f"{share:.0%} of".replace("%", " %") if share >= Decimal("0.01") else "far below"
        return f"{near} the {usd(float(most))} band"

    def of_total(self, monthly: Decimal) -> str:
        """Where the whole bill stands."""
        bands = self._bands()
        low, high = usd(bands.stay_usd), usd(bands.look_usd)
        if monthly < bands.stay_usd:
            return f"below the {low} band: hosting is not worth a look yet"
        if monthly >= bands.look_usd:
            return f"above the {high} band: hosting is worth a look"
        return f"between the {low} and the {high} band"

    def nearest(self, monthly: Mapping[str, Decimal]) -> dict[str, Any] | None:
        """The feature that is nearest to its band, or the furthest above it; calls without a feature are none."""
        named = {name: spend / (self.band_usd(name) or 1) for name, spend in monthly.items() if name and spend}
        if not named:
            return None
        name = max(named, key=lambda one: named[one])
        return {"feature": name, "usd": monthly[name], "where": self.of_feature(name, monthly[name])}

    def lines(self, feature: str) -> list[dict[str, Any]]:
        """For a chart: the bands of the whole bill and the feature's own, `usd` in 30 days and `label`."""
        bands = self._bands()
        each = sorted({bands.stay_usd, float(self.band_usd(feature)), bands.look_usd})
        return [{"usd": one, "label": f"{usd(one)} band"} for one in each]
