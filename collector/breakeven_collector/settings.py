"""Settings of the server, from options, `BREAKEVEN_*` variables and defaults, read once."""

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from breakeven_collector.logs import LogFormat

SECRETS_DIR = "BREAKEVEN_SECRETS_DIR"
"""Variable with a folder of settings, a file each: as Docker and Kubernetes give secrets."""


def default_data_dir() -> Path:
    """Where a user's data goes by the XDG rules: `$XDG_DATA_HOME/breakeven` or `~/.local/share/breakeven`."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The rules: a path that is not absolute is to be ignored.
    return (named if named.is_absolute() else Path.home() / ".local" / "share") / "breakeven"


class Settings(BaseSettings):
    """Every field is an environment variable too: `BREAKEVEN_PORT`, `BREAKEVEN_STORE`, …"""

    model_config = SettingsConfigDict(env_prefix="BREAKEVEN_", extra="forbid", frozen=True, env_ignore_empty=True)

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 4318
    """Port for OTLP over HTTP and the API; 0 takes any free one."""
    grpc_port: Annotated[int, Field(ge=-1, le=65535)] = 4317
    """Port for OTLP over gRPC; 0 takes any free one, -1 is none. If the default is taken, HTTP goes on without it."""
    data_dir: Annotated[Path, NoDecode] = Field(default_factory=default_data_dir)
    """Folder of the journal and, by default, of the embedded store."""
    store: str = ""
    """Where the data is kept: `chdb:///folder` (embedded) or `http(s)://user:password@host:8123/database`."""
    log_format: LogFormat = LogFormat.TEXT
    """How log lines on stderr look: `text`, or `json` for one object a line."""
    config: Path = Path("breakeven.toml")
    """File with owners, budgets and the like; need not exist."""
    timezone: str = "UTC"
    """Where days and months begin in reports, an IANA name such as `Europe/Berlin`."""
    batch_seconds: Annotated[float, Field(gt=0, le=60)] = 0.5
    """How long a journal segment stays open before it is shipped."""
    segment_bytes: Annotated[int, Field(ge=1_000, le=16_000_000)] = 16_000_000
    """How large a journal segment gets before it is shipped; an insert takes 5 to 12 times that in memory."""
    max_journal_bytes: Annotated[int, Field(ge=1_000_000)] = 20_000_000_000
    """How much may wait for the store; beyond it requests are answered 503, and clients send them again."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 500_000_000
    """Requests are answered 503 where less than this would be free on the journal's disk: the store needs it too."""
    quarantine_days: Annotated[int, Field(ge=1)] = 30
    """How long requests are kept that the store could not take."""
    max_body_bytes: Annotated[int, Field(ge=1_000)] = 64 * 1024 * 1024
    """Largest request, before and after decompression."""
    max_query_seconds: Annotated[int, Field(ge=1)] = 300
    """Longest time one statement may take."""
    sql: bool = False
    """Serve read-only SQL at /clickhouse/."""
    jobs: bool = True
    """Run the periodic jobs, which alerts are; of several collectors of one store, one is enough."""
    alerts: bool = True
    """Look each hour for what is worth being told."""
    replicated: bool = False
    """Use ClickHouse's Replicated… engines: for a cluster."""
    keep_calls_days: Annotated[int | None, Field(ge=7)] = None
    """Days that single calls are kept; the bill stays when they go. Unset: for ever."""
    keep_ledger_days: Annotated[int | None, Field(ge=7)] = None
    """Days that the bill itself is kept, by whole months; needs `keep_calls_days`. Unset: for ever."""

    @model_validator(mode="after")
    def _calls_go_first(self) -> "Settings":
        if self.keep_ledger_days is not None and (self.keep_calls_days or 10**9) > self.keep_ledger_days:
            raise ValueError(
                "the bill would go before the calls that it is made of; set BREAKEVEN_KEEP_CALLS_DAYS to "
                f"{self.keep_ledger_days} or less"
            )
        return self

    admin_key: SecretStr = SecretStr("")
    """A key for an admin of all projects that holds while it is set, beside those in the store. As the next ones, from
    the environment or a file in BREAKEVEN_SECRETS_DIR alone; `breakeven keys generate` makes one."""
    ingest_key: SecretStr = SecretStr("")
    """The same for applications of the project `default`."""
    read_key: SecretStr = SecretStr("")
    """The same for readers of the project `default`."""
    key: SecretStr = SecretStr("")
    """What the command line shows to a collector that asks for a key. From the environment alone: an option would stand
    in the list of processes and in the shell's history, a file of settings in version control."""

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # by these names they are given
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then variables, then files named as the variables, `breakeven_store`, in BREAKEVEN_SECRETS_DIR."""
        folder = os.environ.get(SECRETS_DIR)
        files = (SecretsSettingsSource(settings_cls, secrets_dir=folder),) if folder else ()
        return init_settings, env_settings, *files

    @property
    def dsn(self) -> str:
        """The store's address, the embedded one under `data_dir` where none is set."""
        # Only what would mean something in an address is escaped: people read it.
        return self.store or f"chdb://{self.data_dir / 'store'}".translate({ord(c): f"%{ord(c):02X}" for c in "%?#"})

    @property
    def journal_dir(self) -> Path:
        """Folder of the journal. Each store that is named has its own: what waits for one must not land in another."""
        if not self.store:
            return self.data_dir / "journal"
        without_credentials = re.sub(r"//.*@", "//", self.store)
        return self.data_dir / f"journal-{hashlib.sha256(without_credentials.encode()).hexdigest()[:12]}"

    @property
    def recent_dir(self) -> Path:
        """Folder of the digests of requests that were kept last, one for each journal."""
        return self.journal_dir.with_name(self.journal_dir.name.replace("journal", "recent", 1))
