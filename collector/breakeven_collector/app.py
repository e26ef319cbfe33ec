"""The HTTP front: OTLP, the API, health."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from breakeven_collector import otlp
from breakeven_collector.access import Reading
from breakeven_collector.alerts.api import alerts_router
from breakeven_collector.alerts.run_api import alerts_run_router
from breakeven_collector.billed_api import billed_router, take_up_bill
from breakeven_collector.bugs import CatchBugs
from breakeven_collector.errors import CONFIG_UNUSABLE, BadRequest, ConfigError, StoreError
from breakeven_collector.export.api import export_router
from breakeven_collector.headers import SecurityHeaders
from breakeven_collector.health import health_document, why_not_ready
from breakeven_collector.histories.api import imported_router
from breakeven_collector.imports_api import imports_router
from breakeven_collector.keys_api import keys_router
from breakeven_collector.metrics import metrics_router
from breakeven_collector.origins_api import origins_router
from breakeven_collector.page.real import HeldBills, real_providers
from breakeven_collector.page.routes import Pages, page_api_router
from breakeven_collector.period import Asked
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_service import PriceService
from breakeven_collector.prices_api import prices_router
from breakeven_collector.receiver import PATHS, Receiver
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.report_document import Report
from breakeven_collector.sql.endpoint import sql_router
from breakeven_collector.store_api import store_router
from breakeven_collector.tieout_api import tieout_router
from breakeven_collector.verdicts.api import bill_of, verdicts_router
from breakeven_collector.verdicts.ready import ReadyVerdicts


class App(FastAPI):
    """The application.

    Spans do not go through the framework: its layers take ten times as long as what is done with a small request.
    """

    spans: ASGIApp
    """Takes them."""
    verdicts: ReadyVerdicts
    """Works in the background: closed before the store is."""
    bills: HeldBills
    """The same."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request."""
        spans = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS
        await (self.spans if spans else super().__call__)(scope, receive, send)


