"""The example in TypeScript, run under Node against a collector on loopback."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "typescript"
NODE = shutil.which("node")


def test_the_code_in_the_docs_is_that_of_the_example() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "attributes.md").read_text()
    assert page.split("```ts\n")[1].split("```")[0] == (EXAMPLE / "feature.ts").read_text()


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.skipif(
    not (EXAMPLE / "node_modules").is_dir(), reason="run `npm install` in examples/typescript to include this test"
)
def test_the_example_satisfies_the_contract(loopback: Any) -> None:
    ended = subprocess.run(
        [str(NODE), "--import", "tsx", "example.ts"],
        cwd=EXAMPLE,
        env={**os.environ, "BREAKEVEN_ENDPOINT": loopback.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    usage = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 80,
    }
    seen = [span["attributes"] for span in loopback.spans]
    assert len({attributes.pop("gen_ai.response.id") for attributes in seen}) == 2
    assert len({attributes.pop("breakeven.run") for attributes in seen}) == 1
    owner = {"breakeven.feature": "ticket-triage", "breakeven.tenant": "acme"}
    assert seen == [{**owner, **usage}, {**owner, "breakeven.task": "summarise", **usage}]
