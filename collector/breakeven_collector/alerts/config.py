"""`[alerts]` of `breakeven.toml`: which rules watch, from how many dollars on, for how long, how often they repeat."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from breakeven_collector.alerts.channels import KEYS as CHANNEL_KEYS
from breakeven_collector.alerts.events import Rule
from breakeven_collector.config_file import Place, read_config
from breakeven_collector.economics.checked import Kind, Problems, number
from breakeven_collector.errors import ConfigError

_log = logging.getLogger(__name__)
_A_MONTH_HOURS: Final = 720.0
_TWO_LOOKS_HOURS: Final = 20.0
"""Rules that look once a day: a day has 23 hours where the clock is changed."""


@dataclass(frozen=True)
class RuleConfig:
    """One rule's settings."""

    enabled: bool
    min_hours: float
    """How long the condition must hold before it is told."""
    repeat_hours: float
    """How often it is told again while it goes on; 0: never."""
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    """What is the rule's own: floors and levels, by key."""

    def __getitem__(self, key: str) -> float:
        return self.values[key]

    @property
    def min_duration(self) -> timedelta:
        """`min_hours`."""
        return timedelta(hours=self.min_hours)

    @property
    def repeat(self) -> timedelta | None:
        """`repeat_hours`; None: never."""
        return timedelta(hours=self.repeat_hours) if self.repeat_hours else None


def _rule(enabled: bool, min_hours: float, repeat_hours: float, **values: float) -> RuleConfig:
    return RuleConfig(enabled, min_hours, repeat_hours, MappingProxyType(values))


DEFAULTS: Final[Mapping[Rule, RuleConfig]] = MappingProxyType(
    {
        Rule.CROSSED: _rule(True, _TWO_LOOKS_HOURS, _A_MONTH_HOURS, min_usd=500.0, resolve_share=0.95),
        Rule.APPROACHING: _rule(
            True, _TWO_LOOKS_HOURS, _A_MONTH_HOURS,
            min_usd=500.0, within_days=90.0, min_probability=0.5, resolve_probability=0.3,
        ),
        Rule.BUDGET: _rule(
            True, _TWO_LOOKS_HOURS, 0.0, min_usd=50.0, resolve_share=0.95, bill_usd_per_month=0.0
        ),
        Rule.JUMP: _rule(
            True, 0.0, 0.0,
            min_usd_an_hour=20.0, times_an_hour=2.0, min_usd_a_day=100.0, times_a_day=1.5, min_score=6.0,
        ),
        Rule.SILENT: _rule(True, 0.0, 0.0, min_usd=1.0, min_calls=20.0, silent_hours=3.0),
        Rule.APART: _rule(
            True, _TWO_LOOKS_HOURS, _A_MONTH_HOURS, min_usd=100.0, share=0.03, resolve_share=0.8, days=7.0
        ),
        Rule.VERDICT: _rule(True, _TWO_LOOKS_HOURS, 0.0, min_usd=500.0),
        Rule.BAND: _rule(False, _TWO_LOOKS_HOURS, 0.0, resolve_share=0.9),
        Rule.BUDGET_SHARE: _rule(False, 0.0, 0.0, first_share=0.5, second_share=0.8, min_usd=50.0),
        Rule.UNPRICED: _rule(False, _TWO_LOOKS_HOURS, 168.0, min_usd=20.0, days=7.0),
        Rule.DECISIONS_DUE: _rule(False, 0.0, 0.0),
    }
)  # fmt: skip
_SHARES: Final = frozenset(
    {"resolve_share", "share", "min_probability", "resolve_probability", "first_share", "second_share"}
)
_AT_LEAST_ONE: Final = frozenset({"times_an_hour", "times_a_day", "days", "within_days", "silent_hours"})
_MOST_DAYS: Final[Mapping[str, float]] = {"days": 30.0, "within_days": 90.0, "silent_hours": 168.0}


