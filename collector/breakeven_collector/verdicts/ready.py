"""Verdicts for who cannot wait for them: the last ones worked out, and new ones in the background."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

from breakeven_collector.economics.verdict import decide
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.period import zone
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store
from breakeven_collector.verdicts import kept
from breakeven_collector.verdicts.changes import BILLS, PRICING, changes, file_state
from breakeven_collector.verdicts.service import Bill, Verdicts, build_verdicts, no_bill

_REST_SECONDS: Final = 600.0
"""Verdicts are about whole days before today, which only calls that come late change: so often is enough for those."""
_log = logging.getLogger(__name__)


@dataclass
class _Held:
    document: Verdicts | None = None
    revision: int = 0
    """How often they were worked out, or what was declared was refused."""
    config_error: str = ""
    state: tuple[Any, ...] = ()
    """Day, configuration, prices, rules and bills that they were asked for with."""
    pulse: str = ""
    """The ledger's state."""
    asked_at: float = field(default_factory=monotonic)
    is_asked: bool = False
    changes: dict[str, Mapping[str, Any] | None] = field(default_factory=dict[str, Mapping[str, Any] | None])
    """Digest → what would change that verdict; None: it is being looked for."""


class ReadyVerdicts:
    """The verdicts on all features of a project, held in the process. Any thread.

    Args:
        store: an open store.
        config: `breakeven.toml`.
        timezone: where days begin.
        clock: the present.
        bill: as for `build_verdicts`.
    """

    def __init__(
        self,
        store: Store,
        config: Path,
        timezone: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        bill: Bill = no_bill,
    ) -> None:
        self._bill = bill
        self._store, self._config, self._timezone, self._clock = store, config, timezone, clock
        self._held: dict[str | None, _Held] = {}
        self._lock = threading.Lock()
        self._working = ThreadPoolExecutor(1, thread_name_prefix="breakeven-verdicts")
        self._is_closed = False

    def of(self, project: str | None) -> Verdicts | None:
        """The last ones, at once; None: none were worked out yet. Where they are out of date, new ones are begun.

        Raises:
            StoreError: the store cannot be read.
        """
        state, pulse = self._state(), self._pulse(project)
        with self._lock:
            held = self._held.setdefault(project, _Held())
            is_late = held.pulse != pulse and monotonic() - held.asked_at > _REST_SECONDS
            if not held.is_asked and not self._is_closed and (held.state != state or is_late):
                held.state, held.pulse, held.asked_at, held.is_asked = state, pulse, monotonic(), True
                self._working.submit(self._work_out, project, held)
            return held.document

    def changes(self, project: str | None, feature: str) -> Mapping[str, Any] | None:
        """What would make the last verdict on a feature another one: `flips` and `switches` as in its document.

        None: they are looked for now, or cannot be; `revision` is another one when they are there.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            held = self._held.get(project)
            if held is None or held.document is None:
                return None
            documents: list[dict[str, Any]] = held.document["features"]
            digest: str | None = next((one["digest"] for one in documents if one["feature"] == feature), None)
            if digest is None:
                return None
            if digest in held.changes:
                return held.changes[digest]
            if not self._is_closed:
                held.changes[digest] = None
                self._working.submit(self._look_for_changes, project, feature, digest, held)
            return None

    def revision(self, project: str | None) -> int:
        """A number that is another one when the verdicts on a project are."""
        with self._lock:
            return self._held[project].revision if project in self._held else 0

    def config_error(self, project: str | None) -> str:
        """Why what is declared in the file does not do for verdicts; empty where it does, or was not read yet."""
        with self._lock:
            return self._held[project].config_error if project in self._held else ""

    def close(self) -> None:
        """Let the work that goes on end; none is begun any more."""
        with self._lock:
            self._is_closed = True
        self._working.shutdown(cancel_futures=True)

    def _work_out(self, project: str | None, held: _Held) -> None:
        try:
            document = build_verdicts(
                self._store,
                self._config,
                project=project,
                timezone=self._timezone,
                now=self._clock(),
                flips=False,
                bill=self._bill,
            )
            with self._lock:
                held.document, held.revision, held.changes = document, held.revision + 1, {}
                held.config_error = ""
        except ConfigError as error:
            _log.warning("no verdicts: %s", error)
            with self._lock:
                held.config_error, held.revision = str(error), held.revision + 1
        except BreakevenError as error:
            # What cannot be worked out now is tried again when something changed; `breakeven decide` says it, too.
            _log.warning("no verdicts: %s", error)
        except Exception:  # noqa: BLE001 - the page does without, and the next try may succeed
            _log.exception("no verdicts")
        finally:
            with self._lock:
                held.is_asked = False

    def _look_for_changes(self, project: str | None, feature: str, digest: str, held: _Held) -> None:
        try:
            last = kept.last(self._store, project, feature)
            evidence = last.evidence() if last is not None and last.digest == digest else None
            if evidence is None:
                return
            found = asdict(decide(evidence))
            with self._lock:
                held.changes[digest] = {name: found[name] for name in ("flips", "switches")}
                held.revision += 1
        except Exception:  # noqa: BLE001 - the verdict is told without
            _log.exception("what would change the verdict on %r is not known", feature)

    def _state(self) -> tuple[Any, ...]:
        day = self._clock().astimezone(zone(self._timezone)).date()
        return day, file_state(self._config), changes(self._store, (*PRICING, *BILLS))

    def _pulse(self, project: str | None) -> str:
        return self._store.query_file("page_pulse", of_project(project))[0]["pulse"]
