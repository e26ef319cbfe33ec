"""`POST /api/alerts/run`: looking on demand, for an admin of all projects."""

import asyncio

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breakeven_collector.access import Access
from breakeven_collector.alerts.run import RunDocument, run_alerts
from breakeven_collector.json_body import checked, json_object
from breakeven_collector.pipeline import Pipeline


class RunSent(BaseModel):
    """The body: nothing for now; `at` for a moment of the past, or `from` and `to` for a stretch of it."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime | None = None
    first: AwareDatetime | None = Field(default=None, alias="from")
    last: AwareDatetime | None = Field(default=None, alias="to")
    dry_run: bool = False


def alerts_run_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """The route, over an entered pipeline."""
    router = APIRouter()

    @router.post("/api/alerts/run", dependencies=[Depends(access.owner)])
    async def run(request: Request) -> RunDocument:
        """Look now and tell what is to be told, or say what would have been told in the past."""
        sent = checked(RunSent, await json_object(request, "a look"))
        return await asyncio.to_thread(
            run_alerts,
            pipeline.alerts,
            pipeline.store,
            pipeline.settings.timezone,
            at=sent.at,
            first=sent.first,
            last=sent.last,
            dry_run=sent.dry_run,
        )

    return router
