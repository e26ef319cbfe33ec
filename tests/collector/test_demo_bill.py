"""The demo's accounts against its calls: to the last dollar, through the importers."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from breakeven_collector import otlp
from breakeven_collector.demo import Traffic
from breakeven_collector.demo.bill import Bill, Terms, bill_for, dropped
from breakeven_collector.demo.plan import Call, Plan
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.lines import Account
from breakeven_collector.pipeline import Pipeline

END = datetime(2026, 11, 19, tzinfo=UTC)
FIRST, LAST = (END - timedelta(days=1)).date(), (END - timedelta(days=1)).date()


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return list(Plan(int((END - timedelta(days=1)).timestamp()) * 10**9, int(END.timestamp()) * 10**9, 7))


def imported(bill: Bill, folder: Path) -> list[Account]:
    return [read_files(source, paths, now=END) for source, paths in bill.write(folder).items()]


def test_importers_read_the_accounts_without_a_word_and_to_the_last_dollar(calls: list[Call], tmp_path: Path) -> None:
    terms = Terms(discount=Decimal("0.12"), searches_usd=Decimal("400.01"))
    bill = bill_for(calls, FIRST - timedelta(days=40), LAST, terms)
    accounts = imported(bill, tmp_path)
    assert [(account.bad, dict(account.warnings)) for account in accounts] == [([], {})] * 2
    for account in accounts:
        usd = sum((line.amount_usd or Decimal() for line in account.lines), Decimal())
        assert usd == sum(billed for (provider, _), billed in bill.billed_usd.items() if provider == account.source)
        assert len({day for _, _, day in account.covered}) == 41
    assert {line.key_name for account in accounts for line in account.lines if line.report == "usage"} == {
        *("contract-review-prod", "code-assistant-prod", "support-chat-prod", "ticket-triage-prod"),
        *("sales-research-prod", "nightly-enrichment-prod", "semantic-search-prod", "changelog-writer-prod"),
        *("internal-tools-prod", "invoice-intake-prod", "legacy-batch-prod"),
    }
    # The tools' prices are no part of a contract.
    off = {where: 1 - billed / bill.list_usd[where] for where, billed in bill.billed_usd.items()}
    assert off["openai", "seen"] == Decimal("0.12")
    assert off["openai", "searches"] == 0
    assert 0 < off["anthropic", "seen"] < Decimal("0.12")


def test_what_dollars_are_for_is_told_apart(calls: list[Call]) -> None:
    plain = bill_for(calls, FIRST, LAST, Terms(unknown_key="", searches_usd=Decimal(), silent=False, lost=False))
    assert plain.list_usd.keys() == {("openai", "seen"), ("anthropic", "seen")}
    some = bill_for(calls, FIRST, LAST, Terms(dropped_share=0.05, silent=False, lost=False))
    assert some.list_usd.keys() == {
        *(("openai", why) for why in ("seen", "dropped", "unknown key", "searches")),
        *(("anthropic", why) for why in ("seen", "dropped")),
    }
    for provider in ("openai", "anthropic"):
        parts = some.list_usd[provider, "seen"] + some.list_usd[provider, "dropped"]
        assert parts == plain.list_usd[provider, "seen"]
    assert 0.03 < sum(dropped(call, 0.05) for call in calls) / len(calls) < 0.07
    assert some.list_usd["openai", "searches"] == 400
    assert Decimal(40) < some.list_usd["openai", "unknown key"] < Decimal(50)


def test_what_is_seen_of_the_accounts_is_what_the_ledger_says(
    pipeline: Pipeline, project: str, calls: list[Call]
) -> None:
    traffic = Traffic(1, end=END)
    for body, _ in traffic.requests():
        pipeline.journal.append(otlp.read_traces(body, otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    rows = pipeline.store.rows(
        "SELECT provider, sum(cost_usd) AS usd FROM spend "
        "WHERE grain = 'minute' AND project = {p:String} AND counted = 'yes' GROUP BY provider",
        {"p": project},
    )
    seen = defaultdict[str, Decimal](Decimal, {row["provider"]: row["usd"] for row in rows if row["usd"]})
    bill = bill_for(calls, FIRST, LAST)
    for provider in ("openai", "anthropic"):
        assert abs(seen[provider] - bill.list_usd[provider, "seen"]) < Decimal("1e-6"), provider
