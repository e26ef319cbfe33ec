"""The page: its figures are those of the ledger, its address holds the view, and names from spans do no harm."""

import csv
import hashlib
import io
import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import breakeven_collector.page as page_package
import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import BadRequest
from breakeven_collector.keys import KeyTable, Scope
from breakeven_collector.page import bands
from breakeven_collector.page.call_prices import price_lines, price_rows, sum_of, total
from breakeven_collector.page.calls import calls_table, list_calls, show_call
from breakeven_collector.page.feature import build_feature
from breakeven_collector.page.overview import build_overview
from breakeven_collector.page.providers import Advice, Providers
from breakeven_collector.page.real import real_providers
from breakeven_collector.page.series import daily, read_daily, stacked
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import UNALLOCATED, View
from breakeven_collector.page.words import environment, exact, name, spark, trend
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import PriceService
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.serve import Collector
from breakeven_collector.tieout import build_tieout
from breakeven_collector.verdicts.decisions import Decision, Record, record
from breakeven_collector.verdicts.ready import ReadyVerdicts
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from tests.collector.billed_lines import insert_billed
from tests.collector.client import Client
from tests.conftest import quick_settings
from tests.spans import GENAI, NATIVE, Call, body

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOTHING = Providers(
    billed=lambda _period, _project: None,
    advice=lambda _project: None,
    verdict=lambda _project, _feature: None,
    decisions=lambda _project, _feature: (),
    revision=lambda _project: 0,
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def view(project: str | None = None, **query: str) -> View:
    return View.of({**query, **({"project": project} if project else {})}, now=NOW, timezone="UTC")


def land(pipeline: Pipeline, project: str, *calls: Call, **resource: Any) -> None:
    data = body(*calls, service="page-api", resource=resource)
    pipeline.journal.append(otlp.read_traces(data, otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()


def all_kinds() -> list[Call]:
    """A call of each way in which dollars come about, and of each in which there are none."""
    trace = b"t" * 8 + AT.isoformat().encode()[-8:]

    def call(after: int, **keywords: Any) -> Call:
        return Call(at=AT + timedelta(seconds=after), **keywords)

    return [
        call(0, attributes={"gen_ai.usage.cache_read.input_tokens": 600, "breakeven.tenant": "acme", "user.id": "u1"}),
        call(1, provider="anthropic", model="claude-sonnet-4-5", input_tokens=300_000, attributes={"gen_ai.usage.cache_creation.input_tokens": 1000}),
        call(2, attributes={"gen_ai.usage.cost": 0.125}),
        call(3, model="nobody-knows-it"),
        call(4, input_tokens=None, output_tokens=None),
        call(5, failed=True, input_tokens=None, output_tokens=None, attributes={"http.response.status_code": 429}),
        call(90, response_id="r-1", scope=GENAI),
        call(90, response_id="r-1", scope=NATIVE, feature=None),
        call(200, trace_id=trace, span_id=b"wrapper1", seconds=2, scope="another.scope", input_tokens=77),
        call(200, trace_id=trace, span_id=b"inner001", parent=b"wrapper1", response_id="r-2", input_tokens=77),
        call(300, feature=None),
        call(3600 * 2, model="o3", attributes={"breakeven.meter.web_search": 3}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def kinds(pipeline: Pipeline) -> str:
    """A project with such calls, and a contract."""
    project = "page-kinds"
    land(pipeline, project, *all_kinds(), **{"deployment.environment.name": "production"})
    PriceService(pipeline.store, pipeline.catalog, pipeline.ledger).set(
        Override(
            model="gpt-4o", provider="openai", valid_from=date(2026, 1, 1), percent_off=Decimal("12.5"), project=project
        )
    )
    return project


def ledger(pipeline: Pipeline, project: str) -> dict[str, Any]:
    return pipeline.store.rows(
        "SELECT sumIf(s.cost_usd, counted = 'yes') AS usd, sumIf(s.estimated_usd, counted = 'yes') AS estimated, "
        "sumIf(s.calls, counted = 'yes') AS calls, sumIf(s.calls, counted = 'duplicate') AS duplicates, "
        "sumIf(s.calls, counted = 'wrapper') AS wrappers FROM spend AS s "
        "WHERE project = {project:String} AND grain = 'minute'",
        {"project": project},
    )[0]


def test_calls_one_by_one_come_to_what_the_ledger_holds(pipeline: Pipeline, kinds: str) -> None:
    calls = list_calls(pipeline.store, view(kinds))["calls"]
    held = ledger(pipeline, kinds)
    counted = [call for call in calls if call["counted"] == "yes"]
    known = {
        "usd": sum((Decimal(call["cost_usd"]) for call in counted if call["cost_usd"]), Decimal(0)),
        "estimated": sum((Decimal(call["estimated_usd"]) for call in counted if call["estimated_usd"]), Decimal(0)),
        "calls": len(counted),
        **{f"{what}s": sum(call["counted"] == what for call in calls) for what in ("duplicate", "wrapper")},
    }
    assert known == {**held, "estimated": held["estimated"] or Decimal(0)}
    assert known["usd"] > 0
    assert (known["duplicates"], known["wrappers"]) == (1, 1)


def test_the_lines_of_each_call_come_to_its_dollars(pipeline: Pipeline, kinds: str) -> None:
    found = pipeline.store.query_file("page_calls", {**NEWEST, "project": kinds})
    priced = price_rows(pipeline.store, found)
    assert len(priced) == len(found) == 12
    sums = {
        key: (sum_of(lines), total(rows, "cost_usd"))
        for key, rows in priced.items()
        if (lines := price_lines(pipeline.store, kinds, rows)[0])
    }
    assert len(sums) >= 8
    assert {key: lines for key, (lines, _) in sums.items()} == {key: cost for key, (_, cost) in sums.items()}
    tenant = next(one for one in list_calls(pipeline.store, view(kinds, q="acme"))["calls"])
    cached = show_call(pipeline.store, tenant["id"], kinds)
    assert [(line["what"], line["quantity"], line["rate_usd"], line["usd"]) for line in cached["lines"]] == [
        ("input", "400", "0.0000021875", "0.000875"),
        ("cache read", "600", "0.00000109375", "0.00065625"),
        ("output", "100", "0.00000875", "0.000875"),
    ]
    assert {key: cached["prices"][key] for key in ("source", "factor")} == {"source": "project", "factor": "0.875"}
    assert cached["call"]["cost_usd"] == cached["lines_usd"] == "0.00240625"


def test_what_is_removed_says_why_and_names_the_one_that_counts(pipeline: Pipeline, kinds: str) -> None:
    by_state = {call["counted"]: call for call in list_calls(pipeline.store, view(kinds))["calls"]}
    duplicate = show_call(pipeline.store, by_state["duplicate"]["id"], kinds)
    assert duplicate["why"] is not None
    assert duplicate["why"].startswith("Another instrumentation reported the same call")
    assert [(one["is_same_call"], one["counted"]) for one in duplicate["related"]] == [(True, "yes")]
    wrapper = show_call(pipeline.store, by_state["wrapper"]["id"], kinds)
    assert wrapper["why"] is not None
    assert "in the same trace" in wrapper["why"]
    assert [(one["is_same_call"], one["counted"]) for one in wrapper["related"]] == [(False, "yes")]


def test_lines_come_to_the_ledgers_dollars_for_any_tokens(pipeline: Pipeline, project: str) -> None:
    draw = random.Random(7)
    calls: list[Call] = []
    # Over and under the sizes at which the prices of these models change, text and cache in any mixture.
    for provider, model in (("gcp.gemini", "gemini-2.5-pro"), ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4o")):
        for _ in range(10):
            uncached, cached = draw.choice((0, 7, draw.randrange(300_000))), draw.choice((0, draw.randrange(200_000)))
            attributes = {"gen_ai.usage.cache_read.input_tokens": cached}
            if provider == "anthropic":
                attributes["gen_ai.usage.cache_creation.input_tokens"] = min(uncached, draw.randrange(5_000))
            calls.append(
                Call(
                    at=AT + timedelta(seconds=draw.randrange(600)),
                    provider=provider,
                    model=model,
                    input_tokens=uncached + cached,
                    output_tokens=draw.randrange(1, 100_000),
                    attributes=attributes,
                )
            )
    land(pipeline, project, *calls)
    priced = price_rows(pipeline.store, pipeline.store.query_file("page_calls", {**NEWEST, "project": project}))
    sums = [
        (sum_of(price_lines(pipeline.store, project, rows)[0]), total(rows, "cost_usd")) for rows in priced.values()
    ]
    assert len(sums) == 30
    assert [lines for lines, _ in sums] == [cost for _, cost in sums]
    assert sum((lines for lines, _ in sums if lines is not None), Decimal(0)) == ledger(pipeline, project)["usd"]


NEWEST = {
    **dict.fromkeys(("environment", "service", "provider", "model", "status", "text", "trace", "feature"), ""),
    **{"every_project": False, "any_feature": True, "identity": 0, "most": 100, "before_us": 2**60},
    "from": int(AT.timestamp()) - 86400,
    "to": int(AT.timestamp()) + 86400,
}


@pytest.fixture
def _unpriced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dollars take the most time, and finding has nothing to do with them."""

    def none(*_: object) -> dict[str, list[dict[str, Any]]]:
        return {}

    monkeypatch.setattr("breakeven_collector.page.calls.price_rows", none)


@pytest.mark.usefixtures("_unpriced")
def test_calls_are_found_by_what_they_say(pipeline: Pipeline, kinds: str) -> None:
    def found(**query: str) -> int:
        return len(list_calls(pipeline.store, view(kinds, **query))["calls"])

    assert {
        "all": found(),
        "by model": found(q="NOBODY-KNOWS"),
        "by tenant": found(q="acme"),
        "failed": found(status="failed"),
        "usage missing": found(status="missing"),
        "unallocated": found(feature=UNALLOCATED),
        "another environment": found(environment="staging"),
        "nothing": found(q="' OR 1 = 1 --"),
    } == {
        **{"all": 12, "by model": 1, "by tenant": 1, "failed": 1, "usage missing": 1, "unallocated": 2},
        **{"another environment": 0, "nothing": 0},
    }


@pytest.mark.usefixtures("_unpriced")
def test_screenfuls_of_calls_follow_one_another_without_gap(pipeline: Pipeline, project: str) -> None:
    land(pipeline, project, *(Call(at=AT + timedelta(minutes=40 * (i // 2))) for i in range(7)))
    seen: list[str] = []
    before: int | None = None
    while True:
        part = list_calls(pipeline.store, view(project, **({"before": str(before)} if before else {})), most=3)
        seen += [call["id"] for call in part["calls"]]
        if (before := part["before"]) is None:
            break
    assert len(seen) == len(set(seen)) == 7
    moments = [int(call_id.split("-")[0]) for call_id in seen]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize(
    "call_id", ["", "x", "1-A", "99999999999999999-AA-BB", "1795478400000000-AA-BB", "../../etc/passwd"]
)
def test_a_call_that_is_not_there_is_told_so(pipeline: Pipeline, call_id: str) -> None:
    with pytest.raises(BadRequest, match="no such call"):
        show_call(pipeline.store, call_id, "page-kinds")


def test_the_overview_shows_what_the_report_says(pipeline: Pipeline, kinds: str) -> None:
    shown = build_overview(pipeline, view(kinds), NOTHING)
    report = build_report(pipeline.store, period=view(kinds).period, project=kinds)
    assert shown["report"]["totals"] == report["totals"]
    table = shown["table"]
    assert [(row["feature"], row["cost_usd"]) for row in table.rows] == [
        (row["feature"] or UNALLOCATED, row["cost_usd"]) for row in report["features"]
    ]
    chart = shown["days_chart"]
    drawn = sum((Decimal(usd) for one in chart["series"] for usd in one["usd"]), Decimal(0))
    totals = report["totals"]
    assert drawn == Decimal(totals["cost_usd"]) + Decimal(totals["estimated_usd"] or 0)
    assert (shown["billed"], shown["forecast"]["usd"], shown["has_advice"]) == (None, None, False)


def test_the_page_of_a_feature_shows_what_the_report_says(pipeline: Pipeline, kinds: str) -> None:
    shown = build_feature(pipeline, view(kinds, feature="search"), NOTHING)
    row = build_report(pipeline.store, period=view(kinds).period, project=kinds)["features"][0]
    assert row["feature"] == "search"
    assert {
        "calls": int(shown["totals"]["calls"]),
        "cost_usd": shown["totals"]["cost_usd"],
        "cost_per_call_usd": shown["cost_per_call_usd"],
        "input_tokens": int(shown["totals"]["input_tokens"]),
        "output_tokens": int(shown["totals"]["output_tokens"]),
    } == {
        **{key: row[key] for key in ("calls", "cost_per_call_usd", "input_tokens", "output_tokens")},
        "cost_usd": Decimal(row["cost_usd"]),
    }
    assert sum(one["calls"] for one in shown["models"].rows) == row["calls"]
    assert [one["tenant"] for one in shown["tenants"].rows] == ["(no tenant)", "acme"]


def test_filters_leave_the_rest_of_the_bill_out(pipeline: Pipeline, kinds: str, project: str) -> None:
    land(pipeline, project, Call(at=AT), **{"deployment.environment.name": "staging"})
    land(pipeline, project, Call(at=AT, model="o3"), Call(at=AT), **{"deployment.environment.name": "production"})

    def calls(**only: str) -> int:
        period = view(project).period
        return build_report(pipeline.store, period=period, project=project, only=only)["totals"]["calls"]

    assert [
        calls(),
        calls(environment="staging"),
        calls(environment="production"),
        calls(environment="production", model="o3"),
        calls(service="other"),
    ] == [3, 1, 2, 1, 0]
    day = read_daily(pipeline.store, view(project, environment="staging"), "model", view(project).period.start)
    assert list(day.by_name) == ["gpt-4o"]
    with pytest.raises(BadRequest, match="cannot be filtered by environment"):
        build_report(pipeline.store, by=Dimension.TENANT, project=project, only={"environment": "staging"})


@pytest.mark.usefixtures("kinds")
def test_figures_of_others_are_shown_where_they_are_there(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def month_end(so_far_usd: float, days_left: int, daily_usd: Any, *, weekday_of_last: int) -> Any:
        asked.update(so_far=so_far_usd, days_left=days_left, days=len(daily_usd), weekday=weekday_of_last)
        return SimpleNamespace(p10_usd=1.0, p50_usd=2.0, p90_usd=3.0, reason=None)

    advice = Advice("run it beside the API", "Hosting is worth a test.", Decimal(700), Decimal(16_817), "2 H100")
    bill = {"billed_usd": "9", "seen_usd": "8", "difference_usd": "1", "tied_out": 0.89, "estimated_usd": "0"}
    monkeypatch.setattr("breakeven_collector.page.overview.month_end", month_end)
    providers = Providers(
        billed=lambda _period, _project: {"totals": bill, "unseen_usd": "0.4"},
        advice=lambda _project: {"search": advice},
        verdict=NOTHING.verdict,
        decisions=NOTHING.decisions,
        revision=NOTHING.revision,
    )
    shown = build_overview(pipeline, view("page-kinds"), providers)
    assert shown["billed"] == {**bill, "unseen_usd": "0.4"}
    assert shown["forecast"] == {"usd": 2.0, "low_usd": 1.0, "high_usd": 3.0, "reason": None}
    # 20 to 30 November are left, today among them; nothing was spent before.
    assert asked == {"so_far": 0.0, "days_left": 11, "days": 28, "weekday": 3}
    row = next(row for row in shown["table"].rows if row["feature"] == "search")
    assert (row["next"], row["worth_usd"]) == ("run it beside the API", Decimal(700))
    text = environment().get_template("overview.html").render(
        **shown, view=view("page-kinds"), path="/", places={"projects": [], "environments": []},
        is_signed_in=False, groupings=(), now=NOW, config_error=None, verdicts=1,
    )  # fmt: skip
    for word in (
        "89.0 % tied out, $0.40 unseen",
        "$1.00 to $3.00, 8 in 10",
        "$16,817",
        "It needs 2 H100",
        "run it beside the API",
    ):
        assert word in text, word


def test_an_imported_call_says_from_where_and_what_it_cost_there(pipeline: Pipeline, project: str) -> None:
    told = {"breakeven.import.their_cost_usd": "0.0123"}
    land(pipeline, project, Call(at=AT, scope="breakeven.import.litellm", attributes=told))
    listed = list_calls(pipeline.store, view(project))
    assert [row["state"] for row in calls_table(listed, view(project)).rows] == ["imported from litellm"]
    call = show_call(pipeline.store, listed["calls"][0]["id"], project)["call"]
    assert (call["source"], call["their_cost_usd"]) == ("litellm", "0.0123")


@pytest.fixture(scope="module")
def ready(pipeline: Pipeline) -> Iterator[ReadyVerdicts]:
    settings = pipeline.settings
    ready = ReadyVerdicts(pipeline.store, settings.config, settings.timezone, lambda: NOW)
    yield ready
    ready.close()


def test_bill_forecast_verdicts_and_decisions_are_those_of_their_own_reports(
    pipeline: Pipeline, project: str, ready: ReadyVerdicts
) -> None:
    days = [AT - timedelta(days=n) for n in range(40)]
    land(pipeline, project, *(Call(at=at, input_tokens=5_000_000 + 9_000 * at.day) for at in days))
    line = {"provider": "openai", "report": "costs", "item": "gpt-4o", "model": "gpt-4o", "amount_usd": Decimal(15)}
    insert_billed(pipeline.store, [{**line, "day": at.date()} for at in days[:20]], project)
    providers = real_providers(pipeline, ready)
    asked = view(project, feature="search")
    first = build_overview(pipeline, view(project), providers)
    assert (first["has_advice"], ready.revision("another")) == (False, 0)
    deadline = time.monotonic() + 20
    while not ready.revision(project):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    shown = build_overview(pipeline, view(project), providers)
    told = build_tieout(
        pipeline.store, pipeline.catalog, pipeline.attribution.declared, period=asked.period, project=project
    )
    assert shown["billed"] == {**told["totals"], "unseen_usd": told["parts"]["unseen"]}
    assert Decimal(shown["billed"]["billed_usd"]) == 15 * 20
    totals = shown["report"]["totals"]
    assert float(totals["cost_usd"]) < shown["forecast"]["low_usd"] <= shown["forecast"]["usd"]
    assert (shown["has_advice"], [row["worth_usd"] for row in shown["table"].rows]) == (True, [None])

    kept = pipeline.store.rows(
        "SELECT digest, sentence FROM verdicts WHERE project = {project:String}", {"project": project}
    )
    ready_now = ready.of(project)
    assert ready_now is not None
    verdict = ready_now["features"][0]
    assert [{name: verdict[name] for name in ("digest", "sentence")}] == kept
    assert shown["table"].rows[0]["next"] == verdict["next_action"]
    record(pipeline.store, Record("search", Decision.STAY, "Ada"), project=project)
    feature = build_feature(pipeline, asked, providers)
    assert feature["verdict"] == verdict
    assert [row["made_by"] for row in feature["decisions"].rows] == ["Ada"]
    swings = [row["swing_usd_per_month"] for row in feature["tornado"].rows]
    assert swings == sorted((one["swing_usd_per_month"] for one in verdict["tornado"]["bars"]), reverse=True)[:3]
    text = environment().get_template("feature.html").render(
        **feature, view=asked, path="/feature", places={"projects": [], "environments": []}, is_signed_in=False,
        groupings=(), now=NOW, config_error=None, verdicts=1,
    )  # fmt: skip
    assert str(escape(verdict["sentence"])) in text
    # Nothing changed: nothing is worked out anew.
    assert (ready.of(project), ready.revision(project)) == (ready.of(project), 1)


def test_the_address_holds_the_view() -> None:
    query = {
        **{"days": "7", "timezone": "Europe/Berlin", "environment": "production", "feature": "search", "by": "model"},
        **{"q": "a b&c", "status": "failed", "project": "alpha", "model": "gpt-4o", "before": "5"},
    }
    shown = view(**query)
    assert dict(parse_qsl(urlsplit(shown.link("/calls")).query)) == query
    assert view(**dict(parse_qsl(urlsplit(shown.link("/calls")).query))) == shown
    assert view().link("/") == "/"
    assert view().period.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert dict(parse_qsl(shown.over(days=30)))["days"] == "30"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"days": "0"}, "days '0': write a whole number from 1 to 3660"),
        ({"days": "x"}, "days 'x'"),
        ({"from": "yesterday"}, "from 'yesterday' is no day"),
        ({"timezone": "Mars/Base"}, "timezone 'Mars/Base' is not known"),
        ({"by": "colour"}, "by 'colour': write one of feature, model"),
        ({"q": "x" * 301}, "q is longer than 300"),
        ({"month": "2026-13"}, "month '2026-13'"),
    ],
)
def test_an_address_that_does_not_fit_names_what(query: dict[str, str], message: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(message)):
        view(**query)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from("abcdefghijkl"), st.decimals(0, 10**6, places=9)), max_size=60
    )
)
def test_what_is_stacked_is_what_was_spent(rows: list[tuple[int, str, Decimal]]) -> None:
    first = date(2026, 11, 1)
    read = [
        {"name": name, "date": (first + timedelta(days=day)).isoformat(), "cost_usd": usd, "estimated_usd": None}
        for day, name, usd in rows
    ]
    chart = stacked(daily(read, first, first + timedelta(days=9)), "model")
    assert len(chart["series"]) <= 9
    assert sum((Decimal(usd) for one in chart["series"] for usd in one["usd"]), Decimal(0)) == sum(
        (usd for _, _, usd in rows), Decimal(0)
    )


HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=HYPERLINK(\"http://x\")", "a" * 5000,
    "\u202eevil\u202c", "{{ 7 * 7 }}", "a\r\nSet-Cookie: x=1", "' OR 1=1 --", "\x00\x1b[31mred",
)  # fmt: skip


class Reader(Client):
    """A client with a key that reads."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url)
        self._own = {"x-api-key": key}

    def send(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        return super().send(method, path, body, {**self._own, **(headers or {})})


@dataclass
class Served:
    """A collector with keys of a project, and calls with hostile names in it."""

    collector: Collector
    client: Client
    """Without a key."""
    reader: Reader
    keys: dict[str, str]


@pytest.fixture(scope="module")
def served(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    dsn = f"chdb://{engine_folder}?database=page_served"
    with Collector(quick_settings(dsn, tmp_path_factory.mktemp("page"))) as collector:
        table = KeyTable(collector.pipeline.store)
        keys = {str(scope): table.create(scope, "alpha")["key"] for scope in Scope}
        collector.pipeline.access.refresh()
        now = datetime.now(UTC)
        calls = [
            Call(at=now, feature=name, model=name, attributes={"breakeven.tenant": name, "user.id": name})
            for name in HOSTILE
        ]
        data = body(*calls, Call(at=now), service=HOSTILE[0], resource={"deployment.environment.name": HOSTILE[1]})
        client = Client(collector.url)
        assert client.post(data, {"Content-Type": "application/x-protobuf", "x-api-key": keys["ingest"]}).status == 200
        collector.pipeline.drain()
        yield Served(collector, client, Reader(collector.url, keys["read"]), keys)


def test_hostile_names_stay_names_on_every_page(served: Served) -> None:
    client = served.reader
    call_ids = [call["id"] for call in client.get("/api/calls")["calls"]]
    pages = [
        *("/", "/?by=tenant", "/?by=model", "/calls", "/setup", f"/?environment={quote(HOSTILE[1])}"),
        *(f"/feature?{urlencode({'feature': name})}" for name in HOSTILE[:3]),
        *(f"/calls/{call_id}" for call_id in call_ids[:3]),
        f"/calls?{urlencode({'q': HOSTILE[1]})}",
    ]
    for path in pages:
        answer = client.send("GET", path)
        text = answer.body.decode()
        assert answer.status == 200, path
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "onerror=alert" not in re.sub(
            r"&#?\w+;onerror|x onerror", "", text.replace("src=x onerror=alert", "")
        ), path
        assert "49" not in re.findall(r"<bdi>([^<]*)</bdi>", text)
        assert "\x1b" not in text
        assert "\u202e" not in re.sub(r'(href|value|data-chart)="[^"]*"', "", text), path
        # Nothing runs or styles from within the page.
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=\"", text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text), path
    table = client.send("GET", "/?csv=features").body.decode()
    cells = [row[0] for row in csv.reader(io.StringIO(table, newline=""))]
    assert '\'=HYPERLINK("http://x")' in cells


def test_a_table_is_the_same_as_csv() -> None:
    table = TableOf("x", "X", (Column("name", "Name"), Column("usd", "USD", "money"), Column("s", "S", "spark", csv=False)), [{"name": "-1+1", "usd": "-0.5", "s": [1]}, {"name": None, "usd": None}])  # fmt: skip
    assert table.csv() == "name,usd\r\n'-1+1,-0.5\r\n,\r\n"


def test_the_pages_of_an_empty_store_and_of_errors_say_what_to_do(served: Served) -> None:
    client = served.reader
    nothing = client.send("GET", "/?from=2021-01-01&to=2021-01-02").body.decode()
    assert "No calls in this period" in nothing
    assert "/setup" in nothing
    for path, status, words in (
        ("/?days=x", 422, "days &#39;x&#39;: write a whole number"),
        ("/feature", 422, "feature is missing"),
        ("/calls/none", 404, "no such call"),
        ("/?csv=none", 404, "features, removed"),
    ):
        answer = client.send("GET", path)
        assert (answer.status, words in answer.body.decode()) == (status, True), (path, answer)
        assert answer.headers["content-type"].startswith("text/html")
    assert client.send("GET", "/static/../app.py").status == 404
    assert client.send("GET", "/static/routes.py").status == 404


def sign_in(on: Served, key: str, to: str = "/", **headers: str) -> Any:
    return on.client.send("POST", "/sign-in", urlencode({"key": key, "to": to}).encode(), {**FORM, **headers})


def test_a_key_signs_in_and_opens_what_it_may_read_and_nothing_else(served: Served) -> None:
    form = served.client.send("GET", "/calls?days=7")
    assert (form.status, 'name="to" value="/calls?days=7"' in form.body.decode()) == (401, True)
    answer = sign_in(served, served.keys["read"], "/calls?days=7")
    assert (answer.status, answer.headers["location"]) == (303, "/calls?days=7")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "Secure" not in cookie
    assert "Secure" in sign_in(served, served.keys["read"], **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    own = {"Cookie": cookie.split(";")[0]}
    for path in ("/", "/calls", "/setup", "/api/report", "/api/pulse"):
        answer = served.client.send("GET", path, None, own)
        assert answer.status == 200, path
        assert served.keys["read"] not in answer.body.decode()
    other = served.client.send("GET", "/?project=beta", None, own)
    assert (other.status, "this key is for project" in other.body.decode()) == (403, True)
    left = served.client.send("POST", "/sign-out", b"", {**FORM, **own})
    assert (left.status, 'breakeven_key=""' in left.headers["set-cookie"]) == (303, True)


def test_a_cookie_changes_nothing(served: Served) -> None:
    own = {"Cookie": f"breakeven_key={served.keys['admin']}"}
    json_headers = {**own, "Content-Type": "application/json"}
    assert served.client.send("POST", "/api/keys", b'{"scope": "read"}', json_headers).status == 401
    assert served.client.send("DELETE", "/api/keys/00000000", None, own).status == 401
    assert served.client.send("GET", "/metrics", None, own).status == 401
    assert served.client.post(body(Call()), {"Content-Type": "application/x-protobuf", **own}).status == 401
    page = served.client.send("GET", "/setup", None, own).body.decode()
    assert "Keys that hold" in page
    assert not [key for key in served.keys.values() if key in page]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_another_sites_form_signs_nobody_in(served: Served, headers: dict[str, str], status: int) -> None:
    answer = sign_in(served, served.keys["read"], **headers)
    assert (answer.status, "set-cookie" in answer.headers) == (status, False)
    assert served.client.send("POST", "/sign-out", b"", {**FORM, **headers}).status == status


def test_a_wrong_key_is_told_and_not_repeated_and_leads_nowhere(served: Served) -> None:
    for key, status in (("bk_read_wrong", 401), ("", 401), (served.keys["ingest"], 403)):
        answer = sign_in(served, key)
        assert (answer.status, "set-cookie" in answer.headers) == (status, False)
        assert not key or key not in answer.body.decode()
    for to in ("//evil.example", "https://evil.example/", "/\\evil.example", "evil", "/x\r\nSet-Cookie: a=b"):
        assert sign_in(served, served.keys["read"], to).headers["location"] == "/"


def test_the_chart_library_is_the_one_that_its_note_names() -> None:
    folder = Path(page_package.__path__[0]) / "static"
    named = dict(re.findall(r"\| `(uPlot[^`]+)` \|.*`([0-9a-f]{64})`", (folder / "README.md").read_text()))
    assert named.keys() == {"uPlot.iife.min.js", "uPlot.min.css"}
    assert {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in named} == named
    assert "MIT" in (folder / "uPlot-LICENSE.txt").read_text()


def test_small_words() -> None:
    assert [trend(None), trend(0.123), trend(-0.2), trend(-0.004), trend(12.0)] == [
        *("–", "+12 %", "\N{MINUS SIGN}20 %", "±0 %", "×13")
    ]
    assert [exact("1234567.8900"), exact("0.00000218750"), exact(None)] == ["1,234,567.89", "0.0000021875", "–"]
    assert name("a" * 500) == "a" * 119 + "…"
    assert (spark([0, 0]), spark([1.0]), spark([0.0, 4.0])) == ("", "", "1.0,22.0 95.0,2.0")
    assert [bands.of_feature(Decimal(usd)) for usd in (25_000, 5_000, 10)] == [
        *("above the $20k band", "25 % of the $20k band", "far below the $20k band")
    ]
    assert json.loads(json.dumps(stacked(daily([], date(2026, 1, 1), date(2026, 1, 2)), "model"))) == {
        "by": "model", "days": ["2026-01-01", "2026-01-02"], "series": [],
    }  # fmt: skip
