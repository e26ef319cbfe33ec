"""What the dashboards are made of: drift, Grafana's model, and rules of our own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_dashboards.build import GENERATED, build, text_of, write
from breakeven_dashboards.datasource import PLUGIN_VERSION, REF, TYPE
from breakeven_dashboards.links import UIDS
from typer.testing import CliRunner

# Of grafana-foundation-sdk, which wants version 2 of the model: it cannot be provisioned from files yet.
pytestmark = pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
DASHBOARDS = build()
PANELS = [(stem, panel) for stem, dashboard in DASHBOARDS.items() for panel in dashboard["panels"]]
# Grafana's ids of units (packages/grafana-data/src/valueFormats): a wrong one is shown as a suffix.
UNITS = {"currencyUSD", "percentunit", "short", "s", "bytes"}
KINDS = {"stat": {"table"}, "table": {"table"}, "barchart": {"table"}, "timeseries": {"timeseries"}}


def fields_of(panel: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each column of a panel has of its own: column → property → value."""
    return {
        override["matcher"]["options"]: {one["id"]: one["value"] for one in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }


def test_the_files_are_what_the_code_makes(tmp_path: Path) -> None:
    assert {path.name for path in GENERATED.glob("*.json")} == {f"{stem}.json" for stem in DASHBOARDS}
    for stem, dashboard in DASHBOARDS.items():
        path = GENERATED / f"{stem}.json"
        again = "python -m breakeven_dashboards.build"
        assert path.read_text(encoding="utf-8") == text_of(dashboard), f"{path} is not what the code makes: {again}"
    assert [path.read_bytes() for path in write(tmp_path)] == [
        (GENERATED / path.name).read_bytes() for path in sorted(GENERATED.glob("*.json"), key=order)
    ]


def order(path: Path) -> int:
    return list(DASHBOARDS).index(path.stem)


def test_uids_are_those_that_others_link_to() -> None:
    assert {stem: dashboard["uid"] for stem, dashboard in DASHBOARDS.items()} == {
        "bill": "breakeven-bill",
        "feature": "breakeven-feature",
        "threshold": "breakeven-threshold",
        "pipeline": "breakeven-pipeline",
    }
    assert all(len(uid) <= 40 and re.fullmatch(r"[a-zA-Z0-9_-]+", uid) for uid in UIDS.values())


def through_grafanas_model(document: dict[str, Any]) -> dict[str, Any]:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    return json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(document)))


@pytest.mark.parametrize("stem", DASHBOARDS)
def test_grafanas_own_model_knows_every_key(stem: str) -> None:
    """Keys that the model does not know, of the dashboard, a panel's options or its fields, get lost on the way through it."""
    document = json.loads(text_of(DASHBOARDS[stem]))
    assert list(lost(document, through_grafanas_model(document), stem)) == []


@pytest.mark.parametrize(
    ("where", "key"),
    [((), "titel"), (("panels", 0), "titel"), (("panels", 2, "options"), "legende"), (("panels", 0, "gridPos"), "z")],
)
def test_a_key_that_grafana_does_not_have_would_be_found(where: tuple[Any, ...], key: str) -> None:
    document = json.loads(text_of(DASHBOARDS["bill"]))
    place = document
    for step in where:
        place = place[step]
    place[key] = "x"
    back = through_grafanas_model(document)
    assert [one.rsplit(".", 1)[-1] for one in lost(document, back, "bill")] == [key]


def lost(before: Any, after: Any, where: str) -> Any:
    if isinstance(before, dict):
        for key, value in before.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(after, dict) or key not in after:
                # Only an empty value may be left out.
                if value not in (None, "", [], {}, False, 0):
                    yield f"{where}.{key}"
            else:
                yield from lost(value, after[key], f"{where}.{key}")
    elif isinstance(before, list):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):  # pyright: ignore
            yield from lost(one, other, f"{where}[{number}]")
    elif before != after:
        yield f"{where}: {before!r} became {after!r}"


@pytest.mark.parametrize("stem", DASHBOARDS)
def test_a_dashboard_is_read_in_utc_and_not_edited_in_the_browser(stem: str) -> None:
    dashboard = DASHBOARDS[stem]
    assert (dashboard["timezone"], dashboard["editable"]) == ("utc", False)
    assert dashboard["title"].startswith("Breakeven: ")
    assert dashboard["description"].endswith(".")
    assert re.fullmatch(r"now-\d+d/d", dashboard["time"]["from"]), "days are whole"
    assert dashboard["time"]["to"] == "now/d"
    assert [link["title"] for link in dashboard["links"]] == [
        *(title for title in ("Bill", "Feature", "Threshold", "Pipeline") if title != stem.capitalize()),
        "Page",
    ]


