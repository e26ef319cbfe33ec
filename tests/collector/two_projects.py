"""Two projects in one collector: what each has, who may ask for it, and every route by the scope that it needs."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from breakeven_collector.billed_api import take_up_bill
from breakeven_collector.keys import KeyTable, Scope
from breakeven_collector.serve import Collector

from tests.collector.billed_lines import insert_billed
from tests.collector.client import JSON, PROTOBUF, Answer, Client
from tests.spans import Call, body, request

A, B = "alpha", "canary-b"
CANARIES = ("canary-b", "864297531", "7531.86")
"""B's names, tokens and dollars."""

OPEN = {
    *(("GET", "/healthz"), ("GET", "/readyz")),
    # What ClickHouse answers before anybody says who they are.
    ("GET", "/clickhouse/ping"),
    # The page's scripts and styles, and its form: a key is what it asks for.
    *(("GET", "/static/{name}"), ("POST", "/sign-in"), ("POST", "/sign-out")),
}
"""What anybody may ask: it tells a stranger that the collector lives, and no more."""

READ: dict[tuple[str, str], list[str]] = {
    ("GET", "/api/report"): [
        *("/api/report?days=3&by=tenant", "/api/report?days=3&by=user", "/api/report?days=3&by=service&book={book}"),
        *(
            "/api/report?book=none@1",
            "/api/report?by=nothing",
            "/api/report?month=2099-01",
            "/api/report?project=alpha",
        ),
    ],
    ("GET", "/api/tieout"): ["/api/tieout?days=3&by=key", "/api/tieout?month=2099-01"],
    ("GET", "/api/report/billed"): ["/api/report/billed?days=3&by=key", "/api/report/billed?by=nothing"],
    ("GET", "/api/origins"): ["/api/origins", "/api/origins?days=400&cut={today}"],
    ("GET", "/api/prices"): ["/api/prices", "/api/prices?whole_book=true&days=400"],
    ("GET", "/api/prices/model"): [
        *("/api/prices/model?model=gpt-4o", "/api/prices/model?model=shared-model", "/api/prices/model"),
        "/api/prices/model?model=nobody-has-it",
    ],
    ("GET", "/api/verdicts"): [
        "/api/verdicts",
        "/api/verdicts?feature=canary&diff=true",
        "/api/verdicts?project=alpha",
    ],
    ("GET", "/api/decisions"): ["/api/decisions"],
    ("GET", "/api/margin"): ["/api/margin?by=tenant", "/api/margin?months=1"],
    ("GET", "/api/openapi.json"): ["/api/openapi.json"],
    ("GET", "/api/imported"): ["/api/imported"],
    ("GET", "/api/export/tables"): ["/api/export/tables"],
    ("GET", "/api/export/tables/{name}"): [
        *("/api/export/tables/v1_spend_daily", "/api/export/tables/v1_spend_hourly", "/api/export/tables/calls"),
        *("/api/export/tables/v1_prices", "/api/export/tables/origins?format=csv", "/api/export/tables/keys"),
        "/api/export/tables/model_names",
        "/api/export/tables/v1_billed_daily",
    ],
    ("GET", "/api/export/focus"): [
        *("/api/export/focus?from={today}&to={today}", "/api/export/focus?from={today}&to={today}&by_tenant=true"),
        "/api/export/focus?from=2026-01-02&to=2026-01-01",
    ],
    ("GET", "/api/export/focus/metadata"): ["/api/export/focus/metadata?from={today}&to={today}"],
    ("GET", "/api/series"): ["/api/series", "/api/series?by=tenant", "/api/series?by=service&project=alpha"],
    ("GET", "/api/calls"): ["/api/calls", "/api/calls?q=canary", "/api/calls?feature=canary-b-feature&days=3"],
    ("GET", "/api/calls/{call_id}"): ["/api/calls/1795478400000000-AA-BB", "/api/calls/none"],
    ("GET", "/api/pulse"): ["/api/pulse"],
    ("GET", "/"): ["/", "/?by=tenant", "/?csv=features", "/?csv=removed", "/?days=none"],
    ("GET", "/feature"): ["/feature?feature=a-feature", "/feature?feature=shared-model&csv=users", "/feature"],
    ("GET", "/calls"): ["/calls", "/calls?csv=calls", "/calls?status=failed"],
    ("GET", "/calls/{call_id}"): ["/calls/1795478400000000-AA-BB", "/calls/none"],
    ("GET", "/api/alerts"): ["/api/alerts", "/api/alerts?limit=3", "/api/alerts?project=alpha"],
    ("GET", "/alerts"): ["/alerts", "/alerts?csv=history", "/alerts?csv=deliveries"],
    ("GET", "/setup"): ["/setup", "/setup?csv=unpriced", "/setup?csv=unallocated"],
}
"""What a read key may ask, in all the ways that show something else."""

