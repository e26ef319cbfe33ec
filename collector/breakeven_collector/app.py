"""The HTTP front: OTLP, the API, health."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from breakeven_collector import otlp
from breakeven_collector.errors import BadRequest, ConfigError, StoreError
from breakeven_collector.features import load_features
from breakeven_collector.origins_api import origins_router
from breakeven_collector.period import Asked
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_service import PriceService
from breakeven_collector.prices_api import prices_router
from breakeven_collector.receiver import Receiver
from breakeven_collector.report import Dimension, Report, build_report
from breakeven_collector.store_api import from_this_machine, store_router


def create_app(pipeline: Pipeline) -> FastAPI:
    """The application over a pipeline that is entered already."""
    receiver = Receiver(pipeline.journal, pipeline.access, pipeline.settings.max_body_bytes)
    started = datetime.now(UTC)

    app = FastAPI(
        title="Breakeven",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    app.include_router(receiver.router())
    app.include_router(origins_router(pipeline.store))
    app.include_router(prices_router(PriceService(pipeline.store, pipeline.catalog, pipeline.ledger)))
    app.include_router(store_router(pipeline, from_this_machine))

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
        return _status_response(request, 503, str(error), {"Retry-After": "2"})

    @app.exception_handler(BadRequest)
    async def _bad_request(request: Request, error: BadRequest) -> Response:
        return _status_response(request, error.status, str(error), {})

    @app.exception_handler(ConfigError)
    async def _config_error(request: Request, error: ConfigError) -> Response:
        return _status_response(request, 500, str(error), {})

    @app.exception_handler(Exception)
    async def _bug(request: Request, _error: Exception) -> Response:
        # OTLP wants a Status even here; the traceback is in the log, not in the answer.
        return _status_response(request, 500, "the collector failed; its log says why", {})

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """Whether requests are taken and land."""
        received = receiver.received
        held_up = received.journal_error or pipeline.shipper.last_error
        return JSONResponse(
            {
                "status": "ok" if not held_up else "degraded",
                "held_up": held_up or None,
                "config": str(pipeline.settings.config.absolute()),
                "config_error": pipeline.attribution.config_error or None,
                "started": started.isoformat(),
                "store": pipeline.store.address,
                "journal_bytes": pipeline.journal.waiting_bytes,
                "shipped_segments": pipeline.shipper.shipped_segments,
                "quarantined_requests": pipeline.shipper.quarantined_requests,
                "requests": received.requests,
                "spans": received.spans,
                "rejected_spans": received.rejected_spans,
                "refused_requests": received.refused_requests,
                "unkept_requests": received.unkept_requests,
                "damaged_segments": len(list(pipeline.settings.journal_dir.glob("*.damaged"))),
                "dropped_requests": received.dropped,
            }
        )

    @app.get("/api/report")
    async def report(
        days: Annotated[int, Query(ge=1, le=3660)] = 30,
        by: Dimension = Dimension.FEATURE,
        month: Annotated[str | None, Query(description="Instead of days: a month, such as 2026-10")] = None,
        first: Annotated[date | None, Query(alias="from", description="Instead of days: the first day")] = None,
        last: Annotated[date | None, Query(alias="to", description="The last day, included")] = None,
        timezone: Annotated[str | None, Query(description="Where days begin, such as Europe/Berlin")] = None,
        book: Annotated[str | None, Query(description="Version of another price book to compare with")] = None,
    ) -> Report:
        """The bill by feature, model, provider, tenant, user, service, …"""
        asked = Asked(days, month, first, last, timezone or pipeline.settings.timezone)
        return await asyncio.to_thread(
            build_report,
            pipeline.store,
            period=asked.period(datetime.now(UTC)),
            by=by,
            features=load_features(pipeline.settings.config),
            book=book,
        )

    return app


def _status_response(request: Request, status: int, message: str, headers: dict[str, str]) -> Response:
    """Errors of OTLP paths are a google.rpc.Status in the client's encoding; all others the same in JSON."""
    encoding = otlp.Encoding.JSON
    if request.url.path.startswith("/v1/") and "protobuf" in request.headers.get("content-type", "").lower():
        encoding = otlp.Encoding.PROTOBUF
    return Response(
        otlp.error_body(encoding, status, message), status_code=status, media_type=encoding.value, headers=headers
    )
