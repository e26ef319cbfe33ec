"""The compose files and the Dockerfile. There is no Docker here: nothing of it was started."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.files import COMPOSE, ROOT, compose, variables

STACK = compose(COMPOSE[0])
# Without a digest: none could be looked up. Limits depend on the machine. `secrets` gives volumes to their users, and ends.
ACCEPTED = {
    "CL-0019": None,
    "CL-0026": None,
    "CL-0007": {
        "clickhouse",
        "clickhouse-1",
        "clickhouse-2",
        "keeper-1",
        "keeper-2",
        "keeper-3",
        "database",
        "grafana",
    },
    "CL-0018": {"secrets"},
    # BREAKEVEN_SECRETS_DIR is a folder's name.
    "CL-0020": {"collector", "readers", "demo"},
}


def tool(name: str) -> str:
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"{name} is not installed: pip install -e '.[dev]'")
    return str(path)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)
def test_the_compose_file_is_one(path: Path) -> None:
    spec: Any = pytest.importorskip("compose_spec", reason="compose-spec is not installed").PyCompose
    document = compose(path)
    spec.from_yaml(yaml.safe_dump(document)).validate()
    wrong = copy.deepcopy(document)
    list(wrong["services"].values())[-1]["networks"] = ["nobody"]
    with pytest.raises(ValueError, match="nobody"):
        spec.from_yaml(yaml.safe_dump(wrong)).validate()


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)
def test_what_a_linter_of_security_finds_is_what_was_decided(path: Path) -> None:
    ran = subprocess.run([tool("compose-lint"), "--format", "json", path], capture_output=True, text=True, check=False)
    findings: list[dict[str, Any]] = json.loads(ran.stdout)["findings"]
    assert findings
    unexpected = [
        (one["rule_id"], one["service"])
        for one in findings
        if one["rule_id"] not in ACCEPTED or one["service"] not in (ACCEPTED[one["rule_id"]] or {one["service"]})
    ]
    assert unexpected == []


def test_the_dockerfile_is_well_formed_and_runs_as_nobody() -> None:
    assert (
        subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False).stdout
        == ""
    )
    text = (ROOT / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    assert "\nUSER 10001:10001\n" in text
    assert text.index("\nUSER 10001") > text.rindex("\nRUN ")


def test_the_image_gets_all_that_is_installed_and_nothing_else() -> None:
    wheel = (ROOT / "pyproject.toml").read_text()
    packages = re.findall(r'^    "(\w+)/\w+",$', wheel[wheel.index("targets.wheel") :], re.MULTILINE)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {*packages, "pyproject.toml", "README.md", "LICENSE"} == allowed
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == allowed


def test_ports_are_published_on_this_machine_alone_unless_somebody_says_otherwise() -> None:
    ports = [port for path in COMPOSE for one in compose(path)["services"].values() for port in one.get("ports", [])]
    assert len(ports) == 6
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in STACK["services"]["clickhouse"]
    assert STACK["networks"]["store"] == {"internal": True}


def test_every_variable_is_in_the_example_with_what_holds_without_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert example == variables(COMPOSE[0])


def test_every_file_that_is_mounted_is_there() -> None:
    for path in COMPOSE:
        for name, service in compose(path)["services"].items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    assert (path.parent / source).exists(), f"{name}: {source}"
    slack = compose(COMPOSE[0], {"BREAKEVEN_GRAFANA_ALERTING": "alerting_slack"})["services"]["grafana"]["volumes"]
    assert any(
        (ROOT / volume.split(":")[0] / "contact_point.yml").exists() for volume in slack if volume.startswith(".")
    )


def test_services_start_in_an_order_in_which_each_finds_what_it_needs() -> None:
    conditions = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in STACK["services"].items()
    }
    assert conditions == {
        "secrets": {},
        "clickhouse": {"secrets": "service_completed_successfully"},
        "collector": {"clickhouse": "service_healthy"},
        "readers": {"collector": "service_healthy"},
        "grafana": {"readers": "service_completed_successfully"},
        "demo": {"collector": "service_healthy"},
        "otel": {"collector": "service_healthy"},
    }
    for path in COMPOSE:
        services = compose(path)["services"]
        waited = {
            o
            for one in services.values()
            for o, how in one.get("depends_on", {}).items()
            if how["condition"] == "service_healthy"
        }
        built = {name for name in waited if "build" in services[name]}
        assert all("healthcheck" in services[name] for name in waited - built)
    assert "\nHEALTHCHECK " in (ROOT / "Dockerfile").read_text()


def test_what_runs_as_nobody_writes_where_it_may() -> None:
    cluster = compose(COMPOSE[1])["services"]
    for name in ("front", "store"):
        assert (cluster[name]["read_only"], cluster[name]["tmpfs"]) == (True, ["/tmp"])
        text = (COMPOSE[1].parent / f"nginx-{name}.conf").read_text()
        written = re.findall(r"^\s*(?:pid|\w+_temp_path) (\S+);", text, re.MULTILINE)
        assert len(written) == 6
        assert all(path.startswith("/tmp/") for path in written)
    # The image's entry point gives this folder, and no other, to the user that the keeper becomes.
    keeper = (COMPOSE[1].parent / "clickhouse" / "keeper.xml").read_text()
    stored = re.findall(r"<\w+_storage_path>(\S+)</", keeper)
    assert stored == [f"/var/lib/clickhouse/coordination/{what}" for what in ("log", "snapshots")]
    for name in ("keeper-1", "keeper-2", "keeper-3"):
        assert f"{name}:/var/lib/clickhouse" in cluster[name]["volumes"]


def test_grafana_never_sees_an_empty_webhook() -> None:
    for environment in ({}, {"BREAKEVEN_GRAFANA_SLACK_WEBHOOK": ""}):
        seen = compose(COMPOSE[0], environment)["services"]["grafana"]["environment"]
        assert seen["BREAKEVEN_GRAFANA_SLACK_WEBHOOK"] == "http://127.0.0.1:9/unset"


def test_versions_are_the_same_everywhere() -> None:
    from breakeven_dashboards.datasource import PLUGIN_VERSION, TYPE

    environment = STACK["services"]["grafana"]["environment"]
    assert environment["GF_PLUGINS_PREINSTALL_SYNC"] == f"{TYPE}@{PLUGIN_VERSION}"
    texts = [path.read_text() for path in (*COMPOSE, ROOT / "deploy" / "kubernetes" / "grafana.yaml")]
    assert len({v for text in texts for v in re.findall(r"clickhouse/clickhouse-\w+:(\S+)", text)}) == 1
    assert len({v for text in texts for v in re.findall(r"grafana/grafana:(\S+)", text)}) == 1
    assert f"{TYPE}@{PLUGIN_VERSION}" in texts[-1]


def test_the_opentelemetry_collectors_pipelines_are_made_of_what_is_defined() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "compose" / "otel-collector.yml").read_text())
    for pipeline in config["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) == config[kind].keys()
    exporter = config["exporters"]["otlphttp"]
    assert (exporter["endpoint"], exporter["headers"]) == (
        "http://collector:4318",
        {"authorization": "Bearer ${file:/run/breakeven/ingest_key}"},
    )
    assert "secrets-otel:/run/breakeven:ro" in STACK["services"]["otel"]["volumes"]
