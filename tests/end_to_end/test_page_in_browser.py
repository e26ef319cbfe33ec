"""The page in a browser: an application sends through the SDK, and every page shows what the API says."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from breakeven_collector.render import money
from breakeven_collector.serve import Collector
from breakeven_collector.verdicts import told
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from bench import browser
from tests.collector.billed_lines import insert_billed
from tests.collector.client import Client
from tests.conftest import quick_settings
from tests.spans import Call, body

AXE = Path(__file__).parent / "browser" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.skipif(
    bool(browser.missing()),
    reason=f"not on this machine: {browser.missing()} (apt-get install chromium chromium-driver)",
)

SENDS = """
import sys
import breakeven
breakeven.init(service="browser-test", environment=sys.argv[2], endpoint=sys.argv[1], instrument=False)
for feature, model, tokens in (("contract-review", "gpt-4o", 40_000), ("triage", "gpt-4o-mini", 9_000), ("<b>bold</b>", "gpt-4o", 500)):
    with breakeven.feature(feature, tenant="acme"):
        breakeven.record(provider="openai", model=model, input_tokens=tokens, output_tokens=300)
assert breakeven.flush(20)
"""


def send(url: str, environment: str) -> None:
    subprocess.run([sys.executable, "-c", SENDS, url, environment], check=True, timeout=60)


def send_history(served: Collector) -> None:
    """Forty days before today of a feature that grows: enough for a verdict, and for a day on which it crosses."""
    now = datetime.now(UTC)
    calls = [
        Call(at=now - timedelta(days=40 - n), feature="long-run", input_tokens=int(2e8 * 1.02**n)) for n in range(40)
    ]
    Client(served.url).post(body(*calls), {"Content-Type": "application/x-protobuf"})
    served.pipeline.drain()


WHITE = "rgb(255, 255, 255)"
FOCUSED = """
const one = document.activeElement;
return one.innerText || one.getAttribute("aria-labelledby") || one.tagName;
"""


@pytest.fixture(scope="module")
def served(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    dsn = f"chdb://{engine_folder}?database=page_browser"
    with Collector(quick_settings(dsn, tmp_path_factory.mktemp("browser"))) as collector:
        yield collector


@pytest.fixture(scope="module")
def chrome(served: Collector) -> Iterator[Chrome]:
    with browser.chromium() as driver:
        # The set-up page waits for the first call, and turns green without a reload.
        browser.show(driver)
        driver.get(f"{served.url}/setup")
        assert "Waiting for the first call" in driver.find_element(By.ID, "arrived").text
        assert served.url in driver.find_element(By.ID, "c-sdk").text
        send(served.url, "production")
        until(lambda: "yes" in (driver.find_element(By.ID, "arrived").get_attribute("class") or ""))
        send_history(served)
        yield driver


@pytest.fixture(autouse=True)
def _neither_errors_nor_strangers(served: Collector, chrome: Chrome) -> Iterator[None]:
    yield
    assert browser.complaints(chrome) == []
    assert [url for url in browser.requests(chrome) if not url.startswith(served.url)] == []


def until(holds: Callable[[], Any], seconds: float = 45) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except Exception:  # the page is just being changed
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.1)


def api(served: Collector, path: str) -> dict[str, Any]:
    with urlopen(served.url + path, timeout=20) as answer:
        return json.load(answer)


def text(chrome: Chrome) -> str:
    return chrome.find_element(By.ID, "main").text


def rows_of(chrome: Chrome, table: str) -> list[WebElement]:
    """Under load the driver may look into a page before it is there."""
    found: list[WebElement] = []
    until(lambda: found.extend(chrome.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr")) or found)
    return found


def test_each_page_shows_what_the_api_says(served: Collector, chrome: Chrome) -> None:
    report = api(served, "/api/report?days=1")
    calls = api(served, "/api/calls?days=1")["calls"]
    assert {row["feature"] for row in report["features"]} == {"contract-review", "triage", "<b>bold</b>"}
    today = datetime.now(UTC).date()
    line = {"provider": "openai", "day": today, "report": "costs", "item": "gpt-4o", "amount_usd": Decimal("99.5")}
    insert_billed(served.pipeline.store, [line])
    chrome.get(f"{served.url}/?days=1")
    assert api(served, "/api/report?days=1")["billed"]["totals"]["billed_usd"] == "99.5"
    # It is worked out beside the page, which takes it up by itself.
    until(lambda: "$99.50" in text(chrome))
    shown = text(chrome)
    for figure in (money(report["totals"]["cost_usd"]), f"{report['totals']['calls']:,} calls"):
        assert figure in shown
    for row in report["features"]:
        assert row["feature"] in shown
        assert money(row["cost_usd"]) in shown
    assert chrome.find_element(By.CSS_SELECTOR, ".plot canvas").size["width"] > 300

    chrome.find_element(By.LINK_TEXT, "contract-review").click()
    until(lambda: "/feature?" in chrome.current_url)
    row = next(row for row in report["features"] if row["feature"] == "contract-review")
    assert money(row["cost_per_call_usd"], small=True) in text(chrome)
    assert "acme" in text(chrome)

    chrome.get(f"{served.url}/calls?days=1")
    rows = rows_of(chrome, "calls")
    assert len(rows) == len(calls) == 3
    rows[0].find_element(By.TAG_NAME, "a").click()
    until(lambda: "/calls/" in chrome.current_url)
    detail = api(served, f"/api/calls/{calls[0]['id']}")
    assert f"${Decimal(detail['lines_usd']).normalize():f}" in text(chrome)
    for line in detail["lines"]:
        assert f"${Decimal(line['usd']).normalize():f}" in text(chrome)


def test_a_verdict_on_the_page_is_that_of_the_api(served: Collector, chrome: Chrome) -> None:
    chrome.get(f"{served.url}/feature?feature=long-run&days=30")
    until(lambda: "Another verdict would come with" in text(chrome))
    one = api(served, "/api/verdicts?feature=long-run&flips=true")["features"][0]
    assert chrome.find_element(By.CLASS_NAME, "verdict").text == told.said(one)
    shown = text(chrome)
    for words in (told.next_step(one), told.breaks_even(one), told.crosses(one), told.would_change(one)):
        assert words in shown
    drawn = chrome.find_element(By.CSS_SELECTOR, "[data-outlook]")
    assert drawn.find_element(By.TAG_NAME, "canvas").size["width"] > 300
    chart = json.loads(drawn.get_attribute("data-outlook") or "")
    assert [line["usd"] for line in chart["lines"] if line["is_main"]] == [one["threshold_usd"]]
    assert [mark["on"] for mark in chart["marks"]] == [one["crossing"]["p50_on"]]
    assert one["threshold_usd"] > one["spend_usd"] > 0
    assert chart["p90"][-1] == round(one["outlook"][-1]["p90_usd"], 2)
    chrome.get(f"{served.url}/?days=30")
    rows = {row.text.split()[0]: row.text for row in rows_of(chrome, "features")}
    assert one["next_action"] in rows["long-run"]


def test_filters_stand_in_the_address_and_hold_there(served: Collector, chrome: Chrome) -> None:
    chrome.get(f"{served.url}/?days=7&environment=staging")
    assert "No calls in this period" in text(chrome)
    chrome.get(f"{served.url}/?days=7")
    chrome.find_element(By.CSS_SELECTOR, ".custom summary").click()
    chrome.find_element(By.NAME, "environment").send_keys("production")
    chrome.find_element(By.CSS_SELECTOR, ".filters button").click()
    until(lambda: "environment=production" in chrome.current_url)
    assert "contract-review" in text(chrome)
    report = api(served, "/api/report?days=7&environment=production")
    assert f"{report['totals']['calls']:,} calls" in text(chrome)
    assert money(report["totals"]["cost_usd"]) in text(chrome)
    chrome.get(f"{served.url}/?days=1")
    chrome.find_element(By.LINK_TEXT, "model").click()
    until(
        lambda: "by=model" in chrome.current_url and "gpt-4o-mini" in chrome.find_element(By.CLASS_NAME, "legend").text
    )
    assert "days=1" in chrome.current_url
    chrome.back()
    until(lambda: "contract-review" in chrome.find_element(By.CLASS_NAME, "legend").text)


def test_new_figures_come_without_a_reload_and_can_be_held(served: Collector, chrome: Chrome) -> None:
    chrome.get(f"{served.url}/?days=1")
    until(lambda: "contract-review" in text(chrome))
    chrome.execute_script("window.isSamePage = true")
    chrome.find_element(By.ID, "live").click()
    assert chrome.find_element(By.ID, "live").get_attribute("aria-pressed") == "false"
    before = api(served, "/api/report?days=1")["totals"]["calls"]
    send(served.url, "staging")
    served.pipeline.drain()
    assert api(served, "/api/report?days=1")["totals"]["calls"] == before + 3
    time.sleep(2.5)
    assert f"{before} calls" in text(chrome)
    chrome.find_element(By.ID, "live").click()
    until(lambda: f"{before + 3} calls" in text(chrome))
    assert chrome.execute_script("return window.isSamePage") is True


def test_the_keyboard_reaches_everything_and_focus_is_seen(served: Collector, chrome: Chrome) -> None:
    chrome.get(f"{served.url}/?days=1")
    chrome.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    first = chrome.switch_to.active_element
    assert first.text == "Skip to the figures"
    assert first.rect["x"] >= 0
    first.send_keys(Keys.ENTER)
    until(lambda: chrome.execute_script("return document.activeElement.id") == "main")
    reached: list[str] = []
    for _ in range(40):
        # To no element: the page may put a fresh one in its place meanwhile, which has the focus then.
        ActionChains(chrome).send_keys(Keys.TAB).perform()
        reached.append(chrome.execute_script(FOCUSED))
    assert {"contract-review", "triage", "model"} <= set(reached)
    outline = chrome.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_an_alert_is_snoozed_by_its_form(served: Collector, chrome: Chrome) -> None:
    now = datetime.now(UTC)
    columns = ("project", "rule", "subject", "version", "state", "since", "at", "tellings", "is_active", "headline")
    row = ("default", "jump", "triage", 1, "firing", now, now, 1, 1, "triage jumped")
    served.pipeline.store.insert("alert_states", columns, [row])
    chrome.get(f"{served.url}/alerts")
    assert "triage jumped" in chrome.find_element(By.CSS_SELECTOR, ".alert").text
    chrome.find_element(By.CSS_SELECTOR, ".snooze button").click()
    until(lambda: "Nothing fires." in text(chrome))
    assert chrome.current_url == f"{served.url}/alerts"
    assert "triage" in chrome.find_element(By.ID, "snoozes").text


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/?days=30", "/feature?feature=long-run&days=30", "/calls?days=1", "/alerts", "/setup"]
)
def test_axe_finds_no_serious_problem(served: Collector, chrome: Chrome, path: str, theme: str) -> None:
    if not AXE.exists():
        pytest.skip(f"without axe-core from npm: npm install --prefix {AXE.parents[2]}")
    browser.show(chrome, theme=theme)
    chrome.get(served.url + path)
    chrome.execute_script(AXE.read_text())
    found = chrome.execute_async_script(
        "const done = arguments[0]; axe.run({ resultTypes: ['violations'] }).then((found) => done(found.violations))"
    )
    assert [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ] == []


def ground(chrome: Chrome) -> str:
    return chrome.execute_script("return getComputedStyle(document.body).backgroundColor")


def test_paper_is_light_whatever_the_screen_is(served: Collector, chrome: Chrome) -> None:
    browser.show(chrome, theme="dark")
    chrome.get(f"{served.url}/?days=1")
    on_screen: str = chrome.execute_script("return document.querySelector('.plot canvas').toDataURL()")
    chrome.execute_script(
        "addEventListener('beforeprint', () => queueMicrotask(() => {"
        " window.printed = document.querySelector('.plot canvas').toDataURL(); }))"
    )
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    assert ground(chrome) == WHITE
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": dark})
    chrome.execute_cdp_cmd("Page.printToPDF", {})
    assert chrome.execute_script("return window.printed") not in (None, on_screen)
    assert ground(chrome) == "rgb(17, 20, 24)"
    assert chrome.execute_script("return document.querySelector('.plot canvas').toDataURL()") == on_screen
    browser.show(chrome)


def test_dark_is_dark_by_the_system_and_by_choice(served: Collector, chrome: Chrome) -> None:
    browser.show(chrome, theme="dark")
    chrome.get(f"{served.url}/?days=1")
    assert ground(chrome) == "rgb(17, 20, 24)"
    chrome.find_element(By.ID, "theme").click()
    assert ground(chrome) == WHITE
    chrome.get(f"{served.url}/calls")
    assert ground(chrome) == WHITE
    chrome.execute_script("localStorage.clear()")
    browser.show(chrome)


def test_a_phone_shows_all_without_scrolling_sideways(served: Collector, chrome: Chrome) -> None:
    browser.show(chrome, width=375, height=700)
    call = api(served, "/api/calls")["calls"][0]["id"]
    for path in ("/?days=30", "/feature?feature=long-run&days=30", "/calls", f"/calls/{call}", "/alerts", "/setup"):
        chrome.get(served.url + path)
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= 375, path
    browser.show(chrome)


def test_the_first_page_is_light(served: Collector, chrome: Chrome) -> None:
    chrome.get(f"{served.url}/?days=30")
    sizes: list[int] = chrome.execute_script(
        "return ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind)).map((one) => one.decodedBodySize)"
    )
    # Even uncompressed.
    assert sum(sizes) < 500_000
