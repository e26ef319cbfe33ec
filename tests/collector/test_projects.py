"""Nothing of one project is seen from another: every route is asked, with every kind of key."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector.errors import StoreError
from breakeven_collector.keys import Scope
from breakeven_collector.projects import of_project
from breakeven_collector.serve import Collector
from breakeven_collector.sql.allowed import V1_VIEWS

from tests.collector.client import JSON, PROTOBUF, status_of
from tests.collector.two_projects import (
    ACCOUNT,
    ADMIN_READ,
    CANARIES,
    CHANGE,
    INGEST,
    OVERRIDE,
    READ,
    A,
    B,
    Keyed,
    Who,
    classified,
    fill,
)
from tests.conftest import quick_settings
from tests.spans import Call, body

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def two(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector with calls, contracts and machines of two projects."""
    dsn = f"chdb://{engine_folder}?database=two_{uuid4().hex[:8]}"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("two")).model_copy(update={"sql": True})
    with Collector(settings) as collector:
        yield collector


@pytest.fixture(scope="module")
def keyed(two: Collector) -> dict[Who, Keyed]:
    """Clients, by scope and project; None: without a key."""
    return fill(two)


def routes(router: Any) -> Iterator[tuple[str, str]]:
    """Method and path of all that a router answers, routers that it includes with it."""
    for route in (*router.routes, *getattr(router, "_low_priority_routes", ())):
        if (included := getattr(route, "original_router", None)) is not None:
            yield from routes(included)
        else:
            path = getattr(route, "path", type(route).__name__)
            yield from ((method, path) for method in getattr(route, "methods", None) or ["*"])


def test_every_route_is_classified(two: Collector) -> None:
    there = set(routes(two.app.router))
    # HEAD comes with a GET of Starlette's own and shows less.
    assert there - {("HEAD", path) for method, path in there if method == "GET"} == classified()


def test_the_docs_name_every_route() -> None:
    text = (DOCS / "access.md").read_text(encoding="utf-8")
    named = {path.rstrip("/") for path in re.findall(r"`(?:(?:GET|POST|DELETE) )?(/[^`]*)`", text)}
    there = {re.sub(r"\{.*", "…", path).rstrip("/") for _, path in classified()}
    assert there - named == set()


def paths(two: Collector, method_and_path: tuple[str, str]) -> list[str]:
    book = two.pipeline.catalog.versions()[-1].replace("+", "%2B")
    return [
        path.format(book=book, today=datetime.now(UTC).date().isoformat()) for path in READ[method_and_path]
    ]  # fmt: skip


@pytest.mark.parametrize("route", READ, ids=str)
def test_a_read_key_sees_nothing_of_another_project(
    two: Collector, keyed: dict[Who, Keyed], route: tuple[str, str]
) -> None:
    for number, path in enumerate(paths(two, route)):
        answer = keyed[Scope.ADMIN if number == 0 else Scope.READ, A].ask("GET", path)
        seen = (str(answer.headers) + answer.body.decode()).lower()
        assert not [canary for canary in CANARIES if canary in seen], (path, answer)
        assert answer.status in (200, 404, 422)


def test_a_call_of_another_project_is_answered_as_one_that_nobody_has(keyed: dict[Who, Keyed]) -> None:
    theirs = json.loads(keyed[Scope.READ, B].ask("GET", "/api/calls").body)["calls"]
    assert len(theirs) == 3
    for call in theirs:
        for path in (f"/api/calls/{call['id']}", f"/calls/{call['id']}"):
            assert keyed[Scope.READ, B].ask("GET", path).status == 200
            answer = keyed[Scope.READ, A].ask("GET", path)
            nobodys = keyed[Scope.READ, A].ask("GET", path[:-1] + ("0" if path[-1] != "0" else "1"))
            assert (answer.status, answer.body) == (404, nobodys.body)