def create_app(pipeline: Pipeline) -> App:
    """The application over a pipeline that is entered already."""
    receiver = Receiver(pipeline.journal, pipeline.access, pipeline.settings.max_body_bytes, pipeline.received)
    started = datetime.now(UTC)

    app = App(title="Breakeven", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.spans = SecurityHeaders(CatchBugs(receiver, answer=_bug))
    # The one added last is the outermost: what answers for a bug gets its headers too.
    app.add_middleware(CatchBugs, answer=_bug)
    app.add_middleware(SecurityHeaders)
    access = pipeline.access
    app.include_router(receiver.router())
    app.include_router(metrics_router(pipeline), dependencies=[Depends(access.owner)])
    app.include_router(origins_router(pipeline.store, access))
    app.include_router(tieout_router(pipeline, access))
    app.include_router(billed_router(pipeline, access))
    app.include_router(prices_router(PriceService(pipeline.store, pipeline.catalog, pipeline.ledger), access))
    app.include_router(imports_router(pipeline.store, access, then=lambda: take_up_bill(pipeline)))
    app.include_router(keys_router(pipeline.store, access))
    app.include_router(store_router(pipeline, access.owner))
    app.include_router(imported_router(pipeline, access))
    app.include_router(export_router(pipeline, access))
    app.include_router(verdicts_router(pipeline, access))
    app.include_router(alerts_router(pipeline, access))
    app.include_router(alerts_run_router(pipeline, access))
    app.verdicts = ReadyVerdicts(
        pipeline.store, pipeline.settings.config, pipeline.settings.timezone, bill=bill_of(pipeline)
    )
    app.bills = HeldBills(pipeline)
    providers = real_providers(pipeline, app.verdicts, app.bills)
    app.include_router(page_api_router(pipeline, access, providers))
    app.include_router(Pages(pipeline, access, providers).router())

    def sees(request: Request) -> tuple[str, ...] | None:
        return access.sql_reader(request).projects

    app.include_router(sql_router(pipeline.store, sees, enabled=pipeline.settings.sql))

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> Response:
        return _status_response(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _status_response(request, 422, f"{where}: {first['msg']}", {})

    @app.exception_handler(StoreError)
    async def _store_error(request: Request, error: StoreError) -> Response:
        message = str(error) if _runs_it(request) else "the store does not answer; try again in a while"
        return _status_response(request, 503, message, {"Retry-After": "2"})

    @app.exception_handler(BadRequest)
    async def _bad_request(request: Request, error: BadRequest) -> Response:
        return _status_response(request, error.status, str(error), {})

    @app.exception_handler(ConfigError)
    async def _config_error(request: Request, error: ConfigError) -> Response:
        return _status_response(request, 500, str(error) if _runs_it(request) else CONFIG_UNUSABLE, {})

    # Not async: they look into folders.
    @app.get("/healthz")
    def healthz(request: Request) -> JSONResponse:
        """Whether requests are taken and land; to an admin of all projects also what holds them up, and counters."""
        document = health_document(pipeline, started)
        return JSONResponse(document if access.runs_it(request) else {"status": document["status"]})

    @app.get("/readyz")
    def readyz(request: Request) -> JSONResponse:
        """Whether spans can be taken: 200, or 503 for a load balancer to send them to another collector."""
        if why := why_not_ready(pipeline):
            told = {"why": why} if access.runs_it(request) else {}
            return JSONResponse({"status": "not ready", **told}, status_code=503, headers={"Retry-After": "2"})
        return JSONResponse({"status": "ready"})

    @app.get("/api/report")
    async def report(
        request: Request,
        reading: Annotated[Reading, Depends(access.reader)],
        days: Annotated[int, Query(ge=1, le=3660)] = 30,
        by: Dimension = Dimension.FEATURE,
        month: Annotated[str | None, Query(description="Instead of days: a month, such as 2026-10")] = None,
        first: Annotated[date | None, Query(alias="from", description="Instead of days: the first day")] = None,
        last: Annotated[date | None, Query(alias="to", description="The last day, included")] = None,
        timezone: Annotated[str | None, Query(description="Where days begin, such as Europe/Berlin")] = None,
        book: Annotated[str | None, Query(description="Version of another price book to compare with")] = None,
        environment: Annotated[str, Query(description="Only this one; not by tenant or user")] = "",
        provider: Annotated[str, Query(description="The same")] = "",
        model: Annotated[str, Query(description="The same")] = "",
        service: Annotated[str, Query(description="The same")] = "",
    ) -> Report:
        """The bill by feature, model, provider, tenant, user, service, …"""
        asked = Asked(days, month, first, last, timezone or pipeline.settings.timezone)
        document = await asyncio.to_thread(
            _report,
            pipeline,
            period=asked.period(datetime.now(UTC)),
            by=by,
            book=book,
            project=reading.project,
            only={"environment": environment, "provider": provider, "model": model, "service": service},
        )
        if document["config_error"] and not _runs_it(request):
            document["config_error"] = CONFIG_UNUSABLE
        return document

    @app.get("/api/openapi.json", include_in_schema=False, dependencies=[Depends(access.reader)])
    async def openapi() -> dict[str, Any]:
        """What can be asked."""
        return app.openapi()

    return app


def _report(pipeline: Pipeline, **asked: Any) -> Report:
    # A file that is broken now takes nothing away: what it declared last still counts, and the report says so.
    features = pipeline.attribution.features()
    document = build_report(
        pipeline.store, features=features, config_error=pipeline.attribution.config_error or None, **asked
    )
    document["billed"] = billed_summary(
        pipeline.store,
        lambda: (pipeline.catalog, pipeline.attribution.declared),
        period=asked["period"],
        project=asked["project"],
    )
    return document


def _runs_it(request: Request) -> bool:
    """Whether the caller may see an error's own text: it may name features, folders or servers that are not theirs."""
    return getattr(request.state, "runs_it", False)


def _bug(request: Request) -> Response:
    # OTLP wants a Status even here; where it failed is in the log, not in the answer.
    return _status_response(request, 500, "the collector failed; its log says why", {})


def _status_response(request: Request, status: int, message: str, headers: dict[str, str]) -> Response:
    """Errors of OTLP paths are a google.rpc.Status in the client's encoding; all others the same in JSON."""
    encoding = otlp.Encoding.JSON
    if request.url.path.startswith("/v1/") and "protobuf" in request.headers.get("content-type", "").lower():
        encoding = otlp.Encoding.PROTOBUF
    return Response(
        otlp.error_body(encoding, status, message), status_code=status, media_type=encoding.value, headers=headers
    )
