"""`[alerts]` of breakeven.toml: defaults, messages that name key and mend, and a file that breaks while it is watched."""

import os
from pathlib import Path

import pytest
from breakeven_collector.alerts.config import DEFAULTS, AlertsConfig, AlertsFile, load_alerts
from breakeven_collector.alerts.events import Rule
from breakeven_collector.declarations import load_declarations
from breakeven_collector.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "breakeven.toml"


def test_without_a_file_the_few_rules_that_one_keeps_are_on(file: Path) -> None:
    config = load_alerts(file)
    assert config == AlertsConfig()
    assert set(config.on()) == {
        *(Rule.CROSSED, Rule.APPROACHING, Rule.BUDGET, Rule.JUMP, Rule.SILENT, Rule.APART, Rule.VERDICT),
    }
    assert {rule for rule, one in config.rules.items() if not one.values} == {Rule.DECISIONS_DUE}


def test_what_is_declared_takes_the_place_of_defaults_and_of_nothing_else(file: Path) -> None:
    file.write_text(
        "[alerts]\ndigest = false\n[[alerts.channels]]\nname = 'x'\n"
        "[alerts.rules.jump]\nmin_usd_an_hour = 5.5\nrepeat_hours = 24\n[alerts.rules]\nsilent.enabled = false\n",
        encoding="utf-8",
    )
    config = load_alerts(file)
    jump, usual = config.rules[Rule.JUMP], DEFAULTS[Rule.JUMP]
    assert (jump["min_usd_an_hour"], jump.repeat_hours, jump.min_hours) == (5.5, 24.0, usual.min_hours)
    assert {**jump.values, "min_usd_an_hour": 20.0} == usual.values
    assert (config.rules[Rule.SILENT].enabled, config.digest) == (False, False)
    assert config.rules[Rule.CROSSED] == DEFAULTS[Rule.CROSSED]
    # Whose dollars are whose does not hang on it.
    assert load_declarations(file).features == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules.jmp.enabled = true", "alerts.rules: unknown key 'jmp'; known are apart, approaching, band, budget"),
        ("rules.jump.min_usd = 3", "alerts.rules.jump: unknown key 'min_usd'; known are enabled, min_hours"),
        ("rules.jump.min_hours = -1", "alerts.rules.jump.min_hours is -1; write a number, 0 or more"),
        ("rules.jump.enabled = 1", "alerts.rules.jump.enabled is 1; write true or false"),
        ("rules.apart.share = 3", "alerts.rules.apart.share is 3; write a share from 0 to 1"),
        ("rules.apart.days = 90", "alerts.rules.apart.days is 90; write a number up to 30"),
        ("rules.jump.times_an_hour = 0.5", "alerts.rules.jump.times_an_hour is 0.5; write a number, 1 or more"),
        (
            "rule.jump.enabled = true",
            "alerts: unknown key 'rule'; known are channels, digest, grafana_url, page_url, rules",
        ),
        ("digest = 'no'", "alerts.digest is 'no'; write true or false"),
        ("rules = 3", "alerts.rules must be a table; write [alerts.rules.NAME]"),
    ],
)
def test_what_does_not_fit_is_told_with_its_key_and_what_to_write(file: Path, text: str, message: str) -> None:
    file.write_text(f"[alerts]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_alerts(file)
    assert str(error.value).startswith(f"{file}: {message}")


def test_all_that_does_not_fit_is_told_at_once(file: Path) -> None:
    file.write_text("[alerts.rules]\njump.min_hours = 'x'\napart.share = 2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_alerts(file)
    assert len(str(error.value).splitlines()) == 2


def test_a_file_that_breaks_leaves_what_it_said_last_until_it_is_mended(file: Path) -> None:
    watched = AlertsFile(file)
    assert (watched.read(), watched.error) == (AlertsConfig(), "")

    def write(text: str, second: int) -> AlertsConfig:
        file.write_text(text, encoding="utf-8")
        os.utime(file, (second, second))
        return watched.read()

    first = write("[alerts.rules]\njump.min_score = 9\n", 1)
    assert first.rules[Rule.JUMP]["min_score"] == 9.0
    assert write("[alerts.rules]\njump.min_score = -9\n", 2) == first
    assert watched.error.startswith(f"{file}: alerts.rules.jump.min_score is -9; write a number")
    assert write("[alerts.rules\n", 3) == first
    assert write("[alerts.rules]\njump.min_score = 7\n", 4).rules[Rule.JUMP]["min_score"] == 7.0
    assert watched.error == ""


def test_a_file_that_is_broken_from_the_start_brings_no_rule_back_that_it_switched_off(file: Path) -> None:
    file.write_text("[alerts.rules]\nsilent.enabled = false\njump.min_score = -9\n", encoding="utf-8")
    watched = AlertsFile(file)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"min_score is -9.*\nno rule watches until that is mended"):
            watched.read()
    assert "no rule watches" in watched.error
    file.write_text("[alerts.rules]\nsilent.enabled = false\n", encoding="utf-8")
    assert (watched.read().rules[Rule.SILENT].enabled, watched.error) == (False, "")
