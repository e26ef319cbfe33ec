"""The page: bill, forecast, verdicts and decisions are those of their own reports."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from breakeven_collector.page.feature import build_feature
from breakeven_collector.page.overview import build_overview
from breakeven_collector.page.real import HeldBills, real_providers
from breakeven_collector.page.words import environment
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.tieout import build_tieout
from breakeven_collector.verdicts import told as told_words
from breakeven_collector.verdicts.decisions import Decision, Record, record
from breakeven_collector.verdicts.ready import ReadyVerdicts
from breakeven_collector.verdicts.service import build_verdicts
from markupsafe import escape

from tests.collector.billed_lines import insert_billed
from tests.collector.pages import AT, NOW, land, view
from tests.spans import Call


@pytest.fixture(scope="module")
def ready(pipeline: Pipeline) -> Iterator[ReadyVerdicts]:
    settings = pipeline.settings
    ready = ReadyVerdicts(pipeline.store, settings.config, settings.timezone, lambda: NOW)
    yield ready
    ready.close()


@pytest.fixture(scope="module")
def bills(pipeline: Pipeline) -> Iterator[HeldBills]:
    bills = HeldBills(pipeline, wait_seconds=20)
    yield bills
    bills.close()


def wait_for(ready: ReadyVerdicts, project: str, revision: int) -> None:
    deadline = time.monotonic() + 20
    while ready.revision(project) != revision:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_bill_forecast_verdicts_and_decisions_are_those_of_their_own_reports(
    pipeline: Pipeline, project: str, ready: ReadyVerdicts, bills: HeldBills
) -> None:
    days = [AT - timedelta(days=n) for n in range(40)]
    land(pipeline, project, *(Call(at=at, input_tokens=5_000_000 + 9_000 * at.day) for at in days))
    line = {"provider": "openai", "report": "costs", "item": "gpt-4o", "model": "gpt-4o", "amount_usd": Decimal(15)}
    insert_billed(pipeline.store, [{**line, "day": at.date()} for at in days[:20]], project)
    providers = real_providers(pipeline, ready, bills)
    asked = view(project, feature="search")
    first = build_overview(pipeline, view(project), providers)
    assert (first["has_advice"], ready.revision("another")) == (False, 0)
    hasty = HeldBills(pipeline, wait_seconds=0)
    pending = build_overview(pipeline, view(project), real_providers(pipeline, ready, hasty))
    assert (pending["is_billed_pending"], pending["billed"]) == (True, {})
    wait_for(ready, project, 1)

    shown = build_overview(pipeline, view(project), providers)
    told = build_tieout(
        pipeline.store, pipeline.catalog, pipeline.attribution.declared, period=asked.period, project=project
    )
    assert shown["billed"] == {**told["totals"], "unseen_usd": told["parts"]["unseen"]}
    hasty.close()
    assert (hasty.revision(), hasty.of(asked.period, project)) == (1, bills.of(asked.period, project))
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
    looking = build_feature(pipeline, asked, providers)
    assert (looking["verdict"], looking["is_looking"]) == (verdict, True)
    wait_for(ready, project, 2)
    feature = build_feature(pipeline, asked, providers)
    decided = build_verdicts(
        pipeline.store, pipeline.settings.config, feature="search", project=project, now=NOW
    )  # fmt: skip
    one = decided["features"][0]
    assert json.loads(json.dumps(feature["verdict"])) == json.loads(json.dumps(one))
    assert feature["would_change"] == told_words.would_change(one) != ""
    chart = feature["outlook_chart"]
    assert [line["usd"] for line in chart["lines"] if line["is_main"]] == [one["threshold_usd"]] * (
        one["threshold_usd"] is not None
    )
    assert [usd for usd in chart["p50"] if usd] == [round(at["p50_usd"], 2) for at in one["outlook"]]
    assert [row["made_by"] for row in feature["decisions"].rows] == ["Ada"]
    swings = [row["swing_usd_per_month"] for row in feature["tornado"].rows]
    assert swings == sorted((one["swing_usd_per_month"] for one in verdict["tornado"]["bars"]), reverse=True)[:3]
    text = environment().get_template("feature.html").render(
        **feature, view=asked, path="/feature", places={"projects": [], "environments": []}, is_signed_in=False,
        groupings=(), now=NOW, config_error=None, pulse="0",
    )  # fmt: skip
    said = (told_words.said, told_words.next_step, told_words.breaks_even, told_words.safe, told_words.crosses)
    for words in (*(say(one) for say in said), told_words.would_change(one)):
        assert str(escape(words)) in text, words
    # Nothing changed: nothing is worked out anew.
    assert (ready.of(project), ready.revision(project)) == (ready.of(project), 2)
    insert_billed(pipeline.store, [{**line, "day": days[21].date()}], project)
    ready.of(project)
    wait_for(ready, project, 3)


def test_what_is_declared_wrongly_is_told_instead_of_verdicts(
    pipeline: Pipeline, project: str, bills: HeldBills, tmp_path: Path
) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text("[assumptions.hosting]\nfte = -1\n", encoding="utf-8")
    land(pipeline, project, Call(at=AT))
    ready = ReadyVerdicts(pipeline.store, config, "UTC", lambda: NOW)
    providers = real_providers(pipeline, ready, bills)
    assert ready.of(project) is None
    wait_for(ready, project, 1)
    assert providers.config_error(project).startswith(f"{config}: assumptions.hosting.fte is -1")
    shown = build_overview(pipeline, view(project), providers)
    ready.close()
    text = environment().get_template("overview.html").render(
        **shown, view=view(project), path="/", places={"projects": [], "environments": []}, is_signed_in=False,
        groupings=(), now=NOW, config_error=None, pulse="0",
    )  # fmt: skip
    assert "<code>breakeven assumptions check</code> says why" in text
    assert "being worked out" not in text


def test_a_decision_is_due_on_the_page_as_well_before_its_model_ends(
    pipeline: Pipeline, project: str, ready: ReadyVerdicts, bills: HeldBills, tmp_path: Path
) -> None:
    now, config = datetime.now(UTC), tmp_path / "breakeven.toml"
    day = now.date() + timedelta(days=60)
    land(pipeline, project, Call(at=now - timedelta(days=1)))
    record(pipeline.store, Record("search", Decision.STAY, "Ada"), project=project, now=now - timedelta(days=40))
    settings = SimpleNamespace(config=config, timezone="UTC")
    providers = real_providers(cast(Any, SimpleNamespace(store=pipeline.store, settings=settings)), ready, bills)
    config.write_text(f"[assumptions.shutdowns]\ngpt-4o = {day}\n", encoding="utf-8")
    assert [one["due"] for one in providers.decisions(project, "search")] == [[f"gpt-4o ends on {day}"]]
    config.write_text("[assumptions.shutdowns]\ngpt-4o = 'soon'\n", encoding="utf-8")
    assert [one["due"] for one in providers.decisions(project, "search")] == [[]]
