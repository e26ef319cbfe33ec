"""Where imported calls are sent: a running collector, or the journal of the store itself where none runs."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from breakeven_collector.errors import BreakevenError, StoreUnavailable
from breakeven_collector.histories.again import settle, with_response_ids
from breakeven_collector.histories.imported import build_imported, limits
from breakeven_collector.keys import DEFAULT_PROJECT
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorRefused, get_json, key_for, running_collector

_TRIES: Final = 60
_WAIT_SECONDS: Final = 2.0
_SETTLE_TRIES: Final = 20


class Target(Protocol):
    """A collector to send to."""

    def limits(self) -> dict[str, str | None]:
        """From when on calls can be taken: see imported.limits."""
        ...

    def send(self, body: bytes) -> None:
        """Take an ExportTraceServiceRequest; it is safe when this returns."""
        ...

    def settle(self) -> bool:
        """Wait until what was sent stands in the ledger, each call once; False: it has not come that far yet."""
        ...

    def imported(self) -> dict[str, Any]:
        """What is imported so far: see build_imported."""
        ...


class _Remote:
    def __init__(self, address: str, key: str, project: str | None) -> None:
        self._url = f"{address}/api/imported"
        self._query = f"?{urlencode({'project': project})}" if project else ""
        self._key = key

    def limits(self) -> dict[str, str | None]:
        return get_json(f"{self._url}/limits", having="kept_from", key=self._key)

    def send(self, body: bytes) -> None:
        for tried in range(_TRIES):
            try:
                get_json(
                    f"{self._url}{self._query}",
                    having="spans",
                    key=self._key,
                    body=body,
                    content_type="application/x-protobuf",
                )
            except CollectorRefused as error:
                # Its journal is full: it empties.
                if error.status != 503 or tried == _TRIES - 1:
                    raise
                time.sleep(_WAIT_SECONDS)
            else:
                return

    def settle(self) -> bool:
        return any(
            get_json(f"{self._url}/settled", having="settled", key=self._key, body=b"{}")["settled"]
            for _ in range(_SETTLE_TRIES)
        )

    def imported(self) -> dict[str, Any]:
        return get_json(f"{self._url}{self._query}", having="sources", key=self._key)


class _Own:
    def __init__(self, pipeline: Pipeline, project: str | None) -> None:
        self._pipeline = pipeline
        self._project = project

    def limits(self) -> dict[str, str | None]:
        return limits(self._pipeline.store, ledger_days=self._pipeline.settings.keep_ledger_days)

    def send(self, body: bytes) -> None:
        project = self._project or DEFAULT_PROJECT
        known = with_response_ids(self._pipeline.store, project, body)
        self._pipeline.journal.append(known, project).result()

    def settle(self) -> bool:
        try:
            settle(self._pipeline, 600)
        except StoreUnavailable as error:
            raise BreakevenError(
                f"{error}. What was sent is safe, and will be counted once `breakeven up` runs"
            ) from None
        return True

    def imported(self) -> dict[str, Any]:
        return build_imported(self._pipeline.store, project=self._project)


@contextmanager
def open_target(settings: Settings, url: str | None, project: str | None) -> Generator[Target]:
    """The collector at `url`, else one on this machine's port, else the store itself.

    Raises:
        BreakevenError: none of them can be used; the message says what to do.
    """
    if address := running_collector(settings, url):
        yield _Remote(address, key_for(settings, address), project)
        return
    with Pipeline(settings) as pipeline:
        yield _Own(pipeline, project)
