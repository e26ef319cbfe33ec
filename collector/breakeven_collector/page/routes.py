"""The page's routes, and the `/api` that it has beside the command line's."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.responses import FileResponse, RedirectResponse, Response

from breakeven_collector.access import Access, Reading
from breakeven_collector.alerts.source import channels_now
from breakeven_collector.errors import BadRequest, BreakevenError, StoreError
from breakeven_collector.json_body import read_body
from breakeven_collector.keys import Scope
from breakeven_collector.page import api_words, session
from breakeven_collector.page.alerts import build_alerts, count_firing, snooze_alert
from breakeven_collector.page.api_words import groupings, periods, searches
from breakeven_collector.page.calls import calls_table, list_calls, show_call
from breakeven_collector.page.feature import build_feature
from breakeven_collector.page.held import HeldPages
from breakeven_collector.page.overview import build_overview
from breakeven_collector.page.providers import Providers
from breakeven_collector.page.pulse import read_pulse
from breakeven_collector.page.series import read_daily, stacked
from breakeven_collector.page.setup import build_setup
from breakeven_collector.page.tables import TableOf
from breakeven_collector.page.view import GROUPINGS, View
from breakeven_collector.page.words import HERE, environment
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.projects import of_project

_STATIC: Final = {
    "page.css": "text/css; charset=utf-8",
    "uPlot.min.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_MOST_FORM_BYTES: Final = 4096
_HELD: Final = ("overview.html", "feature.html")
"""Those that show the same to everybody who may read the project."""

Build = Callable[[View], Mapping[str, Any]]


class Pages:
    """The pages over an entered pipeline.

    Args:
        pipeline: entered already.
        access: who may do what.
        providers: figures that are there or not.
    """

    def __init__(self, pipeline: Pipeline, access: Access, providers: Providers) -> None:
        self._pipeline = pipeline
        self._access = access
        self._providers = providers
        self._templates = environment()
        self._held = HeldPages()

    def router(self) -> APIRouter:
        """All routes."""
        router = APIRouter()
        for path, handler in {
            "/": self.overview,
            "/feature": self.feature,
            "/calls": self.calls,
            "/calls/{call_id}": self.call,
            "/alerts": self.alerts,
            "/setup": self.setup,
        }.items():
            router.add_api_route(path, handler, response_class=HTMLResponse, include_in_schema=False)
        router.add_api_route("/static/{name}", self.static, include_in_schema=False)
        router.add_api_route("/alerts/snooze", self.snooze, methods=["POST"], include_in_schema=False)
        router.add_api_route("/sign-in", self.sign_in, methods=["POST"], include_in_schema=False)
        router.add_api_route("/sign-out", self.sign_out, methods=["POST"], include_in_schema=False)
        return router

    async def overview(self, request: Request) -> Response:
        """The bill at a glance."""

        def build(view: View) -> Mapping[str, Any]:
            firing = count_firing(self._pipeline.store, view.project, datetime.now(UTC))
            return {**build_overview(self._pipeline, view, self._providers), "firing": firing}

        return await self._page(request, "overview.html", build)

    async def feature(self, request: Request) -> Response:
        """One feature."""

        def build(view: View) -> Mapping[str, Any]:
            if not view.feature:
                raise BadRequest(422, "feature is missing: choose one on the overview")
            return build_feature(self._pipeline, view, self._providers)

        return await self._page(request, "feature.html", build)

    async def calls(self, request: Request) -> Response:
        """Search among calls."""

        def build(view: View) -> Mapping[str, Any]:
            document = list_calls(self._pipeline.store, view)
            return {"table": calls_table(document, view), "before": document["before"]}

        return await self._page(request, "calls.html", build)

    async def call(self, request: Request, call_id: str) -> Response:
        """One call."""
        return await self._page(
            request, "call.html", lambda view: show_call(self._pipeline.store, call_id, view.project)
        )

    async def alerts(self, request: Request) -> Response:
        """What fires, and what was told."""

        def build(view: View) -> Mapping[str, Any]:
            caller = self._access.caller(request.headers, cookie=True)
            return {
                **build_alerts(self._pipeline.store, view, now=datetime.now(UTC)),
                "channels": channels_now(self._pipeline.store, self._pipeline.settings.config)
                if caller.runs_it
                else None,
                "alerts_error": self._pipeline.alerts.error if caller.runs_it else "",
                "may_snooze": caller.scope is Scope.ADMIN,
                "form_token": session.form_token(request),
            }

        answer = await self._page(request, "alerts.html", build)
        # Its form's request tells where it comes from, so that another site's can be told.
        answer.headers["Referrer-Policy"] = "same-origin"
        return answer

    async def snooze(self, request: Request) -> Response:
        """Snooze one alert, and show the rest."""
        try:
            reading = self._access.admin_at_page(request)
            body = (await read_body(request, _MOST_FORM_BYTES, "a snooze")).decode(errors="replace")
            fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            session.check_form(request, fields.get("token", ""))
            await asyncio.to_thread(snooze_alert, self._pipeline.store, reading, fields, datetime.now(UTC))
        except BadRequest as error:
            return self._sign_in_form(request, error) if error.status == 401 else self._error(request, error)
        except BreakevenError as error:
            return self._error(request, error)
        return RedirectResponse("/alerts", status_code=303)

    async def setup(self, request: Request) -> Response:
        """How spans get here."""

        def build(view: View) -> Mapping[str, Any]:
            caller = self._access.caller(request.headers, cookie=True)
            return build_setup(
                self._pipeline,
                view,
                f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}",
                keys_of=caller.project,
                may_see_keys=caller.scope is Scope.ADMIN,
            )

        return await self._page(request, "setup.html", build)

    async def static(self, name: str) -> Response:
        """Scripts and styles; they tell nothing, so nobody is asked for a key."""
        if name not in _STATIC:
            raise BadRequest(404, "there is no such file")
        # Its address carries no version: a browser asks each time whether it changed.
        return FileResponse(HERE / "static" / name, media_type=_STATIC[name], headers={"Cache-Control": "no-cache"})

    async def sign_in(self, request: Request) -> Response:
        """Take a key, and keep it in the browser."""
        try:
            session.check_same_site(request)
            fields = parse_qs((await read_body(request, _MOST_FORM_BYTES, "a key")).decode(errors="replace"))
            secret = fields.get("key", [""])[0].strip()[: session.LONGEST_KEY]
            caller = self._access.caller({"x-api-key": secret, "host": request.headers.get("host", "")})
            if caller.scope is Scope.INGEST:
                raise BadRequest(403, "this key writes only: reading needs one of scope read or admin")
        except BadRequest as error:
            return self._sign_in_form(request, error)
        return session.signed_in(request, secret, fields.get("to", ["/"])[0])

    async def sign_out(self, request: Request) -> Response:
        """Forget the key."""
        try:
            session.check_same_site(request)
        except BadRequest as error:
            return self._error(request, error)
        return session.signed_out()

    async def _page(self, request: Request, template: str, build: Build) -> Response:
        try:
            asked = request.query_params.get("project", "").strip() or None
            reading = self._access.reader(request, asked)
            view = view_of(request, reading, self._pipeline)
            return await asyncio.to_thread(self._render, request, template, view, build)
        except BadRequest as error:
            return self._sign_in_form(request, error) if error.status == 401 else self._error(request, error)
        except BreakevenError as error:
            return self._error(request, error)

    def _render(self, request: Request, template: str, view: View, build: Build) -> Response:
        # Taken before: if it becomes another one meanwhile, the page asks once more.
        found = read_pulse(self._pipeline, self._providers, view.project)
        pulse = found["pulse"]
        shown = (
            self._held.of((template, *view.query().items(), pulse), lambda: build(view))
            if template in _HELD
            else build(view)
        )
        if wanted := request.query_params.get("csv"):
            return _csv(shown, wanted)
        places = self._pipeline.store.query_file("page_places", of_project(view.project))[0]
        text = self._templates.get_template(template).render(
            **{"has_calls": found["has_calls"], **shown},
            view=view,
            path=request.url.path,
            places={key: sorted(name for name in names if name) for key, names in places.items()},
            is_signed_in=session.COOKIE in request.cookies,
            groupings=GROUPINGS,
            pulse=pulse,
            now=datetime.now(UTC),
            config_error=self._pipeline.attribution.config_error or self._providers.config_error(view.project)
            if getattr(request.state, "runs_it", False)
            else None,
        )
        return HTMLResponse(text)

    def _sign_in_form(self, request: Request, error: BadRequest) -> Response:
        tried = request.method == "POST"
        to = "/" if tried else request.url.path + (f"?{request.url.query}" if request.url.query else "")
        text = self._templates.get_template("sign_in.html").render(
            error="" if error.status == 401 and not tried else str(error), to=to
        )
        # The form's own answer tells where it comes from, so that another site's can be told.
        return HTMLResponse(text, status_code=error.status, headers={"Referrer-Policy": "same-origin"})

    def _error(self, request: Request, error: BreakevenError) -> Response:
        status = error.status if isinstance(error, BadRequest) else 503 if isinstance(error, StoreError) else 500
        message = str(error)
        if not isinstance(error, BadRequest) and not getattr(request.state, "runs_it", False):
            message = "the store does not answer; try again in a while"
        text = self._templates.get_template("error.html").render(status=status, message=message)
        return HTMLResponse(text, status_code=status, headers={"Retry-After": "2"} if status == 503 else {})


def view_of(request: Request, reading: Reading, pipeline: Pipeline) -> View:
    """The view of an address, within what may be read.

    Raises:
        BadRequest: 422: the address cannot be made out.
    """
    query = {**request.query_params, **({"project": reading.project} if reading.project else {})}
    return View.of(query, now=datetime.now(UTC), timezone=pipeline.settings.timezone)


def _csv(shown: Mapping[str, Any], wanted: str) -> Response:
    tables = {value.name: value for value in shown.values() if isinstance(value, TableOf)}
    if wanted not in tables:
        raise BadRequest(404, f"this page has no table of that name; it has {', '.join(tables) or 'none'}")
    return Response(
        tables[wanted].csv(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''breakeven-{quote(wanted)}.csv"},
    )


def page_api_router(pipeline: Pipeline, access: Access, providers: Providers) -> APIRouter:
    """`/api/series`, `/api/calls…`, `/api/pulse`: what the page is made of, beside the report."""
    router = APIRouter(prefix="/api")

    @router.get("/series", responses=api_words.SERIES, dependencies=[Depends(periods), Depends(groupings)])
    async def series(request: Request, reading: Annotated[Reading, Depends(access.reader)]) -> dict[str, Any]:
        """Spend by day, stacked by feature, model, provider, tenant, service or environment."""
        view = view_of(request, reading, pipeline)
        spend = await asyncio.to_thread(read_daily, pipeline.store, view, view.by, view.period.start)
        return stacked(spend, view.by)

    @router.get("/calls", responses=api_words.CALLS, dependencies=[Depends(periods), Depends(searches)])
    async def calls(request: Request, reading: Annotated[Reading, Depends(access.reader)]) -> dict[str, Any]:
        """Calls, the newest first, each with its dollars."""
        return await asyncio.to_thread(list_calls, pipeline.store, view_of(request, reading, pipeline))

    @router.get("/calls/{call_id}", responses=api_words.CALL)
    async def call(call_id: str, reading: Annotated[Reading, Depends(access.reader)]) -> dict[str, Any]:
        """One call: what was reported, what became of it, and its price line by line."""
        return await asyncio.to_thread(show_call, pipeline.store, call_id, reading.project)

    @router.get("/pulse", responses=api_words.PULSE)
    async def pulse(reading: Annotated[Reading, Depends(access.reader)]) -> dict[str, Any]:
        """Whether there are calls, a word that changes when a page would, and a number that does with the verdicts."""
        return await asyncio.to_thread(read_pulse, pipeline, providers, reading.project)

    return router