ADMIN_READ = {
    ("GET", "/api/keys"): "/api/keys",
    ("GET", "/metrics"): "/metrics",
    ("GET", "/api/alerts/channels"): "/api/alerts/channels",
    ("GET", "/api/imported/limits"): "/api/imported/limits",
    ("GET", "/api/backup/{name}"): "/api/backup/none",
    ("GET", "/api/jobs/{name}"): "/api/jobs/none",
    ("GET", "/api/imports/days"): "/api/imports/days?source=openai",
}

ACCOUNT: dict[str, Any] = {"source": "openai", "origin": {"name": "x.json"}, "lines": [], "covered": []}
OVERRIDE = {"model": "gpt-4o", "valid_from": "2026-01-01", "percent_off": "10"}
CHANGE: dict[tuple[str, str], tuple[str, Any]] = {
    ("POST", "/api/keys"): ("/api/keys", {"scope": "read"}),
    ("DELETE", "/api/keys/{key_id}"): ("/api/keys/00000000", None),
    ("POST", "/api/prices/overrides"): ("/api/prices/overrides", OVERRIDE),
    ("DELETE", "/api/prices/overrides/{what:path}"): ("/api/prices/overrides/gpt-4o", None),
    ("POST", "/api/prices/books"): ("/api/prices/books", []),
    ("POST", "/api/imported"): ("/api/imported", {}),
    ("POST", "/api/imported/settled"): ("/api/imported/settled", {}),
    ("POST", "/api/decisions"): ("/api/decisions", {"feature": "x", "decision": "stay", "made_by": "y"}),
    ("POST", "/api/revenue"): ("/api/revenue", {"name": "x.csv", "csv": "month,feature,usd\n"}),
    ("POST", "/api/backup"): ("/api/backup", {}),
    ("POST", "/api/imports"): ("/api/imports", ACCOUNT),
    ("POST", "/api/alerts/snooze"): (
        "/api/alerts/snooze",
        {"rule": "jump", "until": "2100-01-01T00:00:00Z"},
    ),
    # A form of the page: its tests are those of the page.
    ("POST", "/alerts/snooze"): ("/alerts/snooze", {}),
    ("POST", "/api/alerts/test"): ("/api/alerts/test", {}),
    ("POST", "/api/erase"): ("/api/erase", {"column": "user_id", "id": "x"}),
    ("POST", "/api/alerts/run"): ("/api/alerts/run", {"dry_run": True}),
}
"""What only an admin may do."""

SQL = {(method, path) for method in ("GET", "POST") for path in ("/clickhouse", "/clickhouse/")}
"""Whoever may read, in ClickHouse's dialect."""

INGEST = {("POST", f"/v1/{signal}{slash}") for signal in ("traces", "metrics", "logs") for slash in ("", "/")}


class Keyed(Client):
    """A client with a key of its own."""

    def __init__(self, url: str, key: str | None) -> None:
        super().__init__(url)
        self._own = {} if key is None else {"Authorization": f"Bearer {key}"}

    def ask(self, method: str, path: str, document: Any = None, data: bytes | None = None) -> Answer:
        if data is not None:
            return self.send(method, path, data, {**PROTOBUF, **self._own})
        if document is not None:
            return self.send(method, path, json.dumps(document).encode(), {**JSON, **self._own})
        return self.send(method, path, None, self._own)


