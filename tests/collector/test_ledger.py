"""The ledger is a pure function of the calls: each counted once, whatever came twice, late or in another order."""

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from breakeven_collector import otlp
from breakeven_collector.ledger import Ledger
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spans import GENAI, NATIVE, Call, after, body

OTHER = "opentelemetry.instrumentation.openai.v1"
Counts = dict[str, int]


def land(pipeline: Pipeline, *bodies: bytes, project: str) -> None:
    for one in bodies:
        pipeline.journal.append(otlp.read_traces(one, otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()


def counts(store: Store, project: str) -> Counts:
    rows = store.rows(
        "SELECT counted, sum(calls) AS n FROM spend_slices WHERE project = {p:String} GROUP BY counted HAVING n != 0",
        {"p": project},
    )
    return {row["counted"]: row["n"] for row in rows}


def bill(store: Store, project: str) -> list[dict[str, Any]]:
    return store.rows(
        "SELECT slice, feature, tenant, user_id, model, basis, meter, counted, sum(calls) AS calls, "
        "sum(uncached_tokens) AS u, sum(cache_read_tokens) AS r, sum(answer_tokens) AS a, sum(quantity) AS q "
        "FROM spend_slices WHERE project = {p:String} GROUP BY ALL HAVING calls != 0 OR q != 0 ORDER BY ALL",
        {"p": project},
    )


def test_a_call_seen_by_two_instrumentations_is_one_call_with_the_best_of_both(
    pipeline: Pipeline, project: str
) -> None:
    outer = Call(scope=OTHER, response_id="r1", seconds=3, feature="search", attributes={"breakeven.tenant": "acme"})
    inner = Call(
        scope=NATIVE,
        at=after(0.01),
        response_id="r1",
        feature=None,
        attributes={"gen_ai.usage.cache_read.input_tokens": 600, "user.id": "u1"},
    )
    land(pipeline, body(outer, inner), project=project)
    assert counts(pipeline.store, project) == {"yes": 1, "duplicate": 1}
    (counted,) = [row for row in bill(pipeline.store, project) if row["counted"] == "yes"]
    # tokens of the client itself; feature, tenant and user from whoever has them
    assert (counted["u"], counted["r"], counted["a"]) == (400, 600, 100)
    assert (counted["feature"], counted["tenant"], counted["user_id"]) == ("search", "acme", "u1")


def test_one_id_that_serves_many_calls_of_one_scope_stays_many_calls(pipeline: Pipeline, project: str) -> None:
    # Ollama draws its ids from 999.
    draw = random.Random(3)
    calls = [Call(at=after(n * 0.4), response_id=f"chatcmpl-{draw.randrange(999)}") for n in range(10_000)]
    land(pipeline, *(body(*calls[n : n + 2000]) for n in range(0, len(calls), 2000)), project=project)
    assert counts(pipeline.store, project) == {"yes": 10_000}


def test_one_id_that_serves_many_calls_pairs_off_between_two_scopes(pipeline: Pipeline, project: str) -> None:
    draw = random.Random(3)
    calls = [Call(at=after(n * 0.4), response_id=f"chatcmpl-{draw.randrange(999)}") for n in range(4_000)]
    twins = [
        replace(c, scope=OTHER, at=c.at.replace(microsecond=c.at.microsecond + 900), span_id=draw.randbytes(8))
        for c in calls
    ]
    shuffled = [*calls, *twins]
    draw.shuffle(shuffled)
    land(pipeline, *(body(*shuffled[n : n + 1000]) for n in range(0, len(shuffled), 1000)), project=project)
    assert counts(pipeline.store, project) == {"yes": 4_000, "duplicate": 4_000}


@pytest.mark.parametrize(
    ("apart_seconds", "expected"),
    [
        (0, {"yes": 1, "duplicate": 1}),
        (300, {"yes": 1, "duplicate": 1}),
        (599, {"yes": 1, "duplicate": 1}),
        (601, {"yes": 2}),
    ],
)
def test_two_scopes_share_a_call_only_within_ten_minutes(
    pipeline: Pipeline, project: str, apart_seconds: int, expected: Counts
) -> None:
    land(
        pipeline,
        body(Call(response_id="r1")),
        body(Call(scope=OTHER, at=after(apart_seconds), response_id="r1")),
        project=project,
    )
    assert counts(pipeline.store, project) == expected


def test_a_span_that_is_sent_again_adds_nothing(pipeline: Pipeline, project: str) -> None:
    calls = [Call(response_id=f"r{n}" if n % 2 else None, at=after(n)) for n in range(50)]
    land(pipeline, body(*calls), project=project)
    first = bill(pipeline.store, project)
    land(pipeline, body(*calls[10:30]), body(*calls), project=project)
    assert bill(pipeline.store, project) == first
    assert counts(pipeline.store, project) == {"yes": 50}


def test_a_wrapper_without_an_id_is_dropped_only_above_a_call_with_the_same_totals(
    pipeline: Pipeline, project: str
) -> None:
    trace = b"t" * 16
    wrapper = Call(scope=OTHER, trace_id=trace, span_id=b"wrapper1", seconds=2)
    step = Call(
        operation="invoke_agent",
        trace_id=trace,
        span_id=b"agent-01",
        parent=b"wrapper1",
        input_tokens=None,
        output_tokens=None,
    )
    inner = Call(response_id="r1", trace_id=trace, span_id=b"inner-01", parent=b"agent-01", at=after(0.1))
    neighbour = Call(scope=OTHER, trace_id=trace, span_id=b"neighb01", parent=b"", at=after(0.2))
    other_totals = Call(
        scope=OTHER, trace_id=trace, span_id=b"other-01", parent=b"agent-01", input_tokens=7, at=after(0.3)
    )
    land(pipeline, body(wrapper), body(step, neighbour), body(inner, other_totals), project=project)
    assert counts(pipeline.store, project) == {"yes": 3, "wrapper": 1}


def test_the_inner_of_two_calls_without_ids_is_the_call(pipeline: Pipeline, project: str) -> None:
    trace = b"u" * 16
    outer = Call(scope=OTHER, trace_id=trace, span_id=b"outer-01", feature="a")
    inner = Call(
        scope="another.scope", trace_id=trace, span_id=b"inner-01", parent=b"outer-01", at=after(0.1), feature="b"
    )
    land(pipeline, body(outer, inner), project=project)
    assert {(row["feature"], row["counted"]) for row in bill(pipeline.store, project)} == {
        ("a", "wrapper"),
        ("b", "yes"),
    }


def test_an_id_shared_by_different_calls_of_two_services_hides_neither(pipeline: Pipeline, project: str) -> None:
    mine = Call(response_id="chatcmpl-500", feature="a")
    theirs = Call(
        scope=OTHER, response_id="chatcmpl-500", feature="b", at=after(300), input_tokens=9000, output_tokens=900
    )
    other_model = replace(theirs, at=after(0.5), model="gpt-4o-mini", feature="c", span_id=b"third-01")
    land(pipeline, body(mine, theirs), project=project)
    assert {(row["feature"], row["counted"]) for row in bill(pipeline.store, project)} == {("a", "yes"), ("b", "yes")}
    land(pipeline, body(mine), body(other_model), project=f"{project}-burst")
    assert counts(pipeline.store, f"{project}-burst") == {"yes": 2}


def test_a_merged_call_keeps_the_cost_and_the_meters_that_only_one_of_them_reports(
    pipeline: Pipeline, project: str
) -> None:
    gateway = {"gen_ai.usage.cost": 0.5, "breakeven.meter.web_search": 3}
    land(pipeline, body(Call(scope="litellm", response_id="r1", attributes=gateway)), project=project)
    land(pipeline, body(Call(scope=NATIVE, response_id="r1", model="unknown-model")), project=project)
    rows = pipeline.store.rows(
        "SELECT counted, sum(s.calls) AS n, sum(s.cost_usd) AS usd, sum(s.quantity) AS units FROM spend AS s "
        "WHERE grain = 'day' AND project = {p:String} GROUP BY counted HAVING n != 0 ORDER BY counted DESC",
        {"p": project},
    )
    assert rows[0] == {"counted": "yes", "n": 1, "usd": Decimal("0.5"), "units": 3}


def test_a_link_that_comes_last_still_shows_the_wrapper(pipeline: Pipeline, project: str) -> None:
    trace = b"v" * 16
    wrapper = Call(scope=OTHER, trace_id=trace, span_id=b"wrapper1", at=after(-70), seconds=80)
    inner = Call(response_id="r1", trace_id=trace, span_id=b"inner-01", parent=b"linking1")
    link = Call(operation="invoke_agent", trace_id=trace, span_id=b"linking1", parent=b"wrapper1", at=after(-130))
    land(pipeline, body(wrapper, inner), project=project)
    assert counts(pipeline.store, project) == {"yes": 2}
    land(pipeline, body(link), project=project)
    assert counts(pipeline.store, project) == {"yes": 1, "wrapper": 1}


def test_a_trace_with_thousands_of_calls_without_ids_is_counted_like_any_other(
    pipeline: Pipeline, project: str
) -> None:
    trace, root = b"w" * 16, b"root-001"
    calls = [
        Call(
            operation="embeddings",
            trace_id=trace,
            span_id=b"%08d" % n,
            parent=root,
            at=after(n / 100),
            output_tokens=None,
        )
        for n in range(3000)
    ]
    land(pipeline, body(*calls), project=project)
    assert counts(pipeline.store, project) == {"yes": 3000}


def test_a_late_duplicate_takes_itself_out_again(pipeline: Pipeline, project: str) -> None:
    land(pipeline, body(Call(scope=OTHER, response_id="r1", at=after(59.9))), project=project)
    assert counts(pipeline.store, project) == {"yes": 1}
    # The better scope arrives later, in the next minute of the bill.
    land(pipeline, body(Call(scope=NATIVE, response_id="r1", at=after(60.1), feature="found")), project=project)
    assert counts(pipeline.store, project) == {"yes": 1, "duplicate": 1}
    assert {row["feature"] for row in bill(pipeline.store, project)} == {"found"}


def test_meters_stand_in_rows_of_their_own(pipeline: Pipeline, project: str) -> None:
    land(
        pipeline, body(Call(attributes={"breakeven.meter.web_search": 2, "breakeven.meter.page": 1.5})), project=project
    )
    rows = {row["meter"]: (row["calls"], row["u"], row["q"]) for row in bill(pipeline.store, project)}
    assert rows == {"": (1, 1000, 0), "web_search": (0, 0, 2), "page": (0, 0, Decimal("1.5"))}


def test_every_grain_holds_the_whole_bill(pipeline: Pipeline, project: str) -> None:
    land(
        pipeline,
        body(
            *[
                Call(at=after(n * 977), attributes={"breakeven.tenant": f"t{n % 3}", "user.id": f"u{n % 5}"})
                for n in range(40)
            ]
        ),
        project=project,
    )
    land(
        pipeline,
        body(*[Call(at=after(n * 977), scope=NATIVE, response_id=f"late{n}") for n in range(40)]),
        project=project,
    )
    rows = pipeline.store.rows(
        "SELECT grain, sum(s.calls) AS calls, sum(s.cost_usd) AS usd, sum(s.input_tokens) AS i FROM spend AS s "
        "WHERE project = {p:String} GROUP BY grain ORDER BY grain",
        {"p": project},
    )
    assert [row.pop("grain") for row in rows] == ["day", "minute", "quarter_hour", "tenant_day", "user_day"]
    assert len({tuple(row.items()) for row in rows}) == 1
    assert rows[0]["calls"] == 80


def test_a_pass_that_finds_no_difference_adds_no_row(pipeline: Pipeline, project: str) -> None:
    land(pipeline, body(*[Call(at=after(n), response_id=f"r{n}") for n in range(20)]), project=project)
    held = "SELECT count() AS n, max(pass) AS p FROM spend_slices WHERE project = {p:String}"
    before = pipeline.store.rows(held, {"p": project})
    Ledger(pipeline.store).pass_slices([(project, int(after(0).timestamp()))])
    assert pipeline.store.rows(held, {"p": project}) == before


def test_of_two_passes_with_one_number_only_the_first_counts(
    pipeline: Pipeline, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two collectors that read the same state: the number of the pass decides who wrote."""
    held = "SELECT sum(answer_tokens) AS a FROM spend_slices WHERE project = {p:String}"
    cube = "SELECT sum(answer_tokens) AS a FROM spend_cubes WHERE grain = 'day' AND project = {p:String}"
    slices = [(project, int(after(0).timestamp()))]
    land(pipeline, body(Call()), project=project)
    number = Ledger(pipeline.store).next_pass(202611)
    pipeline.store.run(
        "ALTER TABLE calls UPDATE output_tokens = 900 WHERE project = {p:String} SETTINGS mutations_sync = 1",
        {"p": project},
    )
    monkeypatch.setattr(Ledger, "next_pass", Mock(return_value=number - 1))
    Ledger(pipeline.store).pass_slices(slices)
    monkeypatch.undo()
    assert pipeline.store.rows(held, {"p": project}) == [{"a": 100}], "it lost the race"
    assert pipeline.store.rows(cube, {"p": project}) == [{"a": 100}]
    Ledger(pipeline.store).pass_slices(slices)
    assert pipeline.store.rows(held, {"p": project}) == [{"a": 900}], "and looks again"
    assert pipeline.store.rows(cube, {"p": project}) == [{"a": 900}]


@pytest.mark.parametrize("ahead", ["ledger", "cubes"])
def test_cubes_that_missed_a_pass_or_got_one_too_many_are_mended(pipeline: Pipeline, project: str, ahead: str) -> None:
    """A crash between the ledger's part and the cubes' parts leaves one of them behind."""
    store = pipeline.store
    attributes = {"breakeven.tenant": "acme", "user.id": "u1"}
    land(pipeline, body(*[Call(at=after(n * 60), attributes=attributes) for n in range(5)]), project=project)
    last = "(SELECT max(s.pass) FROM spend_slices AS s WHERE toYYYYMM(slice) = 202611)"
    if ahead == "ledger":
        store.run(f"ALTER TABLE spend_cubes DELETE WHERE pass >= {last} AND grain != 'day' SETTINGS mutations_sync = 1")
    else:
        store.run(
            "INSERT INTO spend_cubes (grain, project, at, feature, calls, pass) SELECT grain, {p:String}, "
            "toDateTime('2026-11-20 00:00:00', 'UTC'), 'ghost', 7, " + f"{last} + 1 "
            "FROM (SELECT arrayJoin(['day', 'user_day']) AS grain)",
            {"p": project},
        )
    Ledger(store).pass_slices([(project, int(after(0).timestamp()))])
    held = store.rows(
        "SELECT grain, feature, sum(c.calls) AS calls, sum(c.uncached_tokens) AS u, max(c.pass) >= "
        + last
        + " AS caught_up "
        "FROM spend_cubes AS c WHERE project = {p:String} GROUP BY grain, feature HAVING calls != 0 ORDER BY grain",
        {"p": project},
    )
    same = {"feature": "search", "calls": 5, "u": 5000, "caught_up": 1}
    assert held == [{"grain": grain, **same} for grain in ("day", "quarter_hour", "tenant_day", "user_day")]


def test_projects_are_never_mixed(pipeline: Pipeline, project: str) -> None:
    twin = Call(scope=OTHER, response_id="r1")
    land(pipeline, body(Call(response_id="r1")), project=f"{project}-1")
    land(pipeline, body(twin), project=f"{project}-2")
    assert counts(pipeline.store, f"{project}-1") == counts(pipeline.store, f"{project}-2") == {"yes": 1}


@st.composite
def _any_call(draw: st.DrawFn) -> Call:
    """A call that is likely to share its id, trace or parent with others."""
    second = draw(st.integers(0, 1500))
    scope = draw(st.sampled_from([GENAI, NATIVE, OTHER]))
    number = draw(st.integers(0, 4))
    parent = draw(st.sampled_from([0, 0, 10, 120]))
    reported = draw(st.booleans())
    return Call(
        at=after(second),
        scope=scope,
        response_id=f"r{number}" if number else None,
        feature=draw(st.sampled_from([None, "a", "b"])),
        trace_id=(b"T%d" % (number or parent)).ljust(16, b"."),
        span_id=b"%08d" % (second * 10 + len(scope) % 7),
        parent=b"%08d" % parent if parent else b"",
        input_tokens=draw(st.sampled_from([10, 20])) if reported else None,
        output_tokens=5 if reported else None,
    )


@st.composite
def _any_double(draw: st.DrawFn) -> Call:
    """A call near the end of a minute, of few scopes and totals: likely to begin while another of the same totals runs."""
    start = 58_000 + 20 * draw(st.integers(0, 200))
    scope = draw(st.sampled_from(["langfuse-sdk", "openinference.instrumentation.langchain", GENAI, NATIVE]))
    number = draw(st.integers(0, 3))
    return Call(
        at=after(start / 1000),
        seconds=draw(st.sampled_from([0.05, 0.2, 1.0, 2.5])),
        scope=scope,
        response_id=f"d{number}" if number else None,
        feature=draw(st.sampled_from([None, "a", "b"])),
        attributes={"breakeven.tenant": draw(st.sampled_from(["", "acme"]))},
        trace_id=draw(st.sampled_from([b"D" * 16, b"E" * 16, b"%016d" % start])),
        span_id=b"%06d%02d" % (start, len(scope)),
        parent=b"%06d%02d" % (58_000 + 20 * draw(st.integers(0, 200)), len(scope)) if draw(st.booleans()) else b"",
        input_tokens=10,
        output_tokens=5,
    )


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(_any_call() | _any_double(), min_size=1, max_size=40, unique_by=lambda call: call.span_id),
    order=st.randoms(use_true_random=False),
)
def test_the_bill_does_not_depend_on_order_or_on_how_requests_are_cut(
    pipeline: Pipeline, calls: Sequence[Call], order: random.Random
) -> None:
    project = f"p{uuid4().hex}"  # not drawn: two examples in one project would mix
    land(pipeline, body(*calls), project=f"{project}-once")
    shuffled = list(calls)
    order.shuffle(shuffled)
    while shuffled:
        cut = order.randint(1, len(shuffled))
        land(pipeline, body(*shuffled[:cut]), project=f"{project}-bits")
        del shuffled[:cut]
    assert bill(pipeline.store, f"{project}-bits") == bill(pipeline.store, f"{project}-once")
