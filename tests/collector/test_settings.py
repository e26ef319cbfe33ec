"""Settings come from options, then the environment, then defaults, and a bad one is named."""

from pathlib import Path

import pytest
from breakeven_collector.settings import Settings, default_data_dir
from breakeven_collector.store import Store
from pydantic import SecretStr, ValidationError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("BREAKEVEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


def test_the_defaults(tmp_path: Path) -> None:
    data_dir = tmp_path / ".local" / "share" / "breakeven"
    assert Settings().model_dump() == {
        "host": "127.0.0.1",
        "port": 4318,
        "grpc_port": 4317,
        "data_dir": data_dir,
        "store": "",
        "log_format": "text",
        "config": Path("breakeven.toml"),
        "timezone": "UTC",
        "batch_seconds": 0.5,
        "segment_bytes": 16_000_000,
        "max_journal_bytes": 20_000_000_000,
        "min_free_bytes": 500_000_000,
        "quarantine_days": 30,
        "max_body_bytes": 64 * 1024 * 1024,
        "max_query_seconds": 300,
        "replicated": False,
        "jobs": True,
        "alerts": True,
        "admin_key": SecretStr(""),
        "ingest_key": SecretStr(""),
        "read_key": SecretStr(""),
        "key": SecretStr(""),
        "sql": False,
        "keep_calls_days": None,
        "keep_ledger_days": None,
    }
    assert (Settings().dsn, Settings().journal_dir) == (f"chdb://{data_dir}/store", data_dir / "journal")


def test_every_setting_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "host": "::1",
        "port": "0",
        "grpc_port": "-1",
        "data_dir": "/data",
        "store": "https://u:p@h:1/d",
        "log_format": "json",
        "config": "/etc/b.toml",
        "timezone": "Europe/Berlin",
        "batch_seconds": "1.5",
        "segment_bytes": "1000",
        "max_journal_bytes": "1000000",
        "min_free_bytes": "0",
        "quarantine_days": "7",
        "max_body_bytes": "1000",
        "max_query_seconds": "5",
        "replicated": "true",
        "jobs": "false",
        "alerts": "false",
        "admin_key": "bk_admin_2",
        "ingest_key": "bk_ingest_3",
        "read_key": "bk_read_4",
        "key": "bk_read_1",
        "sql": "true",
        "keep_calls_days": "30",
        "keep_ledger_days": "400",
    }
    assert values.keys() == Settings.model_fields.keys()
    for name, value in values.items():
        monkeypatch.setenv(f"BREAKEVEN_{name.upper()}", value)
    assert Settings().model_dump() == {
        **values,
        "port": 0,
        "grpc_port": -1,
        "data_dir": Path("/data"),
        "config": Path("/etc/b.toml"),
        "batch_seconds": 1.5,
        "segment_bytes": 1000,
        "max_journal_bytes": 1_000_000,
        "min_free_bytes": 0,
        "quarantine_days": 7,
        "max_body_bytes": 1000,
        "max_query_seconds": 5,
        "replicated": True,
        "jobs": False,
        "alerts": False,
        "admin_key": SecretStr("bk_admin_2"),
        "ingest_key": SecretStr("bk_ingest_3"),
        "read_key": SecretStr("bk_read_4"),
        "key": SecretStr("bk_read_1"),
        "sql": True,
        "keep_calls_days": 30,
        "keep_ledger_days": 400,
    }
    assert Settings().dsn == "https://u:p@h:1/d"
    assert Settings(port=7).port == 7  # an option goes before the variable


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("PORT", "http"),
            ("GRPC_PORT", "-2"),
            ("BATCH_SECONDS", "0"),
            ("BATCH_SECONDS", "61"),
        ),
        *(("SEGMENT_BYTES", "999"), ("SEGMENT_BYTES", "16000001"), ("MAX_QUERY_SECONDS", "0"), ("REPLICATED", "maybe")),
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"BREAKEVEN_{name}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert caught.value.errors()[0]["loc"] == (name.lower(),)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(prot=5)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(("named", "expected"), [("/xdg", "/xdg/breakeven"), ("", None), ("relative", None)])
def test_the_folder_follows_the_xdg_rules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str, expected: str | None
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", named)
    assert default_data_dir() == Path(expected or tmp_path / ".local" / "share" / "breakeven")


def test_the_folder_is_absolute_and_knows_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(data_dir=Path("data")).data_dir == tmp_path / "data"
    assert Settings(data_dir=Path("~/data")).data_dir == tmp_path / "data"


@pytest.mark.parametrize("name", ["plain", "with space", "100%25 sure?", "a#b", "ünïcode", "a&b=c", "50%"])
def test_any_folder_makes_an_address_that_leads_there(tmp_path: Path, name: str) -> None:
    store = Store(Settings(data_dir=tmp_path / name).dsn)
    assert store._arguments == {"interface": "chdb", "path": str(tmp_path / name / "store")}  # pyright: ignore[reportPrivateUsage]
    assert store.database == "breakeven"


def test_each_store_that_is_named_has_a_journal_of_its_own_whatever_the_password() -> None:
    first, again, other = (
        Settings(data_dir=Path("/d"), store=store).journal_dir
        for store in ("http://u:one@h/a", "http://u:two@h/a", "http://u:one@h/b")
    )
    assert first == again != other
    assert {first.parent, other.parent} == {Path("/d")}
