"""Exports over HTTP, for whoever may read: rows of their own projects."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from breakeven_collector.access import Access, Reading
from breakeven_collector.export.files import FileFormat, media_type
from breakeven_collector.export.focus import FocusAsked, focus_metadata, write_focus
from breakeven_collector.export.tables import exportable, write_table
from breakeven_collector.pipeline import Pipeline

_AT_ONCE = 2


def export_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """`/api/export…` over the store of a running collector."""
    router = APIRouter(prefix="/api/export")
    store = pipeline.store
    folder = pipeline.settings.data_dir / "export"
    # What an earlier run left: nobody will ask for it any more.
    for path in folder.glob("*.part"):
        path.unlink(missing_ok=True)
    places = asyncio.Semaphore(_AT_ONCE)

    async def file(form: FileFormat, name: str, write: Callable[[Path], None]) -> FileResponse:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{uuid4().hex}.part"
        try:
            async with places:
                await asyncio.to_thread(write, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return FileResponse(
            path,
            media_type=media_type(form),
            filename=f"{name}.{form}",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    @router.get("/tables")
    async def tables(reading: Annotated[Reading, Depends(access.reader)]) -> dict[str, Any]:
        """What can be exported."""
        return {"tables": [asdict(one) for one in await asyncio.to_thread(exportable, store, reading.project)]}

    @router.get("/tables/{name}")
    async def table(
        name: str,
        reading: Annotated[Reading, Depends(access.reader)],
        form: Annotated[FileFormat, Query(alias="format")] = FileFormat.CSV,
    ) -> FileResponse:
        """A table or view, whole."""
        return await file(form, name, lambda path: write_table(store, name, form, path, project=reading.project))

    def asked(
        reading: Annotated[Reading, Depends(access.reader)],
        first: Annotated[date, Query(alias="from", description="First UTC day")],
        last: Annotated[date, Query(alias="to", description="Last UTC day, included")],
        by_tenant: bool = False,
    ) -> FocusAsked:
        return FocusAsked(first, last, by_tenant, reading.project)

    @router.get("/focus")
    async def focus(
        asked: Annotated[FocusAsked, Depends(asked)],
        form: Annotated[FileFormat, Query(alias="format")] = FileFormat.CSV,
    ) -> FileResponse:
        """The bill in FOCUS 1.2."""
        name = f"focus-{asked.first}-{asked.last}"
        return await file(form, name, lambda path: write_focus(store, asked, form, path))

    @router.get("/focus/metadata")
    async def metadata(asked: Annotated[FocusAsked, Depends(asked)]) -> dict[str, Any]:
        """What the export in FOCUS leaves out, and why."""
        return await asyncio.to_thread(focus_metadata, store, asked)

    return router
