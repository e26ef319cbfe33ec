"""The manifests. There is no cluster here: nothing of it was applied."""

from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from breakeven_collector.app import App, create_app
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from fastapi.routing import APIRoute

from tests.deploy.files import ROOT, kubernetes

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS = kubernetes()


def pods() -> dict[str, dict[str, Any]]:
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in OBJECTS
        if one["kind"] in ("Deployment", "StatefulSet", "Job")
    }


@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_every_object_fits_the_schema_of_kubernetes(version: str) -> None:
    validate: Any = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate (108 MB of schemas) is not installed"
    )
    for one in OBJECTS:
        validate.validate(one, version, strict=True)
    wrong = {**next(one for one in OBJECTS if one["kind"] == "Deployment"), "spec": {"replica": 1}}
    with pytest.raises(validate.ValidationError):
        validate.validate(wrong, version, strict=True)


def test_files_of_the_generators_are_there_and_what_pods_name_is_made_by_somebody() -> None:
    for generator in KUSTOMIZATION["configMapGenerator"]:
        for file in generator.get("files", []):
            assert (FOLDER / cast(str, file).rpartition("=")[2]).is_file(), file
    made = {generator["name"] for generator in KUSTOMIZATION["configMapGenerator"]}
    readme = (FOLDER / "README.md").read_text()
    for name, pod in pods().items():
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in made, name
            if "secret" in volume:
                assert f"create secret generic {volume['secret']['secretName']} " in readme
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        claimed = {"data"} if name == "breakeven-collector" else set[str]()
        assert mounted == {volume["name"] for volume in pod["volumes"]} | claimed


def test_every_dashboard_is_mounted() -> None:
    from breakeven_dashboards.build import build

    (files,) = [g["files"] for g in KUSTOMIZATION["configMapGenerator"] if g["name"] == "breakeven-grafana-dashboards"]
    assert {Path(file).stem for file in files} == build().keys()
    # A ConfigMap holds a mebibyte.
    assert sum((FOLDER / file).stat().st_size for file in files) < 900_000


def test_pods_run_as_nobody_on_a_file_system_that_they_cannot_write() -> None:
    for name, pod in pods().items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        # A Service called breakeven would set BREAKEVEN_PORT to an address.
        assert (pod["enableServiceLinks"], pod["automountServiceAccountToken"]) == (False, False)
        assert {"requests", "limits"} <= container["resources"].keys()


def test_the_collectors_probes_and_ports_are_ones_that_it_has(pipeline: Pipeline) -> None:
    app: App = create_app(pipeline)
    routes = {route.path for route in app.routes if isinstance(route, APIRoute)}
    app.verdicts.close()
    (container,) = pods()["breakeven-collector"]["containers"]
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe["path"] for probe in probes.values()} == {"/readyz", "/healthz"} <= routes
    assert probes["livenessProbe"]["path"] == "/healthz"
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert named == {
        "http": Settings.model_fields["port"].default,
        "grpc": Settings.model_fields["grpc_port"].default,
    }
