"""Views of the page, and calls for them."""

from datetime import UTC, datetime
from typing import Any

from breakeven_collector import otlp
from breakeven_collector.page.providers import Providers
from breakeven_collector.page.view import View
from breakeven_collector.pipeline import Pipeline

from tests.spans import Call, body

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOTHING = Providers(
    billed=lambda _period, _project: None,
    advice=lambda _project: None,
    verdict=lambda _project, _feature: None,
    decisions=lambda _project, _feature: (),
    revision=lambda _project: 0,
)


def view(project: str | None = None, **query: str) -> View:
    return View.of({**query, **({"project": project} if project else {})}, now=NOW, timezone="UTC")


def land(pipeline: Pipeline, project: str, *calls: Call, **resource: Any) -> None:
    send(pipeline, project, *calls, **resource)
    pipeline.drain()


def send(pipeline: Pipeline, project: str, *calls: Call, **resource: Any) -> None:
    data = body(*calls, service="page-api", resource=resource)
    pipeline.journal.append(otlp.read_traces(data, otlp.Encoding.PROTOBUF).body, project).result(10)
