"""The page: its figures are those of the ledger."""

import random
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from breakeven_collector.errors import BadRequest
from breakeven_collector.page.call_prices import price_lines, price_rows, sum_of, total
from breakeven_collector.page.calls import calls_table, list_calls, show_call
from breakeven_collector.page.feature import build_feature
from breakeven_collector.page.overview import build_overview
from breakeven_collector.page.providers import Advice, Providers
from breakeven_collector.page.pulse import read_pulse
from breakeven_collector.page.series import read_daily
from breakeven_collector.page.view import UNALLOCATED
from breakeven_collector.page.words import environment, exact
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import PriceService
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.verdicts.decisions import Decision, Record, record

from tests.collector.pages import AT, NOTHING, NOW, land, send, view
from tests.spans import GENAI, NATIVE, Call


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
    assert shown["days_chart"]["days"][0] == view(kinds).period.start.date().isoformat()
    assert [one["tenant"] for one in shown["tenants"].rows] == ["(no tenant)", "acme"]


def test_filters_leave_the_rest_of_the_bill_out(pipeline: Pipeline, kinds: str, project: str) -> None:
    send(pipeline, project, Call(at=AT), **{"deployment.environment.name": "staging"})
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

    advice = Advice(
        "run it beside the API", "Hosting is worth a test.", Decimal(9_000), Decimal(700), Decimal(16_817), "2 H100"
    )
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
        is_signed_in=False, groupings=(), now=NOW, config_error=None, pulse="0",
    )  # fmt: skip
    for word in (
        "89.0 % tied out, $0.40 unseen",
        "$1.00 to $3.00, 8 in 10",
        "$9,000 for live calls in the last 30 whole days, against a break-even at $16,817",
        "It needs 2 H100",
        "run it beside the API",
    ):
        assert word in text, word


def test_a_call_says_where_it_was_imported_from_and_what_of_it_is_estimated(pipeline: Pipeline, project: str) -> None:
    imported = Call(
        at=AT, scope="breakeven.import.litellm", attributes={"breakeven.import.their_cost_usd": "0.0123"}
    )  # fmt: skip
    later = AT + timedelta(hours=2)
    partly = Call(at=later, output_tokens=None, attributes={"breakeven.estimated.output_tokens": 40})
    land(pipeline, project, imported, partly)
    listed = list_calls(pipeline.store, view(project))
    states = [row["state"] for row in calls_table(listed, view(project)).rows]
    assert states == ["part of the usage is missing", "imported from litellm"]
    call = show_call(pipeline.store, listed["calls"][1]["id"], project)["call"]
    assert (call["source"], call["their_cost_usd"]) == ("litellm", "0.0123")
    shown = show_call(pipeline.store, listed["calls"][0]["id"], project)
    call = shown["call"]
    assert (call["basis"], call["cost_usd"], call["unpriced_reason"]) == (
        *("partial", "0.0025", "part of the usage is missing"),
    )
    text = environment().get_template("call.html").render(
        **shown, view=view(project), path="/calls/x", places={"projects": [], "environments": []}, is_signed_in=False,
        now=NOW, config_error=None, pulse="0",
    )  # fmt: skip
    assert f"priced by usage, and ~${exact(call['estimated_usd'])} estimated: part of the usage is missing" in text
    assert "30 days" not in text


def test_the_pulse_knows_calls_prices_and_decisions(pipeline: Pipeline, project: str) -> None:
    def pulse() -> str:
        return read_pulse(pipeline, NOTHING, project)["pulse"]

    seen = [pulse()]
    assert pulse() == seen[0]
    land(pipeline, project, Call(at=AT))
    seen.append(pulse())
    prices = PriceService(pipeline.store, pipeline.catalog, pipeline.ledger)
    prices.set(
        Override(
            model="gpt-4o", provider="openai", valid_from=date(2026, 1, 1), percent_off=Decimal(5), project=project
        )
    )
    seen.append(pulse())
    record(pipeline.store, Record("search", Decision.STAY, "Ada"), project=project)
    seen.append(pulse())
    assert len(set(seen)) == len(seen)
