"""docs/otlp.md: every rule and every client names tests that are there."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parent / "collector"
PAGE: Final = (Path(__file__).parents[1] / "docs/otlp.md").read_text(encoding="utf-8")
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for section in PAGE.split("\n#")[2:]
    for line in section.splitlines()
    if line.startswith("| ") and not line.startswith(("| Rule", "| Client"))
]


def names(file: str) -> set[str]:
    tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_rows_to_hold() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_tests_that_are_there(row: list[str]) -> None:
    assert len(row) == 3
    named = re.findall(r"`(test_\w+)\.(test_\w+)`", row[2])
    assert named, "no test"
    assert ", ".join(f"`{file}.{test}`" for file, test in named) == row[2]
    assert [(file, test) for file, test in named if test not in names(file)] == []


def test_every_test_over_grpc_stands_in_a_row() -> None:
    told = {
        test for row in ROWS for file, test in re.findall(r"`(test_\w+)\.(test_\w+)`", row[2]) if file == "test_grpc"
    }
    there = {name for name in names("test_grpc") if name.startswith("test_")}
    assert there - told == {"test_an_empty_request_is_a_success"}
