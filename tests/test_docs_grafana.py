"""docs/grafana.md and the READMEs under deploy/ name commands, variables, rules and files that there are."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from breakeven_collector.cli import app
from breakeven_dashboards.alert_rules import RULES

from tests.deploy.files import COMPOSE, ROOT, compose, variables

PAGE = ROOT / "docs" / "grafana.md"
PAGES = (PAGE, *sorted((ROOT / "deploy").glob("*/README.md")), ROOT / "docs" / "access.md")
_COMMAND = re.compile(r"(?:^|\s|\(|`)(breakeven (?:grafana|sql-users|keys|up|demo|report)\b[^`\n)]*)", re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for page in PAGES:
        for text in _COMMAND.findall(page.read_text(encoding="utf-8")):
            line = re.split(r"\s#|\s[|>]|…|$", text, maxsplit=1)[0]
            found.append((str(page.relative_to(ROOT)), line.strip().rstrip(".")))
    return sorted(set(found))


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_in_the_pages_is_understood(page: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    arguments = shlex.split(line)[1:]
    name = "breakeven"
    context: Any = None
    while hasattr(command, "commands") and arguments:
        name, *arguments = arguments
        command = command.commands[name]
    if hasattr(command, "commands"):
        return
    # Named in the middle of a sentence, a command stands without what it needs.
    is_block = re.search(rf"^{re.escape(line)} *(?:$|[|#>])", (ROOT / page).read_text(), re.MULTILINE)
    context = command.make_context(name, arguments, resilient_parsing=not is_block)
    assert context.command is command
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in arguments if word.startswith("--")} <= known


def test_every_rule_is_in_the_table() -> None:
    assert re.findall(r"^\| `(breakeven_\w+)` \|", PAGE.read_text(), re.MULTILINE) == [rule.uid for rule in RULES]


def test_the_compose_files_variables_profiles_and_secrets_are_the_ones_that_are_told() -> None:
    text = PAGE.read_text()
    services = compose(COMPOSE[0])["services"]
    told = set(re.findall(r"--profile (\w+)", text))
    assert told == {profile for one in services.values() for profile in one.get("profiles", [])}
    choice = next(line for line in text.splitlines() if "in the compose file" in line)
    assert set(re.findall(r"`(BREAKEVEN_\w+)=", choice)) <= variables(COMPOSE[0]).keys()
    for service, path in re.findall(r"exec (\w+) cat (\S+)", text):
        assert any(Path(volume.split(":")[1]) == Path(path).parent for volume in services[service]["volumes"])


def test_versions_are_those_of_the_files() -> None:
    text = PAGE.read_text()
    images = {
        one["image"] for one in compose(COMPOSE[0])["services"].values() if not one["image"].startswith("breakeven")
    }
    assert all(image.rpartition(":")[2] in text for image in images)
