"""Where `breakeven backup` and `erase` work: in a running collector, or in the store itself where none runs."""

import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from breakeven_collector.backup import write_backup
from breakeven_collector.backup_archive import FolderOut
from breakeven_collector.backup_file import BackupError, Encoding, Progress, Reader
from breakeven_collector.erase import Whom
from breakeven_collector.errors import BreakevenError
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorUnreachable, get_json, key_for, serves_our_store
from breakeven_collector.store_api import erase_here, erased_document

_ASK_SECONDS = 0.3


def back_up(
    settings: Settings,
    url: str | None,
    path: Path,
    progress: Progress,
    *,
    encoding: Encoding = Encoding.ROW_BINARY,
    folder: bool = False,
) -> int:
    """Write a backup of the collector's store to a file here, or into a new `folder`; returns its rows.

    Raises:
        BreakevenError: it cannot be made; nothing is left of the file.
    """
    if (address := collector_of(settings, url)) is None:
        with Pipeline(settings) as pipeline, pipeline.quiet():
            return write_backup(pipeline.store, path, progress, encoding=encoding, folder=folder).rows
    key = key_for(settings, address)
    body = json.dumps({"encoding": encoding}).encode()
    job = get_json(f"{address}/api/backup", having="job", key=key, body=body)["job"]
    result = _wait(address, key, job, progress)
    part = path.with_name(path.name + ".fetched")
    try:
        _fetch(f"{address}/api/backup/{job}", key, part, result["bytes"], progress)
        with Reader(part) as backup:
            backup.verify(progress)
            rows = backup.manifest.rows
        if folder:
            _unpack(part, path)
        else:
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return rows


def erase(
    settings: Settings, url: str | None, whom: Whom, progress: Callable[[str], None], *, dry_run: bool
) -> dict[str, Any]:
    """Erase in the collector's store; returns `Erased` as a document.

    Raises:
        BreakevenError: it cannot be done; the message says why.
    """
    if (address := collector_of(settings, url)) is None:
        with Pipeline(settings) as pipeline:
            return erased_document(erase_here(pipeline, whom, progress, dry_run=dry_run))
    body = json.dumps({**asdict(whom), "dry_run": dry_run}).encode()
    key = key_for(settings, address)
    job = get_json(f"{address}/api/erase", having="job", key=key, body=body)["job"]
    return _wait(address, key, job, lambda what, _done, _all: progress(what))


def collector_of(settings: Settings, url: str | None) -> str | None:
    """Address of the collector at `url`, else of one on this machine's port that has our store; None: there is none.

    Raises:
        CollectorUnreachable: the collector that was named does not answer.
    """
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    try:
        if url is None and not (settings.port and serves_our_store(settings, address)):
            return None
        get_json(f"{address}/healthz", having="store", key=key_for(settings, address))
    except CollectorUnreachable as error:
        if url:
            raise CollectorUnreachable(f"{error}. Is `breakeven up` running there?") from None
        return None
    return address


def _unpack(tar: Path, folder: Path) -> None:
    out = FolderOut(folder)
    try:
        with tarfile.open(tar, mode="r:") as files:
            for member in files:
                if (file := files.extractfile(member)) is not None:
                    out.add(member.name, file.read())
        out.keep()
    except BaseException:
        out.drop()
        raise


def _wait(address: str, key: str, job: str, progress: Progress) -> dict[str, Any]:
    while True:
        document = get_json(f"{address}/api/jobs/{job}", having="running", key=key)
        progress(document["what"], document["done"], document["all"])
        if not document["running"]:
            break
        time.sleep(_ASK_SECONDS)
    if document["error"]:
        raise BreakevenError(document["error"])
    return document["result"]


def _fetch(url: str, key: str, path: Path, size: int, progress: Progress) -> None:
    opener = build_opener(ProxyHandler({}))
    request = Request(url)
    if key:
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    try:
        with (
            opener.open(request, timeout=60) as answer,
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        ):
            progress("fetching", 0, size)
            shutil.copyfileobj(answer, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except HTTPError as error:
        raise BackupError(f"{url} answers {error.code}") from None
    except (URLError, TimeoutError, ConnectionError) as error:
        raise BackupError(f"the backup could not be fetched: {error}") from None
