"""Keeps the store's table of whose dollars are whose in step with `breakeven.toml` and with what is in the ledger."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any, Final

from breakeven_collector.config_file import today
from breakeven_collector.declarations import Declarations, from_json, load_declarations
from breakeven_collector.errors import ConfigError, StoreError
from breakeven_collector.features import Feature
from breakeven_collector.map_rules import Origin
from breakeven_collector.store import Store
from breakeven_collector.whose import Whose

_log = logging.getLogger(__name__)

_COLUMNS: Final = (
    *("version", "project", "feature", "feature_source", "origin_id", "environment"),
    *("valid_from", "parts", "rule", "resolved_at"),
)
_KEPT_VERSIONS: Final = 3
_IDS_A_QUESTION: Final = 500
_LOOK_SECONDS: Final = 1.0
_SETTLED_SECONDS: Final = 2.0
_LONGEST_WAIT_SECONDS: Final = 30.0


class Attribution:
    """The declarations of one file, worked out for one store. Safe to use from any thread.

    Attributes:
        config_error: Why the file as it stands does not count; empty while it does.
    """

    def __init__(self, store: Store, config: Path) -> None:
        self._store = store
        self._config = config
        self._lock = threading.Lock()
        self._declared = Declarations()
        self._whose = Whose(self._declared)
        self._seen: tuple[int, int, int] | None = None
        self._read_at = 0.0
        self._loaded = False
        self._resolved = False
        self._named = ""
        self._wait = 0.0
        self._next_look = 0.0
        self.config_error = ""

    def load(self) -> int:
        """Read the file, and work out what the store does not know by it yet; returns how many names that was.

        Raises:
            ConfigError: the file does not fit; what was loaded before still counts.
            StoreError: the store refuses.
        """
        with self._lock:
            self._notice()
            self._take(load_declarations(self._config))
            return self._use(self._declared)

    def start(self) -> None:
        """The same for a collector, which does not stop for a broken file: what was loaded last counts until then.

        Raises:
            StoreError: the store refuses.
        """
        with self._lock:
            self._notice()
            self._take(self._last_good())
            self._follow_file()
            self._use(self._declared)

    def keep_names(self) -> None:
        """Work out names that came since, by what was loaded last, whatever the file says now.

        Raises:
            StoreError: the store refuses.
        """
        with self._lock:
            self._take(self._last_good())
            self._use(self._declared)

    def features(self, day: date | None = None) -> dict[str, Feature]:
        """What is declared for a UTC day (today where left out), by the file as it stands or, while it is broken, by
        what was declared last."""
        with self._lock:
            if self._notice():
                self._follow_file()
            return {name: feature.on(day or today()) for name, feature in self._declared.features.items()}

    @property
    def declared(self) -> Declarations:
        """The declarations that count."""
        with self._lock:
            return self._declared

    def keep_up(self, segments: Sequence[str] = ()) -> None:
        """Take up a file that changed, and names that came with new calls. Never raises.

        May be called as often as one likes: without segments it looks at the file once a second.

        Args:
            segments: those whose calls have come into the ledger.
        """
        with self._lock:
            if not segments and time.monotonic() < self._next_look:
                return
            self._next_look = time.monotonic() + _LOOK_SECONDS
            try:
                if self._notice():
                    self._follow_file()
                if not self._resolved:
                    self._use(self._declared)
                elif segments:
                    self._resolved = False
                    self._resolve_new(self._declared.version, segments)
                    self._resolved = True
            except Exception as error:  # noqa: BLE001  # whose a cost is must not hold up that it is counted
                self._wait = min(max(_LOOK_SECONDS, self._wait * 2), _LONGEST_WAIT_SECONDS)
                self._next_look = time.monotonic() + self._wait
                _log.log(
                    logging.WARNING if isinstance(error, StoreError) else logging.ERROR,
                    "features, owners and rules are not up to date, next try in %.0f s: %s",
                    self._wait,
                    error,
                    exc_info=not isinstance(error, StoreError),
                )
            else:
                self._wait = 0.0

    def _follow_file(self) -> None:
        try:
            declared = load_declarations(self._config)
        except ConfigError as error:
            if str(error) != self.config_error:
                _log.error("%s; what was declared before still counts", error)
            self.config_error = str(error)
        else:
            self.config_error = ""
            self._take(declared)

    def _take(self, declared: Declarations) -> None:
        if declared.version != self._declared.version:
            self._declared, self._whose, self._resolved = declared, Whose(declared), False

    def _notice(self) -> bool:
        """Whether the file may have changed since it was last noticed."""
        try:
            status = self._config.stat()
            now = (status.st_mtime_ns, status.st_size, status.st_ino)
            # Written twice within one tick of the clock, a file may look the same.
            fresh = self._read_at - status.st_mtime < _SETTLED_SECONDS
        except OSError:
            now, fresh = None, False
        if self._loaded and now == self._seen and not fresh:
            return False
        self._seen, self._loaded, self._read_at = now, True, time.time()
        return True

    def _last_good(self) -> Declarations:
        rows = self._store.rows("SELECT argMax(declarations, loaded_at) AS text FROM attribution_versions")
        try:
            return from_json(rows[0]["text"] or "{}")
        except (ConfigError, ValueError) as error:
            _log.error("what was declared last cannot be read: %s", error)
            return Declarations()

    def _use(self, declared: Declarations) -> int:
        self._resolved = False
        resolved = self._resolve_new(declared.version)
        if self._named != declared.version:
            self._name(declared)
        self._resolved, self._named = True, declared.version
        return resolved

    def _name(self, declared: Declarations) -> None:
        latest = self._store.rows("SELECT argMax(version, loaded_at) AS v FROM attribution_versions")[0]["v"]
        if latest != declared.version:
            # Only now, with all its rows there, is it the version that reports see.
            self._store.insert(
                "attribution_versions",
                ["version", "loaded_at", "declarations"],
                [(declared.version, datetime.now(UTC), declared.text)],
            )
            _log.info(
                "%s: %d features, %d rules, %d aliases",
                self._config,
                len(declared.features),
                len(declared.rules),
                len(declared.aliases.all),
            )
            self._drop_old()

    def _resolve_new(self, version: str, segments: Sequence[str] = ()) -> int:
        new = self._store.query_file("unresolved_attributions", {"version": version, "segments": list(segments)})
        if not new:
            return 0
        ids = sorted({key["origin_id"] for key in new} - {0})
        # Ids go in the address of a request, which has an end.
        wanted = ids if len(ids) <= _IDS_A_QUESTION else []
        known = {
            (row["project"], row["origin_id"]): Origin.of(row)
            for row in (self._store.query_file("known_origins", {"ids": wanted}) if ids else ())
        }
        now = datetime.now(UTC)
        self._store.insert(
            "attributions",
            _COLUMNS,
            [
                row
                for key in new
                for row in self._rows(version, key, known.get((key["project"], key["origin_id"])), now)
            ],
        )
        return len(new)

    def _rows(self, version: str, key: dict[str, Any], origin: Origin | None, now: datetime) -> list[Sequence[object]]:
        return [
            (
                *(version, key["project"], key["feature"], key["feature_source"], key["origin_id"], key["environment"]),
                datetime.combine(stretch.valid_from, time_of_day(), UTC),
                list(stretch.parts),
                stretch.rule,
                now,
            )
            for stretch in self._whose.history(key["feature"], key["feature_source"], origin, key["environment"])
        ]

    def _drop_old(self) -> None:
        # A version that is not named yet may be one that another collector is working out.
        old = self._store.rows(
            "SELECT version FROM attribution_versions GROUP BY version "
            "HAVING version IN (SELECT version FROM attributions) "
            "ORDER BY max(loaded_at) DESC LIMIT 1000 OFFSET {kept:UInt8}",
            {"kept": _KEPT_VERSIONS},
        )
        for row in old:
            self._store.run("ALTER TABLE attributions DELETE WHERE version = {v:String}", {"v": row["version"]})


def take_up(store: Store, config: Path) -> None:
    """For a command that has opened the store itself: take up a file that changed while no collector ran.

    A server is left to its collectors, whose file counts for all readers; so is a store where this command has no file.

    Raises:
        ConfigError: the file does not fit.
        StoreError: the store refuses.
    """
    if store.embedded:
        attribution = Attribution(store, config)
        if config.exists():
            attribution.load()
        else:
            attribution.keep_names()
