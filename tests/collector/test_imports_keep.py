"""What an import takes the place of, and what it must leave."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account, ImportFailed
from breakeven_collector.pipeline import Pipeline

from tests.collector.test_imports_focus import FOCUS, NOW


def held(pipeline: Pipeline, project: str) -> list[dict[str, Any]]:
    return pipeline.store.rows(
        "SELECT * EXCEPT (project, imported_at) FROM billed_now WHERE project = {p:String} ORDER BY ALL", {"p": project}
    )


def add(pipeline: Pipeline, project: str, account: Account, extent: str = "auto") -> dict[str, Any]:
    return Imports(pipeline.store).add(account, Origin("test", extent=extent), project)


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
    assert again == {"import_id": "", "days": 0, "lines": 0, "replaced_lines": 0, "unchanged_days": 2, "left": []}
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


def test_exports_grouped_otherwise_do_not_count_twice(
    pipeline: Pipeline, project: str, samples: Path, tmp_path: Path
) -> None:
    grouped = read_files("openai", [samples / "openai_costs.json"], now=NOW)
    add(pipeline, project, grouped)
    before = held(pipeline, project)
    document = json.loads((samples / "openai_costs.json").read_text())
    # With its bad row the day would stay as it was.
    del document["data"][0]["results"][2]
    for result in document["data"][0]["results"]:
        result["project_id"] = None
    (tmp_path / "ungrouped.json").write_text(json.dumps(document))
    ungrouped = read_files("openai", [tmp_path / "ungrouped.json"], now=NOW)
    with pytest.raises(ImportFailed, match="with --part they would count twice"):
        add(pipeline, project, ungrouped, "part")
    assert held(pipeline, project) == before
    add(pipeline, project, ungrouped, "whole")
    with pytest.raises(ImportFailed, match="with --part they would count twice"):
        add(pipeline, project, grouped, "part")
    assert {row["provider_project"] for row in held(pipeline, project)} == {""}


def test_a_day_that_is_held_is_not_replaced_by_one_with_a_bad_row(
    pipeline: Pipeline, project: str, tmp_path: Path
) -> None:
    def account(*days: dict[str, Any]) -> Account:
        path = tmp_path / "costs.json"
        data = [
            {
                "start_time": 1790812800 + number * 86400,
                "end_time": 1790899200 + number * 86400,
                "results": [
                    {
                        **{"object": "organization.costs.result", "project_id": name},
                        "amount": {"value": value, "currency": "usd"},
                    }
                    for name, value in day.items()
                ],
            }
            for number, day in enumerate(days)
        ]
        path.write_text(json.dumps({"data": data}))
        return read_files("openai", [path], now=NOW)

    add(pipeline, project, account({"a": 1, "b": 2}, {"a": 3}))
    # All rows of project b are bad; so is one of the third day, which is not held.
    corrected = account({"a": 5, "b": "oops"}, {"a": 4}, {"a": 6, "b": "oops"})
    told = add(pipeline, project, corrected)
    assert told["left"] == [{"day": "2026-10-01", "report": "costs", "where": "costs.json: data[0].results[1]"}]
    assert (told["lines"], [row["amount_usd"] for row in held(pipeline, project)]) == (2, [1, 2, 4, 6])
    assert add(pipeline, project, account({"a": "oops", "b": "oops"}, {"a": 4}))["left"][0]["day"] == "2026-10-01"
    assert [line["day"] for line in add(pipeline, project, corrected, "part")["left"]] == ["2026-10-01"]
    assert [row["amount_usd"] for row in held(pipeline, project)] == [1, 2, 4, 6]
    assert add(pipeline, project, account({"a": 5, "b": 2}))["left"] == []
    assert [row["amount_usd"] for row in held(pipeline, project)] == [5, 2, 4, 6]


def test_keys_keep_the_names_of_an_earlier_import(
    pipeline: Pipeline, project: str, samples: Path, tmp_path: Path
) -> None:
    whole = (samples / "openai_completions.jsonl").read_text().splitlines()
    add(pipeline, project, read_files("openai", [samples / "openai_completions.jsonl"], now=NOW))
    (tmp_path / "nameless.jsonl").write_text("\n".join(whole[:2]))
    again = add(pipeline, project, read_files("openai", [tmp_path / "nameless.jsonl"], now=NOW))
    assert again["lines"] == 0


def test_a_focus_file_again_changes_nothing_and_a_corrected_one_takes_its_days_place(
    pipeline: Pipeline, project: str, tmp_path: Path
) -> None:
    def account(text: str) -> Account:
        path = tmp_path / "focus.csv"
        path.write_text(FOCUS + text)
        return read_files("focus", [path], now=NOW)

    row = "{},USD,2026-10-0{}T00:00:00Z,2026-10-0{}T00:00:00Z,Amazon Bedrock,a,\n"
    first = row.format("1.5", 1, 2) + row.format("-0.5", 1, 2) + row.format("3", 2, 3)
    assert add(pipeline, project, account(first))["lines"] == 3
    before = held(pipeline, project)
    assert add(pipeline, project, account(first))["lines"] == 0
    assert held(pipeline, project) == before
    told = add(pipeline, project, account(row.format("2.5", 1, 2)))
    assert (told["lines"], told["replaced_lines"]) == (1, 2)
    assert [row["amount_usd"] for row in held(pipeline, project)] == [Decimal("2.5"), Decimal(3)]
