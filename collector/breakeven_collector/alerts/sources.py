"""Where the data comes from that rules look at: the store, `breakeven.toml`, and verdicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from breakeven_collector.alerts.config import AlertsConfig
from breakeven_collector.alerts.events import Rule
from breakeven_collector.alerts.hours import Hours, read_hours
from breakeven_collector.alerts.look import Look
from breakeven_collector.alerts.rules_books import BilledDay, Due, Unpriced
from breakeven_collector.alerts.rules_month import DRAWS, forecasts
from breakeven_collector.alerts.rules_verdict import Decided
from breakeven_collector.economics.assumptions import load
from breakeven_collector.features import Feature
from breakeven_collector.period import zone
from breakeven_collector.store import Store
from breakeven_collector.verdicts.decisions import list_decisions
from breakeven_collector.verdicts.service import Bill, build_verdicts, no_bill

VerdictSource = Callable[[str | None, datetime, bool], Sequence[Decided]]
"""Project (None: all together), moment, and whether to keep what is new → verdicts."""
Declared = Callable[[date], Mapping[str, Feature] | None]
"""Day → what is declared of features; None: the file is broken, and nothing is known from before."""

_BILLED_DAYS: Final = 45
_OF_VERDICTS: Final = frozenset({Rule.CROSSED, Rule.APPROACHING, Rule.VERDICT, Rule.BAND})
_OF_BUDGETS: Final = frozenset({Rule.BUDGET, Rule.BUDGET_SHARE})


class Stopped(Exception):
    """A look was asked to stop between two steps; nothing is lost, for what was not looked at is looked at by the
    next."""


def store_verdicts(
    store: Store, config: Path, timezone: str, bill: Bill = no_bill, check: Callable[[], None] = lambda: None
) -> VerdictSource:
    """Verdicts as `breakeven decide` works them out; `check` may raise to stop between two features."""

    def verdicts(project: str | None, at: datetime, keep: bool) -> list[Decided]:
        document = build_verdicts(
            store,
            config,
            project=project,
            timezone=timezone,
            now=at,
            flips=False,
            bill=bill,
            keep=keep,
            check=check,
        )
        as_of = date.fromisoformat(document["as_of"])
        return [Decided.of(one, as_of) for one in document["features"]]

    return verdicts


class Sources:
    """The data of one store; read when it is asked for.

    Args:
        store: an open store.
        config: `breakeven.toml`, for bands.
        timezone: where days begin.
        verdicts: of a project at a moment.
        declared: owners and budgets by day.
        check: called between two steps; may raise Stopped.
        draws: of forecasts.
    """

    def __init__(
        self,
        store: Store,
        config: Path,
        timezone: str,
        verdicts: VerdictSource,
        declared: Declared,
        check: Callable[[], None] = lambda: None,
        draws: int = DRAWS,
    ) -> None:
        self._store, self._config, self._check, self._draws = store, config, check, draws
        self._timezone = timezone
        self._verdicts, self._declared = verdicts, declared

    def hours(self, first: datetime, last: datetime) -> dict[str, Hours]:
        """Project → what it took, so that all moments from the first to the last can be looked at.

        Raises:
            StoreError: the store cannot be read.
        """
        return read_hours(self._store, None, zone(self._timezone), first, last)

    def look(
        self,
        hours: Hours,
        at: datetime,
        config: AlertsConfig,
        *,
        is_daily: bool,
        is_alone: bool,
        rules: Sequence[Rule] = tuple(Rule),
        keep: bool = False,
        errors: list[str] | None = None,
    ) -> Look:
        """What these rules look at. What cannot be had is left out, and said in `errors`.

        Args:
            hours: of the project.
            at: the moment.
            config: which rules watch.
            is_daily: also those that look once a day.
            is_alone: the store has no other project: its verdicts are those of all together, which others ask for too.
            rules: only these.
            keep: whether new verdicts are kept.
            errors: where to say what failed.
        """
        on = set(config.on()) & set(rules)
        known = self._declared(hours.day(at))
        declared = dict(known or {})
        if not is_daily:
            return Look(at, hours, False, declared)
        told = [] if errors is None else errors
        project = hours.project
        look = Look(at, hours, True, declared)
        parts: dict[str, Any] = {}

        def part(name: str, wanted: bool, read: Callable[[], object]) -> None:
            if wanted:
                try:
                    parts[name] = read()
                except Stopped:
                    raise
                except Exception as error:  # noqa: BLE001 - one that fails must not silence the others
                    told.append(f"{name}: {error}")

        part("decided", bool(on & _OF_VERDICTS), lambda: self._verdicts(None if is_alone else project, at, keep))
        wants_forecasts = keep or bool(on & _OF_BUDGETS)
        if known is None and wants_forecasts:
            # Budgets that nobody can read are not budgets that are kept.
            told.append(f"budgets: {self._config} is broken; `breakeven doctor` says where")
        part(
            "forecasts",
            wants_forecasts and known is not None,
            lambda: forecasts(
                hours,
                at,
                declared,
                config.rules[Rule.BUDGET]["bill_usd_per_month"],
                budgets_only=not keep,
                check=self._check,
                draws=self._draws,
            ),
        )
        part("billed", Rule.APART in on, lambda: self.billed(project, at))
        part("unpriced", Rule.UNPRICED in on, lambda: self.unpriced(project, at, config.rules[Rule.UNPRICED]["days"]))
        part("due", Rule.DECISIONS_DUE in on, lambda: self.due(project, at))
        part("bands_usd", Rule.BAND in on, lambda: tuple(asdict(load(self._config).bands).values()))
        return replace(look, **parts)

    def remembered(self, to: datetime) -> "Remembered":
        """The same for many moments up to one."""
        return Remembered(self._store, self._config, self._timezone, self._verdicts, self._declared, to, self._check)

    def billed(self, project: str, at: datetime) -> list[BilledDay]:
        """Closed days of the providers' accounts, in the weeks before a moment.

        Raises:
            StoreError: the store cannot be read.
        """
        if not self._store.rows("SELECT source FROM imports LIMIT 1"):
            return []
        asked = {"from": int((at - timedelta(days=_BILLED_DAYS)).timestamp()), "to": int(at.timestamp())}
        return [one for of, one in _billed(self._store, asked) if of == project]

    def unpriced(self, project: str, at: datetime, days: float) -> list[Unpriced]:
        """Models without a price in the days before a moment.

        Raises:
            StoreError: the store cannot be read.
        """
        asked = {
            "project": project,
            "from": int((at - timedelta(days=days)).timestamp()) // 86400 * 86400,
            "to": int(at.timestamp()),
        }
        return [
            Unpriced(row["provider"], row["model"], row["reason"], row["calls"], row["tokens"], row["usual_usd"])
            for row in self._store.query_file("alert_unpriced", asked)
        ]

    def due(self, project: str, at: datetime) -> list[Due]:
        """Decisions of a project, with why they are due; also those of all projects together.

        Raises:
            StoreError: the store cannot be read.
        """
        rows = list_decisions(self._store, timezone=self._timezone, now=at)["decisions"]
        return [
            Due(row["feature"], row["decision"], row["made_by"], tuple(row["due"]), row["spend_usd"] or 0.0)
            for row in rows
            if row["project"] in (None, project)
            and not row["replaced"]
            and datetime.fromisoformat(row["decided_at"]).astimezone(UTC) <= at
        ]


def _billed(store: Store, asked: Mapping[str, int]) -> list[tuple[str, BilledDay]]:
    return [
        (row["project"], BilledDay(row["provider"], row["day"], row["billed_usd"], row["seen_usd"]))
        for row in store.query_file("alert_billed", asked)
    ]


class Remembered(Sources):
    """The same, for many moments in a row: the bill is read once, and a day's verdicts are worked out once."""

    def __init__(
        self,
        store: Store,
        config: Path,
        timezone: str,
        verdicts: VerdictSource,
        declared: Declared,
        to: datetime,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        days: dict[tuple[str | None, date], Sequence[Decided]] = {}

        def once(project: str | None, at: datetime, keep: bool) -> Sequence[Decided]:
            day = at.astimezone(zone(timezone)).date()
            if (project, day) not in days:
                days[project, day] = verdicts(project, at, keep)
            return days[project, day]

        super().__init__(store, config, timezone, once, declared, check)
        self._to = to
        self._rows: list[tuple[str, BilledDay]] | None = None

    def billed(self, project: str, at: datetime) -> list[BilledDay]:
        """As Sources.billed."""
        if self._rows is None:
            asked = {"from": 0, "to": int(self._to.timestamp())}
            self._rows = _billed(self._store, asked)
        return [one for of, one in self._rows if of == project and one.day < at.date()]
