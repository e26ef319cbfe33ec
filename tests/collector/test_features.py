"""breakeven.toml: what is declared is read, and what does not fit is told with its place."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from breakeven_collector.errors import ConfigError
from breakeven_collector.features import Feature, load_features


def load(folder: Path, text: str) -> dict[str, Feature]:
    path = folder / "breakeven.toml"
    path.write_text(text, encoding="utf-8")
    return load_features(path)


def test_what_is_declared_is_read(tmp_path: Path) -> None:
    text = """
    [features.search]
    owner = "Team Søk"
    cost_centre = "4711"
    budget_usd_per_month = 1500.10

    [features."ticket-triage"]
    budget_usd_per_month = 0

    [features.'a "quoted", dotted.name ✓']
    owner = "me"

    [features.bare]
    """
    assert load(tmp_path, text) == {
        "search": Feature("Team Søk", "4711", Decimal("1500.10")),
        "ticket-triage": Feature(budget_usd_per_month=Decimal(0)),
        'a "quoted", dotted.name ✓': Feature(owner="me"),
        "bare": Feature(),
    }


def test_a_budget_is_exact(tmp_path: Path) -> None:
    text = "[features.a]\nbudget_usd_per_month = 0.1"
    assert load(tmp_path, text)["a"].budget_usd_per_month == Decimal("0.1")


@pytest.mark.parametrize("text", ["", "# nothing\n", "[features]\n"])
def test_nothing_declared_is_nothing(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == {}


def test_a_file_that_is_not_there_declares_nothing(tmp_path: Path) -> None:
    assert load_features(tmp_path / "none.toml") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("features = 1", ": features must be a table; write [features.NAME]"),
        ("[[features]]\nowner = 'x'", ": features must be a table; write [features.NAME]"),
        ("[features]\nsearch = 'me'", ": features.search must be a table; write [features.NAME]"),
        # a dot in a name without quotes makes a table in a table
        (
            "[features.a.b]\nowner = 'x'",
            ": features.a: unknown key 'b'; known are budget_usd_per_month, changes, cost_centre, lifecycle, owner, plan_usd_per_month",
        ),
        (
            "[features.a]\nownr = 'x'",
            ": features.a: unknown key 'ownr'; known are budget_usd_per_month, changes, cost_centre, lifecycle, owner, plan_usd_per_month",
        ),
        ("[features.a]\nowner = 5", ": features.a.owner is 5; write it as text in quotes"),
        ("[features.a]\ncost_centre = 4711", ": features.a.cost_centre is 4711; write it as text in quotes"),
        ("[features.a]\nbudget_usd_per_month = '5'", ": features.a.budget_usd_per_month is '5'; write a number of USD"),
        ("[features.a]\nbudget_usd_per_month = true", ": features.a.budget_usd_per_month is True; write a number"),
        ("[features.a]\nbudget_usd_per_month = -1", ": features.a.budget_usd_per_month is -1; write a number"),
        ("[features.a]\nbudget_usd_per_month = -0.5", ": features.a.budget_usd_per_month is -0.5; write a number"),
        ("[features.a]\nbudget_usd_per_month = nan", ": features.a.budget_usd_per_month is NaN; write a number"),
        ("[features.a]\nbudget_usd_per_month = inf", ": features.a.budget_usd_per_month is Infinity; write a number"),
        ("[features.a]\nbudget_usd_per_month = []", ": features.a.budget_usd_per_month is []; write a number"),
        ("[features.a]\nbudget_usd_per_month = 2026-01-01", ": features.a.budget_usd_per_month is datetime.date("),
        ("[features.a", r": Expected ']' at the end of a table declaration (at end of document)"),
        ("[features.a]\n[features.a]", r": Cannot declare ('features', 'a') twice"),
        ("a = 'x", ": "),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / 'breakeven.toml'}{message}")):
        load(tmp_path, text)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "breakeven.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        load_features(path)


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load_features(tmp_path)
