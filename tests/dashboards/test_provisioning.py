"""The provisioning files: committed as the code makes them, and by the rules on which Grafana does not start."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from breakeven_dashboards import provision
from breakeven_dashboards.alert_rules import RULES
from breakeven_dashboards.provision import as_yaml, committed

FOLDER = Path(provision.__file__).with_name("provisioning")
FILES = dict(committed())
ALERTING = ("alerting", "alerting_slack")
_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$(?!\$)(\{[^}]*\}|\w+)")
# Grafana's docs: variables are not expanded in these. `${…}` is, in annotations, by newer versions.
_RAW = ("annotations", "model", "template", "relativeTimeRange")


def rules(folder: str) -> list[dict[str, Any]]:
    return FILES[f"{folder}/rules.yml"]["groups"][0]["rules"]


def texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from texts(inner, (*path, key))
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from texts(inner, path)
    elif isinstance(value, str):
        yield path, value


def test_the_files_are_those_that_the_code_makes() -> None:
    on_disk = {str(file.relative_to(FOLDER)): file.read_text() for file in FOLDER.rglob("*") if file.is_file()}
    assert on_disk == {path: as_yaml(document) for path, document in FILES.items()}
    assert {path: yaml.safe_load(text) for path, text in on_disk.items()} == FILES


def test_grafana_reads_no_variable_where_none_is_meant() -> None:
    found = {
        (path.split("/")[0], variable)
        for path, document in FILES.items()
        for where, text in texts(document)
        if not set(where) & set(_RAW)
        for variable in _VARIABLE.findall(text)
    }
    assert found == {
        ("datasources", "BREAKEVEN_CLICKHOUSE_HOST"),
        ("datasources", "BREAKEVEN_GRAFANA_USER"),
        ("datasources", "__file"),
        ("datasources_embedded", "BREAKEVEN_COLLECTOR_HOST"),
        ("datasources_embedded", "__file"),
        ("alerting_slack", "BREAKEVEN_GRAFANA_SLACK_WEBHOOK"),
    }


def test_no_annotation_has_a_variable_in_braces_and_none_a_doubled_dollar() -> None:
    for folder in ALERTING:
        for rule in rules(folder):
            for text in rule["annotations"].values():
                assert "${" not in text, rule["uid"]
                assert "$$" not in text, rule["uid"]


def test_a_query_has_no_macro_or_variable_that_only_the_browser_expands() -> None:
    assert [rule.name for rule in RULES if "$" in rule.sql] == []


@pytest.mark.parametrize("folder", ALERTING)
def test_rules_are_ones_that_grafana_takes(folder: str) -> None:
    uids = [rule["uid"] for rule in rules(folder)]
    assert len(set(uids)) == len(uids)
    assert len({rule["title"] for rule in rules(folder)}) == len(uids)
    for rule in rules(folder):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", rule["uid"])
        assert rule["noDataState"] in ("OK", "NoData", "Alerting", "KeepLast")
        assert rule["execErrState"] in ("OK", "Error", "Alerting", "KeepLast")
        refs = [query["refId"] for query in rule["data"]]
        assert (len(set(refs)), rule["condition"] in refs) == (len(refs), True)
        for query in rule["data"]:
            assert query["model"]["refId"] == query["refId"]
            if query["datasourceUid"] == "__expr__":
                assert query["model"]["expression"] in refs
            else:
                assert query["datasourceUid"] == query["model"]["datasource"]["uid"] == "breakeven"
        assert all(f"$values.{ref}." in rule["annotations"]["summary"] for ref in refs[:1])
    assert [rule["uid"] for rule in rules(folder) if rule["execErrState"] == "Error"] == ["breakeven_no_collector"]


def test_rules_are_paused_and_tell_nobody_until_a_webhook_is_chosen() -> None:
    assert {rule["isPaused"] for rule in rules("alerting")} == {True}
    assert not any("notification_settings" in rule for rule in rules("alerting"))
    assert not (FOLDER / "alerting" / "contact_point.yml").exists()
    assert {rule["isPaused"] for rule in rules("alerting_slack")} == {False}


def test_each_receiver_is_a_contact_point_of_the_same_folder_and_policies_stay_as_they_are() -> None:
    points = FILES["alerting_slack/contact_point.yml"]
    names = {point["name"] for point in points["contactPoints"]}
    assert {rule["notification_settings"]["receiver"] for rule in rules("alerting_slack")} == names
    assert not any("policies" in document for document in FILES.values())


def test_rules_and_dashboards_do_not_fight_for_a_folder() -> None:
    (provider,) = FILES["dashboards/breakeven.yml"]["providers"]
    assert (provider["folder"], provider["folderUid"]) == ("Breakeven", "breakeven")
    assert {FILES[f"{folder}/rules.yml"]["groups"][0]["folder"] for folder in ALERTING} == {"Breakeven alerts"}


def test_messages_use_templates_that_are_there() -> None:
    points = FILES["alerting_slack/contact_point.yml"]
    defined = set(re.findall(r'\{\{ define "([^"]+)"', points["templates"][0]["template"]))
    settings = points["contactPoints"][0]["receivers"][0]["settings"]
    used = {name for text in settings.values() for name in re.findall(r'\{\{ template "([^"]+)"', text)}
    assert defined == used == {"breakeven.title", "breakeven.text"}
    text = points["templates"][0]["template"]
    opened = len(re.findall(r"\{\{-? *(?:define|if|range)\b", text))
    assert opened == len(re.findall(r"\{\{-? *end\b", text))
