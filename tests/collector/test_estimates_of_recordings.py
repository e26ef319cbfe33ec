"""How far estimates are off over recorded exchanges with real providers, before and after learning.

Every second exchange teaches: it is sent with its estimate and what the provider reported. The others are sent with their
estimate alone, and what the collector makes of it is compared with what the provider had reported.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from breakeven._estimate import estimate_messages
from breakeven_collector import otlp
from breakeven_collector.estimates import Estimates
from breakeven_collector.pipeline import Pipeline

from tests.sdk import exchanges
from tests.spans import Call, body

MOST_OFF = 0.10


def test_the_median_error_after_learning_is_within_ten_percent(
    pipeline: Pipeline, project: str, shared_data: Path
) -> None:
    pytest.importorskip("yaml")
    archive = shared_data / exchanges.ARCHIVE
    if not archive.exists():
        pytest.skip(f"the recorded exchanges are not here: {archive}")
    held_out: list[tuple[str, str, Any, int, int]] = []
    calls: list[Call] = []
    start = datetime.now(UTC) - timedelta(hours=2)
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for recorded in sorted(exchanges.read(archive), key=lambda one: one.name):
        # A feature asks one model in one way: with tools or without.
        feature = f"{recorded.family}{' with tools' if recorded.tools else ''}"
        guess = estimate_messages(
            recorded.model, recorded.messages, recorded.answer, system=recorded.system, tools=recorded.tools
        )
        if guess.incomplete or not guess.input_tokens or not guess.output_tokens:
            continue
        seen[feature, recorded.model] += 1
        teaches = seen[feature, recorded.model] % 2 == 1
        calls.append(
            Call(
                at=start + timedelta(seconds=len(calls)),
                feature=feature,
                provider=recorded.family,
                model=recorded.model,
                input_tokens=recorded.input_tokens if teaches else None,
                output_tokens=recorded.output_tokens if teaches else None,
                attributes={
                    "breakeven.estimated.input_tokens": guess.input_tokens,
                    "breakeven.estimated.output_tokens": guess.output_tokens,
                },
            )
        )
        if not teaches:
            held_out.append((feature, recorded.model, guess, recorded.input_tokens, recorded.output_tokens))
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    Estimates(pipeline.store).learn()
    ratios = {
        (row["feature"], row["model"]): (row["input_ratio"], row["output_ratio"])
        for row in pipeline.store.rows(
            "SELECT t.feature AS feature, n.model AS model, t.input_ratio AS input_ratio, t.output_ratio AS output_ratio "
            "FROM token_ratios AS t FINAL INNER JOIN (SELECT DISTINCT name_id, model FROM model_names) AS n USING (name_id) "
            "WHERE project = {p:String}",
            {"p": project},
        )
    }
    errors: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for feature, model, guess, input_tokens, output_tokens in held_out:
        input_ratio, output_ratio = ratios[feature, model]
        one = (
            _off(guess.input_tokens, input_tokens),
            _off(guess.input_tokens * input_ratio, input_tokens),
            _off(guess.output_tokens, output_tokens),
            _off(guess.output_tokens * output_ratio, output_tokens),
        )
        errors[feature].append(one)
    everything = [one for of_feature in errors.values() for one in of_feature]
    print("\nmedian error, before and after learning")
    print(f"{'feature':22} {'calls':>5}  {'input':>7} {'learned':>7}  {'output':>7} {'learned':>7}")
    for name, of_feature in [*sorted(errors.items()), ("all", everything)]:
        shown = [median(column) for column in zip(*of_feature, strict=True)]
        print(f"{name:22} {len(of_feature):5}  " + "  ".join(f"{a:7.1%} {b:7.1%}" for a, b in (shown[:2], shown[2:])))
    assert len(everything) > 200
    _, input_after, _, output_after = (median(column) for column in zip(*everything, strict=True))
    assert (input_after <= MOST_OFF, output_after <= MOST_OFF) == (True, True), (input_after, output_after)


def _off(estimated: Decimal | int, reported: int) -> float:
    return abs(float(estimated) - reported) / reported
