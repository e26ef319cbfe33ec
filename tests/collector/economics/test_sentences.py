"""Verdicts in words."""

import re
from dataclasses import replace
from datetime import date

from breakeven_collector.economics.gates import Gates
from breakeven_collector.economics.verdict import Verdict, decide

from tests.collector.economics.cases import example
from tests.collector.economics.evidences import READY, evidence, way

CODES = "PRIVATE_DEPLOYMENT INSUFFICIENT_DATA OPTIMISE_IN_API HOSTED_OPEN_MODEL FINE_TUNE_AND_HOST HYBRID STAY"


def test_a_feature_that_stays_says_why_with_its_own_figures() -> None:
    small = {"case": replace(example(fte=0.5).case, api_usd_per_month=26.0, mean_busy=1e-4, calls_per_month=8e3)}
    costly = replace(example(fte=0.5).case.hybrid, escalation_share=1.0)
    said = {
        "near": decide(evidence(24_000), flips=False).sentence,
        "above": decide(evidence(30_420), flips=False).sentence,
        "not likely": decide(evidence(60_000), flips=False).sentence,
        "never": decide(evidence(1_521), flips=False).sentence,
        "escalates": decide(evidence(30_420, case=replace(example().case, hybrid=costly)), flips=False).sentence,
        "far": decide(
            evidence(26, **small, cached_share=0.82, batch_share=0.4, frontier_share=0.0), flips=False
        ).sentence,
        "at the batch price": decide(evidence(26, **small, batch_share=1.0), flips=False).sentence,
    }
    least = "2 replicas and 0.5 people of its own would cost $16.3k. It would break even at"
    assert said == {
        "near": "Stay. $24.0k a month, $23.7k of it live calls; hosting 90% of those breaks even at $25.9k. To be safe "
        "even if API prices halve every year it takes $69.3k a month.",
        "above": "Stay. $30.4k a month, $30.0k of it live calls: hosting 90% of those breaks even at $25.9k, but is not "
        "safe yet. To be safe even if API prices halve every year it takes $57.4k a month or 0.07 instead of 0.5 people; at today's spend it "
        "pays if they fall by less than 12% a year.",
        "not likely": "Stay. $60.0k a month, $59.2k of it live calls: hosting 90% of those breaks even at $22.9k, but is "
        "not safe yet. That it pays, over what its inputs may be, is not likely.",
        "never": "Stay. $1.5k a month; hosting pays at no volume: GPUs for its busiest hours, 3.0 times the mean, "
        "would cost $3.7k where they replace $1.3k of calls.",
        "escalates": "Stay. $30.4k a month; hosting pays at no volume: escalations, routing and errors would cost what "
        "it saves.",
        "far": f"Stay. $26 a month, on small models and with 82% of its input from the cache already; {least} $22.9k.",
        "at the batch price": f"Stay. $26 a month, at the batch price already; {least} $22.9k.",
    }


def test_what_was_not_tried_yet_is_the_next_step_and_no_verdict() -> None:
    ways = [way("smaller_model", 9_000, bill=30_420, tested=False), way("batch", 29_000, bill=30_420, tested=False)]
    found = decide(evidence(30_420, alternatives=ways), flips=False)
    assert (found.code, found.alternative) == ("STAY", None)
    assert found.sentence.endswith(" Not tried yet: smaller model ? ($21.4k a month less).")
    assert found.next_action == (
        "shadow: run smaller model beside today's model and compare; it would save $21.4k a month"
    )
    hosts = [replace(way("hosted_open_model", usd, bill=30_420, tested=False), name=f"open-{usd}") for usd in (9, 900)]
    assert "Not tried yet: open-900 from a host ?" in decide(evidence(30_420, alternatives=hosts), flips=False).sentence
    both = decide(evidence(30_420, alternatives=[ways[0], *hosts]), flips=False).sentence
    assert both.endswith(" ? ($21.4k a month less) and open-900 from a host ? ($29.5k a month less).")
    rows = {row["kind"]: row["to_prove"] for row in found.options}
    assert (rows["tuned API"], rows["cheaper API model"]) == ("may it wait ?", "quality ?")
    bound = decide(evidence(30_420, alternatives=ways, commitment_until=date(2027, 3, 1)), flips=False)
    assert "Not tried" not in bound.sentence


def _every() -> list[Verdict]:
    hosted, cache = way("hosted_open_model", 9_000), way("cache", 200_000)
    cases = [
        evidence(gates=Gates(third_parties_forbidden=True, declared_by="R. Frei", declared_on="2026-10-01")),
        evidence(days=27),
        evidence(unpriced_call_share=0.2, estimated_usd=9_000.0),
        evidence(gates=replace(READY, lifecycle="validating")),
        evidence(4_000, total_spend_usd=4_000, alternatives=[way("batch", 3_600, bill=4_000)]),
        evidence(alternatives=[cache]),
        evidence(alternatives=[hosted]),
        evidence(gates=replace(READY, staff=None)),
        evidence(),
        evidence(30_420),
        evidence(1_521),
        evidence(30_420, commitment_until=date(2027, 3, 1)),
        evidence(0.0),
    ]
    return [decide(one, flips=False) for one in cases]


def test_sentences_are_plain_english_without_codes() -> None:
    for verdict in _every():
        said = f"{verdict.sentence} {verdict.next_action}"
        assert not any(code in said for code in CODES.split())
        assert not re.search(r"[A-Z]{4,}|_[a-z]|None|nan|\brule\b", said.replace("[assumptions.gates]", "")), said
        assert verdict.sentence[0].isupper()
        assert verdict.sentence.endswith(".")
        assert "  " not in said
        assert ".." not in said