def test_the_canaries_are_there_to_be_seen(keyed: dict[Who, Keyed]) -> None:
    today = datetime.now(UTC).date().isoformat()
    for path, told in {
        "/api/report?days=3&by=tenant": ("canary-b-tenant", "canary-b-unknown", *CANARIES),
        "/api/report?days=3&by=user": ("canary-b-user", "7531.86"),
        "/api/report?days=3&by=service": ("canary-b-service", "7531.86"),
        "/api/tieout?days=3&by=key": ("canary-b-key", "7531.86"),
        "/api/report/billed?days=3&by=key": ("canary-b-key", "864297531", "7531.86"),
        "/api/origins": ("canary-b-agent", "canary-b-provider", "canary-b-environment", "canary-b-key"),
        "/api/prices": ("canary-b-model", "canary-b-note", "7531.86"),
        "/api/decisions": ("canary-b-decided", "canary-b-person"),
        "/api/margin?by=tenant": ("canary-b-payer",),
        "/api/prices/model?model=shared-model": ("canary-b-contract", "canary-b-provider"),
        "/api/export/tables/calls": ("canary-b-feature", "864297531"),
        "/api/export/tables/v1_billed_daily": ("canary-b-key", "864297531", "7531.86"),
        f"/api/export/focus?from={today}&to={today}": ("canary-b-feature", "canary-b-service", "7531.86"),
        f"/api/export/focus/metadata?from={today}&to={today}": ("no usage reported",),
        "/api/series": ("canary-b-feature",),
        "/api/calls": ("canary-b-tenant", "canary-b-user", "canary-b-service", "7531.86"),
        "/": ("canary-b-feature", "canary-b-environment"),
        "/setup": ("canary-b-unknown", "canary-b-agent", "canary-b-service"),
    }.items():
        seen = keyed[Scope.READ, B].ask("GET", path).body.decode()
        assert [canary for canary in told if canary not in seen] == [], (path, seen)
    # and A's own are
    features = json.loads(keyed[Scope.READ, A].ask("GET", "/api/report?days=3").body)["features"]
    assert {row["feature"]: row["calls"] for row in features} == {"a-feature": 1, None: 1}


def test_what_another_project_has_and_what_nobody_has_are_answered_alike(keyed: dict[Who, Keyed]) -> None:
    for there, nowhere in (("canary-b-model", "nobodys-model1"), ("canary-b-own", "nobodys-own1")):
        for path in ("/api/prices/model?model={}", "/api/prices/model?model={}&provider=canary-b-provider"):
            one, other = (keyed[Scope.READ, A].ask("GET", path.format(name)) for name in (there, nowhere))
            assert one.status == other.status == 404
            assert one.body.decode().replace(there, nowhere) == other.body.decode()
    for path in ("/api/prices/overrides/{}", "/api/keys/{}"):
        answers = [keyed[Scope.ADMIN, A].ask("DELETE", path.format(name)) for name in ("canary-b-own", "nobodys-own1")]
        assert {answer.status for answer in answers} == {404}
        assert answers[0].body.decode().replace("canary-b-own", "nobodys-own1") == answers[1].body.decode()
    for project in (B, "nobodys"):
        answer = keyed[Scope.READ, A].ask("GET", f"/api/report?project={project}")
        assert (answer.status, status_of(answer)[1]) == (403, "this key is for project 'alpha' only")


@pytest.mark.usefixtures("keyed")
def test_names_that_another_book_prices_by_other_edges_are_those_of_the_project(two: Collector) -> None:
    store, book = two.pipeline.store, "book-with-other-edges@1"
    names = store.rows("SELECT provider, model, price_context FROM model_names FINAL")
    store.insert(
        "book_names",
        [*("book_version", "provider", "model", "price_context", "book_provider", "book_model"), "tier_starts"],
        [(book, *name.values(), "openai", "gpt-4o", [987_654]) for name in names],
    )
    seen = {
        project: {row["model"] for row in store.query_file("approximated_names", {"book": book, **of_project(project)})}
        for project in (A, B, "nobodys", None)
    }
    theirs = {"shared-model", "canary-b-model", "canary-b-unknown"}
    assert seen == {A: {"gpt-4o", "shared-model"}, B: theirs, "nobodys": set(), None: {"gpt-4o", *theirs}}


def test_sql_reads_the_calls_of_the_keys_own_project(keyed: dict[Who, Keyed]) -> None:
    sql = b"SELECT DISTINCT project FROM calls ORDER BY project FORMAT TabSeparated"

    def ask(who: Who) -> tuple[int, str]:
        answer = keyed[who].ask("POST", "/clickhouse/", data=sql)
        return answer.status, answer.body.decode() if answer.status == 200 else ""

    assert {who: ask(who) for who in keyed} == {
        None: (401, ""),
        **{(Scope.INGEST, project): (403, "") for project in (A, B)},
        **{(scope, project): (200, f"{project}\n") for scope in (Scope.READ, Scope.ADMIN) for project in (A, B)},
        (Scope.ADMIN, None): (200, f"{A}\n{B}\n"),
    }


