"""Verdicts where providers' bills say what no call told of."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.economics.assumptions import Assumptions
from breakeven_collector.economics.case import Prices
from breakeven_collector.economics.verdict import decide
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account, Line
from breakeven_collector.otlp import Encoding, read_traces
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.render_verdict import print_all
from breakeven_collector.tieout import know_billed_names
from breakeven_collector.verdicts.api import bill_of
from breakeven_collector.verdicts.evidence_of import case_of, evidence_of
from breakeven_collector.verdicts.observed import observe
from breakeven_collector.verdicts.offers import Book as Offers
from breakeven_collector.verdicts.service import build_verdicts
from rich.console import Console

from tests.collector.billed_lines import insert_billed
from tests.spans import Call, body

END = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def verdicts(pipeline: Pipeline, **asked: Any) -> dict[str, Any]:
    return build_verdicts(pipeline.store, asked.pop("config", pipeline.settings.config), now=END, flips=False, **asked)


def feature(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["features"] if one["feature"] == name)


@pytest.mark.parametrize("hours", [24, 1])
def test_without_calls_the_load_comes_from_the_usage_on_the_bill_and_says_so(
    pipeline: Pipeline, project: str, hours: int
) -> None:
    last, quantities = datetime(2026, 11, 20, tzinfo=UTC), {"requests": 240, "uncached_tokens": 2_400_000}
    quantities |= {"cache_read_tokens": 240_000, "output_tokens": 480_000}
    lines = [
        Line(
            *("usage", "completions", "openai", at, at + timedelta(hours=hours)),
            key_name="search-prod",
            model="gpt-4o",
            meter=meter,
            quantity=Decimal(n),
        )
        for day in range(1, 36)
        for at in [last - timedelta(days=day)]
        for meter, n in quantities.items()
    ]
    Imports(pipeline.store).add(Account("openai", lines), Origin("test", extent="whole"), project)
    know_billed_names(pipeline.store, pipeline.catalog)
    _, profiles = observe(pipeline.store, now=END, project=project)
    (one,) = profiles.values()
    usd = 30 * (Decimal("2.4") * Decimal("2.5") + Decimal("0.24") * Decimal("1.25") + Decimal("0.48") * 10)
    assert (one.days, len(one.hours), one.calls) == (35, 30 * 24, 30 * 240)
    assert (one.uncached_tokens, one.cached_tokens, one.output_tokens) == (72_000_000, 7_200_000, 14_400_000)
    assert one.spend_usd == pytest.approx(usd, abs=Decimal("1e-9"))
    assert (one.is_imported, one.is_by_day, one.unpriced_calls) == (True, hours == 24, 0)
    assert {hour.calls for hour in one.hours} == ({10.0} if hours == 24 else {0.0, 240.0})
    case = case_of(one, Assumptions())
    assert case.peak_to_mean == (Assumptions().peak_to_mean if hours == 24 else 24)


def test_an_account_that_counts_no_calls_still_tells_load_offers_and_what_has_no_price(
    pipeline: Pipeline, project: str
) -> None:
    last, millions = datetime(2026, 11, 20, tzinfo=UTC), {"claude-sonnet-4-5": 9, "claude-of-nobody": 1}
    lines = [
        Line(
            *("usage", "messages", "anthropic", at, at + timedelta(days=1)),
            key_name="search-prod",
            model=model,
            meter=meter,
            quantity=Decimal(n * 1_000_000),
        )
        for day in range(1, 36)
        for at in [last - timedelta(days=day)]
        for model, n in millions.items()
        for meter in ("uncached_tokens", "output_tokens")
    ]
    Imports(pipeline.store).add(Account("anthropic", lines), Origin("test", extent="whole"), project)
    know_billed_names(pipeline.store, pipeline.catalog)
    _, profiles = observe(pipeline.store, now=END, project=project)
    (one,) = profiles.values()
    assert (one.calls, one.tokens, one.unpriced_share) == (0, 600_000_000, pytest.approx(0.1))
    smaller = Offers({"small": Prices(0.5, 0.05, 2.5)})
    tiers = Assumptions(tiers={"small": "workhorse"})
    evidence = evidence_of(one, tiers, total_usd=float(one.spend_usd), unallocated_usd=0.0, offers=smaller)
    offer = next(way for way in evidence.alternatives if way.name == "small")
    # 300M tokens either way in 30 days of 24 hours, at 0.5 and 2.5 USD a million.
    assert offer.usd_per_month == pytest.approx(300 * (0.5 + 2.5) * 730 / 720)
    found = decide(evidence, flips=False)
    assert found.missing == ("prices for 10% of the usage",)
    told = {line.what: line.value for line in found.evidence}
    assert (told["calls a month"], told["tokens a call"]) == (None, None)


def test_a_store_without_calls_is_told_so_with_what_to_do(pipeline: Pipeline, project: str) -> None:
    def said(**changed: Any) -> str:
        file = io.StringIO()
        print_all({**document, **changed}, Console(width=200, file=file))
        return file.getvalue()

    document = verdicts(pipeline, project=project)
    assert (document["features"], document["has_bill"]) == ([], False)
    assert said().startswith("No calls in the 30 days before 2026-11-20. Send spans")
    assert "bill is imported, but no usage of these days" in said(has_bill=True)
    assert "`breakeven map` gives it features" in said(total_usd=5.0)


def test_dollars_that_providers_bill_and_no_call_told_of_may_be_any_features(
    pipeline: Pipeline, project: str, tmp_path: Path
) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text("[assumptions.gates]\nstaff = true\nterms = true\n", encoding="utf-8")
    days = [END.date() - timedelta(days=n) for n in range(1, 31)]
    line = {"provider": "openai", "key_name": "nobodys", "model": "gpt-4o"}
    lines = [
        {**line, "day": day, **kind}
        for day in days
        for kind in (
            {"report": "costs", "amount_usd": Decimal(10_000)},
            {"report": "usage", "meter": "output_tokens", "quantity": Decimal(1_000_000_000)},
        )
    ]
    insert_billed(pipeline.store, lines, project)
    hourly = body(*(Call(at=END - timedelta(hours=n)) for n in range(35 * 24)))
    pipeline.journal.append(read_traces(hourly, Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    know_billed_names(pipeline.store, pipeline.catalog)
    asked: dict[str, Any] = {"project": project, "feature": "search", "config": config}
    without = feature(verdicts(pipeline, **asked), "search")
    found = feature(verdicts(pipeline, bill=bill_of(pipeline), **asked), "search")
    assert (without["code"], found["code"]) == ("STAY", "INSUFFICIENT_DATA")
    assert found["missing"] == ("the owner of $300k (unseen), which could turn the answer",)
    told = {line["what"]: line["value"] for line in found["evidence"]}
    assert told["of the bill, seen in calls"] == "0.0%"