Who = tuple[Scope, str | None] | None


def classified() -> set[tuple[str, str]]:
    """Method and path of all routes above."""
    return OPEN | READ.keys() | ADMIN_READ.keys() | CHANGE.keys() | SQL | INGEST


def fill(two: Collector) -> dict[Who, Keyed]:
    """Put calls, contracts, machines, a bill, decisions and revenue of both projects into a collector.

    Returns:
        Clients, by scope and project; None: without a key.
    """
    table = KeyTable(two.pipeline.store)
    clients: dict[Who, Keyed] = {None: Keyed(two.url, None)}
    for scope in Scope:
        for project in (A, B):
            clients[scope, project] = Keyed(two.url, table.create(scope, project, f"for {project}")["key"])
    clients[Scope.ADMIN, None] = Keyed(two.url, table.create(Scope.ADMIN)["key"])
    two.pipeline.access.refresh()
    now = datetime.now(UTC)
    # Neither an attribute nor a field of ours in the request chooses a project.
    chooses = {"breakeven.project": B, "project": B}
    forged = (
        body(Call(at=now, feature="a-feature", attributes=chooses), service="a-service") + b"\xc2\x3e\x08" + B.encode()
    )
    ours = body(Call(at=now, feature=None, model="shared-model"), service="a-service", resource=chooses)
    origin = {"gen_ai.agent.name": "canary-b-agent", "gen_ai.workflow.name": "canary-b-workflow"}
    theirs = request(
        Call(
            at=now,
            feature="canary-b-feature",
            provider="canary-b-provider",
            model="canary-b-model",
            input_tokens=864_297_531,
            attributes={
                **{"breakeven.tenant": "canary-b-tenant", "user.id": "canary-b-user", "gen_ai.usage.cost": 7531.8642},
                **{"breakeven.retry": True},
            },
        ),
        Call(at=now, feature=None, model="shared-model", provider="canary-b-provider", attributes=origin),
        Call(at=now, feature=None, model="canary-b-unknown", input_tokens=None, output_tokens=None),
        service="canary-b-service",
        resource={"deployment.environment.name": "canary-b-environment"},
    ).SerializeToString()
    for project, data in ((A, forged), (A, ours), (B, theirs)):
        assert clients[Scope.INGEST, project].ask("POST", "/v1/traces", data=data).status == 200
    two.pipeline.drain()
    for override in (
        {**OVERRIDE, "model": "canary-b-model", "provider": "canary-b-provider", "note": "canary-b-note"},
        {**OVERRIDE, "model": "shared-model", "provider": "canary-b-provider", "note": "canary-b-contract"},
        {"model": "canary-b-own", "valid_from": "2026-11-01", "gpu_hour_usd": "7531.8642", "gpus": 3},
    ):
        answer = clients[Scope.ADMIN, B].ask("POST", "/api/prices/overrides", {**override, "project": B})
        assert answer.status == 200, answer
    bill = {"day": now.date(), "provider": "openai", "key_name": "canary-b-key", "model": "gpt-4o"}
    usage = {**bill, "report": "usage", "meter": "output_tokens", "quantity": Decimal(864_297_531)}
    insert_billed(two.pipeline.store, [usage, {**bill, "report": "costs", "amount_usd": Decimal("7531.8642")}], B)
    take_up_bill(two.pipeline)
    for path, document in {
        "/api/decisions": {"feature": "canary-b-decided", "decision": "stay", "made_by": "canary-b-person"},
        "/api/revenue": {"name": "x", "csv": f"month,tenant,usd\n{now:%Y-%m},canary-b-payer,7531.86\n"},
    }.items():
        assert clients[Scope.ADMIN, B].ask("POST", path, document).status == 200
    return clients
