"""The table of verdicts row by row, and what stands beside a verdict."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from breakeven_collector.economics import cash_flow
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.assumptions import OriginOf
from breakeven_collector.economics.evidence import Line
from breakeven_collector.economics.gates import Gates
from breakeven_collector.economics.objectives import Objectives
from breakeven_collector.economics.verdict import decide

from tests.collector.economics.cases import example
from tests.collector.economics.evidences import BILL, READY, evidence, way


def test_each_smallest_change_leads_to_the_next_row_of_the_table() -> None:
    cache, hosted = way("cache", 320_000), way("hosted_open_model", 5_000)
    now = evidence(
        days=20,
        total_spend_usd=4_000,
        spend_p90_at_90_days_usd=19_999,
        alternatives=[cache, hosted],
        gates=Gates(third_parties_forbidden=True, lifecycle="validating", quality_tested=True),
    )
    case = now.case
    steps: list[tuple[str, dict[str, Any]]] = [
        ("forbidden", {}),
        ("third parties may", {"gates": replace(now.gates, third_parties_forbidden=False)}),
        ("28 days", {"days": 28}),
        ("in the market", {"gates": Gates(lifecycle="live", quality_tested=True)}),
        ("$20k ahead", {"spend_p90_at_90_days_usd": 20_000}),
        ("cache not tested", {"alternatives": [replace(cache, tested=False), hosted]}),
        ("host not tested", {"alternatives": [replace(cache, tested=False), replace(hosted, tested=False)]}),
        ("people", {"gates": replace(READY, terms=None)}),
        ("terms", {"gates": READY}),
        ("95 % covered", {"case": replace(case, hybrid=replace(case.hybrid, cost_share=0.95))}),
        ("dear GPUs", {"case": replace(case, hosting=replace(case.hosting, gpu_usd_per_hour=120.0))}),
    ]
    found: list[tuple[str, int, str, tuple[str, ...]]] = []
    for name, change in steps:
        now = replace(now, **change)
        verdict = decide(now, flips=False)
        found.append((name, verdict.rule, verdict.code, verdict.blocked_by))
    assert found == [
        ("forbidden", 1, "PRIVATE_DEPLOYMENT", ()),
        ("third parties may", 2, "INSUFFICIENT_DATA", ()),
        ("28 days", 3, "STAY", ()),
        ("in the market", 4, "STAY", ()),
        ("$20k ahead", 5, "OPTIMISE_IN_API", ()),
        ("cache not tested", 6, "HOSTED_OPEN_MODEL", ()),
        ("host not tested", 8, "STAY", ("staff", "terms")),
        ("people", 8, "STAY", ("terms",)),
        ("terms", 7, "HYBRID", ()),
        ("95 % covered", 7, "FINE_TUNE_AND_HOST", ()),
        ("dear GPUs", 9, "STAY", ()),
    ]


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("days", {"days": 27}, {"days": 28}),
        ("unpriced calls", {"unpriced_call_share": 0.0501}, {"unpriced_call_share": 0.05}),
        ("saving of 15 %", {"alternatives": [way("batch", 340_000)]}, {"alternatives": [way("batch", 340_001)]}),
        ("staff", {"gates": replace(READY, staff=False)}, {"gates": READY}),
        (
            "the total band",
            {"total_spend_usd": 4_999.0, "spend_p90_at_90_days_usd": 0.0},
            {"total_spend_usd": 5_000.0, "spend_p90_at_90_days_usd": 0.0},
        ),
    ],
)
def test_a_bound_belongs_to_the_row_that_the_table_says(
    name: str, below: dict[str, Any], above: dict[str, Any]
) -> None:
    assert (decide(evidence(**below), flips=False).code, decide(evidence(**above), flips=False).code)[1] == "HYBRID"
    assert decide(evidence(**below), flips=False).code != "HYBRID", name


def test_a_saving_under_500_dollars_is_not_worth_a_move() -> None:
    small = [way("cache", 1_101, bill=1_600)], [way("cache", 1_100, bill=1_600)]
    assert [decide(evidence(1_600, alternatives=one), flips=False).code for one in small] == ["STAY", "OPTIMISE_IN_API"]


@pytest.mark.parametrize("kind", ["unallocated_usd", "unseen_usd", "estimated_usd"])
def test_dollars_that_could_turn_the_answer_are_asked_for_and_others_are_not(kind: str) -> None:
    least = evidence(30_000, **{kind: 1_000.0})
    most = evidence(30_000, **{kind: 600_000.0}, case=replace(example(fte=0.5).case, api_usd_per_month=30_000.0))
    assert decide(least, flips=False).code == "STAY"
    found = decide(most, flips=False)
    assert (found.code, found.rule) == ("INSUFFICIENT_DATA", 2)
    assert "$600k" in found.missing[0]
    assert kind.removesuffix("_usd") in found.missing[0]


def test_a_hosted_model_with_a_lower_npv_than_own_gpus_is_not_the_answer() -> None:
    dear = evidence(alternatives=[way("hosted_open_model", 390_000)])
    found = decide(dear, flips=False)
    assert found.code == "HYBRID"
    assert found.alternative is not None
    assert found.alternative.kind == "hosted_open_model"


def test_todays_bill_is_no_alternative_to_itself_however_it_is_rounded() -> None:
    assert decide(evidence(alternatives=[way("today", BILL * (1 - 1e-15))]), flips=False).alternative is None


def test_while_a_commitment_burns_down_nothing_is_saved() -> None:
    until = date(2027, 9, 1)
    free = evidence(alternatives=[way("cache", 200_000)])
    bound = replace(free, commitment_until=until)
    found = decide(bound, flips=False)
    assert (decide(free, flips=False).code, found.code) == ("OPTIMISE_IN_API", "HYBRID")
    assert (found.saving_usd_per_month, found.revisit_by) == (0.0, date(2027, 5, 1))
    short = decide(replace(bound, commitment_until=date(2027, 2, 1)), flips=False)
    assert (short.revisit_by, short.revisit_because) == (date(2027, 2, 1), "the commitment ends")
    long = replace(bound.case, committed_months=30.0)
    assert cash_flow.npv_usd(long) < 0
    assert (cash_flow.payback_of(long) or 0) > 27.5


def test_what_is_due_first_decides_when_to_look_again() -> None:
    day = date(2026, 11, 1)

    def by(**changes: Any) -> tuple[date, str]:
        found = decide(evidence(**changes), flips=False)
        return found.revisit_by, found.revisit_because

    shutdown = ("gpt-4o", date(2027, 3, 1), 0.4)
    assert by() == (date(2027, 5, 1), "half a year has passed")
    assert by(days=12) == (date(2026, 11, 17), "28 days will have been seen")
    assert by(model_shutdowns=[shutdown]) == (date(2026, 12, 1), "gpt-4o ends on 2027-03-01")
    assert by(model_shutdowns=[("gpt-4o", date(2026, 11, 9), 0.4)]) == (day, "gpt-4o ends on 2026-11-09")
    assert by(price_changes=[day + timedelta(20)]) == (day + timedelta(20), "a price changes")
    assert by(growth_per_month=0.3) == (day + timedelta(30), "spend will have grown by 30 %")
    assert by(growth_per_month=-0.3)[1] == "spend will have fallen by 30 %"
    assert by(as_of=date(2026, 8, 31))[0] == date(2027, 2, 28)
    assert decide(evidence(), flips=False).premises["spend_until_usd"] == 520_000


def test_flags_come_from_what_was_declared() -> None:
    def flags(**gates: bool) -> tuple[str, ...]:
        return decide(evidence(gates=replace(READY, **gates)), flips=False).flags

    assert flags(failures_persist=True, objective_missed=True) == ("quality_driven", "latency_driven")
    assert flags(objective_missed=True) == ("latency_driven",)
    assert flags(objective_missed=False) == ()


def test_seven_options_are_compared_or_declared() -> None:
    given = evidence(
        alternatives=[way("batch", 390_000), way("smaller_model", 50_000, tested=False), way("provider_tuning", 70_000)]
    )
    found = decide(given, flips=False)
    rows = {row["kind"]: row for row in found.options}
    assert [*rows] == ["today", "tuned API", "cheaper API model", "provider's fine-tuning", "hybrid", "self-hosted"]
    assert found.options_to_declare == [
        {"option": "hosted open model", "to_prove": "no host's price is known: declare this"}
    ]
    assert rows["cheaper API model"]["to_prove"] == "quality ?"
    assert (rows["today"]["npv_usd"], rows["today"]["payback_from_start_months"]) == (
        {"0.0": 0.0, "0.3": 0.0, "0.5": 0.0},
        None,
    )
    # A saving of 10,000 at the end of each of 24 months at 10 % a year.
    assert rows["tuned API"]["npv_usd"]["0.0"] == pytest.approx(sum(10_000 / 1.1 ** (t / 12) for t in range(1, 25)))
    assert rows["hybrid"]["npv_usd"]["0.5"] == pytest.approx(
        cash_flow.npv_usd(replace(given.case, market=replace(given.case.market, api_price_decline_per_year=0.5)))
    )
    whole = replace(given.case, hybrid=replace(given.case.hybrid, cost_share=1.0))
    assert decide(replace(given, case=whole), flips=False).options[-2]["cost_share"] == 0.7


def test_the_form_is_answered_or_asks_to_be_declared() -> None:
    bare = decide(evidence(gates=Gates()), flips=False).form
    assert {name: len(lines) for name, lines in bare.items()} == {
        "questions": 5,
        "dimensions": 5,
        "path": 5,
        "beside": 2,
    }
    unknown = {line.what for lines in bare.values() for line in lines if line.confidence == "declare this"}
    assert "engineering time to run it" in unknown
    assert "residency is a real requirement" in unknown
    told = evidence(
        gates=replace(
            READY,
            declared_by="R. Frei",
            declared_on="2026-10-02",
            residency=False,
            specific_task="a fixed format",
            failures_persist=False,
        ),
        frontier_share=0.8,
        mean_seconds=2.4,
        provider_shares=[("openai", 0.9), ("anthropic", 0.1)],
        model_shutdowns=[("gpt-4o", date(2027, 1, 14), 0.6)],
        alternatives=[way("provider_tuning", 70_000)],
    )
    lines = [line for part in decide(told, flips=False).form.values() for line in part]
    assert [line.what for line in lines if line.value is None] == []
    by = {line.what: line for line in lines}
    assert by["residency is a real requirement"] == Line(
        "residency is a real requirement", "no", "breakeven.toml, R. Frei", date(2026, 10, 2), "declared"
    )
    assert by["spend by provider"].value == "openai 90%, anthropic 10%"
    assert by["announced ends of models in use"].value == "gpt-4o on 2027-01-14 (60% of the dollars)"
    assert by["what is spent a month"].value == "$430k in all, $400k here; above $50.0k: look"


def test_every_line_of_evidence_has_a_source_a_time_and_a_confidence() -> None:
    origins = {"hosting.fte": OriginOf("breakeven.toml", None, "declared")}
    own = Line("reading speed, measured", "31,000 tokens/s", "vllm.json", date(2026, 10, 1), "declared")
    found = decide(evidence(origins=origins, lines=[own], is_imported=True), flips=False).evidence
    staff = next(line for line in found if line.what == "staff")
    assert (staff.source, staff.confidence) == ("breakeven.toml", "declared")
    assert found[-1] == own
    assert found[0].source == "40 days of imported history"
    assert all(line.source and line.confidence for line in found)
    assert all(line.at for line in found if line.confidence in ("observed", "assumed"))


def test_the_threshold_is_in_dollars_of_todays_bill() -> None:
    plain = decide(evidence(30_420), flips=False)
    halved = decide(evidence(30_420, alternatives=[way("hosted_open_model", 15_210, bill=30_420)]), flips=False)
    assert plain.threshold_usd == pytest.approx(25_854.39, abs=0.01)
    assert plain.threshold_usd is not None
    assert halved.threshold_usd is not None
    assert halved.threshold_usd > plain.threshold_usd
    again = evidence(halved.threshold_usd, case=example(fte=0.5).case.scaled(halved.threshold_usd / 30_420))
    half = replace(again.case, api_usd_per_month=halved.threshold_usd / 2)
    saved = 0.855 * half.api_usd_per_month
    assert saved == pytest.approx(_hosting(half) + 60_000 / 18, rel=1e-6)


def _hosting(case: Any) -> float:
    from breakeven_collector.economics.hosting import hosting_usd_per_month

    return hosting_usd_per_month(case)


def test_what_must_stay_inside_is_compared_with_what_stays_inside() -> None:
    ways = [
        way("cache", 100_000),
        Alternative("an open model in your own network", "own_network", 9_000, BILL - 9_000, True, 20_000.0),
    ]
    gates = replace(READY, third_parties_forbidden=True, declared_by="legal", declared_on="2026-11-02")
    found = decide(evidence(alternatives=ways, gates=gates), flips=False)
    assert [row["kind"] for row in found.options] == ["today", "an open model in your own network", "self-hosted"]
    assert found.options[1]["one_off_usd"] == 20_000
    assert found.options_to_declare == [
        {
            "option": "a vendor's model in your own cloud account",
            "to_prove": "not priced: declare private.own_account",
        }
    ]
    assert found.sentence == (
        "Keep it inside: no third party may process this, legal decided. Compare a vendor's model in your own cloud "
        "account (not priced), an open model in your own network ($9.0k a month) and your own GPUs ($18.8k a month); "
        "cost informs, it does not decide."
    )
    assert found.next_action == "get a price for a vendor's model in your own cloud account, and declare it"
    assert found.alternative is ways[1]
    free = decide(evidence(alternatives=ways[1:]), flips=False)
    assert (free.code, free.alternative) == ("HYBRID", None)


def test_what_is_paid_once_counts_over_the_months_of_the_project() -> None:
    tuned = Alternative("provider's fine-tuning", "provider_tuning", 200_000, 200_000, True, 90_000.0)
    found = decide(evidence(alternatives=[tuned, way("smaller_model", 204_000)]), flips=False)
    # 90,000 over 18 months are 5,000 a month: dearer than the smaller model.
    assert found.alternative is not None
    assert found.alternative.kind == "smaller_model"
    row = next(row for row in found.options if row["kind"] == "provider's fine-tuning")
    assert (row["option"], row["one_off_usd"]) == ("provider's fine-tuning", 90_000)
    assert row["payback_from_start_months"] == pytest.approx(0.45)
    free = cash_flow.npv_of_buying(evidence().case, 200_000)
    assert row["npv_usd"]["0.0"] == pytest.approx(free - 90_000)


@pytest.mark.parametrize(
    ("objectives", "flags", "told"),
    [
        (Objectives(), (), None),
        (Objectives(p95_seconds=9, error_share=0.02), (), "objective met"),
        (Objectives(p95_seconds=8), ("latency_driven",), "95 in 100 calls take up to 8.4 s, 8 s are declared"),
        (Objectives(error_share=0.01), ("latency_driven",), "1.2% of the calls fail, 1.0% are declared"),
    ],
)
def test_an_objective_is_held_against_what_calls_show(
    objectives: Objectives, flags: tuple[str, ...], told: str | None
) -> None:
    found = decide(evidence(objectives=objectives, p95_seconds=8.4, error_share=0.012), flips=False)
    assert found.flags == flags
    assert found.beside == ((f"the API misses an objective: {told}",) if flags else ())
    latency = next(line.value for line in found.form["dimensions"] if line.what == "latency and reliability")
    kept = "" if told is None else ", objective missed" if flags else f", {told}"
    assert latency == f"95 in 100 within 8.4 s, 1.2% failed{kept}"
    unseen = decide(evidence(objectives=objectives), flips=False)
    assert (unseen.flags, unseen.beside) == ((), ())


def test_growth_within_the_noise_of_days_is_no_day_to_look_again() -> None:
    found = decide(evidence(growth_per_month=1.5, growth_is_clear=False), flips=False)
    assert found.revisit_because == "half a year has passed"
    assert (
        next(line.value for line in found.evidence if line.what == "growth a month") == "150.0%, within the days' noise"
    )


def test_flips_are_found_nearest_first_and_lie_on_the_edge() -> None:
    at = evidence(60_000, gates=replace(READY, quality_tested=None))
    found = decide(at)
    assert found.code == "STAY"
    sizes = [max(one.factor, 1 / one.factor) for one in found.flips]
    assert sizes == sorted(sizes)
    assert len(sizes) >= 3
    price = next(one for one in found.flips if one.input == "API price")
    assert price.code == "HYBRID"
    for factor, code in ((price.factor, "HYBRID"), (price.factor / 1.05, "STAY")):
        moved = replace(at, case=replace(at.case, api_usd_per_month=60_000 * factor), spend_usd=60_000 * factor)
        assert decide(moved, flips=False).code == code
    assert ("third_parties_forbidden", "no", "yes", "PRIVATE_DEPLOYMENT") in [
        (one.input, one.now, one.then, one.code) for one in found.switches
    ]
