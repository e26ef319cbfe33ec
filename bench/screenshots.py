"""`python -m bench.screenshots`: a picture of each page on the demo's traffic, and how fast and large the first one is.

The two of the README go into docs/images with `--readme`.
"""

import argparse
import json
import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final
from urllib.request import urlopen

from rich.console import Console
from selenium.webdriver import Chrome

from bench import browser
from bench.demo_store import demo_collector

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
WIDTHS: Final = {"wide": 1320, "narrow": 390}
_README_HEIGHT: Final = 860
_PAINT: Final = """
const page = performance.getEntriesByType("navigation")[0];
const paint = performance.getEntriesByName("first-contentful-paint")[0];
const all = [page, ...performance.getEntriesByType("resource")];
return { answer_ms: Math.round(page.responseEnd), first_paint_ms: paint ? Math.round(paint.startTime) : null,
  transferred_bytes: all.reduce((sum, one) => sum + one.transferSize, 0) };
"""

console = Console()


def main() -> None:
    """Seed, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path(tempfile.gettempdir()) / "breakeven-pages", help="folder")
    parser.add_argument("--readme", action="store_true", help="only the two of the README, into docs/images")
    parser.add_argument("--days", type=int, default=60, help="of the demo's traffic")
    options = parser.parse_args()
    if missing := browser.missing():
        parser.error(f"not on this machine: {missing} (apt-get install chromium chromium-driver)")
    with demo_collector(options.days, console) as collector, browser.chromium() as driver:
        _first_look(driver, collector.url)
        if options.readme:
            _of_readme(driver, collector.url)
        else:
            _of_all(driver, collector.url, options.to)


def _first_look(driver: Chrome, url: str) -> None:
    """The overview before there are verdicts, and again with them."""
    for what in ("without verdicts", "with verdicts", "with nothing changed"):
        browser.show(driver, width=WIDTHS["wide"], theme="light")
        driver.get(url)
        console.print(f"{what}  {_measured(driver)}", highlight=False)
        deadline = monotonic() + 60
        while not _json(f"{url}/api/pulse")["verdicts"] and monotonic() < deadline:
            sleep(0.2)


def _measured(driver: Chrome) -> dict[str, Any]:
    """What `_PAINT` says, once the page is painted: a browser without a window takes its time."""
    deadline = monotonic() + 3
    while True:
        found: dict[str, Any] = driver.execute_script(_PAINT)
        if found["first_paint_ms"] is not None or monotonic() > deadline:
            return found
        sleep(0.05)


def _json(url: str) -> dict[str, Any]:
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)


def _of_all(driver: Chrome, url: str, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    call = _json(f"{url}/api/calls?feature=code-assistant")["calls"][0]
    pages = {
        "overview": "/",
        "overview-by-tenant": "/?by=tenant&days=30",
        "feature": "/feature?feature=contract-review",
        "calls": "/calls?status=failed",
        "call": f"/calls/{call['id']}",
        "set-up": "/setup",
        "alerts": "/alerts",
        "nothing": "/?from=2021-01-01&to=2021-01-02",
        "error": "/?days=none",
    }
    for name, path in pages.items():
        for theme in ("light", "dark"):
            for size, width in WIDTHS.items():
                browser.show(driver, width=width, theme=theme)
                driver.get(url + path)
                measured = _measured(driver)
                file = to / f"{name}-{theme}-{size}.png"
                browser.picture(driver, file, width=width, theme=theme)
                console.print(f"{file}  {measured}", highlight=False)


def _of_readme(driver: Chrome, url: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, path, theme in (
        ("overview", "/", "light"),
        ("feature", "/feature?feature=contract-review", "dark"),
    ):
        browser.show(driver, width=WIDTHS["wide"], height=_README_HEIGHT, theme=theme)
        driver.get(url + path)
        file = IMAGES / f"{name}.png"
        driver.save_screenshot(str(file))
        console.print(f"{file}  {file.stat().st_size:,} bytes", highlight=False)


if __name__ == "__main__":
    main()
