"""The files that people start Breakeven with, read as Compose and Kubernetes would."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml", ROOT / "deploy" / "cluster" / "docker-compose.yml")
_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")


def variables(path: Path) -> dict[str, str | None]:
    """Variables of a compose file → what holds without them; None: they have to be set."""
    found = _VARIABLE.findall(path.read_text(encoding="utf-8"))
    return {name: None if kind == "?" else default for name, kind, default in found}


def compose(path: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A compose file with its variables and anchors put in, without its own pieces `x-…`."""

    def value(found: re.Match[str]) -> str:
        return (environment or {}).get(found[1]) or (found[3] if found[2] == "-" else "given")

    text = _VARIABLE.sub(value, path.read_text(encoding="utf-8"))
    document = cast("dict[str, Any]", yaml.safe_load(text))
    return {name: part for name, part in document.items() if not name.startswith("x-")}


def kubernetes() -> list[dict[str, Any]]:
    """Every object of the manifests that the kustomization names."""
    folder = ROOT / "deploy" / "kubernetes"
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [document for name in names for document in yaml.safe_load_all((folder / name).read_text())]
