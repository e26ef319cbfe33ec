"""All dashboards as Grafana takes them; `python -m breakeven_dashboards.build` writes them into `generated/`."""

import json
from pathlib import Path
from typing import Any, Final

from breakeven_dashboards.bill import bill
from breakeven_dashboards.dashboard import PAGE_URL, page_variable, source_variable
from breakeven_dashboards.datasource import UID
from breakeven_dashboards.feature import feature
from breakeven_dashboards.pipeline import pipeline
from breakeven_dashboards.threshold import threshold

GENERATED: Final = Path(__file__).parent / "generated"
"""Where the JSON lies that Grafana is provisioned with."""


def build(page_url: str = PAGE_URL, datasource: str = UID) -> dict[str, dict[str, Any]]:
    """File stem → dashboard, in Grafana's classic model. The same every time.

    Args:
        page_url: address of Breakeven's page, for links.
        datasource: uid of the data source that they open with.
    """
    made = {"bill": bill(), "feature": feature(), "threshold": threshold(), "pipeline": pipeline()}
    for one in made.values():
        one["templating"]["list"] = [source_variable(datasource), page_variable(page_url), *one["templating"]["list"]]
    return made


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
