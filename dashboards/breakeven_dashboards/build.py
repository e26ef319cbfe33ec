"""All dashboards as Grafana takes them; `python -m breakeven_dashboards.build` writes them into `generated/`."""

import json
from pathlib import Path
from typing import Any, Final

from breakeven_dashboards.bill import bill
from breakeven_dashboards.feature import feature
from breakeven_dashboards.pipeline import pipeline
from breakeven_dashboards.threshold import threshold

GENERATED: Final = Path(__file__).parent / "generated"
"""Where the JSON lies that Grafana is provisioned with."""


def build() -> dict[str, dict[str, Any]]:
    """File stem → dashboard, in Grafana's classic model. The same every time."""
    return {"bill": bill(), "feature": feature(), "threshold": threshold(), "pipeline": pipeline()}


def text_of(dashboard: dict[str, Any]) -> str:
    """A dashboard as its file has it."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = GENERATED) -> list[Path]:
    """Write `STEM.json` for each dashboard; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for stem, dashboard in build().items():
        path = folder / f"{stem}.json"
        path.write_text(text_of(dashboard), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for path in write():
        print(path)
