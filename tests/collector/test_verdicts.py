"""Verdicts over a store with the demo's traffic, thinned out: what is observed, kept, decided and earned."""

import json
from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector.cli import app
from breakeven_collector.demo import plan, shapes, traffic
from breakeven_collector.demo.traffic import Traffic
from breakeven_collector.economics.assumptions import Assumptions
from breakeven_collector.economics.verdict import decide
from breakeven_collector.errors import BadRequest, ConfigError
from breakeven_collector.otlp import Encoding, read_traces
from breakeven_collector.period import between
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import PriceService
from breakeven_collector.prices import Book
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.verdicts import kept
from breakeven_collector.verdicts.decisions import Decision, Record, list_decisions, record
from breakeven_collector.verdicts.evidence_of import rates
from breakeven_collector.verdicts.margin import MarginBy, build_margin
from breakeven_collector.verdicts.observed import observe
from breakeven_collector.verdicts.revenue import import_revenue
from breakeven_collector.verdicts.service import build_verdicts
from typer.testing import CliRunner

from tests.conftest import quick_settings
from tests.spans import Call, body

END = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
DAYS = 40
THINNED = {"contract-review": 30, "code-assistant": 60, "ticket-triage": 100, "nightly-enrichment": 30, None: 30}
"""Feature → by how much its runs are divided."""
FORBIDDEN = """
[assumptions.features.contract-review.gates]
third_parties_forbidden = true
declared_by = "legal"
declared_on = 2026-11-01
"""
DECLARED = """
[assumptions.shutdowns]
gpt-6-astra = 2027-02-20

[assumptions.features.contract-review.api]
tested_models = ["gpt-5.4-mini"]
batch_share = 0.4
"""


