"""Accounts of providers, from files written after their public documentation."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account, ImportFailed
from breakeven_collector.pipeline import Pipeline

NOW = datetime(2026, 10, 10, tzinfo=UTC)


@pytest.fixture
def samples(fixtures: Path) -> Path:
    return fixtures / "imports"


def held(pipeline: Pipeline, project: str) -> list[dict[str, Any]]:
    return pipeline.store.rows(
        "SELECT * EXCEPT (project, imported_at) FROM billed_now WHERE project = {p:String} ORDER BY ALL", {"p": project}
    )


def add(pipeline: Pipeline, project: str, account: Account, extent: str = "auto") -> dict[str, Any]:
    return Imports(pipeline.store).add(account, Origin("test", extent=extent), project)


def test_openai_usage_becomes_disjoint_meters_and_keys_get_their_names(samples: Path) -> None:
    account = read_files("openai", [samples / "openai_completions.jsonl"], now=NOW)
    assert [(line.meter, line.quantity, line.price_context, line.key_name, line.day.day) for line in account.lines] == [
        ("uncached_tokens", Decimal(550), "processing=batch", "contract-review-prod", 1),
        ("cache_read_tokens", Decimal(300), "processing=batch", "contract-review-prod", 1),
        ("cache_write_5m_tokens", Decimal(100), "processing=batch", "contract-review-prod", 1),
        ("audio_input_tokens", Decimal(50), "processing=batch", "contract-review-prod", 1),
        ("output_tokens", Decimal(480), "processing=batch", "contract-review-prod", 1),
        ("audio_output_tokens", Decimal(20), "processing=batch", "contract-review-prod", 1),
        ("requests", Decimal(5), "processing=batch", "contract-review-prod", 1),
        ("uncached_tokens", Decimal(10), "service_tier=flex", "", 2),
        ("output_tokens", Decimal(5), "service_tier=flex", "", 2),
        ("requests", Decimal(1), "service_tier=flex", "", 2),
    ]
    assert dict(account.warnings) == {"completions: field 'input_dream_tokens' is not known and was not taken": 1}


def test_openai_costs_are_exact_and_a_bad_row_is_listed_beside_the_rest(samples: Path) -> None:
    account = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    assert [(line.model, line.item, line.meter, line.amount_usd) for line in account.lines] == [
        ("gpt-5.5", "gpt-5.5, input_tokens", "uncached_tokens", Decimal("12.340000000000002")),
        ("", "web search tool calls", "", Decimal("4.5")),
    ]
    assert [(bad.where, bad.reason) for bad in account.bad] == [
        ("openai_costs.json: data[0].results[2]", "amount.value is 'many': not a number")
    ]
    assert {day.day for _, _, day in account.covered} == {1, 2}


def test_openai_costs_are_read_from_the_dashboards_csv(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(
        "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
        "1790812800,1790899200,,,0.895874,usd,,proj_a\n1790899200,1790985600,,,,,,\nnever,1,,,1,usd,,\n"
    )
    account = read_files("openai", [path], now=NOW)
    assert [(line.amount_usd, line.provider_project) for line in account.lines] == [(Decimal("0.895874"), "proj_a")]
    assert [bad.where for bad in account.bad] == ["costs.csv, line 4"]
    assert len(account.covered) == 2


def test_anthropics_cents_become_dollars_and_searches_are_told(samples: Path) -> None:
    files = [samples / "anthropic_cost_report.json", samples / "anthropic_usage_report.json"]
    account = read_files("anthropic", files, now=NOW)
    costs = [line for line in account.lines if line.report == "costs"]
    assert [(line.meter, line.amount_usd, line.provider_project) for line in costs] == [
        ("uncached_tokens", Decimal("123.456789120000000"), "wrkspc_1"),
        ("web_search", Decimal(40), ""),
    ]
    usage = [line for line in account.lines if line.report == "usage"]
    assert [(line.meter, line.quantity, line.price_context, line.key_name) for line in usage] == [
        ("uncached_tokens", 1500, "processing=batch", "sales-research-prod"),
        ("cache_read_tokens", 200, "processing=batch", "sales-research-prod"),
        ("cache_write_5m_tokens", 500, "processing=batch", "sales-research-prod"),
        ("cache_write_1h_tokens", 1000, "processing=batch", "sales-research-prod"),
        ("output_tokens", 700, "processing=batch", "sales-research-prod"),
        ("web_search", 10, "processing=batch", "sales-research-prod"),
        ("uncached_tokens", 5, "service_tier=priority", ""),
        ("output_tokens", 1, "service_tier=priority", ""),
    ]
    assert [bad.reason for bad in account.bad] == ["amount is Decimal('12.5'): not a text with cents"]
    assert dict(account.warnings) == {"usage: field 'mood' is not known and was not taken": 1}


def test_of_a_focus_file_the_charges_for_models_are_taken(samples: Path) -> None:
    account = read_files("focus", [samples / "focus.csv"], now=NOW)
    assert [
        (line.provider, line.item, line.meter, line.quantity, line.amount, line.amount_usd) for line in account.lines
    ] == [
        ("aws.bedrock", "USE1-Claude-input-tokens", "uncached_tokens", 500_000, Decimal("1.25"), Decimal("1.25")),
        ("aws.bedrock", "Credit: Promotion", "", None, Decimal("-0.25"), Decimal("-0.25")),
        ("azure.ai.openai", "gpt-4o output", "output_tokens", 3_000_000, Decimal(10), None),
    ]
    assert account.lines[0].key_name == "contract-review"
    assert [bad.where for bad in account.bad] == ["focus.csv, line 6"]
    assert dict(account.skipped) == {"Amazon EC2 (another service)": 1}
    assert any(warning.startswith("EUR: no rate of exchange") for warning in account.warnings)
    with_rate = read_files("focus", [samples / "focus.csv"], now=NOW, rates={"EUR": Decimal("1.1")})
    assert with_rate.lines[2].amount_usd == 11


def test_a_file_again_changes_nothing_and_a_corrected_one_takes_the_place_of_its_days(
    pipeline: Pipeline, project: str, samples: Path, tmp_path: Path
) -> None:
    first = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    told = add(pipeline, project, first)
    assert {name: told[name] for name in ("days", "lines", "replaced_lines")} == {
        "days": 2,
        "lines": 2,
        "replaced_lines": 0,
    }
    before = held(pipeline, project)
    assert len(before) == 2
    again = add(pipeline, project, first)
    assert again == {"import_id": "", "days": 0, "lines": 0, "replaced_lines": 0, "unchanged_days": 2}
    assert held(pipeline, project) == before

    document = json.loads((samples / "openai_costs.json").read_text())
    document["data"][0]["results"] = [document["data"][0]["results"][0]]
    document["data"][0]["results"][0]["amount"]["value"] = 13
    (tmp_path / "corrected.json").write_text(json.dumps(document))
    corrected = read_files("openai", [tmp_path / "corrected.json"], now=NOW)
    with pytest.raises(ImportFailed, match="would lose the lines of 'proj_b'"):
        add(pipeline, project, corrected)
    add(pipeline, project, corrected, "part")
    assert [row["amount_usd"] for row in held(pipeline, project)] == [Decimal(13), Decimal("4.5")]
    add(pipeline, project, corrected, "whole")
    assert [row["amount_usd"] for row in held(pipeline, project)] == [Decimal(13)]


def test_an_import_that_broke_off_counts_nothing(
    pipeline: Pipeline, project: str, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    insert = pipeline.store.insert

    def breaks(table: str, *arguments: Any) -> None:
        if table == "imports":
            raise KeyboardInterrupt
        insert(table, *arguments)

    monkeypatch.setattr(pipeline.store, "insert", breaks)
    with pytest.raises(KeyboardInterrupt):
        add(pipeline, project, account)
    assert held(pipeline, project) == []
    monkeypatch.undo()
    add(pipeline, project, account)
    assert len(held(pipeline, project)) == 2
