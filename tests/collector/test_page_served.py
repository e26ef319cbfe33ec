"""The page as a browser gets it: names from spans do no harm, and a key opens what it may read and no more."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import breakeven_collector.page as page_package
import pytest
from breakeven_collector.keys import KeyTable, Scope
from breakeven_collector.serve import Collector

from tests.collector.client import Client
from tests.conftest import quick_settings
from tests.spans import Call, body

FORM = {"Content-Type": "application/x-www-form-urlencoded"}

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=HYPERLINK(\"http://x\")", "a" * 5000,
    "\u202eevil\u202c", "{{ 7 * 7 }}", "a\r\nSet-Cookie: x=1", "' OR 1=1 --", "\x00\x1b[31mred",
)  # fmt: skip


class Reader(Client):
    """A client with a key that reads."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url)
        self._own = {"x-api-key": key}

    def send(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        return super().send(method, path, body, {**self._own, **(headers or {})})


@dataclass
class Served:
    """A collector with keys of a project, and calls with hostile names in it."""

    collector: Collector
    client: Client
    """Without a key."""
    reader: Reader
    keys: dict[str, str]


@pytest.fixture(scope="module")
def served(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    dsn = f"chdb://{engine_folder}?database=page_served"
    with Collector(quick_settings(dsn, tmp_path_factory.mktemp("page"))) as collector:
        table = KeyTable(collector.pipeline.store)
        keys = {str(scope): table.create(scope, "alpha")["key"] for scope in Scope}
        collector.pipeline.access.refresh()
        now = datetime.now(UTC)
        calls = [
            Call(at=now, feature=name, model=name, attributes={"breakeven.tenant": name, "user.id": name})
            for name in HOSTILE
        ]
        data = body(*calls, Call(at=now), service=HOSTILE[0], resource={"deployment.environment.name": HOSTILE[1]})
        client = Client(collector.url)
        assert client.post(data, {"Content-Type": "application/x-protobuf", "x-api-key": keys["ingest"]}).status == 200
        collector.pipeline.drain()
        yield Served(collector, client, Reader(collector.url, keys["read"]), keys)


def test_hostile_names_stay_names_on_every_page(served: Served) -> None:
    client = served.reader
    call_ids = [call["id"] for call in client.get("/api/calls")["calls"]]
    pages = [
        *("/", "/?by=tenant", "/calls", "/setup", f"/?environment={quote(HOSTILE[1])}"),
        *(f"/feature?{urlencode({'feature': name})}" for name in HOSTILE[:3]),
        *(f"/calls/{call_id}" for call_id in call_ids[:3]),
        f"/calls?{urlencode({'q': HOSTILE[1]})}",
    ]
    for path in pages:
        answer = client.send("GET", path)
        text = answer.body.decode()
        assert answer.status == 200, path
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "onerror=alert" not in re.sub(
            r"&#?\w+;onerror|x onerror", "", text.replace("src=x onerror=alert", "")
        ), path
        assert "49" not in re.findall(r"<bdi>([^<]*)</bdi>", text)
        assert "\x1b" not in text
        assert "\u202e" not in re.sub(r'(href|value|data-chart|data-outlook)="[^"]*"', "", text), path
        # Nothing runs or styles from within the page.
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=\"", text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text), path
    table = client.send("GET", "/?csv=features").body.decode()
    cells = [row[0] for row in csv.reader(io.StringIO(table, newline=""))]
    assert '\'=HYPERLINK("http://x")' in cells


def test_the_pages_of_an_empty_store_and_of_errors_say_what_to_do(served: Served) -> None:
    client = served.reader
    nothing = client.send("GET", "/?from=2021-01-01&to=2021-01-02").body.decode()
    assert "No calls in this period" in nothing
    assert "/setup" in nothing
    for path, status, words in (
        ("/?days=x", 422, "Days &#39;x&#39;: write a whole number"),
        ("/feature", 422, "Feature is missing"),
        ("/calls/none", 404, "There is no such call"),
        ("/?csv=none", 404, "features, removed"),
    ):
        answer = client.send("GET", path)
        assert (answer.status, words in answer.body.decode()) == (status, True), (path, answer)
        assert answer.headers["content-type"].startswith("text/html")
    assert client.send("GET", "/static/../app.py").status == 404
    assert client.send("GET", "/static/routes.py").status == 404


def test_a_file_of_declarations_that_changes_is_seen_at_once(served: Served) -> None:
    before = served.reader.get("/api/pulse")["pulse"]
    assert "the searchers" not in served.reader.send("GET", "/").body.decode()
    served.collector.pipeline.settings.config.write_text('[features.search]\nowner = "the searchers"\n')
    assert served.reader.get("/api/pulse")["pulse"] != before
    assert "the searchers" in served.reader.send("GET", "/").body.decode()


def sign_in(on: Served, key: str, to: str = "/", **headers: str) -> Any:
    return on.client.send("POST", "/sign-in", urlencode({"key": key, "to": to}).encode(), {**FORM, **headers})


def test_a_key_signs_in_and_opens_what_it_may_read_and_nothing_else(served: Served) -> None:
    form = served.client.send("GET", "/calls?days=7")
    assert (form.status, 'name="to" value="/calls?days=7"' in form.body.decode()) == (401, True)
    answer = sign_in(served, served.keys["read"], "/calls?days=7")
    assert (answer.status, answer.headers["location"]) == (303, "/calls?days=7")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "Secure" not in cookie
    assert "Secure" in sign_in(served, served.keys["read"], **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    own = {"Cookie": cookie.split(";")[0]}
    for path in ("/", "/calls", "/setup", "/api/report", "/api/pulse"):
        answer = served.client.send("GET", path, None, own)
        assert answer.status == 200, path
        assert served.keys["read"] not in answer.body.decode()
    other = served.client.send("GET", "/?project=beta", None, own)
    assert (other.status, "This key is for project" in other.body.decode()) == (403, True)
    left = served.client.send("POST", "/sign-out", b"", {**FORM, **own})
    assert (left.status, 'breakeven_key=""' in left.headers["set-cookie"]) == (303, True)


def test_a_cookie_changes_nothing(served: Served) -> None:
    own = {"Cookie": f"breakeven_key={served.keys['admin']}"}
    json_headers = {**own, "Content-Type": "application/json"}
    assert served.client.send("POST", "/api/keys", b'{"scope": "read"}', json_headers).status == 401
    assert served.client.send("DELETE", "/api/keys/00000000", None, own).status == 401
    assert served.client.send("GET", "/metrics", None, own).status == 401
    assert served.client.post(body(Call()), {"Content-Type": "application/x-protobuf", **own}).status == 401
    page = served.client.send("GET", "/setup", None, own).body.decode()
    assert "Keys that hold" in page
    assert not [key for key in served.keys.values() if key in page]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_another_sites_form_signs_nobody_in(served: Served, headers: dict[str, str], status: int) -> None:
    answer = sign_in(served, served.keys["read"], **headers)
    assert (answer.status, "set-cookie" in answer.headers) == (status, False)
    assert served.client.send("POST", "/sign-out", b"", {**FORM, **headers}).status == status


def test_a_wrong_key_is_told_and_not_repeated_and_leads_nowhere(served: Served) -> None:
    for key, status in (("bk_read_wrong", 401), ("", 401), (served.keys["ingest"], 403)):
        answer = sign_in(served, key)
        assert (answer.status, "set-cookie" in answer.headers) == (status, False)
        assert not key or key not in answer.body.decode()
    for to in ("//evil.example", "https://evil.example/", "/\\evil.example", "evil", "/x\r\nSet-Cookie: a=b"):
        assert sign_in(served, served.keys["read"], to).headers["location"] == "/"


def test_the_chart_library_is_the_one_that_its_note_names() -> None:
    folder = Path(page_package.__path__[0]) / "static"
    named = dict(re.findall(r"\| `(uPlot[^`]+)` \|.*`([0-9a-f]{64})`", (folder / "README.md").read_text()))
    assert named.keys() == {"uPlot.iife.min.js", "uPlot.min.css"}
    assert {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in named} == named
    assert "MIT" in (folder / "uPlot-LICENSE.txt").read_text()