@pytest.fixture(scope="module")
def filled(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    dsn = f"chdb://{engine_folder}?database=verdicts_{uuid4().hex[:8]}"
    features = tuple(
        replace(one, runs_a_day=one.runs_a_day / THINNED[one.name]) for one in shapes.FEATURES if one.name in THINNED
    )
    with pytest.MonkeyPatch.context() as patch, Pipeline(quick_settings(dsn, tmp_path_factory.mktemp("v"))) as pipeline:
        patch.setattr(plan, "FEATURES", features)
        patch.setattr(traffic, "FEATURES", features)
        for request, _ in Traffic(DAYS, end=END).requests():
            send(pipeline, request)
        # A second attempt: its dollars are the feature's, but no load of an own model's.
        again = Call(at=END - timedelta(days=2), feature="contract-review", attributes={"breakeven.retry": True})
        first = END - timedelta(days=3)
        young = [Call(at=first + timedelta(hours=n), feature="young") for n in range(5)]
        send(pipeline, body(again, *young))
        pipeline.drain()
        yield pipeline


def send(pipeline: Pipeline, request: bytes) -> None:
    pipeline.journal.append(read_traces(request, Encoding.PROTOBUF).body, "default").result(10)


def verdicts(pipeline: Pipeline, **asked: Any) -> dict[str, Any]:
    return build_verdicts(pipeline.store, asked.pop("config", pipeline.settings.config), now=END, flips=False, **asked)


def feature(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["features"] if one["feature"] == name)


# ----------------------------------------------------------------------------------------------------------- observed


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin"])
def test_the_profile_adds_up_to_the_report_of_the_same_days(filled: Pipeline, timezone: str) -> None:
    window, profiles = observe(filled.store, now=END, timezone=timezone)
    period = between(window.start.date(), window.dates[-1], END, timezone)
    report = build_report(filled.store, period=period)
    told = {row["feature"]: (Decimal(row["cost_usd"]), row["calls"]) for row in report["features"]}
    assert {name or None: one.spend_usd for name, one in profiles.items()} == {n: usd for n, (usd, _) in told.items()}
    if timezone == "UTC":
        by_class = build_report(filled.store, period=period, by=Dimension.COST_CLASS)
        research = next(Decimal(row["cost_usd"]) for row in by_class["cost_classes"] if row["cost_class"] == "research")
        assert sum(one.other_usd for one in profiles.values()) == research > 0
    retries = sum((one.retry_usd for one in profiles.values()), Decimal(0))
    assert str(retries.normalize()) == report["retries"]["cost_usd"]
    for name, one in profiles.items():
        assert sum(hour.usd or 0 for hour in one.hours) == pytest.approx(float(one.live_usd))
        if name == "young":
            continue
        assert len(one.hours) == 30 * 24 + (timezone == "Europe/Berlin")  # a clock was put back in the window
        assert sum(hour.calls for hour in one.hours) == one.calls
        assert sum(usd or 0 for usd in one.daily_usd) == pytest.approx(float(one.live_usd))
        # The first call of a thin feature may come on the second day.
        assert (DAYS - one.days in (0, 1), len(one.daily_usd)) == (True, 30)


def test_what_runs_at_night_and_at_a_batch_price_is_told_by_the_readers_clock(filled: Pipeline) -> None:
    _, tokyo = observe(filled.store, now=END, timezone="Asia/Tokyo")
    night, review, nobodys = (tokyo[name] for name in ("nightly-enrichment", "contract-review", ""))
    assert night.batch_usd == night.live_usd > 0 == night.night_usd
    # Office hours of UTC end at midnight in Tokyo.
    assert review.night_usd > review.live_usd / 5
    assert nobodys.inferred_usd == nobodys.spend_usd


def test_how_long_calls_take_is_told_by_the_slowest_of_twenty(filled: Pipeline) -> None:
    _, profiles = observe(filled.store, now=END, latency=True)
    seconds = sorted(
        row["duration_us"] / 1e6
        for row in filled.store.rows(
            "SELECT duration_us FROM calls WHERE feature = 'code-assistant' AND ts >= '2026-10-21 00:00:00' "
            "AND ts < '2026-11-20 00:00:00'"
        )
    )
    assert profiles["code-assistant"].p95_seconds == pytest.approx(seconds[int(0.95 * len(seconds))], rel=0.1)
    assert all(one.p95_seconds for one in profiles.values())


def test_a_model_is_offered_at_a_price_that_one_can_have(filled: Pipeline) -> None:
    _, profiles = observe(filled.store, now=END)
    tiers = {"claude-sonnet-5-5": "workhorse", "gemini-3.8-flash": "workhorse"}
    found = rates(filled.store, [Assumptions(tiers=tiers)], profiles, END)
    # One is sold by a provider that is in use; of the other what most ask, for a reseller asks less for both.
    assert astuple(found["claude-sonnet-5-5"]) == pytest.approx((2, 0.1, 10))
    assert astuple(found["gemini-3.8-flash"]) == pytest.approx((0.75, 0.075, 3.75))


def test_a_feature_of_few_days_has_hours_since_its_first_day_only(filled: Pipeline) -> None:
    _, profiles = observe(filled.store, now=END)
    young = profiles["young"]
    assert (young.days, len(young.hours), young.calls) == (3, 72, 5)
    assert young.daily_usd[:27] == (None,) * 27
    one = feature(verdicts(filled, feature="young"), "young")
    assert (one["code"], one["rule"]) == ("INSUFFICIENT_DATA", 2)
    assert verdicts(filled, project="another")["features"] == []


# ----------------------------------------------------------------------------------------------------------- verdicts


def test_a_verdict_is_kept_once_and_can_be_worked_out_again(filled: Pipeline) -> None:
    document = feature(verdicts(filled, feature="contract-review"), "contract-review")
    verdicts(filled, feature="contract-review")
    rows = filled.store.rows(
        "SELECT digest, count() AS n FROM verdicts WHERE feature = 'contract-review' GROUP BY digest"
    )
    assert {row["n"] for row in rows} == {1}
    row = kept.last(filled.store, None, "contract-review")
    assert row is not None
    assert (row.digest, row.code, row.sentence) == (document["digest"], document["code"], document["sentence"])
    evidence = row.evidence()
    assert evidence is not None
    again = decide(evidence, flips=False)
    assert (again.code, again.sentence, again.threshold_usd) == (row.code, row.sentence, row.threshold_usd)
    assert kept.inputs_of(evidence) == row.inputs


def test_what_was_told_with_a_verdict_stands_in_its_row(filled: Pipeline) -> None:
    # What would change a verdict, and what changed it, are told and not kept.
    documents = {one["feature"]: one for one in verdicts(filled)["features"]}
    rows = {
        row["feature"]: row
        for row in filled.store.rows("SELECT * EXCEPT (project) FROM verdicts_now WHERE project = ''")
    }
    assert documents.keys() <= rows.keys()
    for name, told in documents.items():
        row, crossing, best = rows[name], told["crossing"], told["best_in_api"]
        days = (row[f"crosses_{part}_on"] for part in ("p10", "p50", "p90"))
        assert [day and day.isoformat() for day in days] == [crossing[f"{part}_on"] for part in ("p10", "p50", "p90")]
        shown = best and f"{best['name']}{'' if best['is_tested'] else ' ?'}"
        assert (row["best"], row["best_saves_usd"]) == (shown or "", best and best["saves_usd_per_month"])
        assert json.loads(row["options"]) == told["options"]
        same = ("digest", "code", "rule", "sentence", "spend_usd", "threshold_usd")
        assert {key: row[key] for key in same} == {key: told[key] for key in same}
        assert (row["crosses_90_days"], bool(row["is_above"]), row["api_usd"], row["next_step"]) == (
            *(crossing["probability_90_days"], crossing["is_above"], told["api_usd_per_month"], told["next_action"]),
        )
    assert any(row["crosses_90_days"] for row in rows.values())
    assert any(row["best"] for row in rows.values())


def test_a_verdict_of_before_its_figures_were_kept_is_kept_again(filled: Pipeline) -> None:
    document = feature(verdicts(filled, feature="ticket-triage"), "ticket-triage")
    filled.store.run(
        "INSERT INTO verdicts (feature, decided_at, digest, sentence) "
        f"VALUES ('ticket-triage', '2026-11-20 23:00:00', '{document['digest']}', 'as it was')"
    )
    later = END + timedelta(hours=11)
    build_verdicts(filled.store, filled.settings.config, feature="ticket-triage", now=later, flips=False)
    found = filled.store.rows("SELECT sentence, next_step FROM verdicts_now WHERE feature = 'ticket-triage'")
    assert found == [{"sentence": document["sentence"], "next_step": document["next_action"]}]


def test_what_moved_a_verdict_is_told(filled: Pipeline, tmp_path: Path) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text(FORBIDDEN, encoding="utf-8")
    one = feature(verdicts(filled, feature="contract-review", config=config, diff=True), "contract-review")
    assert one["code"] == "PRIVATE_DEPLOYMENT"
    assert one["since"]["moved_by"] == ["what was declared"]
    changes = {row["what"]: (row["before"], row["now"]) for row in one["since"]["changes"]}
    assert changes["gates.third_parties_forbidden"] == (None, True)
    assert changes["verdict"][1] == one["sentence"]


def test_what_is_declared_of_the_api_counts_as_tested(filled: Pipeline, tmp_path: Path) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text(DECLARED, encoding="utf-8")
    one = feature(verdicts(filled, feature="contract-review", config=config), "contract-review")
    options = {row["option"]: row["to_prove"] for row in one["options"]}
    assert options["tuned API: batch"] == options["cheaper API model: gpt-5.4-mini"] == "nothing"
    assert one["revisit_because"].startswith("gpt-6-astra ends on 2027-02-20")
    config.write_text(DECLARED.replace("0.4", "1.4"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"contract-review\.api\.batch_share is 1\.4"):
        verdicts(filled, feature="contract-review", config=config)


def test_a_feature_without_calls_is_told_with_the_one_that_may_be_meant(filled: Pipeline) -> None:
    with pytest.raises(BadRequest, match=r"'contract-reviews' has no calls .*did you mean 'contract-review'\?"):
        verdicts(filled, feature="contract-reviews")


def test_decide_prints_sentences_and_codes_only_in_json(filled: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakeven_collector.verdicts.service.datetime", Clock)
    there = {"BREAKEVEN_STORE": filled.settings.dsn, "BREAKEVEN_PORT": "0", "COLUMNS": "100", "NO_COLOR": "1"}
    printed = CliRunner().invoke(app, ["decide", "--all"], env=there)
    assert printed.exit_code == 0, printed.output
    assert all(len(line) <= 100 for line in printed.output.splitlines())
    one = CliRunner().invoke(app, ["decide", "contract-review"], env=there)
    assert one.exit_code == 0, one.output
    assert "STAY" not in printed.output + one.output
    for told in ("a month", "Next:", "Break-even", "declare this", "NPV"):
        assert told in one.output
    as_json = CliRunner().invoke(app, ["decide", "code-assistant", "--format", "json"], env=there)
    assert json.loads(as_json.output)["features"][0]["code"]
    neither = CliRunner().invoke(app, ["decide"], env=there)
    assert (neither.exit_code, "name one of them" in neither.output) == (1, True)


def test_a_price_that_is_known_to_change_is_a_day_to_look_again(filled: Pipeline) -> None:
    day = END.date() + timedelta(days=3)
    contract = Override("gpt-6-astra", day, valid_to=day + timedelta(days=400), percent_off=Decimal(10))
    PriceService(filled.store, filled.catalog, filled.ledger).set(contract)
    found = {one["feature"]: (one["revisit_by"], one["revisit_because"]) for one in verdicts(filled)["features"]}
    assert found["contract-review"] == (day.isoformat(), "a price changes")
    assert found["nightly-enrichment"][1] != "a price changes"


class Clock(datetime):
    """The end of the traffic."""

    @classmethod
    def now(cls, tz: Any = None) -> "Clock":
        return cls(2026, 11, 20, 12, 30, tzinfo=tz)


# ---------------------------------------------------------------------------------------------------------- decisions


def test_a_decision_is_due_by_its_day_or_since_a_premise_changed(filled: Pipeline, tmp_path: Path) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text('[assumptions.shutdowns]\n"gpt-5.5" = 2027-02-20\n', encoding="utf-8")
    store = filled.store
    kept_now = record(store, Record("code-assistant", Decision.STAY, "Ada", "not yet"), now=END)["recorded"]
    assert kept_now["revisit_on"] == (END.date() + timedelta(days=183)).isoformat()
    record(store, Record("contract-review", Decision.HYBRID, "Ada", "", date(2026, 12, 1)), now=END)

    def due(now: datetime) -> dict[str, list[str]]:
        return {
            one["feature"]: one["due"]
            for one in list_decisions(store, config=config, now=now)["decisions"]
            if one["due"]
        }

    assert due(END) == {}
    later = due(END + timedelta(days=11))
    assert later.keys() == {"contract-review", "code-assistant"}  # its day came; and there is no more traffic
    assert "its day came: 2026-12-01" in later["contract-review"]
    assert "gpt-5.5 ends on 2027-02-20" in later["code-assistant"]
    assert "gpt-5.5 ends on 2027-02-20" not in later["contract-review"]
    record(store, Record("contract-review", Decision.STAY, "Grace"), now=END + timedelta(seconds=1))
    listed = [(one["feature"], one["made_by"], one["replaced"]) for one in list_decisions(store, now=END)["decisions"]]
    assert listed == [
        ("contract-review", "Grace", False),
        ("code-assistant", "Ada", False),
        ("contract-review", "Ada", True),
    ]
    misspelled = record(store, Record("code-asistant", Decision.STAY, "Ada"), project="typed", now=END)
    assert misspelled["unseen"] == "no call of the last 30 days is of a feature 'code-asistant'"
    with pytest.raises(BadRequest, match="write a day after today"):
        record(store, Record("code-assistant", Decision.STAY, "Ada", "", END.date()), now=END)


def test_a_price_that_changed_makes_a_decision_due(filled: Pipeline) -> None:
    record(filled.store, Record("ticket-triage", Decision.STAY, "Ada"), now=END)
    document = json.loads(Book().document)
    openai = next(provider for provider in document if provider["id"] == "openai")
    dearer = {"input_mtok": 50, "cache_read_mtok": 50, "output_mtok": 50}
    openai["models"] = [
        {**one, "prices": dearer} if one["id"] == "gpt-5.4-mini" else one for one in openai["models"]
    ]  # fmt: skip
    PriceService(filled.store, filled.catalog, filled.ledger).sync(json.dumps(document).encode())
    found = {one["feature"]: one["due"] for one in list_decisions(filled.store, now=END)["decisions"]}
    assert any(why.startswith("price of gpt-5.4-mini +") for why in found["ticket-triage"])


# ------------------------------------------------------------------------------------------------------------ margins


def test_revenue_is_taken_and_rows_that_do_not_fit_are_told(filled: Pipeline) -> None:
    text = (
        "month,day,feature,tenant,usd\n"
        "2026-10,,contract-review,,60000\n"
        "2026-10,,contract-review,,2500.50\n"
        "2026-11,,contract-review,,62000\n"
        ",2026-11-03,contract-review,,1\n"
        "2026-13,,contract-review,,1\n"
        "2026-11,,,,1\n"
        '2026-11,,,acme,"1,000"\n'
        "2026-11,2026-11-01,,acme,1\n"
        "\n"
        "2026-11,,,acme,NaN\n"
        "2026-11,,,acme,1000\n"
    )
    found = import_revenue(filled.store, text, "revenue.csv")
    assert (found["imported"], found["usd"], found["from"], found["to"]) == (4, "125500.5", "2026-10-01", "2026-11-30")
    assert [row["line"] for row in found["bad"]] == [5, 6, 7, 8, 9, 11]
    assert "cut otherwise" in found["bad"][0]["why"]
    again = import_revenue(filled.store, "month,tenant,usd\n2026-11,acme,900\n", "later.csv")
    assert again["imported"] == 1
    rows = filled.store.rows("SELECT amount_usd FROM revenue FINAL WHERE tenant = 'acme'")
    assert [row["amount_usd"] for row in rows] == [Decimal(900)]
    with pytest.raises(BadRequest, match="no column feature or tenant"):
        import_revenue(filled.store, "month,usd\n2026-11,1\n", "wrong.csv")


def test_a_margin_is_over_cost_of_goods_of_the_same_days(filled: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    import_revenue(
        filled.store, "month,feature,usd\n2026-10,contract-review,31000\n2026-11,contract-review,30000\n", "r"
    )
    document = build_margin(filled.store, months=2, now=END)
    # Traffic begins at noon of 11 October; the day of the end is not over.
    assert [(one["month"], one["days"]) for one in document["months"]] == [("2026-10", 21), ("2026-11", 19)]
    row = next(one for one in document["rows"] if one["feature"] == "contract-review")
    assert Decimal(row["revenue_usd"]) == Decimal(31000) * 21 / 31 + Decimal(30000) * 19 / 30
    report = build_report(filled.store, period=between(date(2026, 11, 1), date(2026, 11, 19), END))
    november = next(one for one in row["months"] if one["month"] == "2026-11")
    whole = next(Decimal(one["cost_usd"]) for one in report["features"] if one["feature"] == "contract-review")
    assert Decimal(0) < Decimal(november["cost_usd"]) < whole  # staging is research
    assert november["gross_margin"] == pytest.approx(1 - float(november["cost_usd"]) / 19000, abs=1e-6)
    assert "revenue +0%" in row["warning"]
    there = {"BREAKEVEN_STORE": filled.settings.dsn, "BREAKEVEN_PORT": "0", "COLUMNS": "160", "NO_COLOR": "1"}
    monkeypatch.setattr("breakeven_collector.verdicts.margin.datetime", Clock)
    printed = CliRunner().invoke(app, ["margin", "--months", "2"], env=there).output
    assert printed.startswith("Whole days with calls, 2026-10-11 to 2026-11-19, UTC\n")
    assert "a share of the month: 2026-10 (its 21 days), 2026-11 (its 19 days)." in printed
    by_tenant = build_margin(filled.store, by=MarginBy.TENANT, months=2, now=END)
    assert by_tenant["totals"]["cost_usd"] == document["totals"]["cost_usd"]