@pytest.mark.parametrize("view", V1_VIEWS)
def test_a_promised_view_shows_nothing_of_another_project_over_sql(keyed: dict[Who, Keyed], view: str) -> None:
    sql = f"SELECT * FROM {view} FORMAT JSONEachRow".encode()
    seen = {who: keyed[Scope.READ, who].ask("POST", "/clickhouse/", data=sql).body.decode() for who in (A, B)}
    assert not [canary for canary in CANARIES if canary in seen[A]]
    if view == "v1_prices":
        assert seen[A] == seen[B] != ""
    elif view == "v1_billed_daily":
        assert seen[A] == ""
        assert "canary-b-key" in seen[B]
    else:
        assert '"alpha"' in seen[A]
        assert '"alpha"' not in seen[B]
        assert "canary-b-feature" in seen[B]


def test_an_admin_of_all_sees_one_project_where_it_asks_for_one(keyed: dict[Who, Keyed]) -> None:
    admin = keyed[Scope.ADMIN, None]
    calls = {
        path: json.loads(admin.ask("GET", f"/api/report?days=3{path}").body)["totals"]["calls"]
        for path in ("", "&project=alpha", f"&project={B}", "&project=nobodys")
    }
    assert calls == {"": 5, "&project=alpha": 2, f"&project={B}": 3, "&project=nobodys": 0}
    assert B not in admin.ask("GET", "/api/prices?project=alpha").body.decode()
    assert B not in admin.ask("GET", "/api/origins?project=alpha").body.decode()


def test_without_a_key_every_route_answers_401_but_the_sign_of_life(two: Collector, keyed: dict[Who, Keyed]) -> None:
    for client in (keyed[None], Keyed(two.url, "bk_admin_" + "0" * 64)):
        for route in READ:
            for path in paths(two, route):
                assert client.ask("GET", path).status == 401, path
        for path in ADMIN_READ.values():
            assert client.ask("GET", path).status == 401
        for (method, _), (path, document) in CHANGE.items():
            assert client.ask(method, path, document).status == 401
        for method, path in INGEST:
            answer = client.ask(method, path, data=body(Call()))
            assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="breakeven"')
            assert status_of(answer)[0] == 16  # UNAUTHENTICATED
        answer = client.ask("GET", "/healthz")
        assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


def test_a_strangers_body_is_not_waited_for(two: Collector, keyed: dict[Who, Keyed]) -> None:
    for path in [path for (method, _), (path, _) in CHANGE.items() if method == "POST"] + ["/v1/traces"]:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n"
        with keyed[None].raw(head.encode()) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 401"), path


def test_what_changes_something_refuses_read_and_ingest_keys_and_admins_beyond_their_project(
    keyed: dict[Who, Keyed],
) -> None:
    def everything(client: Keyed) -> str:
        return "".join(
            client.ask("GET", path).body.decode()
            for path in ("/api/keys", "/api/prices?whole_book=true", "/api/report")
        )

    before = everything(keyed[Scope.ADMIN, None])
    for (method, _), (path, document) in CHANGE.items():
        for scope in (Scope.READ, Scope.INGEST):
            answer = keyed[scope, A].ask(method, path, document)
            assert answer.status == 403, (method, path, answer)
    admin = keyed[Scope.ADMIN, A]
    beyond: list[tuple[str, str, Any]] = [
        ("POST", "/api/keys", {"scope": "read", "project": B}),
        ("POST", "/api/prices/overrides", OVERRIDE),
        ("POST", "/api/prices/overrides", {**OVERRIDE, "project": B}),
        ("POST", "/api/prices/books", []),
        ("POST", "/api/imports", {**ACCOUNT, "project": B}),
    ]
    for method, path, document in beyond:
        answer = admin.ask(method, path, document)
        assert answer.status == 403, (path, answer)
        assert path == "/api/keys" or B not in answer.body.decode().lower()
    assert admin.ask("DELETE", "/api/prices/overrides/shared-model").status == 404
    # Times of day and of amortised hours aside, nothing has changed.
    assert _still(everything(keyed[Scope.ADMIN, None])) == _still(before)


def _still(text: str) -> set[str]:
    return {part for part in text.split('"') if len(part) > 5 and not part[:4].isdigit()}


def test_keys_of_one_scope_do_not_do_the_work_of_another(keyed: dict[Who, Keyed]) -> None:
    assert keyed[Scope.READ, A].ask("POST", "/v1/traces", data=body(Call())).status == 403
    for route in READ.values():
        for path in route[:1]:
            assert keyed[Scope.INGEST, A].ask("GET", path).status == 403
    for who in ((Scope.READ, A), (Scope.INGEST, A)):
        assert keyed[who].ask("GET", "/api/keys").status == 403
        assert json.loads(keyed[who].ask("GET", "/healthz").body) == {"status": "ok"}
    assert json.loads(keyed[Scope.ADMIN, A].ask("GET", "/healthz").body) == {"status": "ok"}
    assert "store" in json.loads(keyed[Scope.ADMIN, None].ask("GET", "/healthz").body)


