"""Where `breakeven export table | focus` works: in a running collector, or in the store itself where none runs."""

import json
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from breakeven_collector.errors import BreakevenError
from breakeven_collector.export.files import FileFormat
from breakeven_collector.export.focus import FocusAsked, focus_metadata, write_focus
from breakeven_collector.export.tables import exportable, write_table
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorRefused, CollectorUnreachable, get_json, key_for, running_collector
from breakeven_collector.store import Store

_READ_SECONDS = 600


class Exports:
    """Exports of one collector or store."""

    def __init__(self, store: Store | None, address: str, key: str) -> None:
        self._store = store
        self._api = f"{address}/api/export"
        self._key = key

    def tables(self, project: str | None) -> list[dict[str, Any]]:
        """What can be exported: name, and whether it is a view or a table."""
        if self._store:
            return [asdict(one) for one in exportable(self._store, project)]
        asked = f"?{urlencode({'project': project})}" if project else ""
        return get_json(f"{self._api}/tables{asked}", having="tables", key=self._key)["tables"]

    def table(self, name: str, form: FileFormat, path: Path, project: str | None) -> None:
        """Write a table into a new file."""
        if self._store:
            write_table(self._store, name, form, path, project=project)
            return
        self._fetch(f"/tables/{quote(name, safe='')}", {"format": form, "project": project}, path)

    def focus(self, asked: FocusAsked, form: FileFormat, path: Path) -> dict[str, Any]:
        """Write the bill in FOCUS into a new file, and return its metadata."""
        if self._store:
            write_focus(self._store, asked, form, path)
            return focus_metadata(self._store, asked)
        query = {"from": asked.first, "to": asked.last, "by_tenant": asked.by_tenant, "project": asked.project}
        self._fetch("/focus", {**query, "format": form}, path)
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return get_json(f"{self._api}/focus/metadata?{given}", having="left_out", key=self._key)

    def _fetch(self, what: str, query: dict[str, Any], path: Path) -> None:
        given = urlencode({name: value for name, value in query.items() if value is not None})
        request = Request(f"{self._api}{what}?{given}")
        if self._key:
            request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        try:
            # A proxy of the environment knows nothing of this machine's ports.
            with (
                build_opener(ProxyHandler({})).open(request, timeout=_READ_SECONDS) as answer,
                path.open("wb") as file,
            ):
                shutil.copyfileobj(answer, file, 1 << 20)
        except HTTPError as error:
            raise CollectorRefused(_message(error), error.code) from None
        except (URLError, TimeoutError, ConnectionError) as error:
            raise CollectorUnreachable(f"the export could not be fetched: {getattr(error, 'reason', error)}") from None


@contextmanager
def open_exports(settings: Settings, url: str | None) -> Generator[Exports]:
    """Exports of the collector at `url`, else of one on this machine's port, else of the store itself.

    Raises:
        BreakevenError: none of them can be used; the message says what to do.
    """
    if address := running_collector(settings, url):
        yield Exports(None, address, key_for(settings, address))
        return
    folder = Store(settings.dsn).folder
    if folder is not None and not folder.exists():
        raise BreakevenError(
            f"no data yet: no collector answers and there is no store in {folder}. Start one with `breakeven up`"
        )
    with Pipeline(settings) as pipeline:
        pipeline.drain()
        yield Exports(pipeline.store, "", "")


def write_to(out: Path | None, write: Callable[[Path], Any], folder: Path) -> Any:
    """Let something write a file that gets its name, or goes to standard output, only when it is whole.

    Args:
        out: the file; None: standard output.
        write: writes a new file.
        folder: where the file lies meanwhile, if it goes to standard output.

    Returns:
        What `write` returns.
    """
    part = folder / "export.part" if out is None else out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    try:
        result = write(part)
        if out is None:
            with part.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
            sys.stdout.flush()
        else:
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return result


def _message(error: HTTPError) -> str:
    try:
        return f"{json.load(error)['message']} ({error.code} from the collector)"
    except (ValueError, KeyError, TypeError):
        return f"the collector answers {error.code}"
