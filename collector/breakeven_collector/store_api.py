"""Backup and erasure over HTTP, for admins: only the running collector may touch its embedded store."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.background import BackgroundTask

from breakeven_collector.backup import write_backup
from breakeven_collector.backup_file import Encoding
from breakeven_collector.erase import Erased, EraseError, Whom, erase
from breakeven_collector.errors import BadRequest
from breakeven_collector.json_body import json_object
from breakeven_collector.pipeline import Pipeline


class BackupAsked(BaseModel):
    """The body of a backup."""

    model_config = ConfigDict(extra="forbid")

    encoding: Encoding = Encoding.ROW_BINARY


class WhomAsked(BaseModel):
    """The body of an erasure."""

    model_config = ConfigDict(extra="forbid")

    column: Literal["user_id", "tenant"]
    id: str
    project: str | None = None
    dry_run: bool = False


class _Job:
    """Work in a thread, which tells how far it is."""

    def __init__(self, work: Callable[["_Job"], Any]) -> None:
        self.state: dict[str, Any] = {"what": "waiting for the journal", "done": 0, "all": 0}
        self.result: Any = None
        self.error = ""
        self._thread = threading.Thread(target=self._run, args=(work,), name="breakeven-job", daemon=True)
        self._thread.start()

    def progress(self, what: str, done: int = 0, of: int = 0) -> None:
        self.state = {"what": what, "done": done, "all": of}

    def document(self) -> dict[str, Any]:
        return {**self.state, "running": self._thread.is_alive(), "error": self.error or None, "result": self.result}

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _run(self, work: Callable[["_Job"], Any]) -> None:
        try:
            self.result = work(self)
        except Exception as error:  # noqa: BLE001  # who asked is told
            self.error = str(error) or type(error).__name__


class StoreJobs:
    """One piece of work at a time: it has the store for itself."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._folder = pipeline.settings.data_dir / "backup"
        # What an earlier run left: nobody will ask for it any more.
        for path in self._folder.glob("*.backup*"):
            path.unlink(missing_ok=True)

    def start(self, work: Callable[[_Job], Any]) -> str:
        """Start it, and name it.

        Raises:
            BadRequest: 409 another piece of work is running.
        """
        with self._lock:
            if any(job.is_running() for job in self._jobs.values()):
                raise BadRequest(409, "a backup or an erasure is running; try again when it is done")
            name = uuid4().hex
            self._jobs = {name: _Job(work)}
        return name

    def job(self, name: str) -> _Job:
        """The work of that name.

        Raises:
            BadRequest: 404 there is none.
        """
        if name not in self._jobs:
            raise BadRequest(404, "no such backup or erasure; another one was started since")
        return self._jobs[name]

    def back_up(self, encoding: Encoding, job: _Job) -> dict[str, Any]:
        """Write the backup into `file`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._pipeline.quiet():
            manifest = write_backup(self._pipeline.store, self.file, job.progress, encoding=encoding)
        return {"rows": manifest.rows, "bytes": self.file.stat().st_size}

    def erase(self, whom: Whom, dry_run: bool, job: _Job) -> dict[str, Any]:
        """Erase, and tell what came of it."""
        return erased_document(erase_here(self._pipeline, whom, job.progress, dry_run=dry_run))

    @property
    def file(self) -> Path:
        """Where a backup lies until it is fetched."""
        return self._folder / "latest.backup"


def erase_here(pipeline: Pipeline, whom: Whom, progress: Callable[[str], None], *, dry_run: bool) -> Erased:
    """Erase in the store of a running pipeline; what waits in its journal is shipped first."""
    progress("shipping what waits in the journal")
    folders = [pipeline.quarantine, pipeline.settings.journal_dir]
    with pipeline.quiet():
        return erase(pipeline.store, pipeline.ledger, whom, files=folders, progress=progress, dry_run=dry_run)


def erased_document(erased: Erased) -> dict[str, Any]:
    """As JSON; decimals as strings."""
    document = asdict(erased)
    for bill in ("bill_before", "bill_after"):
        document[bill] = {key: None if value is None else str(value) for key, value in document[bill].items()}
    return document


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def store_router(pipeline: Pipeline, admin: Callable[[Request], Any]) -> APIRouter:
    """`/api/backup` and `/api/erase`: both start work, which is then asked for by its id.

    Args:
        pipeline: of the running collector.
        admin: a dependency that raises for who is no admin.
    """
    router = APIRouter(prefix="/api", dependencies=[Depends(admin)])
    jobs = StoreJobs(pipeline)

    @router.post("/backup", status_code=202)
    async def back_up(request: Request) -> dict[str, Any]:
        """Start a backup."""
        document = await json_object(request, "a backup")
        try:
            asked = BackupAsked.model_validate(document)
        except ValidationError as error:
            raise BadRequest(422, _first(error)) from None
        if not (pipeline.store.embedded or asked.encoding is Encoding.PARQUET):
            raise BadRequest(
                422,
                "a ClickHouse server has its own BACKUP; this is for the embedded store. Parquet can be had of both",
            )
        return {"job": jobs.start(lambda job: jobs.back_up(asked.encoding, job))}

    @router.post("/erase", status_code=202)
    async def erase_(request: Request) -> dict[str, Any]:
        """Start an erasure."""
        document = await json_object(request, "an erasure")
        try:
            asked = WhomAsked.model_validate(document)
        except ValidationError as error:
            raise BadRequest(422, _first(error)) from None
        try:
            whom = Whom(asked.column, asked.id, asked.project)
        except EraseError as error:
            raise BadRequest(422, str(error)) from None
        return {"job": jobs.start(lambda job: jobs.erase(whom, asked.dry_run, job))}

    @router.get("/jobs/{name}")
    async def job(name: str) -> dict[str, Any]:
        """How far it is; what came of it once it runs no more."""
        return jobs.job(name).document()

    @router.get("/backup/{name}")
    async def file(name: str) -> FileResponse:
        """The file of a backup that is done. It is handed out once."""
        found = jobs.job(name)
        if found.is_running() or found.error or not await asyncio.to_thread(jobs.file.exists):
            raise BadRequest(409, found.error or "the backup is not done, or was fetched already")
        fetched = jobs.file.with_name(f"{name}.backup")
        jobs.file.rename(fetched)
        return FileResponse(
            fetched,
            filename=f"breakeven-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.backup",
            background=BackgroundTask(fetched.unlink, missing_ok=True),
        )

    return router
