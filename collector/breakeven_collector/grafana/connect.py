"""A running Grafana's HTTP API, by grafana-client; what it answers wrong is told in our errors."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from breakeven_dashboards.datasource import TYPE

from breakeven_collector.errors import BreakevenError, ConfigError

Api = Any
"""A `GrafanaApi`: grafana-client says little of its types."""


class GrafanaError(BreakevenError):
    """Grafana cannot be reached, or refuses.

    Attributes:
        status: of HTTP; 0 where there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotThere(GrafanaError):
    """Grafana has no such thing."""


class NotAllowed(GrafanaError):
    """Grafana does not take the token, or not for this: nothing else will go through either."""


def connect(url: str, credential: str, *, timeout: float = 30.0) -> Api:
    """A client of the Grafana at an address; nothing is asked yet.

    Args:
        url: its address, with the path below which it is served.
        credential: a service account's token, or `user:password`.
        timeout: seconds that an answer may take.

    Raises:
        ConfigError: grafana-client is not installed, or the address is none.
    """
    try:
        from grafana_client.api import GrafanaApi
    except ModuleNotFoundError:
        raise ConfigError(
            "this needs 'grafana_client', which is not installed: pip install 'breakeven[collector,grafana]', in an "
            "environment of its own"
        ) from None

    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"--url {url!r}: write Grafana's address, such as http://127.0.0.1:3000")
    user, colon, password = credential.partition(":")
    return GrafanaApi.from_url(url, credential=(user, password) if colon else credential, timeout=timeout)


@contextmanager
def told(url: str, what: str) -> Generator[None]:
    """Turn what goes wrong while `what` is done into our errors.

    Raises:
        NotThere, NotAllowed, GrafanaError: see there.
    """
    from grafana_client.client import GrafanaException
    from niquests.exceptions import JSONDecodeError, RequestException

    try:
        yield
    except GrafanaException as error:
        raise _told(error, url, what) from None
    except JSONDecodeError:
        raise GrafanaError(f"{what}: what answers at {url} is no Grafana; name it with --url") from None
    except RequestException as error:
        raise GrafanaError(f"{what}: nothing answers at {url} ({type(error).__name__})") from None


def need_plugin(api: Api, url: str) -> str:
    """The version of the ClickHouse plugin that Grafana has.

    Raises:
        GrafanaError: it has none; the message says how it gets one.
    """
    try:
        with told(url, "looking for the ClickHouse plugin"):
            found: Any = api.client.GET(f"/plugins/{TYPE}/settings")
    except NotThere as error:
        raise GrafanaError(
            f"what answers at {url} has no plugin {TYPE}: if that is Grafana's address, with its path, an admin "
            f"installs it with `grafana cli plugins install {TYPE}`, or by GF_PLUGINS_PREINSTALL_SYNC={TYPE} in "
            "its environment; else name Grafana's with --url",
            error.status,
        ) from None
    return str(found.get("info", {}).get("version", ""))


def _told(error: Any, url: str, what: str) -> GrafanaError:
    status = int(error.status_code or 0)
    said = _message(error.response)
    match status:
        case 0:
            return GrafanaError(f"{what}: Grafana at {url} does not answer in time; --timeout gives it longer")
        case 401:
            return NotAllowed(f"{what}: Grafana does not know the token; make one for a service account", status)
        case 403:
            return NotAllowed(
                f"{what}: the token may not do this{said}; its service account needs the role Admin", status
            )
        case 404:
            return NotThere(f"{what}: Grafana has none{said}", status)
        case 412:
            return GrafanaError(f"{what}: somebody else changed it meanwhile{said}; look at it, and push again", status)
        case _:
            return GrafanaError(f"{what}: Grafana answers {status}{said}", status)


def _message(response: Any) -> str:
    text = cast("dict[str, Any]", response).get("message", "") if isinstance(response, dict) else ""
    return f" ({text})" if text else ""
