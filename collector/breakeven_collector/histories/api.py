"""`/api/imported`: what is imported from other tools, and the way in for it."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from breakeven_collector import otlp
from breakeven_collector.access import Access, Reading
from breakeven_collector.errors import BadRequest, StoreUnavailable
from breakeven_collector.histories.again import settle, with_response_ids
from breakeven_collector.histories.imported import build_imported, limits
from breakeven_collector.journal import JournalError
from breakeven_collector.json_body import is_json, read_body
from breakeven_collector.keys import DEFAULT_PROJECT
from breakeven_collector.pipeline import Pipeline

_SETTLE_SECONDS: Final = 20.0


def imported_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """The routes, over a pipeline that is entered."""
    router = APIRouter(prefix="/api/imported")

    @router.get("")
    async def imported(reading: Annotated[Reading, Depends(access.reader)]) -> dict[str, Any]:
        """Imported calls by source and model: our dollars beside theirs, and how many of them spans reported too."""
        return await asyncio.to_thread(build_imported, pipeline.store, project=reading.project)

    @router.get("/limits", dependencies=[Depends(access.admin)])
    async def limits_of_calls() -> dict[str, str | None]:
        """From when on calls can be taken."""
        return await asyncio.to_thread(limits, pipeline.store, ledger_days=pipeline.settings.keep_ledger_days)

    @router.post("")
    async def take(
        request: Request,
        own: Annotated[Reading, Depends(access.admin)],
        project: Annotated[str | None, Query(max_length=100, description="Whose calls they are")] = None,
    ) -> dict[str, int]:
        """Take calls as OTLP, the way that spans go; unlike there an admin of all projects may say whose they are."""
        if project and own.project not in (None, project):
            raise BadRequest(403, f"this key is for project {own.project!r} only")
        encoding = otlp.Encoding.of(request.headers.get("content-type", ""))
        body = await read_body(request, pipeline.settings.max_body_bytes, "a request")
        traces = await asyncio.to_thread(otlp.read_traces, body, encoding)
        if traces.spans:
            whose = project or own.project or DEFAULT_PROJECT
            known = await asyncio.to_thread(with_response_ids, pipeline.store, whose, traces.body)
            try:
                await asyncio.wrap_future(pipeline.journal.append(known, whose))
            except JournalError as error:
                raise BadRequest(503, str(error)) from None
            pipeline.received.took(traces.spans, traces.rejected, protocol=encoding.protocol)
        return {"spans": traces.spans}

    @router.post("/settled", dependencies=[Depends(access.admin)])
    async def settled(request: Request) -> dict[str, bool]:
        """Wait a while until all that was taken stands in the ledger, each call once, and say whether it does."""
        is_json(request)
        try:
            await asyncio.to_thread(settle, pipeline, _SETTLE_SECONDS)
        except StoreUnavailable:
            return {"settled": False}
        return {"settled": True}

    return router
