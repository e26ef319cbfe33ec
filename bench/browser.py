"""Debian's Chromium, without a window, for the page's tests and its pictures."""

import json
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

_FLAGS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


def missing() -> str:
    """What is not on this machine; empty where everything is."""
    return ", ".join(name for name in ("chromium", "chromedriver") if shutil.which(name) is None)


@contextmanager
def chromium() -> Generator[Chrome]:
    """A browser with a profile of its own, which keeps a log of its console and of its requests."""
    profile = tempfile.mkdtemp(prefix="breakeven-chromium-")
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver") or "chromedriver"))
    try:
        driver.set_page_load_timeout(30)
        driver.set_script_timeout(30)
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def show(driver: Chrome, *, width: int = 1320, height: int = 900, theme: str = "light") -> None:
    """Be a screen of this size, whose system prefers this theme."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefers = [{"name": "prefers-color-scheme", "value": theme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": prefers})


def requests(driver: Chrome) -> list[str]:
    """Addresses that were asked for over a network since the last time; what the browser keeps in itself is none."""
    log: list[dict[str, Any]] = driver.get_log("performance")  # pyright: ignore[reportUnknownMemberType]
    messages = [json.loads(entry["message"])["message"] for entry in log]
    asked: list[str] = [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in asked if not url.startswith(("chrome:", "chrome-untrusted:", "data:", "blob:"))]


def complaints(driver: Chrome) -> list[str]:
    """What the console said since the last time."""
    log: list[dict[str, Any]] = driver.get_log("browser")  # pyright: ignore[reportUnknownMemberType]
    return [entry["message"] for entry in log]


def picture(driver: Chrome, to: Path, *, width: int, most_height: int = 2600, theme: str = "light") -> None:
    """A picture of the whole page."""
    show(driver, width=width, theme=theme)
    height: int = driver.execute_script("return document.documentElement.scrollHeight")
    show(driver, width=width, height=min(height, most_height), theme=theme)
    driver.execute_script("window.drawCharts && window.drawCharts()")
    driver.save_screenshot(str(to))
