"""Live pulls: the provider's own API, read with an admin key of the environment, page after page.

The key is sent to the provider only, never stored, and never stands in a message. A redirect is not followed.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, Final, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from breakeven_collector.imports import openai
from breakeven_collector.imports.files import Progress, key_names, name_keys, take_page
from breakeven_collector.imports.lines import Account, BadRow, ImportFailed
from breakeven_collector.period import utc_seconds

_DAYS_A_CHUNK: Final = 31
_MOST_PAGES: Final = 10_000
_TRIES: Final = 6
_LONGEST_WAIT: Final = 120.0
_MOST_BYTES: Final = 256 * 1024 * 1024
_IN_THE_CLEAR: Final = {("http", host) for host in ("127.0.0.1", "localhost", "::1")}
_GROUPS_OPENAI: Final[Mapping[str, tuple[str, ...]]] = {
    "costs": ("project_id", "line_item"),
    "completions": ("project_id", "api_key_id", "model", "batch", "service_tier"),
    **dict.fromkeys(("vector_stores", "code_interpreter_sessions"), ("project_id",)),
    "file_search_calls": ("project_id", "api_key_id"),
}
_OPENAI_KEYED: Final = ("project_id", "api_key_id", "model")


@dataclass(frozen=True)
class Report:
    """One report of a provider: the address's path, and what its results are grouped by."""

    part: str
    path: str
    groups: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Report and part, as lines have them."""
        return ("costs", "") if self.part == "costs" else ("usage", self.part)


@dataclass(frozen=True)
class Provider:
    """Where and how to ask."""

    source: str
    base_url: str
    key_variable: str
    reports: tuple[Report, ...]


PROVIDERS: Final = {
    "openai": Provider(
        "openai",
        "https://api.openai.com",
        "OPENAI_ADMIN_KEY",
        (
            Report("costs", "/v1/organization/costs", _GROUPS_OPENAI["costs"]),
            *(
                Report(name, f"/v1/organization/usage/{name}", _GROUPS_OPENAI.get(name, _OPENAI_KEYED))
                for name in openai.ENDPOINTS
            ),
        ),
    ),
    "anthropic": Provider(
        "anthropic",
        "https://api.anthropic.com",
        "ANTHROPIC_ADMIN_KEY",
        (
            Report("costs", "/v1/organizations/cost_report", ("workspace_id", "description")),
            Report(
                "messages",
                "/v1/organizations/usage_report/messages",
                ("workspace_id", "api_key_id", "model", "service_tier", "context_window"),
            ),
        ),
    ),
}


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """A redirect would take the key elsewhere."""


class Pull:
    """Reads a provider's account.

    Args:
        provider: whom to ask.
        base_url: instead of the provider's own address.
        key: an admin key.
        sleep: waits so many seconds.

    Raises:
        ImportFailed: there is no key.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        base_url: str | None = None,
        key: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._provider = provider
        self.address = (base_url or provider.base_url).rstrip("/")
        parts = urlsplit(self.address)
        if parts.scheme != "https" and (parts.scheme, parts.hostname) not in _IN_THE_CLEAR:
            raise ImportFailed(f"{self.address}: the key is sent over https only, or to this machine")
        self._key = (os.environ.get(provider.key_variable, "") if key is None else key).strip()
        if not self._key:
            raise ImportFailed(
                f"{provider.key_variable} is not set: a pull needs an admin key that may read costs. Make one "
                "in the provider's console, or give files (docs/imports.md)"
            )
        if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
            raise ImportFailed(f"{provider.key_variable} is not a key")
        self._sleep = sleep
        self._opener = build_opener(_NoRedirect())

    def accounts(
        self, first: date, last: date, have: set[tuple[str, str, date]], *, now: datetime, progress: Progress
    ) -> Iterator[Account]:
        """What is not known yet of the days from `first` to `last`, in pieces that are whole each.

        Raises:
            ImportFailed: the provider refuses, or does not answer; pieces that came before stand.
        """
        names: dict[str, str] = {}
        named = Account(self._provider.source)
        self._names(names, named)
        chunks = [
            (report, chunk)
            for report in self._provider.reports
            for chunk in _chunks([d for d in _days(first, last) if (*report.key, d) not in have])
        ]
        for number, (report, (start, end)) in enumerate(chunks):
            progress(f"{self._provider.source} {report.part}", number, len(chunks))
            account = Account(self._provider.source)
            account.warnings.update(named.warnings)
            named.warnings.clear()
            for page_number, page in enumerate(self._report(report, start, end)):
                page["endpoint"] = report.part
                take_page(account, names, page, f"{report.path}, page {page_number + 1}", now=now)
            # A day without any result is told of, too.
            account.covered |= {(*report.key, day) for day in _days(start, end)}
            name_keys(account, names)
            yield account
        progress(self._provider.source, len(chunks), len(chunks))

    def _report(self, report: Report, first: date, last: date) -> Iterator[dict[str, Any]]:
        after = last + timedelta(days=1)
        query: dict[str, Any] = {"bucket_width": "1d", "limit": _DAYS_A_CHUNK}
        if self._provider.source == "openai":
            query |= {"start_time": utc_seconds(first), "end_time": utc_seconds(after), "group_by": report.groups}
        else:
            query |= {"starting_at": f"{first}T00:00:00Z", "ending_at": f"{after}T00:00:00Z"}
            query |= {"group_by[]": report.groups}
        for _ in range(_MOST_PAGES):
            page = self._ask(f"{report.path}?{urlencode(query, doseq=True)}")
            yield page
            if not page.get("has_more"):
                return
            if not page.get("next_page") or page["next_page"] == query.get("page"):
                raise ImportFailed(f"{self.address}{report.path} says that there is more, and names no next page")
            query["page"] = page["next_page"]
        raise ImportFailed(f"{self.address}{report.path} does not come to an end")

    def _names(self, names: dict[str, str], account: Account) -> None:
        """Names of the keys; without the right to read them the keys keep their ids."""
        try:
            if self._provider.source == "anthropic":
                paths = ["/v1/organizations/api_keys?limit=1000"]
            else:
                projects = self._list("/v1/organization/projects?limit=100&include_archived=true")
                paths = [f"/v1/organization/projects/{found['id']}/api_keys?limit=100" for found in projects]
            for path in paths:
                names.update(key_names(self._list(path)))
        except (ImportFailed, BadRow, KeyError, TypeError) as error:
            account.warnings[f"names of keys could not be read, keys have their ids: {error}"] += 1

    def _list(self, path: str) -> Iterator[dict[str, Any]]:
        after, parameter = "", "after" if self._provider.source == "openai" else "after_id"
        for _ in range(_MOST_PAGES):
            page = self._ask(path + (f"&{urlencode({parameter: after})}" if after else ""))
            yield from page.get("data", [])
            if not page.get("has_more") or not page.get("last_id") or page["last_id"] == after:
                return
            after = page["last_id"]

    def _ask(self, path: str) -> dict[str, Any]:
        """A page; 429, 5xx and silence are asked again, a few times."""
        where = self.address + path.partition("?")[0]
        request = Request(self.address + path, headers={"Accept": "application/json"})
        if self._provider.source == "openai":
            request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        else:
            request.add_unredirected_header("x-api-key", self._key)
            request.add_unredirected_header("anthropic-version", "2023-06-01")
        why = ""
        for attempt in range(_TRIES):
            try:
                with self._opener.open(request, timeout=60) as answer:
                    body = answer.read(_MOST_BYTES + 1)
                    if len(body) <= _MOST_BYTES and answer.length:
                        raise ConnectionError(f"the connection ended {answer.length:,} bytes too early")
                if len(body) > _MOST_BYTES:
                    raise ImportFailed(f"{where} answers with more than {_MOST_BYTES:,} bytes")
                page: Any = json.loads(body, parse_float=Decimal)
                if not isinstance(page, dict):
                    raise ValueError("not an object")
            except HTTPError as error:
                if error.code != 429 and error.code < 500:
                    raise ImportFailed(self._refused(where, error)) from None
                why, wait = f"{error.code} {error.reason}", _retry_after(error.headers.get("Retry-After"))
            except ValueError:
                raise ImportFailed(f"{where} answers with something that is not JSON") from None
            except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
                why, wait = str(getattr(error, "reason", error)), None
            else:
                return cast(dict[str, Any], page)
            if attempt + 1 < _TRIES:
                self._sleep(min(2.0**attempt if wait is None else wait, _LONGEST_WAIT))
        raise ImportFailed(f"{where} did not answer in {_TRIES} tries ({why}); what came stands, start again to go on")

    def _refused(self, where: str, error: HTTPError) -> str:
        try:
            said = str(json.loads(error.read(10_000))["error"]["message"]).replace(self._key, "…")[:300]
        except (ValueError, KeyError, TypeError, OSError):
            said = error.reason
        mend = {401: self._mend("is not taken"), 403: self._mend("may not read this")}.get(error.code, "")
        return f"{where} answers {error.code}: {said}{mend}"

    def _mend(self, what: str) -> str:
        return f". The key in {self._provider.key_variable} {what}: it must be an organisation's admin key"


def _retry_after(told: str | None) -> float | None:
    if told is None:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _chunks(days: list[date]) -> Iterator[tuple[date, date]]:
    """Stretches of days without a gap, none too long for one page."""
    start = 0
    for index in range(len(days)):
        last = index + 1 == len(days)
        if last or days[index + 1] - days[index] > timedelta(days=1) or index - start + 1 == _DAYS_A_CHUNK:
            yield days[start], days[index]
            start = index + 1
