"""A server on loopback that speaks the APIs of OpenAI's and Anthropic's accounts, and misbehaves where it is told to."""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from breakeven_collector.demo.bill import Bill

KEY: Final = "sk-admin-canary-7531"
_FILES: Final = {
    "/v1/organization/costs": ("openai", "costs.json"),
    "/v1/organization/usage/completions": ("openai", "completions.json"),
    "/v1/organization/usage/embeddings": ("openai", "embeddings.json"),
    "/v1/organizations/cost_report": ("anthropic", "cost_report.json"),
    "/v1/organizations/usage_report/messages": ("anthropic", "usage_report.json"),
}
Trouble = int | str
"""A status, or 'cut': the connection ends in the middle of the answer; 'redirect': to another address."""


class AccountsApi:
    """Answers from a bill, `days_a_page` buckets at once.

    Attributes:
        troubles: path → what the next calls of it get instead of an answer.
        asked: path → how many calls came.
    """

    def __init__(self, bill: Bill, days_a_page: int = 2) -> None:
        self.bill, self.days_a_page = bill, days_a_page
        self.troubles: dict[str, list[Trouble]] = {}
        self.asked = Counter[str]()
        self.queries: list[tuple[str, dict[str, list[str]]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _page(self, path: str, query: Mapping[str, list[str]]) -> dict[str, Any] | None:
        if path == "/v1/organization/projects":
            return {"object": "list", "data": [{"id": "proj_x", "object": "organization.project"}], "has_more": False}
        if path in ("/v1/organization/projects/proj_x/api_keys", "/v1/organizations/api_keys"):
            source = "openai" if "projects" in path else "anthropic"
            return self._keys(self.bill.pages[source]["api_keys.json"][0]["data"], query)
        source, name = _FILES.get(path, ("openai", ""))
        pages = self.bill.pages[source].get(name, [])
        openai = path.startswith("/v1/organization/")
        first, after = ("start_time", "end_time") if openai else ("starting_at", "ending_at")
        start, end = (int(query[n][0]) if openai else query[n][0] for n in (first, after))
        buckets = [b for page in pages for b in page["data"] if start <= b[first] < end]
        at = int(query.get("page", ["0"])[0])
        more = at + self.days_a_page < len(buckets)
        return {
            "data": buckets[at : at + self.days_a_page],
            "has_more": more,
            "next_page": str(at + self.days_a_page) if more else None,
        }

    def _keys(self, keys: list[dict[str, Any]], query: Mapping[str, list[str]]) -> dict[str, Any]:
        after = (query.get("after") or query.get("after_id") or [""])[0]
        start = next((n + 1 for n, key in enumerate(keys) if key["id"] == after), 0)
        page = keys[start : start + 3]
        return {"data": page, "has_more": start + 3 < len(keys), "last_id": page[-1]["id"] if page else None}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = parse_qs(parts.query)
                api.asked[parts.path] += 1
                api.queries.append((parts.path, query))
                troubles = api.troubles.get(parts.path) or api.troubles.get("*") or []
                trouble = troubles.pop(0) if troubles else None
                openai = parts.path.startswith("/v1/organization/")
                given = self.headers["Authorization" if openai else "x-api-key"]
                if given != (f"Bearer {KEY}" if openai else KEY):
                    trouble = 401
                if isinstance(trouble, int):
                    message = f"status {trouble}; you sent {given}"
                    headers = {"Retry-After": "7"} if trouble == 429 else {}
                    self._answer(trouble, {"error": {"message": message}}, headers)
                elif trouble == "redirect":
                    self._answer(307, {}, {"Location": "http://127.0.0.1:9/"})
                else:
                    self._answer(200, api._page(parts.path, query), {}, cut=trouble == "cut")

            def _answer(self, status: int, document: Any, headers: Mapping[str, str], cut: bool = False) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)
                self.close_connection = cut

        return Handler
