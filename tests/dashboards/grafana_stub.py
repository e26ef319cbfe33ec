"""A server on loopback that speaks Grafana's HTTP API as far as grafana-client is asked for it here.

What it answers is written from Grafana's source and API reference; it has not been compared with a Grafana.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_test"
Rows = tuple[list[str], list[list[Any]]]
"""Names of columns, and the columns."""
Ask = Callable[[dict[str, Any], str, str], Rows]
"""Runs a query of `/api/ds/query` over a time range; raises ValueError with what the data source says is wrong."""


@dataclass
class Grafana:
    """What stands in it, and what it was asked."""

    url: str = ""
    plugin: bool = True
    role: str = "Admin"
    slow_seconds: float = 0.0
    failing: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict[str, tuple[int, dict[str, Any]]])
    """Path (a regular expression) → the status and answer that it gets instead."""
    ask: Ask = lambda query, start, end: ([], [])
    folders: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    datasources: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    templates: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    contact_points: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    rules: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    intervals: dict[str, int] = field(default_factory=dict[str, int])
    requests: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if method != "GET" and path != "/api/ds/query"]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        for pattern, answer in self.failing.items():
            if re.fullmatch(pattern, f"{method} {path}"):
                return answer
        for pattern, route in _ROUTES:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                if method != "GET" and self.role == "Viewer" and path != "/api/ds/query":
                    return 403, {"message": "You'll need additional permissions to perform this action."}
                return route(self, body, *found.groups())
        return 404, {"message": "Not found"}


def _plugin(it: Grafana, _: Any) -> tuple[int, Any]:
    if not it.plugin:
        return 404, {"message": "Plugin not found, no installed plugin with that id"}
    return 200, {"id": "grafana-clickhouse-datasource", "info": {"version": "4.20.0"}}


def _get_folder(it: Grafana, _: Any, uid: str) -> tuple[int, Any]:
    return (200, it.folders[uid]) if uid in it.folders else (404, {"message": "folder not found"})


def _post_folder(it: Grafana, body: Any) -> tuple[int, Any]:
    it.folders[body["uid"]] = body
    return 200, body


def _get_datasource(it: Grafana, _: Any, uid: str) -> tuple[int, Any]:
    if uid not in it.datasources:
        return 404, {"message": "Data source not found"}
    kept = it.datasources[uid]
    shown = {name: value for name, value in kept.items() if name != "secureJsonData"}
    secrets = dict.fromkeys(kept.get("secureJsonData", {}), True)
    return 200, {"id": 1, "orgId": 1, "basicAuth": False, "version": 1, **shown, "secureJsonFields": secrets}


def _put_datasource(it: Grafana, body: Any, uid: str = "") -> tuple[int, Any]:
    it.datasources[uid or body["uid"]] = body
    return 200, {"message": "Datasource added", "datasource": body}


def _get_dashboard(it: Grafana, _: Any, uid: str) -> tuple[int, Any]:
    return (200, it.dashboards[uid]) if uid in it.dashboards else (404, {"message": "Dashboard not found"})


def _post_dashboard(it: Grafana, body: Any) -> tuple[int, Any]:
    made = body["dashboard"]
    there = it.dashboards.get(made["uid"])
    if there and not body["overwrite"] and made.get("version") != there["dashboard"]["version"]:
        return 412, {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
    version = there["dashboard"]["version"] + 1 if there else 1
    it.dashboards[made["uid"]] = {
        "dashboard": {**made, "id": 7, "version": version},
        "meta": {"folderUid": body["folderUid"], "provisioned": False},
    }
    return 200, {"status": "success", "uid": made["uid"], "version": version}


def _get_template(it: Grafana, _: Any, name: str) -> tuple[int, Any]:
    return (200, it.templates[name]) if name in it.templates else (404, {"message": "not found"})


def _put_template(it: Grafana, body: Any, name: str) -> tuple[int, Any]:
    it.templates[name] = {"name": name, "template": body["template"], "version": str(len(body["template"]))}
    return 202, it.templates[name]


def _get_contact_points(it: Grafana, _: Any, name: str) -> tuple[int, Any]:
    shown = [{**p, "settings": {**p["settings"], "url": "[REDACTED]"}} for p in it.contact_points.values()]
    return 200, [point for point in shown if point["name"] == name]


def _put_contact_point(it: Grafana, body: Any, uid: str = "") -> tuple[int, Any]:
    if not body["settings"].get("url"):
        return 400, {"message": "recipient must be specified when using the Slack chat API"}
    it.contact_points[uid or body["uid"]] = body
    return 202, body


def _get_rule(it: Grafana, _: Any, uid: str) -> tuple[int, Any]:
    return (200, _shown(it.rules[uid])) if uid in it.rules else (404, {})


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    """Grafana writes durations its own way, and adds what a query leaves out."""
    data = [
        {"queryType": "", **q, "model": {"intervalMs": 1000, "maxDataPoints": 43200, **q["model"]}}
        for q in rule["data"]
    ]
    settings = rule.get("notification_settings")
    shown = {**settings, "repeat_interval": "1d"} if settings else None
    return {"id": 1, **rule, "data": data, "for": rule["for"].replace("5m", "5m0s"), "notification_settings": shown}


def _put_rule(it: Grafana, body: Any, uid: str = "") -> tuple[int, Any]:
    settings: dict[str, Any] = body.get("notification_settings") or {}
    receiver = settings.get("receiver")
    if receiver and receiver not in {point["name"] for point in it.contact_points.values()}:
        return 400, {"message": f"receiver {receiver} does not exist"}
    if body["folderUID"] not in it.folders:
        return 400, {"message": "folder does not exist"}
    it.rules[uid or body["uid"]] = body
    it.intervals.setdefault(body["ruleGroup"], 60)
    return 201, _shown(body)


def _get_group(it: Grafana, _: Any, folder: str, name: str) -> tuple[int, Any]:
    rules = [_shown(rule) for rule in it.rules.values() if rule["ruleGroup"] == name]
    if not rules:
        return 404, {}
    return 200, {"title": name, "folderUid": folder, "interval": it.intervals[name], "rules": rules}


def _put_group(it: Grafana, body: Any, _folder: str, name: str) -> tuple[int, Any]:
    it.intervals[name] = body["interval"]
    it.rules = {uid: rule for uid, rule in it.rules.items() if rule["ruleGroup"] != name}
    it.rules |= {rule["uid"]: rule for rule in body["rules"]}
    return 200, body


def _query(it: Grafana, body: Any) -> tuple[int, Any]:
    (query,) = body["queries"]
    if query["datasource"]["uid"] not in it.datasources:
        return 404, {"message": "Data source not found"}
    try:
        names, columns = it.ask(query, body["from"], body["to"])
    except ValueError as error:
        result = {"error": str(error), "errorSource": "downstream", "status": 400}
        return 400, {"results": {query["refId"]: result}}
    frame = {
        "schema": {"refId": query["refId"], "fields": [{"name": name} for name in names]},
        "data": {"values": columns},
    }
    return 200, {"results": {query["refId"]: {"status": 200, "frames": [frame]}}}


_PROVISIONING = "/api/v1/provisioning"
_ROUTES: list[tuple[str, Callable[..., tuple[int, Any]]]] = [
    ("GET /api/plugins/grafana-clickhouse-datasource/settings", _plugin),
    (r"GET /api/folders/(\S+)", _get_folder),
    ("POST /api/folders", _post_folder),
    (r"GET /api/datasources/uid/(\S+)", _get_datasource),
    ("POST /api/datasources", _put_datasource),
    (r"PUT /api/datasources/uid/(\S+)", _put_datasource),
    (r"GET /api/dashboards/uid/(\S+)", _get_dashboard),
    ("POST /api/dashboards/db", _post_dashboard),
    (rf"GET {_PROVISIONING}/templates/(\S+)", _get_template),
    (rf"PUT {_PROVISIONING}/templates/(\S+)", _put_template),
    (rf"GET {_PROVISIONING}/contact-points\?name=(\S+)", _get_contact_points),
    (rf"POST {_PROVISIONING}/contact-points", _put_contact_point),
    (rf"PUT {_PROVISIONING}/contact-points/(\S+)", _put_contact_point),
    (rf"GET {_PROVISIONING}/alert-rules/(\S+)", _get_rule),
    (rf"POST {_PROVISIONING}/alert-rules", _put_rule),
    (rf"PUT {_PROVISIONING}/alert-rules/(\S+)", _put_rule),
    (rf"GET {_PROVISIONING}/folder/(\S+)/rule-groups/(\S+)", _get_group),
    (rf"PUT {_PROVISIONING}/folder/(\S+)/rule-groups/(\S+)", _put_group),
    ("POST /api/ds/query", _query),
]


@contextmanager
def grafana() -> Generator[Grafana]:
    """A Grafana without anything in it, on a free port."""
    it = Grafana()

    class Handler(BaseHTTPRequestHandler):
        # Head and body in one piece: two make the client wait for an acknowledgement.
        wbufsize = -1
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            it.requests.append((self.command, self.path))
            time.sleep(it.slow_seconds)
            if self.headers.get("Authorization") not in (f"Bearer {TOKEN}", "Basic YWRtaW46cGFzcw=="):
                status, answer = 401, {"message": "Invalid API key"}
            else:
                status, answer = it.answer(self.command, self.path, json.loads(text or b"null"))
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    it.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield it
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
