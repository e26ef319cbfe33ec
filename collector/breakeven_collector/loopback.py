"""What is on this machine: for a collector without keys, which takes requests from there alone.

That a socket listens on 127.0.0.1 only does not keep out the web pages in this machine's browsers, nor a proxy that
passes on what others send. A page can post to localhost from its own origin, and read from it under a name of its own
that it makes resolve to 127.0.0.1 (DNS rebinding). Browsers tell both, in Origin and Host; a proxy tells on itself.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from breakeven_collector.errors import BadRequest

_PROXIES: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_MEND: Final = "make keys with `breakeven keys create`, after which requests are told apart by theirs"


def is_address(address: str) -> bool:
    """Whether an IP address is reached from this machine only."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def is_host(host: str | None) -> bool:
    """Whether the host of a URL is this machine, told from its name alone: what a name resolves to may change."""
    return host is not None and (host.lower() == "localhost" or is_address(host))


def check_request(headers: Mapping[str, str]) -> None:
    """Refuse what comes from a web page of another origin, under another name, or through a proxy.

    Raises:
        BadRequest: 403; the message says what is in the way.
    """
    host, origin = headers.get("host"), headers.get("origin")
    # Without a Host: HTTP/1.0 or gRPC, neither of which a browser speaks.
    if host is not None and not is_host(_name(host)):
        raise BadRequest(403, f"there are no keys here, so only localhost is served, not {host[:100]!r}: {_MEND}")
    if origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
        raise BadRequest(403, f"there are no keys here, so pages of {origin[:100]!r} may not ask: {_MEND}")
    if via := next((name for name in _PROXIES if name in headers), None):
        raise BadRequest(403, f"there are no keys here, so nothing is taken through a proxy ({via}): {_MEND}")


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
