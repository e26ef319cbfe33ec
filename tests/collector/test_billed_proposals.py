"""Names of keys and projects at a provider, as names of features and owners; and proposals in an editor."""

import stat
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from breakeven_collector.billed_keys import BilledKey
from breakeven_collector.billed_proposals import BilledProposal, name_of_key, propose_billed, shared_by
from breakeven_collector.declarations import load_declarations
from breakeven_collector.errors import BreakevenError
from breakeven_collector.map_edit import edit_rules
from breakeven_collector.map_rules import first_match, parse_rules
from hypothesis import given
from hypothesis import strategies as st

from tests.collector.test_cli_map import TODAY


def key(
    name: str, usd: str = "1", project: str = "", estimated: bool = False, features: Mapping[str, int] | None = None
) -> BilledKey:
    return BilledKey("openai", project, name, Decimal(usd), estimated, features or {})


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("contract-review-prod", "contract-review"),
        ("prod-search-key", "search"),
        ("Acme Support Chat (prod)", "acme-support-chat"),
        ("TicketTriage API Key", "ticket-triage"),
        ("summary_live", "summary"),
        ("proj_search", ""),
        ("key", ""),
        ("Default project", "default"),
        ("prod", ""),
        ("proj_8dS1c0fJ2mQ9xYvB", ""),
        ("", ""),
    ],
)
def test_a_keys_name_suggests_a_feature(text: str, feature: str) -> None:
    assert name_of_key(text) == ("" if feature == "default" else feature)


def test_a_feature_that_is_known_is_found_in_a_longer_name() -> None:
    assert name_of_key("Acme Support Chat (prod)", {"chat", "support-chat", "billing"}) == "support-chat"
    assert name_of_key("chatter-prod", {"chat"}) == "chatter"


@given(st.text(max_size=40), st.frozensets(st.text(max_size=10), max_size=3))
def test_any_text_suggests_a_name_or_nothing(text: str, known: frozenset[str]) -> None:
    name = name_of_key(text, known)
    assert name in known or name == name.casefold().strip("-")


def test_keys_of_a_feature_make_one_proposal_with_their_dollars_and_the_projects_owner() -> None:
    keys = [
        key("search-prod", "10", "Growth team"),
        key("search-staging", "2.5", "Growth team"),
        key("contract-review-prod", "40", "contract-review", estimated=True),
        key("", "3", "Meeting Notes"),
        key("key_8dS1c0fJ2mQ9xYvB", "7"),
    ]
    assert propose_billed(keys) == [
        BilledProposal(
            "contract-review", ((("key", ("contract-review-prod",)),),), (keys[2],), "", "by the key's name"
        ),
        BilledProposal(
            "search",
            ((("key", ("search-prod",)),), (("key", ("search-staging",)),)),
            (keys[0], keys[1]),
            "growth",
            "by the key's name",
        ),
        BilledProposal("meeting-notes", ((("project", ("Meeting Notes",)),),), (keys[3],), "", "by the project's name"),
    ]
    assert [one.usd for one in propose_billed(keys)] == [40, Decimal("12.5"), 3]


def test_what_its_calls_are_of_says_more_than_a_keys_name_unless_they_share_it() -> None:
    told, shared = (
        key("prod-7", features={"search": 99, "chat": 1}),
        key("common-prod", features={"search": 5, "chat": 5}),
    )
    assert [(one.feature, one.keys) for one in propose_billed([told, shared])] == [("search", (told,))]
    assert shared_by(shared) == ["chat", "search"]


def test_a_firms_name_before_all_keys_is_not_the_features() -> None:
    keys = [key("acme-search"), key("acme-chat-bot"), key("acme-notes-prod")]
    assert {one.feature for one in propose_billed(keys)} == {"search", "chat-bot", "notes"}


def test_one_name_in_two_projects_is_told_apart_by_the_project() -> None:
    keys = [key("Default", project="Search"), key("Default", project="Notes")]
    rules = [
        {**{field: list(patterns) for field, patterns in match}, "feature": one.feature}
        for one in propose_billed(keys)
        for match in one.rules
    ]
    parsed = parse_rules(rules, "breakeven.toml")
    found = [first_match(parsed, one.origin, TODAY) for one in keys]
    assert [rule and rule.feature for rule in found] == ["search", "notes"]


PROPOSED = '[[map]]\nkey = "search-prod"\nfeature = "search"\n\n[[map]]\nkey = "chat-prod"\nfeature = "chat"\n'


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that is the editor; its temporary files are in tmp_path."""
    path = tmp_path / "editor.sh"
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return path


def test_what_is_saved_is_what_is_written(editor: Path, tmp_path: Path) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text("# mine\n", encoding="utf-8")
    with editor.open("a") as script:
        script.write('sed -i \'s/"search"/"shop-search"/; /chat/d\' "$1"\n')
        script.write("sed -i -e :a -e '/^\\n*$/{$d;N;ba' -e '}' -e '$d' \"$1\"\n")
    assert edit_rules(config, PROPOSED, again=lambda wrong: pytest.fail(wrong)) == 1
    assert config.read_text(encoding="utf-8") == '# mine\n\n[[map]]\nkey = "search-prod"\nfeature = "shop-search"\n'
    assert not list(tmp_path.glob("breakeven-map-*"))


def test_nothing_left_writes_nothing(editor: Path, tmp_path: Path) -> None:
    with editor.open("a") as script:
        script.write(': > "$1"\n')
    assert edit_rules(tmp_path / "breakeven.toml", PROPOSED, again=lambda wrong: pytest.fail(wrong)) == 0
    assert not (tmp_path / "breakeven.toml").exists()


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ('s/chat-prod"/chat-prod/', "at line 10"),
        ('s/^feature = "chat"/featur = "chat"/', "line 9: map 2: unknown key 'featur'"),
        ("$ a [features.search]\\nowner = 3", "line 12: features.search.owner"),
    ],
)
def test_an_error_names_its_line_and_loses_nothing(editor: Path, tmp_path: Path, change: str, wrong: str) -> None:
    config = tmp_path / "breakeven.toml"
    with editor.open("a") as script:
        script.write(f"sed -i '{change}' \"$1\"\n")
    told: list[str] = []
    with pytest.raises(BreakevenError, match="what you saved is kept in"):
        edit_rules(config, PROPOSED, again=lambda message: bool(told.append(message)))
    assert wrong in told[0]
    (kept,) = tmp_path.glob("breakeven-map-*")
    assert "search-prod" in kept.read_text(encoding="utf-8")
    assert not config.exists()


def test_a_feature_that_stands_there_already_is_told(editor: Path, tmp_path: Path) -> None:
    config = tmp_path / "breakeven.toml"
    config.write_text('[features.search]\nowner = "a"\n', encoding="utf-8")
    told: list[str] = []
    with pytest.raises(BreakevenError):
        edit_rules(config, '[features.search]\nowner = "b"\n', again=lambda message: bool(told.append(message)))
    assert "line 5: features.search: stands in" in told[0]
    assert load_declarations(config).features["search"].on(TODAY).owner == "a"