@pytest.mark.parametrize("stem", DASHBOARDS)
def test_panels_have_ids_of_their_own_and_lie_in_the_grid_without_overlap(stem: str) -> None:
    panels = DASHBOARDS[stem]["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        x, y, w, h = (panel["gridPos"][key] for key in "xywh")
        assert x + w <= 24, panel["title"]
        cells = {(column, row) for column in range(x, x + w) for row in range(y, y + h)}
        assert not cells & taken, panel["title"]
        taken |= cells
    # Nothing is left free: a hole is a panel that fell out.
    assert len(taken) == 24 * (1 + max(row for _, row in taken))


@pytest.mark.parametrize(("stem", "panel"), PANELS, ids=[f"{stem}-{panel['id']}" for stem, panel in PANELS])
def test_a_panel_says_what_it_shows_in_which_unit(stem: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 40
    assert panel["description"].endswith((".", "…"))
    units = {panel["fieldConfig"]["defaults"]["unit"], *(f["unit"] for f in fields_of(panel).values() if "unit" in f)}
    assert units <= UNITS
    for name, properties in fields_of(panel).items():
        if name.endswith("_usd") or name in ("usd", "usd_per_call"):
            assert properties.get("unit", panel["fieldConfig"]["defaults"]["unit"]) == "currencyUSD", name
    assert panel["fieldConfig"]["defaults"]["noValue"] == "not known"
    if panel["type"] == "timeseries":
        assert panel["interval"] in ("1m", "1h", "1d")


def test_what_there_is_none_of_is_not_called_unknown() -> None:
    said = {(stem, name): one.get("noValue") for stem, panel in PANELS for name, one in fields_of(panel).items()}
    for there_is_none in (("bill", "estimated_usd"), ("threshold", "budget_usd"), ("threshold", "break_even_usd")):
        assert said[there_is_none] == "none"
    for empty in (
        ("bill", "cost_centre"),
        ("bill", "change"),
        ("threshold", "reason"),
        ("threshold", "crosses_p50_on"),
    ):
        assert said[empty] == "–"
    assert said["bill", "usd"] is None


@pytest.mark.parametrize(("stem", "panel"), PANELS, ids=[f"{stem}-{panel['id']}" for stem, panel in PANELS])
def test_a_panel_asks_the_chosen_data_source_and_nothing_else(stem: str, panel: dict[str, Any]) -> None:
    assert panel["datasource"] == REF == {"type": TYPE, "uid": "${datasource}"}
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target["datasource"] == REF
        assert target["pluginVersion"] == PLUGIN_VERSION
        assert target["queryType"] in KINDS[panel["type"]]
        assert target["format"] == {"timeseries": 0, "table": 1}[target["queryType"]]


def texts_of(dashboard: dict[str, Any]) -> list[str]:
    return [
        *(target["rawSql"] for panel in dashboard["panels"] for target in panel["targets"]),
        *(one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"),
        *(one["target"]["rawSql"] for one in dashboard["annotations"]["list"] if "rawSql" in one["target"]),
    ]


@pytest.mark.parametrize("stem", DASHBOARDS)
def test_queries_fix_what_of_spend_they_count_and_use_no_variable_that_is_not_there(stem: str) -> None:
    dashboard = DASHBOARDS[stem]
    there = {variable["name"] for variable in dashboard["templating"]["list"]}
    for sql in texts_of(dashboard):
        assert "<" not in re.sub(r"<=?\s", "", sql), "a part was not put in"
        assert "--" not in sql
        used = set(re.findall(r"\$\{?(\w+)", sql))
        assert {name for name in used if not name.startswith("__")} <= there
        # Unescaped, a name could end its text.
        assert set(re.findall(r"\$\{\w+(:\w+)?\}", sql)) <= {":singlequote"}
        assert sql.count("FROM spend AS s") == sql.count("s.grain = ") - ("quarter_hour" in sql)
        assert ("FROM spend AS s" in sql) <= ("s.counted IN (" in sql)


@pytest.mark.parametrize("stem", DASHBOARDS)
def test_links_set_variables_of_the_dashboard_that_they_lead_to(stem: str) -> None:
    by_uid = {d["uid"]: {v["name"] for v in d["templating"]["list"]} for d in DASHBOARDS.values()}
    text = json.dumps(DASHBOARDS[stem])
    found = set(re.findall(r"/d/([\w-]+)\?([^\" ]+)", text))
    for uid, query in found:
        assert query.startswith("${__url_time_range}")
        set_ = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", query))
        assert {a or b for a, b in set_} <= by_uid[uid]
        assert {b for _, b in set_ if b} <= by_uid[DASHBOARDS[stem]["uid"]]
        # Names in addresses: whatever they hold.
        assert all(value.endswith(":percentencode}") for value in re.findall(r"var-\w+=(\S+?\})(?:&|$)", query))
    assert found


def test_links_to_the_page_begin_with_the_address_that_is_given() -> None:
    for dashboard in build("https://breakeven.internal/").values():
        (page,) = (variable for variable in dashboard["templating"]["list"] if variable["name"] == "page")
        assert page["query"] == page["current"]["value"] == "https://breakeven.internal"
        assert '"${page}/' in json.dumps(dashboard)


def test_the_command_writes_dashboards_that_link_to_the_page_it_is_told(tmp_path: Path) -> None:
    arguments = ["grafana", "build", "--out", str(tmp_path), "--page-url", "https://breakeven.internal"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    written = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.rglob("breakeven/*.json")}
    assert written == json.loads(json.dumps(build("https://breakeven.internal")))


def test_figures_that_are_shown_are_columns_that_the_panel_names() -> None:
    for _, panel in PANELS:
        if panel["type"] == "stat":
            shown = re.fullmatch(r"/\^\((.+)\)\$/", panel["options"]["reduceOptions"]["fields"])
            assert shown
            titles = {properties["displayName"] for properties in fields_of(panel).values()}
            assert set(shown[1].split("|")) <= titles, panel["title"]