@dataclass(frozen=True)
class AlertsConfig:
    """All of it."""

    rules: Mapping[Rule, RuleConfig] = field(default_factory=lambda: DEFAULTS)
    digest: bool = True
    """Whether there is a digest each Monday."""

    def with_all_on(self) -> "AlertsConfig":
        """The same with all rules on: what the digest looks at."""
        return AlertsConfig({rule: replace(one, enabled=True) for rule, one in self.rules.items()}, self.digest)

    def at_once(self) -> "AlertsConfig":
        """The same without patience: what one look finds is told."""
        return AlertsConfig({rule: replace(one, min_hours=0.0) for rule, one in self.rules.items()}, self.digest)

    def on(self) -> tuple[Rule, ...]:
        """Rules that watch."""
        return tuple(rule for rule, one in self.rules.items() if one.enabled)


def load_alerts(path: Path) -> AlertsConfig:
    """What the file says of alerts; the defaults where it says nothing, or is not there.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit; a line for each.
    """
    return parse_alerts(read_config(path).get("alerts", {}), Place(f"{path}: alerts"))


def parse_alerts(value: object, at: Place) -> AlertsConfig:
    """The same of the table `alerts`; what is of channels is looked at elsewhere.

    Raises:
        ConfigError: a key or value does not fit; a line for each.
    """
    table = at.table(value, "[alerts]")
    at.only(table, ("rules", "digest", *CHANNEL_KEYS))
    problems = Problems()
    digest = True
    with problems.noted():
        digest = _switch(table.get("digest", True), at / "digest")
    rules = dict(DEFAULTS)
    with problems.noted():
        for name, one in (at / "rules").table(table.get("rules", {}), "[alerts.rules.NAME]").items():
            with problems.noted():
                place = at / "rules"
                place.only({name: one}, [str(rule) for rule in Rule])
                rules[Rule(name)] = _read(one, place / name, DEFAULTS[Rule(name)])
    problems.raise_all()
    return AlertsConfig(MappingProxyType(rules), digest)


def _read(value: object, at: Place, base: RuleConfig) -> RuleConfig:
    table = at.table(value, f"[{at.text.split(': ')[-1]}]")
    problems = Problems()
    given: dict[str, Any] = {}
    values = dict(base.values)
    for key, one in table.items():
        with problems.noted():
            at.only({key: one}, ("enabled", "min_hours", "repeat_hours", *base.values))
            if key == "enabled":
                given[key] = _switch(one, at / key)
            elif key in base.values:
                values[key] = _number(one, at / key, key)
            else:
                given[key] = number(one, at / key)
    problems.raise_all()
    return replace(base, **given, values=MappingProxyType(values))


def _number(value: object, at: Place, key: str) -> float:
    kind: Kind = "share" if key in _SHARES else "at least one" if key in _AT_LEAST_ONE else "amount"
    found = number(value, at, kind)
    if found > (most := _MOST_DAYS.get(key, found)):
        at.fail(f" is {found:g}; write a number up to {most:g}")
    return found


def _switch(value: object, at: Place) -> bool:
    if not isinstance(value, bool):
        at.fail(f" is {value!r}; write true or false")
    return value


class AlertsFile:
    """The file, read anew when it changes; while it is broken, what it said last counts. For any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._last: AlertsConfig | None = None
        self._error = ""
        self._seen = self._stamp()
        self._load()

    def read(self) -> AlertsConfig:
        """What counts now.

        Raises:
            ConfigError: the file is broken, and what it said before is not known. Defaults would bring rules back that
                it switched off.
        """
        with self._lock:
            self._notice()
            if self._last is None:
                raise ConfigError(self._error)
            return self._last

    @property
    def error(self) -> str:
        """Why the file as it stands does not count; empty while it does. Never raises."""
        with self._lock:
            self._notice()
            return self._error

    def _stamp(self) -> tuple[int, int] | None:
        try:
            file = self._path.stat()
        except OSError:
            return None
        return file.st_mtime_ns, file.st_size

    def _notice(self) -> None:
        if (seen := self._stamp()) != self._seen:
            self._seen = seen
            self._load()

    def _load(self) -> None:
        try:
            self._last, self._error = load_alerts(self._path), ""
        except ConfigError as error:
            if self._last is None:
                # Whoever reads it is told.
                self._error = f"{error}\nno rule watches until that is mended"
            else:
                self._error = str(error)
                _log.error("%s; what it said of alerts before still counts", error)
