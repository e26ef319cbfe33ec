"""What docs/attribution.md shows works as it stands there."""

import re
import shlex
from datetime import date
from pathlib import Path

import pytest
from breakeven_collector.cli import app
from breakeven_collector.declarations import load_declarations, parse_declarations
from breakeven_collector.map_rules import FIELDS
from typer.testing import CliRunner

PAGE = (Path(__file__).parents[1] / "docs" / "attribution.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_all_that_is_declared_on_the_page_can_be_declared_together() -> None:
    declared = parse_declarations("\n".join(blocks("toml")), Path("attribution.md"))
    assert [rule.feature for rule in declared.rules] == ["refunds", "ci"]
    assert [str(alias) for alias in declared.aliases.all] == [
        "find → search",
        "chat-eu, chat-us → chat from 2026-10-01",
        "assistant → 0.7 search + 0.3 chat until 2026-12-01",
    ]
    search = declared.features["search"]
    assert [search.on(day).owner for day in (date(2026, 11, 30), date(2026, 12, 1))] == ["Team Discovery", "Team Shop"]
    assert declared.cost_classes.on("eu-canary-1", date(2026, 1, 1)) == "research"
    assert all(f"`{name}`" in PAGE for name in FIELDS)


@pytest.mark.parametrize("line", "".join(blocks("sh")).splitlines())
def test_a_command_on_the_page_runs(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(line)
    result = CliRunner().invoke(app, [*arguments, "--port", "1"])
    assert (program, result.exit_code) == ("breakeven", 0), result.output
    # the rule that the page shows
    shown = parse_declarations(blocks("toml")[0], Path("attribution.md")).rules[1]
    (written,) = load_declarations(tmp_path / "breakeven.toml").rules
    assert (written.match, written.feature, written.period.start) == (shown.match, shown.feature, shown.period.start)


def test_commands_that_the_text_names_exist() -> None:
    for name in set(re.findall(r"`breakeven map (\w+)", PAGE)):
        assert CliRunner().invoke(app, ["map", name, "--help"]).exit_code == 0, name