def test_an_error_tells_of_its_cause_only_to_who_runs_the_collector(
    two: Collector, keyed: dict[Who, Keyed], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = two.pipeline.settings.config
    config.write_text("[features.canary-b-feature]\nownr = 'me'\n", encoding="utf-8")
    try:
        told = {who: keyed[who].ask("GET", "/api/report") for who in ((Scope.READ, A), (Scope.ADMIN, None))}
    finally:
        config.unlink()
    assert {answer.status for answer in told.values()} == {200}
    assert [B in told[who].body.decode() for who in told] == [False, True]

    def failing(*_: object) -> list[dict[str, Any]]:
        raise StoreError("cannot read 'canary-b-service'")

    with monkeypatch.context() as patch:
        patch.setattr(two.pipeline.store, "rows", failing)
        told = {who: keyed[who].ask("GET", "/api/report") for who in ((Scope.READ, A), (Scope.ADMIN, None))}
    assert {answer.status for answer in told.values()} == {503}
    assert [B in told[who].body.decode() for who in told] == [False, True]


def test_neither_content_nor_keys_get_into_errors_or_the_log(
    two: Collector, keyed: dict[Who, Keyed], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = "canary-prompt"
    key = "bk_read_canary-key"
    sent = [
        ("POST", "/v1/traces", JSON, b'{"resourceSpans": "canary-prompt"}'),
        ("POST", "/v1/traces", JSON, b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "canary-prompt", "attributes": "canary-prompt"}]}]}]}'),
        ("POST", "/v1/traces", JSON, b'{"canary-prompt": '),
        ("POST", "/v1/traces", PROTOBUF, b"\xff canary-prompt"),
        ("POST", "/v1/traces", {**PROTOBUF, "Content-Encoding": "gzip"}, b"canary-prompt"),
        ("POST", "/api/keys", JSON, b'{"scope": "canary-prompt"}'),
        ("POST", "/api/keys", JSON, b'{"scope": "read", "canary-prompt": 1}'),
        ("POST", "/api/keys", JSON, b'{"scope": "read", "note": ["canary-prompt"]}'),
        ("POST", "/api/keys", JSON, b'"canary-prompt"'),
        ("POST", "/api/keys", JSON, b"[" * 200_000),
        ("POST", "/api/prices/overrides", JSON, b'{"model": {"canary-prompt": '),
        ("POST", "/api/prices/books", JSON, b'{"canary-prompt": 1}'),
    ]  # fmt: skip
    admin = keyed[Scope.ADMIN, None]
    own = admin._own  # pyright: ignore[reportPrivateUsage]
    with caplog.at_level(logging.DEBUG):
        for method, path, headers, data in sent:
            for authorization in (own, {"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}):
                answer = admin.send(method, path, data, {**headers, **authorization})
                assert answer.status >= 400, (path, data, answer)
                text = str(answer.headers) + answer.body.decode(errors="replace")
                assert "canary" not in text, (path, data, answer)

        def bug(*_: object, **__: object) -> None:
            raise RuntimeError(f"cannot read {prompt!r} with {key}")

        with monkeypatch.context() as patch:
            patch.setattr("breakeven_collector.app.build_report", bug)
            answer = admin.ask("GET", "/api/report")
        assert (answer.status, status_of(answer)[1]) == (500, "the collector failed; its log says why")
        assert answer.headers["x-content-type-options"] == "nosniff"
        with monkeypatch.context() as patch:
            patch.setattr("breakeven_collector.otlp.read_traces", bug)
            answer = admin.ask("POST", "/v1/traces", data=body(Call()))
        assert status_of(answer) == (13, "the collector failed; its log says why")
    assert "canary" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert own["Authorization"].removeprefix("Bearer ") not in caplog.text


def test_answers_carry_the_headers_that_keep_browsers_out(keyed: dict[Who, Keyed]) -> None:
    for path, client in (
        ("/api/report", keyed[Scope.READ, A]),
        ("/api/report", keyed[None]),
        ("/nothing", keyed[None]),
    ):
        headers = client.ask("GET", path).headers
        assert {name: headers.get(name) for name in (
            *("cache-control", "content-security-policy", "cross-origin-opener-policy", "cross-origin-resource-policy"),
            *("referrer-policy", "x-content-type-options", "x-frame-options"),
        )} == {
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        }  # fmt: skip
    assert "access-control-allow-origin" not in headers
