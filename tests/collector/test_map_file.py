"""Rules are put at the end of breakeven.toml; all that stood there stays, byte for byte."""

import stat
from datetime import date
from pathlib import Path

import pytest
from breakeven_collector.config_file import Period
from breakeven_collector.declarations import load_declarations
from breakeven_collector.errors import ConfigError
from breakeven_collector.map_file import NewRule, append_rules
from breakeven_collector.map_rules import FIELDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RULE = NewRule("checkout", (("service", ("checkout",)),), comment="why")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "breakeven.toml"


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (b"", b'# why\n[[map]]\nservice = "checkout"\nfeature = "checkout"\n'),
        (b"# mine\n", b'\n# why\n[[map]]\nservice = "checkout"\nfeature = "checkout"\n'),
        (b"[features.a]  # tail", b'\n\n# why\n[[map]]\nservice = "checkout"\nfeature = "checkout"\n'),
        (b"# a\r\n\r\n[features.a]\r\n", b'\r\n# why\r\n[[map]]\r\nservice = "checkout"\r\nfeature = "checkout"\r\n'),
        (
            "[[map]]   # Søk\n   feature='a'\n\tservice =  'b'\n\n\n".encode(),
            b'\n# why\n[[map]]\nservice = "checkout"\nfeature = "checkout"\n',
        ),
    ],
)
def test_a_rule_is_put_at_the_end_and_the_rest_stays_byte_for_byte(path: Path, before: bytes, added: bytes) -> None:
    path.write_bytes(before)
    assert append_rules(path, [RULE]) == [RULE]
    assert path.read_bytes() == before + added
    assert [file.name for file in path.parent.iterdir()] == ["breakeven.toml"]


def test_a_file_that_is_not_there_is_made(path: Path) -> None:
    append_rules(path, [RULE])
    assert path.read_bytes() == b'# why\n[[map]]\nservice = "checkout"\nfeature = "checkout"\n'


def test_a_rule_that_stands_there_is_not_written_again_however_it_is_written(path: Path) -> None:
    path.write_text(
        "[[map]]\nfeature = 'a'\nroute = ['y', 'x']\nservice = 's'\nfrom = 2026-01-01\nnote = 'n'\n", encoding="utf-8"
    )
    before = path.read_bytes()
    same = NewRule("a", (("service", ("s",)), ("route", ("x", "y"))), Period(date(2026, 1, 1)))
    other = NewRule("a", (("service", ("s",)), ("route", ("x",))), Period(date(2026, 1, 1)))
    assert append_rules(path, [same]) == []
    assert path.read_bytes() == before
    assert append_rules(path, [same, other, other]) == [other]
    assert len(load_declarations(path).rules) == 2


def test_a_file_that_does_not_fit_is_left_as_it_is(path: Path) -> None:
    path.write_text("map = []\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="nothing was written"):
        append_rules(path, [RULE])
    assert path.read_text(encoding="utf-8") == "map = []\n"
    path.write_text("[[map]]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="map 1: feature is missing"):
        append_rules(path, [RULE])
    assert path.read_text(encoding="utf-8") == "[[map]]\n"


def test_a_rule_that_does_not_fit_is_not_written(path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"map 1\.feature is ''; write the name of a feature \(that is how it would be"
    ):
        append_rules(path, [NewRule("", (("service", ("a",)),))])
    with pytest.raises(ConfigError, match=r"'\\udcff' in a rule is no text"):
        append_rules(path, [NewRule("a\udcff", (("service", ("a",)),))])
    assert not path.exists()


def test_mode_and_link_of_the_file_stay(path: Path) -> None:
    target = path.with_name("elsewhere.toml")
    target.write_bytes(b"# mine\n")
    target.chmod(0o640)
    path.symlink_to(target)
    append_rules(path, [RULE])
    assert path.is_symlink()
    assert target.read_bytes().startswith(b"# mine\n\n# why\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
matches = st.dictionaries(st.sampled_from(list(FIELDS)), st.lists(texts, min_size=1, max_size=3), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts.filter(str.strip), matches, texts)
def test_any_text_comes_back_as_it_was(path: Path, feature: str, match: dict[str, list[str]], note: str) -> None:
    path.unlink(missing_ok=True)
    rule = NewRule(feature, tuple((key, tuple(match[key])) for key in FIELDS if key in match), note=note)
    append_rules(path, [rule])
    (read,) = load_declarations(path).rules
    assert (read.feature, read.match, read.note) == (feature, rule.match, note)
