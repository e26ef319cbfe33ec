"""Live pulls against a server on loopback that speaks the providers' APIs: what comes, what goes wrong, what stays."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.demo import Traffic
from breakeven_collector.demo.bill import Bill
from breakeven_collector.entry import main
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account, ImportFailed
from breakeven_collector.imports.pull import PROVIDERS, Pull
from breakeven_collector.pipeline import Pipeline

from tests.collector.accounts_api import KEY, AccountsApi

END = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST, LAST = (END - timedelta(days=4)).date(), END.date()
COSTS, MESSAGES = "/v1/organization/costs", "/v1/organizations/usage_report/messages"


@pytest.fixture(scope="module")
def bill() -> Bill:
    return Traffic(4, end=END).bill()


@pytest.fixture
def api(bill: Bill) -> Iterator[AccountsApi]:
    api = AccountsApi(bill)
    yield api
    api.close()


@pytest.fixture
def waits() -> list[float]:
    return []


def accounts(api: AccountsApi, source: str, waits: list[float], have: Any = frozenset[Any]()) -> Iterator[Account]:
    pull = Pull(PROVIDERS[source], base_url=api.url, key=KEY, sleep=waits.append)
    return pull.accounts(FIRST, LAST, set(have), now=END, progress=lambda _what, _done, _all: None)


@pytest.mark.parametrize("source", ["openai", "anthropic"])
def test_a_pull_brings_what_files_of_the_same_account_bring(
    api: AccountsApi, bill: Bill, source: str, tmp_path: Path, waits: list[float]
) -> None:
    pulled = list(accounts(api, source, waits))
    read = read_files(source, bill.write(tmp_path)[source], now=END)
    assert sorted(map(repr, (line for account in pulled for line in account.lines))) == sorted(map(repr, read.lines))
    assert [(account.bad, dict(account.warnings)) for account in pulled] == [([], {})] * len(pulled)
    # Five days at two a page.
    assert api.asked[COSTS if source == "openai" else MESSAGES] == 3
    assert {account.source for account in pulled} == {source}
    # Days without a line are told of, in all reports.
    told = {(report, part) for account in pulled for report, part, _ in account.covered}
    assert len(told) == len(PROVIDERS[source].reports)
    assert all({day for *_, day in account.covered} == {FIRST + timedelta(n) for n in range(5)} for account in pulled)
    group = "group_by" if source == "openai" else "group_by[]"
    assert all(query.get(group) for path, query in api.queries if "api_keys" not in path and "projects" not in path)
    assert waits == []


@pytest.mark.parametrize(
    ("troubles", "waited"),
    [
        ([429], [7.0]),
        ([500, 503], [1.0, 2.0]),
        (["cut"], [1.0]),
        ([429, "cut", 500], [7.0, 2.0, 4.0]),
    ],
)
def test_a_provider_that_stumbles_is_asked_again(
    api: AccountsApi, waits: list[float], troubles: list[int | str], waited: list[float]
) -> None:
    whole = list(accounts(api, "openai", []))
    api.troubles[COSTS] = troubles
    assert list(accounts(api, "openai", waits)) == whole
    assert waits == waited


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (401, "answers 401: .* The key in ANTHROPIC_ADMIN_KEY is not taken: it must be an organisation's admin key"),
        (403, "answers 403: .* The key in ANTHROPIC_ADMIN_KEY may not read this"),
        (404, "answers 404: status 404"),
        ("redirect", "answers 307"),
    ],
)
def test_a_provider_that_refuses_is_not_asked_again_and_the_key_is_in_no_message(
    api: AccountsApi, waits: list[float], trouble: int | str, said: str
) -> None:
    api.troubles[MESSAGES] = [trouble]
    with pytest.raises(ImportFailed, match=said) as raised:
        list(accounts(api, "anthropic", waits))
    assert KEY not in str(raised.value)
    assert (api.asked[MESSAGES], waits) == (1, [])


def test_without_the_right_to_read_names_keys_have_their_ids(api: AccountsApi, waits: list[float]) -> None:
    api.troubles["/v1/organization/projects"] = [403]
    pulled = list(accounts(api, "openai", waits))
    assert {line.key_name for account in pulled for line in account.lines} == {""}
    assert any(line.key_id == "key_support-chat-prod" for account in pulled for line in account.lines)
    (warning,) = {warning for account in pulled for warning in account.warnings}
    assert warning.startswith("names of keys could not be read")
    assert KEY not in warning


@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://localhost.example.com", "http://127.0.0.1.example.com:80"])
def test_the_key_goes_to_no_address_in_the_clear(url: str) -> None:
    with pytest.raises(ImportFailed, match="over https only"):
        Pull(PROVIDERS["openai"], base_url=url, key=KEY)


def test_a_pull_that_broke_off_goes_on_behind_the_days_it_has(
    api: AccountsApi, pipeline: Pipeline, project: str, waits: list[float]
) -> None:
    imports = Imports(pipeline.store)
    origin = Origin(f"pull from {api.url}", pulled=True, extent="whole")
    api.troubles["/v1/organization/usage/embeddings"] = [500] * 6

    def pull() -> None:
        for account in accounts(api, "openai", waits, imports.held_days("openai", project)):
            imports.add(account, origin, project)

    with pytest.raises(ImportFailed, match=r"did not answer in 6 tries \(500 .*start again to go on"):
        pull()
    assert waits == [1, 2, 4, 8, 16]
    api.asked.clear()
    api.queries.clear()
    pull()
    # Of costs the open days alone: today and yesterday.
    (start,) = {query["start_time"][0] for path, query in api.queries if path == COSTS}
    assert datetime.fromtimestamp(int(start), UTC).date() == LAST - timedelta(days=1)
    (start,) = {query["start_time"][0] for path, query in api.queries if path.endswith("embeddings")}
    assert datetime.fromtimestamp(int(start), UTC).date() == FIRST
    told = pipeline.store.rows(
        "SELECT sum(amount_usd) AS usd FROM billed_now WHERE project = {p:String} AND report = 'costs'", {"p": project}
    )
    openai = sum(usd for (provider, _), usd in api.bill.billed_usd.items() if provider == "openai")
    assert told == [{"usd": openai}]


def test_the_command_pulls_and_the_key_is_nowhere(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    collector: Any,
) -> None:
    # As of today, for the command asks for the last days.
    api = AccountsApi(Traffic(2, end=datetime.now(UTC).replace(microsecond=0)).bill())
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    command = ["breakeven", "import", "openai", "--days", "2", "--base-url", api.url, "--url", collector.url]
    said: list[dict[str, Any]] = []
    try:
        for _ in range(2):
            monkeypatch.setattr("sys.argv", [*command, "--format", "json"])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code in (None, 0)
            out, err = capfd.readouterr()
            assert KEY not in out + err + caplog.text
            said.append(json.loads(out))
    finally:
        api.close()
    first, again = said
    assert Decimal(first["billed_usd"]) > 0
    assert first["lines_written"] > 0
    assert "support-chat-prod" in first["keys"]
    assert (again["lines_written"], again["billed_usd"]) == (0, first["billed_usd"])
    store = collector.pipeline.store
    for table in ("billed", "imports"):
        assert KEY not in repr(store.rows(f"SELECT * FROM {table}"))
