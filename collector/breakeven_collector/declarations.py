"""All that `breakeven.toml` declares about whose dollars are whose, put together."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from breakeven_collector.aliases import Aliases, parse_aliases
from breakeven_collector.config_file import Place, parse_config, read_config
from breakeven_collector.cost_classes import CostClasses, parse_cost_classes
from breakeven_collector.features import Feature, parse_features
from breakeven_collector.map_rules import Rule, parse_rules

TABLES: Final = ("alias", "cost_classes", "features", "map")
"""The tables that are read here."""

OTHER_TABLES: Final = ("alerts", "assumptions", "models")
"""Those that other modules read."""

_APPLIED: Final = 1
"""Goes up when the same declarations come to mean something else: rows in the store are then worked out anew."""


@dataclass(frozen=True)
class Declarations:
    """Features, rules, aliases and cost classes."""

    features: Mapping[str, Feature] = field(default_factory=dict[str, Feature])
    """With all their changes."""
    rules: Sequence[Rule] = ()
    aliases: Aliases = field(default_factory=Aliases)
    cost_classes: CostClasses = field(default_factory=CostClasses)
    text: str = "{}"
    """What they were read from, as JSON that `from_json` reads."""

    @property
    def version(self) -> str:
        """The same for all files that declare the same."""
        return "sha256:" + hashlib.sha256(f"{_APPLIED}\n{self.text}".encode()).hexdigest()[:16]

    def names(self) -> set[str]:
        """Features that are in use here: declared, mapped to, or the end of an alias; not the old names."""
        ends = {name for alias in self.aliases.all for name, _ in alias.targets}
        old = {name for alias in self.aliases.all for name in alias.names} - ends
        return ({*self.features} | {rule.feature for rule in self.rules} | ends) - old


def load_declarations(path: Path) -> Declarations:
    """What a file declares; one that is not there declares nothing.

    Raises:
        ConfigError: the file cannot be read, or a table, key or value does not fit; the message names it.
    """
    return _declarations(read_config(path), path)


def parse_declarations(text: str, path: Path) -> Declarations:
    """What a text declares; `path` is for the message.

    Raises:
        ConfigError: see load_declarations.
    """
    return _declarations(parse_config(text, path), path)


def from_json(text: str) -> Declarations:
    """What `Declarations.text` was made of.

    Raises:
        ConfigError: an older Breakeven let something through that this one does not.
        ValueError: it is not such a text.
    """
    return _declarations(cast(dict[str, Any], json.loads(text, object_hook=_revived)), Path("the store's declarations"))


def _declarations(document: Mapping[str, Any], path: Path) -> Declarations:
    Place(f"{path}").only(dict(document), (*TABLES, *OTHER_TABLES))
    own = {key: document[key] for key in TABLES if key in document}
    return Declarations(
        parse_features(own.get("features", {}), Place(f"{path}: features")),
        parse_rules(own.get("map", []), str(path)),
        parse_aliases(own.get("alias", []), str(path)),
        parse_cost_classes(own.get("cost_classes", {}), str(path)),
        # The order of rules and classes counts, so it is kept.
        json.dumps(own, ensure_ascii=False, default=_tagged),
    )


def _tagged(value: object) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    raise TypeError(f"a {type(value).__name__} passed the checks of breakeven.toml")


def _revived(table: dict[str, Any]) -> Any:
    match list(table.items()):
        case [("$decimal", str(text))]:
            return Decimal(text)
        case [("$date", str(text))]:
            return date.fromisoformat(text)
        case _:
            return table
