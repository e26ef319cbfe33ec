"""Makes the passwords and keys of the compose file that nobody gave, once; one folder a service.

Runs in the collector's image. What an environment variable names holds; else what is there stays; else it is made.
"""

import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from breakeven_collector.keys import Scope, is_key, new_secret

_USERS = """\
<!-- Made by make_secrets.py. -->
<clickhouse>
    <users>
        <default remove="remove"/>
        <!-- The collector: its database alone. -->
        <breakeven>
            <password_sha256_hex>{writer}</password_sha256_hex>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
{grants}
            </grants>
        </breakeven>
        <!-- Makes readers: `breakeven sql-users`. -->
        <breakeven_access>
            <password_sha256_hex>{access}</password_sha256_hex>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <access_management>1</access_management>
        </breakeven_access>
    </users>
</clickhouse>
"""
GRANTS = ("GRANT ALL ON breakeven.*", "GRANT SELECT ON system.*")
"""What the collector may do on the server."""


def make(root: Path, environment: Mapping[str, str]) -> None:
    """Write the files under a folder.

    Args:
        root: with a folder for each service.
        environment: values that are given.

    Raises:
        SystemExit: a key that is given is none.
    """

    def secret(path: str, variable: str, new: Callable[[], str]) -> str:
        file = root / path
        value = environment.get(variable, "").strip() or (file.read_text() if file.exists() else "") or new()
        _write(file, value)
        return value

    def key(path: str, scope: Scope) -> str:
        variable = f"BREAKEVEN_{scope.upper()}_KEY"
        value = secret(path, variable, lambda: new_secret(scope))
        if not is_key(value, scope):
            sys.exit(f"{variable} is not a key for {scope}: `breakeven keys generate --scope {scope}` makes one")
        return value

    def password(path: str, variable: str) -> str:
        return secret(path, variable, lambda: secrets.token_urlsafe(24))

    admin = key("collector/breakeven_admin_key", Scope.ADMIN)
    ingest = key("collector/breakeven_ingest_key", Scope.INGEST)
    read = key("collector/breakeven_read_key", Scope.READ)
    _write(root / "admin" / "breakeven_key", admin)
    _write(root / "otel" / "ingest_key", ingest)
    _write(root / "grafana" / "breakeven_read_key", read)
    password("grafana/grafana_admin_password", "GRAFANA_ADMIN_PASSWORD")
    reader = password("grafana/clickhouse_reader_password", "CLICKHOUSE_READER_PASSWORD")
    _write(root / "readers" / "clickhouse_reader_password", reader)
    writer = password("collector/clickhouse_password", "CLICKHOUSE_PASSWORD")
    access = password("readers/clickhouse_password", "CLICKHOUSE_ACCESS_PASSWORD")
    _write(root / "collector" / "breakeven_store", _address("breakeven", writer))
    _write(root / "readers" / "breakeven_store", _address("breakeven_access", access))
    grants = "\n".join(f"                <query>{escape(grant)}</query>" for grant in GRANTS)
    users = _USERS.format(writer=_sha256(writer), access=_sha256(access), grants=grants)
    _write(root / "clickhouse" / "breakeven.xml", users)


def _address(user: str, password: str) -> str:
    return f"http://{user}:{quote(password, safe='')}@clickhouse:8123/breakeven"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(file: Path, text: str) -> None:
    """Whole or not at all. Each service has its own user, and sees its own folder alone: so all may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    # One that was left by a start that was cut off cannot be written.
    part.unlink(missing_ok=True)
    part.write_text(text, encoding="utf-8")
    part.chmod(0o444)
    part.replace(file)


if __name__ == "__main__":
    make(Path("/secrets"), os.environ)
