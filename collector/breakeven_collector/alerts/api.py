"""Alerts over HTTP."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict

from breakeven_collector.access import Access, Reading
from breakeven_collector.alerts import service
from breakeven_collector.alerts.outbox import list_deliveries
from breakeven_collector.alerts.source import channels_now, load_channels
from breakeven_collector.alerts.trial import try_channels
from breakeven_collector.errors import BadRequest, ConfigError
from breakeven_collector.json_body import checked, json_object
from breakeven_collector.pipeline import Pipeline


class SnoozeSent(BaseModel):
    """The body of a snooze."""

    model_config = ConfigDict(extra="forbid")

    rule: str
    subject: str | None = None
    """None: whatever the rule is about."""
    until: AwareDatetime
    by: str = ""
    project: str | None = None


class TestSent(BaseModel):
    """The body of a test."""

    model_config = ConfigDict(extra="forbid")

    channel: str | None = None


def alerts_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """The routes, over a pipeline that is entered already."""
    router = APIRouter(prefix="/api/alerts")
    store, settings = pipeline.store, pipeline.settings

    @router.get("")
    async def alerts(
        reading: Annotated[Reading, Depends(access.reader)],
        limit: Annotated[int, Query(ge=1, le=1000, description="Of history and deliveries, the newest")] = 100,
    ) -> dict[str, Any]:
        """What fires, is about to or is snoozed; what was told; and what became of it on each channel."""

        def build() -> dict[str, Any]:
            return {
                "alerts": service.list_alerts(store, reading.project, datetime.now(UTC)),
                "history": service.history(store, reading.project, limit),
                "deliveries": list_deliveries(store, reading.project, limit),
            }

        return await asyncio.to_thread(build)

    @router.get("/channels", dependencies=[Depends(access.owner)])
    async def channels() -> dict[str, Any]:
        """Where alerts go, what keeps a channel from being used, and how its last message went."""
        return {"channels": await asyncio.to_thread(channels_now, store, settings.config)}

    @router.post("/snooze")
    async def snooze(request: Request, reading: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Be silent about a rule, or about one subject of it, for a while."""
        sent = checked(SnoozeSent, await json_object(request, "a snooze"))
        project = reading.own_project(sent.project) or ""
        now = datetime.now(UTC)
        return await asyncio.to_thread(
            service.snooze, store, project, sent.rule, sent.subject, sent.until, sent.by, now
        )

    @router.post("/test", dependencies=[Depends(access.owner)])
    async def test(request: Request) -> dict[str, Any]:
        """Send a test to one channel or to all, and tell what became of it."""
        sent = checked(TestSent, await json_object(request, "a test"))

        def run() -> dict[str, Any]:
            try:
                channels, links = load_channels(settings.config)
                return try_channels(channels, links, datetime.now(UTC), only=sent.channel)
            except ConfigError as error:
                raise BadRequest(422, str(error)) from None

        return await asyncio.to_thread(run)

    return router
