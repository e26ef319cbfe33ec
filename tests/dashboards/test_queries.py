"""Every query of every dashboard, as Grafana would send it, on ClickHouse: for all, one, several, hard names, nothing."""

import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from breakeven_dashboards.build import build

from tests.dashboards.conftest import Answer, Asked, Grafana, chosen, queries, sql_of
from tests.dashboards.macros import expand
from tests.dashboards.test_dashboards import fields_of
from tests.dashboards.traffic import HARD, PERIOD


def check_shape(asked: Asked, answer: Answer) -> None:
    names, kinds = list(answer.columns), list(answer.columns.values())
    plain = [kind.removeprefix("Nullable(").removeprefix("LowCardinality(") for kind in kinds]
    assert all(kind.startswith(("String", "Date", "Decimal", "Float", "Int", "UInt")) for kind in plain), (asked, kinds)
    if asked.kind == "timeseries":
        assert (names[0], plain[0].startswith("DateTime")) == ("time", True), asked.where
        assert any(kind.startswith(("Decimal", "Float", "Int", "UInt")) for kind in plain[1:]), asked.where
        assert answer.column("time") == sorted(map(str, answer.column("time"))), asked.where
        # Rows of the same time and texts would be one point of one series.
        texts = [name for name, kind in zip(names, plain, strict=True) if kind.startswith("String")]
        points = [tuple(row[name] for name in ("time", *texts)) for row in answer.rows]
        assert len(set(points)) == len(points), asked.where
    elif asked.kind == "variable":
        assert names == ["value", "text"], asked.where
        # An empty one would be taken for All.
        assert all(answer.column("value")), asked.where
    elif asked.kind == "annotation":
        assert names == ["time", "title", "text", "tags"], asked.where
    else:
        assert asked.kind == "table"


ONE = chosen(project=["default"], environment=["(none)"], feature=["it's"], model=["it's a model", "gpt-4o"])
SEVERAL = chosen(
    project=["default", "other's"], environment=["production", "it's"], feature=HARD, tenant=[*HARD, "(none)"]
)


def test_every_query_answers_in_the_shape_that_its_panel_needs(grafana: Grafana) -> None:
    for asked, answer in zip(queries(), grafana.ask_all(queries(), chosen()), strict=True):
        check_shape(asked, answer)
        # Only own prices are not there yet.
        assert answer.rows or asked.where.endswith("Price changes"), asked.where


def test_every_column_that_is_shown_has_a_title_and_the_unit_of_what_it_counts(grafana: Grafana) -> None:
    for dashboard in build().values():
        for panel in dashboard["panels"]:
            default = panel["fieldConfig"]["defaults"]
            for target in panel["targets"]:
                columns = grafana.ask(target["rawSql"], chosen()).columns
                shown = [name for name in columns if not (panel["type"] == "timeseries" and name == "time")]
                only = {
                    name for step in panel.get("transformations", []) for name in step["options"]["include"]["names"]
                }
                for name in only & set(shown) or set(shown):
                    own = fields_of(panel).get(name)
                    numeric = not columns[name].removeprefix("Nullable(").startswith(("String", "Low", "Date"))
                    if panel["type"] == "stat":
                        # What is not shown needs nothing.
                        if own is None:
                            continue
                    elif panel["type"] == "table":
                        assert own is not None, (panel["title"], name)
                    if numeric:
                        unit = (own or {}).get("unit", default["unit"])
                        dollars = name == "usd" or name.endswith("_usd") or name == "usd_per_call"
                        assert (unit == "currencyUSD") == dollars, (panel["title"], name, unit)
                        shares = name.endswith(("_share", "change", "of_break_even", "of_budget")) or name == "share"
                        assert not shares or unit == "percentunit", (panel["title"], name, unit)


def test_every_link_finds_the_columns_and_labels_that_it_puts_into_its_address(grafana: Grafana) -> None:
    for dashboard in build().values():
        for panel in dashboard["panels"]:
            wanted = set(re.findall(r'__data\.fields\[\\"(\w+)\\"\]|__field\.labels\.(\w+)', json.dumps(panel)))
            for target in panel["targets"]:
                columns = grafana.ask(target["rawSql"], chosen()).columns
                assert {field or label for field, label in wanted} <= columns.keys(), panel["title"]


def test_every_query_answers_for_one_name_and_for_many_that_are_hard_to_quote(grafana: Grafana) -> None:
    for number, asked in enumerate(queries()):
        # In turns: what differs is the text of the choice, in the same conditions.
        check_shape(asked, grafana.ask(asked.sql, (ONE, SEVERAL)[number % 2]))


def test_an_empty_store_answers_every_query_with_its_columns_and_no_figure(grafana_of_nothing: Grafana) -> None:
    for asked, answer in zip(queries(), grafana_of_nothing.ask_all(queries(), chosen()), strict=True):
        check_shape(asked, answer)
        # Sums over nothing: a row of what is not known, and counts of 0.
        assert len(answer.rows) <= 1, asked.where
        for row in answer.rows:
            assert {value for name, value in row.items() if "calls" not in name} <= {None}, asked.where
            assert {value for name, value in row.items() if "calls" in name} <= {None, "0"}, asked.where


def test_a_real_client_reads_the_same_in_the_format_that_the_plugin_asks_for(
    grafana: Grafana, grafana_of_nothing: Grafana
) -> None:
    titles = [("bill", "This period"), ("feature", "Latency"), ("threshold", "Verdicts"), ("pipeline", "Collectors")]
    for server in (grafana, grafana_of_nothing):
        port = urlsplit(server.url).port or 0
        client = clickhouse_connect.get_client(
            host="127.0.0.1", port=port, proxy_path="/clickhouse", username="grafana", password="key-all"
        )
        for stem, title in titles:
            sql = sql_of(stem, title)
            # Native, with types that only it tells: nullable decimals, times with fractions, texts in dictionaries.
            result: Any = client.query(expand(sql, chosen(), PERIOD))
            told = server.ask(sql, chosen())
            assert list(result.column_names) == list(told.columns)
            assert len(result.result_rows) == len(told.rows)
            for row, texts in zip(result.named_results(), told.rows, strict=True):
                for name, value in row.items():
                    if isinstance(value, Decimal):
                        assert value == Decimal(texts[name] or "nothing"), name
                    elif value is None or isinstance(value, str):
                        assert value == texts[name], name
        client.close()
