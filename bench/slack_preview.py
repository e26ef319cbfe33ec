"""`python -m bench.slack_preview`: what alerts look like in Slack, as HTML and as a picture for the docs.

Slack's own preview needs an account. This draws the blocks that alerts are made of, much as Slack does, from the same
JSON that is sent; it is no judge of what Slack takes (tests/alerts/slack_server.py is).
"""

import argparse
import re
import tempfile
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from pathlib import Path
from typing import Any, Final

from breakeven_collector.alerts.digest import build_digest
from breakeven_collector.alerts.digest_message import digest_message
from breakeven_collector.alerts.events import Change, Rule
from breakeven_collector.alerts.messages import Links, Message, alert_message
from breakeven_collector.alerts.replay import replay
from rich.console import Console

from bench import browser
from bench.demo_store import demo_collector

PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "slack-alert.png"
_WIDTH: Final = 720
_LINKS: Final = Links("https://breakeven.example.com", "https://grafana.example.com")
_STYLE: Final = """
body { margin: 0; padding: 20px 24px; font: 15px/1.46 Lato, "DejaVu Sans", Arial, sans-serif; color: #1d1c1d; }
.message { display: grid; grid-template-columns: 36px 1fr; gap: 8px; margin-bottom: 22px; }
.face { width: 36px; height: 36px; border-radius: 8px; background: #1b7a3d; color: #fff; font-weight: 700; }
.face { display: grid; place-items: center; }
.name { font-weight: 900; }
.app { font-size: 10px; background: #ddd; border-radius: 2px; padding: 1px 3px; color: #616061; }
.time, .context { color: #616061; font-size: 12.5px; }
h3 { font-size: 18px; line-height: 1.33; margin: 6px 0; font-weight: 900; }
.section, .context { margin: 6px 0; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 8px 0; }
.red { color: #dd2e44; }
a { color: #1264a3; text-decoration: none; }
code { color: #e01e5a; border: 1px solid #ddd; background: #f7f7f7; border-radius: 3px; padding: 1px 3px; }
code { font-size: 12px; }
"""

console = Console()


def main() -> None:
    """Draw what the demo's traffic gives to tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--html", type=Path, help="write the HTML there, and take no picture")
    parser.add_argument("--to", type=Path, default=PICTURE, help="the picture")
    options = parser.parse_args()
    page = as_html(_of_the_demo())
    if options.html:
        options.html.write_text(page, encoding="utf-8")
        return
    if missing := browser.missing():
        parser.error(f"not on this machine: {missing} (apt-get install chromium chromium-driver)")
    with tempfile.TemporaryDirectory() as folder, browser.chromium() as driver:
        file = Path(folder) / "slack.html"
        file.write_text(page, encoding="utf-8")
        browser.show(driver, width=_WIDTH, height=200)
        driver.get(file.as_uri())
        height: float = driver.execute_script("return document.body.getBoundingClientRect().height")
        browser.show(driver, width=_WIDTH, height=round(height))
        driver.save_screenshot(str(options.to))
    print(f"{options.to}  {options.to.stat().st_size:,} bytes")


def as_html(messages: list[Message]) -> str:
    """A page with the messages below one another."""
    drawn = "".join(
        f'<div class="message"><div class="face">B</div><div><span class="name">Breakeven</span> '
        f'<span class="app">APP</span> <span class="time">10:00</span>{"".join(_block(one) for one in message.blocks)}'
        "</div></div>"
        for message in messages
    )
    head = f'<meta charset="utf-8"><title>Alerts in Slack</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en">{head}{drawn}'


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            # A machine without a font for emoji draws boxes.
            words = escape(block["text"]["text"]).replace("\U0001f534", '<span class="red">●</span>')
            return f"<h3>{words}</h3>"
        case "section" if "fields" in block:
            return f'<div class="fields">{"".join(f"<div>{_text(one)}</div>" for one in block["fields"])}</div>'
        case "section":
            return f'<div class="section">{_text(block["text"])}</div>'
        case "context":
            return f'<div class="context">{" ".join(_text(one) for one in block["elements"])}</div>'
        case kind:
            raise ValueError(f"there is no drawing of {kind!r} yet: add one")


def _text(one: dict[str, Any]) -> str:
    """Slack's mrkdwn: links, bold, code, line breaks."""
    text = re.sub(r"<(https?://[^|>]+)\|([^>]+)>", "\x01\\1\x02\\2\x03", one["text"])
    # Slack's escapes are HTML's.
    text = escape(unescape(text), quote=False)
    text = re.sub("\x01(.+?)\x02(.+?)\x03", r'<a href="\1">\2</a>', text)
    text = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", text).replace("\n", "<br>")


def _of_the_demo() -> list[Message]:
    """A jump and what is ahead, as they would have been told, and the digest of the last whole week."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with demo_collector(60, console) as collector:
        pipeline = collector.pipeline
        job, store, timezone = pipeline.alerts, pipeline.store, pipeline.settings.timezone
        config = job.file.read()
        told = replay(store, job.sources.remembered(now), config, now - timedelta(days=21), now, timezone)
        (project, hours), *_ = job.sources.hours(now, now).items()
        digest = build_digest(store, job.sources, hours, now, config, is_alone=True, project=project)
    first = {one.rule: one for one in reversed(told) if one.change is Change.FIRING}
    events = [first[rule] for rule in (Rule.JUMP, Rule.APPROACHING) if rule in first]
    return [*(alert_message([one], _LINKS) for one in events), digest_message(digest, _LINKS)]


if __name__ == "__main__":
    main()
