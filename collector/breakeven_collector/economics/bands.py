"""`[assumptions.bands]`: orientation in dollars, until the data bears a feature's own break-even."""

from dataclasses import dataclass
from pathlib import Path

from breakeven_collector.config_file import Place, read_config
from breakeven_collector.economics import checked


@dataclass(frozen=True)
class Bands:
    """USD over the trailing 30 days."""

    stay_usd: float = 5_000
    """The whole bill: below it hosting is not worth a look."""
    look_usd: float = 50_000
    """The whole bill: above it hosting is."""
    feature_usd: float = 20_000
    """One feature."""


def parse(value: object, at: Place, base: Bands) -> Bands:
    """The table; what it leaves out is as in `base`.

    Raises:
        ConfigError: a key is unknown, a value does not fit, or the bands of the whole bill are the wrong way round.
    """
    found = checked.group(value, at, Bands, base)
    if found.stay_usd > found.look_usd:
        at.fail(f": stay_usd is {found.stay_usd:g} and look_usd {found.look_usd:g}; write the lower one as stay_usd")
    return found


def bands_of(config: Path, feature: str | None = None) -> Bands:
    """The bands that a file declares, for one feature where it has its own; the defaults where it declares none.

    Only they are read, so that other mistakes in the file do not count here.

    Raises:
        ConfigError: the file cannot be read, or its bands do not fit.
    """
    at = Place(f"{config}: assumptions")
    table = at.table(read_config(config).get("assumptions", {}), "[assumptions]")
    found = parse(table.get("bands", {}), at / "bands", Bands())
    features = (at / "features").table(table.get("features", {}), "[assumptions.features.NAME]")
    if feature is None or feature not in features:
        return found
    place = at / "features" / feature
    own = place.table(features[feature], "[assumptions.features.NAME]")
    return parse(own.get("bands", {}), place / "bands", found)
