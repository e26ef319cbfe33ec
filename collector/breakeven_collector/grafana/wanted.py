"""What is to stand in a Grafana, in the form in which its HTTP API takes it."""

import re
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from breakeven_dashboards import alert_rules, provision
from breakeven_dashboards.build import build
from breakeven_dashboards.dashboard import PAGE_URL
from breakeven_dashboards.datasource import UID

from breakeven_collector.errors import ConfigError

_PORTS: Final = {"clickhouse": 9000, "clickhouses": 9440, "http": 80, "https": 443}
_HOW: Final = (
    "write clickhouse://USER@HOST:9000/DATABASE or clickhouses://…:9440 (TLS) for a ClickHouse server, or "
    "http(s)://HOST:4318/clickhouse for a collector with --sql"
)


def datasource_of(url: str, password: str) -> dict[str, Any]:
    """The data source at an address: `clickhouse://USER@HOST:9000/DATABASE`, or a collector's `/clickhouse`.

    Args:
        url: the address, without a password.
        password: the reader's password, or a read key.

    Raises:
        ConfigError: it is no such address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"--datasource-url: the address cannot be read; {_HOW}") from None
    is_native = parts.scheme.startswith("clickhouse")
    path = parts.path.strip("/")
    if parts.scheme not in _PORTS or not parts.hostname or not (is_native or path.endswith("clickhouse")):
        # What stands before an @ may be a password.
        raise ConfigError(f"--datasource-url {url.rpartition('@')[2].partition('?')[0]!r}: {_HOW}")
    if parts.password is not None:
        raise ConfigError(
            "--datasource-url: a password does not belong into the address; --password-env names its variable"
        )
    made = provision.datasource(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username or "default"),
        password=password,
        protocol="native" if is_native else "http",
        path="" if is_native else path,
        secure=parts.scheme in ("clickhouses", "https"),
    )
    if is_native and path:
        made["jsonData"]["defaultDatabase"] = path
    return made


def dashboards(page_url: str = PAGE_URL, datasource: str = UID) -> dict[str, dict[str, Any]]:
    """The dashboards by their uid.

    Args:
        page_url: address of Breakeven's page, for links.
        datasource: uid of the data source that they open with.
    """
    return {dashboard["uid"]: dashboard for dashboard in build(page_url, datasource).values()}


def rules(*, folder: str, datasource: str, receiver: str | None) -> list[dict[str, Any]]:
    """The alert rules; all paused.

    Args:
        folder: uid of their folder.
        datasource: uid of the data source.
        receiver: contact point that hears of them, past the tree of policies; None: as the policies say.
    """
    made: list[dict[str, Any]] = []
    for rule in alert_rules.RULES:
        document = alert_rules.rule_document(
            rule, paused=True, receiver=receiver, datasource=datasource, panel=provision.panel_of(rule)
        )
        # The API has the link to a panel among the annotations.
        link = {
            "__dashboardUid__": document.pop("dashboardUid"),
            "__panelId__": str(document.pop("panelId")),
        }
        document["annotations"] |= link
        made.append({**document, "orgID": 1, "folderUID": folder, "ruleGroup": alert_rules.GROUP})
    return made


def covers(there: Any, wanted: Any) -> bool:
    """Whether what is there says all that is wanted; Grafana adds fields of its own."""
    if isinstance(wanted, dict):
        fields = cast("dict[str, Any]", wanted)
        return isinstance(there, dict) and all(
            covers(cast("dict[str, Any]", there).get(name), value) for name, value in fields.items()
        )
    if isinstance(wanted, list):
        items = cast("list[Any]", wanted)
        if not isinstance(there, list) or len(cast("list[Any]", there)) != len(items):
            return False
        return all(covers(a, b) for a, b in zip(cast("list[Any]", there), items, strict=True))
    if isinstance(wanted, str) and isinstance(there, str):
        return _duration(there) == _duration(wanted)
    return bool(there == wanted)


def _duration(text: str) -> str:
    """Grafana writes a duration its own way: 5m0s, 0s, 1d."""
    if not re.fullmatch(r"(\d+[dhms])+", text):
        return text
    seconds = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
    return str(sum(int(number) * seconds[unit] for number, unit in re.findall(r"(\d+)([dhms])", text)))
