"""Calls that other tools kept: to the bill. How their files are read: test_histories_files.py."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import seals
from breakeven_collector.cli import app
from breakeven_collector.errors import StoreError
from breakeven_collector.histories import again
from breakeven_collector.histories.call import request_of
from breakeven_collector.histories.imported import build_imported
from breakeven_collector.histories.reading import Options
from breakeven_collector.histories.render import print_taken
from breakeven_collector.histories.take import Span, Taken, calls_of, requests_of
from breakeven_collector.histories.target import open_target
from breakeven_collector.journal import JournalError
from breakeven_collector.report import usd
from breakeven_collector.serve import Collector
from rich.console import Console
from typer.testing import CliRunner

from tests.collector.client import Client
from tests.conftest import FIXTURES
from tests.spans import Call, body

FILES = FIXTURES / "histories"


def run(collector: Collector, project: str, source: str, *files: Path, **options: Any) -> dict[str, Any]:
    arguments = ["import", source, *map(str, files), "--url", collector.url, "--project", project, "--format", "json"]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", *([] if value is None else [value])]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def bill(collector: Collector, project: str, by: str = "feature") -> dict[str, tuple[int, str | None]]:
    rows = collector.pipeline.store.rows(
        f"SELECT toString(s.{by}) AS by, toInt64(sum(s.calls)) AS n, sum(s.cost_usd) AS cost FROM spend AS s "
        "WHERE s.grain = 'day' AND s.project = {p:String} AND s.counted IN ('yes', 'late') GROUP BY by HAVING n != 0",
        {"p": project},
    )
    return {row["by"]: (row["n"], usd(row["cost"])) for row in rows}


def figures(told: dict[str, Any]) -> tuple[Any, ...]:
    names = ("calls", "counted_calls", "duplicate_calls", "cost_usd", "their_cost_usd")
    return tuple(told["imported"][name] for name in names)


def spans(collector: Collector, project: str, *calls: Call) -> None:
    answer = Client(collector.url).post(body(*calls), path=f"/api/imported?project={project}")
    assert answer.status == 200, answer
    collector.pipeline.drain()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return tmp_path / "export.jsonl"


# ------------------------------------------------------------------------------------------------------- round trip


def test_litellm_comes_to_the_bill_once_by_our_prices_with_theirs_beside(
    collector: Collector, project: str, tmp_path: Path
) -> None:
    told = run(collector, project, "litellm", FILES / "litellm.csv")
    assert told["bad"] == [
        {"file": "litellm.csv", "line": 8, "reason": "prompt_tokens is 'many': not a count of tokens"},
        {
            "file": "litellm.csv",
            "line": 9,
            "reason": "startTime is 'yesterday': not a time; write it like 2026-11-01T12:00:00Z",
        },
    ]
    assert (told["rows"], told["calls"], told["not_calls"]) == (8, 5, {"call_mcp_tool": 1})
    # gpt-4o: 400 × 2.50 + 600 × 1.25 + 200 × 10, per million; the second answer came from the proxy's own cache.
    # claude-sonnet-4-5: 1,000 × 3 + 1,000 × 0.30 + 1,500 × 3.75 + 500 × 6 + 300 × 15.
    first = {"contract-review": (2, "0.00375"), "search": (1, "0.016425"), "": (2, "0.0125")}
    assert bill(collector, project) == first
    assert build_imported(collector.pipeline.store, project=project)["sources"] == [told["imported"]]
    assert figures(told) == (5, 5, 0, "0.032675", "0.03275")
    assert (told["imported"]["difference_usd"], told["imported"]["compared_calls"]) == ("-0.000075", 5)
    assert (told["imported"]["from"], told["imported"]["to"]) == ("2026-11-10", "2026-11-11")
    rows = collector.pipeline.store.rows(
        "SELECT basis, http_status, source, response_id FROM calls WHERE project = {p:String} ORDER BY ts",
        {"p": project},
    )
    assert [tuple(row.values()) for row in rows] == [
        ("usage", 0, "litellm", "chatcmpl-A1"),
        ("usage", 0, "litellm", "chatcmpl-A2"),
        ("gateway_cache", 0, "litellm", "chatcmpl-A1"),
        ("refused", 429, "litellm", ""),
        ("usage", 0, "litellm", "chatcmpl-C1"),
    ]

    # The same calls in another format, packed.
    packed = tmp_path / "dump.sql.gz"
    packed.write_bytes(gzip.compress((FILES / "litellm.sql").read_bytes()))
    assert run(collector, project, "litellm", FILES / "litellm.csv", packed)["imported"] == told["imported"]

    # Other tokens and another cost, a start in another minute of another day.
    corrected = tmp_path / "corrected.csv"
    text = (FILES / "litellm.csv").read_text()
    for was, becomes in (
        ("0.0125,2750,2000,750", "0.0175,3000,2000,1000"),
        ("2026-11-10 09:10:00,2026-11-10 09:10:04", "2026-11-09 23:50:00,2026-11-09 23:50:04"),
    ):
        assert was in text
        text = text.replace(was, becomes)
    corrected.write_text(text)
    told = run(collector, project, "litellm", corrected)
    assert figures(told) == (5, 5, 0, "0.035175", "0.03775")
    assert told["imported"]["from"] == "2026-11-09"
    assert bill(collector, project) == {**first, "": (2, "0.015")}


def test_langfuse_comes_to_the_bill_once(collector: Collector, project: str) -> None:
    told = run(collector, project, "langfuse", FILES / "langfuse.jsonl")
    assert [(b["line"], b["reason"]) for b in told["bad"]] == [
        (8, told["bad"][0]["reason"]),
        (9, "usage_details.input is -5: not a count of tokens"),
    ]
    assert told["bad"][0]["reason"].startswith("not JSON")
    assert told["not_calls"] == {"span": 1, "agent": 1}
    of_page = run(collector, project, "langfuse", FILES / "langfuse-page.json")
    assert of_page["imported"] == told["imported"]
    # claude: 500 × 3 + 3,000 × 0.30 + 1,000 × 3.75 + 100 × 15, as no total says otherwise
    assert bill(collector, project) == {
        "contract-review": (1, "0.00375"),
        "search": (1, "0.0001"),
        "nightly-digest": (1, "0.00375"),
        "": (2, "0.00765"),
    }


def test_a_later_export_with_response_ids_takes_the_place_of_one_without(collector: Collector, project: str) -> None:
    without = run(collector, project, "helicone", FILES / "helicone.csv")
    assert without["imported"]["calls"] == without["calls"] > 0
    told = run(collector, project, "helicone", FILES / "helicone.jsonl")
    assert [(b["line"], b["reason"]) for b in told["bad"]] == [(7, "response_status is 'fine': not an HTTP status")]
    assert told["not_calls"] == {"tool": 1}
    # claude: 500 × 3 + 400 × 0.30 + 100 × 15, cached tokens beside; refused and cached cost nothing; cancelled: unknown
    assert bill(collector, project) == {"contract-review": (1, "0.00375"), "": (4, "0.00312")}
    assert told["imported"]["calls"] == 5
    rows = collector.pipeline.store.rows(
        "SELECT basis FROM calls WHERE project = {p:String} ORDER BY ts", {"p": project}
    )
    assert [row["basis"] for row in rows] == ["usage", "usage", "gateway_cache", "refused", "lost"]


def test_a_correction_that_is_broken_off_is_finished_by_the_next_import(
    collector: Collector, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = json.loads((FILES / "helicone.jsonl").read_text().splitlines()[0])
    export = tmp_path / "export.jsonl"
    export.write_text(json.dumps(row))
    run(collector, project, "helicone", export)
    row["request_created_at"] = row["request_created_at"].replace("T09:00", "T14:00")
    row["response_created_at"] = row["response_created_at"].replace("T09:00", "T14:00")
    export.write_text(json.dumps(row))
    with monkeypatch.context() as broken, open_target(collector.pipeline.settings, collector.url, project) as target:
        for calls in requests_of(calls_of("helicone", [export], Options(), Span(), Taken("helicone"))):
            target.send(request_of(calls, "one"))
        collector.pipeline.drain()

        def die(_slices: Any) -> None:
            raise StoreError("broken off")

        broken.setattr(collector.pipeline.ledger, "pass_slices", die)
        with pytest.raises(StoreError, match="broken off"):
            again.settle(collector.pipeline, 20)
    assert bill(collector, project) == {"contract-review": (2, "0.0075")}
    again.settle(collector.pipeline, 20)
    assert bill(collector, project) == {"contract-review": (1, "0.00375")}


def test_an_export_that_comes_again_after_another_one_holds_again(
    collector: Collector, project: str, tmp_path: Path
) -> None:
    row = json.loads((FILES / "helicone.jsonl").read_text().splitlines()[0])
    export = tmp_path / "export.jsonl"
    theirs: list[str] = []
    for cost in (1, 2, 1):
        export.write_text(json.dumps({**row, "cost": cost}))
        theirs.append(run(collector, project, "helicone", export)["imported"]["their_cost_usd"])
    assert theirs == ["1", "2", "1"]
    assert bill(collector, project) == {"contract-review": (1, "0.00375")}


def test_the_difference_covers_only_calls_for_which_both_costs_are_known(
    collector: Collector, project: str, tmp_path: Path
) -> None:
    known = json.loads((FILES / "helicone.jsonl").read_text().splitlines()[0])
    others = ({"cost": None}, {"response_model": "nobody-knows-it", "request_model": "nobody-knows-it", "cost": 7})
    rows = [known, *({**known, "response_id": f"r{n}", "response_body": None, **o} for n, o in enumerate(others, 70))]
    # On another day, so that what is known of the first day is not mixed with it.
    rows[1] = {key: v.replace("-12T", "-13T") if isinstance(v, str) else v for key, v in rows[1].items()}
    export = tmp_path / "export.jsonl"
    export.write_text("\n".join(map(json.dumps, rows)))
    told = run(collector, project, "helicone", export)["imported"]
    assert (told["calls"], told["compared_calls"], told["unpriced_calls"], told["without_their_cost"]) == (3, 1, 1, 1)
    assert (told["cost_usd"], told["difference_usd"]) == (
        "0.0075",
        usd(Decimal("0.00375") - Decimal(str(known["cost"]))),
    )
    assert [model["compared_calls"] for model in told["models"]] == [1, 0]


# ---------------------------------------------------------------------------------------- the same calls told by spans


def test_a_call_that_a_span_tells_too_is_counted_once_and_the_span_counts(collector: Collector, project: str) -> None:
    cached = {"gen_ai.usage.cache_read.input_tokens": 600}
    model = "gpt-4o-2024-08-06"
    spans(
        collector,
        project,
        Call(
            at=at("2026-11-10T09:00:00.100"),
            feature="of-the-span",
            model=model,
            output_tokens=200,
            response_id="chatcmpl-A1",
            attributes=cached,
        ),
        # It has no feature: the export's is taken.
        Call(
            at=at("2026-11-12T09:00:00.300"),
            feature=None,
            model=model,
            output_tokens=200,
            response_id="chatcmpl-H1",
            attributes=cached,
        ),
        # It has no usage: the export's is taken.
        Call(at=at("2026-11-10T09:10:00.1"), response_id="chatcmpl-A2", input_tokens=None, output_tokens=None),
    )
    litellm = run(collector, project, "litellm", FILES / "litellm.csv")
    helicone = run(collector, project, "helicone", FILES / "helicone.jsonl")
    # Of the pair without usage the import's row is the one that is counted.
    assert (litellm["imported"]["duplicate_calls"], helicone["imported"]["duplicate_calls"]) == (1, 1)
    (overlap,) = [o for o in helicone["overlap"] if o["provider"] == "openai"]
    assert (overlap["calls"], overlap["cost_usd"], overlap["days"]) == (1, "0.00375", 1)
    assert bill(collector, project) == {
        "of-the-span": (1, "0.00375"),
        "contract-review": (2, "0.00375"),
        "search": (2, "0.028925"),
        "": (5, "0.00312"),
    }
    assert bill(collector, project, "service")["api"] == (2, "0.0075")


def test_a_generation_of_langfuse_is_its_own_span_of_opentelemetry(
    collector: Collector, project: str, bad: Path
) -> None:
    row = json.loads((FILES / "langfuse.jsonl").read_text().splitlines()[0])
    told: list[tuple[str | None, str | None, int]] = [
        (None, None, 200),
        # What the span and the export count differs.
        (None, "of-a-span", 210),
        # Only the span knows the response id.
        ("chatcmpl-L1", None, 210),
        ("chatcmpl-L2", "of-a-span", 200),
    ]
    spans(
        collector,
        project,
        *(
            Call(
                at=at("2026-11-10T12:00:00"),
                scope="langfuse-sdk",
                feature=feature,
                output_tokens=output_tokens,
                response_id=response_id,
                trace_id=bytes([1] * 15 + [n]),
                span_id=bytes([2] * 7 + [n]),
                attributes={"gen_ai.usage.cache_read.input_tokens": 600, "gen_ai.usage.reasoning.output_tokens": 50},
            )
            for n, (response_id, feature, output_tokens) in enumerate(told)
        ),
    )
    ids = [{"id": (bytes([2] * 7 + [n])).hex(), "trace_id": bytes([1] * 15 + [n]).hex()} for n in range(len(told))]
    bad.write_text("\n".join(json.dumps({**row, **of_call}) for of_call in ids))
    assert figures(run(collector, project, "langfuse", bad))[:3] == (4, 0, 4)
    assert bill(collector, project) == {"contract-review": (2, "0.0076"), "of-a-span": (2, "0.0076")}
    assert bill(collector, project, "service") == {"api": (4, "0.0152")}


# ----------------------------------------------------------------------------------------------- old calls, other ways


def test_calls_of_sealed_minutes_are_counted_and_said(collector: Collector, project: str) -> None:
    store = collector.pipeline.store
    boundary = at("2026-11-11T00:00:00")
    soon = datetime.now(UTC) - timedelta(seconds=1)
    seals.announce(store, boundary, from_time=soon, now=soon)
    try:
        told = run(collector, project, "litellm", FILES / "litellm.csv")
        assert told["sealed"] == {"calls": 3, "their_cost_usd": "0.01625"}
        assert told["imported"]["calls"] == told["calls"] == 2
        late = run(collector, project, "litellm", FILES / "litellm.csv", sealed=None)
        assert figures(late) == (5, 5, 0, "0.032675", "0.03275")
        assert (late["imported"]["late_calls"], late["imported"]["compared_calls"]) == (3, 5)
    finally:
        store.run("TRUNCATE TABLE seals")


def test_what_is_older_than_the_ledger_is_kept_is_refused(
    collector: Collector, project: str, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = json.loads((FILES / "helicone.jsonl").read_text().splitlines()[0])
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    bad.write_text(json.dumps({**row, "request_created_at": old, "response_created_at": old}))
    short = collector.pipeline.settings.model_copy(update={"keep_ledger_days": 30})
    monkeypatch.setattr(collector.pipeline, "settings", short)
    told = run(collector, project, "helicone", bad, sealed=None)
    kept_from = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
    assert told["too_old"] == {"calls": 1, "their_cost_usd": usd(Decimal(str(row["cost"]))), "kept_from": kept_from}
    assert (told["calls"], told["imported"]) == (0, None)
    console = Console(width=200, file=io.StringIO())
    print_taken(told, console)
    assert "BREAKEVEN_KEEP_LEDGER_DAYS" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_without_a_collector_the_store_is_opened_and_old_calls_stand_in_the_report(
    engine_folder: Path, project: str, bad: Path, tmp_path: Path
) -> None:
    row = json.loads((FILES / "helicone.jsonl").read_text().splitlines()[0])
    day = (datetime.now(UTC) - timedelta(days=400)).replace(hour=12)
    times = {"request_created_at": day.isoformat(), "response_created_at": (day + timedelta(seconds=2)).isoformat()}
    bad.write_text(json.dumps({**row, **times}))
    dsn = f"chdb://{engine_folder}?database=receiver"
    arguments = ["import", "helicone", str(bad), "--store", dsn, "--data-dir", str(tmp_path / "data"), "--port", "1"]
    result = CliRunner().invoke(app, [*arguments, "--project", project, "--format", "json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["settled"], told["too_old"]["calls"], figures(told)[:2]) == (True, 0, (1, 1))
    of_day = ["--from", day.date().isoformat(), "--to", day.date().isoformat()]
    arguments = ["report", "--store", dsn, "--data-dir", str(tmp_path / "data"), "--port", "1", *of_day]
    result = CliRunner().invoke(app, [*arguments, "--project", project, "--format", "json"])
    assert result.exit_code == 0, result.output
    assert [(f["feature"], f["calls"], f["cost_usd"]) for f in json.loads(result.stdout)["features"]] == [
        ("contract-review", 1, "0.00375")
    ]


def test_a_collector_whose_journal_is_full_is_asked_again_and_the_summary_can_be_read(
    collector: Collector, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, refused = collector.pipeline.journal.append, ["full", "still full"]

    def full_twice(body: bytes, of_project: str) -> Any:
        if refused:
            raise JournalError(refused.pop())
        return append(body, of_project)

    monkeypatch.setattr(collector.pipeline.journal, "append", full_twice)
    monkeypatch.setattr("breakeven_collector.histories.target._WAIT_SECONDS", 0.01)
    arguments = ["import", "helicone", str(FILES / "helicone.jsonl"), "--url", collector.url, "--project", project]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "140", "NO_COLOR": "1"})
    assert (result.exit_code, refused) == (0, []), result.output
    for told in ("7 rows of helicone: 5 calls taken", "helicone.jsonl:7: response_status", "All imported", "Ours"):
        assert told in result.output
