"""Who may do what: keys, their scope and their project.

A collector that nobody made a key for takes everything from its own machine, and listens nowhere else. Once there was a
key, every request needs one. The keys stand in the store, for all collectors of it; each has them in memory and reads
them again every few seconds, so no request waits for the store, and none fails because the store does.
"""

import hmac
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Query, Request

from breakeven_collector import loopback
from breakeven_collector.errors import BadRequest, ConfigError, StoreError
from breakeven_collector.keys import DEFAULT_PROJECT, Key, KeyTable, Scope, digest, is_key
from breakeven_collector.presented import presented_key
from breakeven_collector.store import Store

__all__ = ["DEFAULT_PROJECT", "Access", "Caller", "Reading"]

_log = logging.getLogger(__name__)

_REFRESH_SECONDS: Final = 3.0
_NO_KEY: Final = (
    "this collector asks for a key: send it as `Authorization: Bearer bk_…` or `x-api-key: bk_…` (the SDK: "
    "BREAKEVEN_API_KEY; the command line: BREAKEVEN_KEY). Whoever runs the collector makes one with "
    "`breakeven keys create`"
)
_UNKNOWN_KEY: Final = "the key is not one of this collector's, or was revoked: ask whoever runs it for another"


@dataclass(frozen=True)
class Reading:
    """What may be read.

    Attributes:
        projects: Names of projects, never empty; None: all.
    """

    projects: tuple[str, ...] | None

    @property
    def project(self) -> str | None:
        """The one project; None: all."""
        return None if self.projects is None else self.projects[0]

    def own_project(self, asked: str | None) -> str | None:
        """The project to write into: the key's own, or for an admin of all the one that is named; None: all.

        Raises:
            BadRequest: 403: the key is for another one.
        """
        if self.project is not None and asked not in (None, self.project):
            raise BadRequest(403, f"this key is for project {self.project!r} only")
        return self.project or asked


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        scope: What the key is for.
        project: Its project; None: all.
    """

    scope: Scope
    project: str | None

    @property
    def runs_it(self) -> bool:
        """Whether it is an admin of all projects: may see what concerns the collector as a whole."""
        return self.scope is Scope.ADMIN and self.project is None


_ANYONE: Final = Caller(Scope.ADMIN, None)


@dataclass(frozen=True)
class _Known:
    """The keys at one moment."""

    callers: Mapping[str, tuple[str, Caller]] = field(default_factory=dict[str, tuple[str, Caller]])
    """By the first half of a digest: the whole digest, and whose it is."""
    needed: bool = True
    """There was a key once. That the last one is revoked opens nothing."""


class Access:
    """Tells callers apart by their key. Safe to use from any thread.

    Args:
        store: an open store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = _Known()
        self._keyless = False
        self._own: dict[str, tuple[str, Caller]] = {}
        self._declared: dict[str, tuple[str, Caller]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="breakeven-keys", daemon=True)

    def start(self) -> None:
        """Read the keys, and go on reading them.

        Raises:
            StoreError: the store cannot be read.
        """
        self.refresh()
        self._thread.start()

    def close(self) -> None:
        """Stop reading them."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Read the keys now; what is read holds from here on.

        Raises:
            StoreError: the store cannot be read; the keys that are known go on to hold.
        """
        # The lock is held while the store is asked: an older answer must not come after a newer one.
        with self._lock:
            keys = KeyTable(self._store).all()
            kept = dict(_entry(k) for k in keys if not k.revoked)
            self._known = _Known({**kept, **self._declared, **self._own}, needed=bool(keys or self._declared))

    def declare(self, keys: Mapping[Scope, str]) -> None:
        """Take keys from the settings beside those in the store; before `start`. They hold while they are set.

        Args:
            keys: one a scope; empty: none.

        Raises:
            ConfigError: one is no key.
        """
        for scope, secret in keys.items():
            if secret and not is_key(secret, scope):
                # What was given is not repeated: it may be the key of something else.
                raise ConfigError(
                    f"BREAKEVEN_{scope.upper()}_KEY is not a key for {scope}: it looks like bk_{scope}_ and 64 "
                    f"hexadecimal digits; `breakeven keys generate --scope {scope}` makes one"
                )
        self._declared = dict(
            _known_by(digest(secret), Caller(scope, None if scope is Scope.ADMIN else DEFAULT_PROJECT))
            for scope, secret in keys.items()
            if secret
        )

    def trust(self, secret: str) -> None:
        """Take a key of this process's own as an admin's, beside those in the store."""
        with self._lock:
            self._own = dict([_known_by(digest(secret), _ANYONE)])
            self._known = _Known({**self._known.callers, **self._own}, self._known.needed)

    def listen(self, address: str) -> None:
        """Say where requests come in: only what is on this machine may be asked without a key.

        Args:
            address: the IP address that a socket is bound to.

        Raises:
            ConfigError: others can reach it, and there is no key.
        """
        if loopback.is_address(address):
            self._keyless = True
        elif not self._known.callers.keys() - self._own.keys():
            raise ConfigError(
                f"{address} can be reached by others, and there is no key yet: whoever reached it could read the bill "
                "and write into it. Make an admin's key and one for the applications, with the same --store or "
                "--data-dir as here, and start again:\n\n"
                "  breakeven keys create --scope admin\n"
                "  breakeven keys create --scope ingest\n\n"
                "In a container: BREAKEVEN_ADMIN_KEY and BREAKEVEN_INGEST_KEY, from `breakeven keys generate`. "
                "Or listen on this machine only: --host 127.0.0.1"
            )

    def caller(self, headers: Mapping[str, str], *, clickhouse: bool = False, cookie: bool = False) -> Caller:
        """Whose request this is.

        Args:
            headers: of the request, or the metadata of a gRPC call; names in lower case.
            clickhouse: take the key where ClickHouse's clients put a password, too.
            cookie: take it from the cookie of the page, too: only for what changes nothing, or after
                `session.check_form`.

        Raises:
            BadRequest: 401 no key or an unknown one; 403 without keys, a request that is not of this machine.
        """
        known = self._known
        if not known.needed and self._keyless:
            loopback.check_request(headers)
            return _ANYONE
        secret = presented_key(headers, clickhouse=clickhouse, cookie=cookie)
        if secret is None:
            raise BadRequest(401, _NO_KEY)
        offered = digest(secret)
        # Found by half of a digest, which nobody can choose, and then compared in constant time: how long an answer
        # takes says nothing of how near a guess came.
        whole, caller = known.callers.get(offered[:32], ("", None))
        if not hmac.compare_digest(whole, offered) or caller is None:
            raise BadRequest(401, _UNKNOWN_KEY)
        return caller

    def ingest_project(self, headers: Mapping[str, str]) -> str:
        """Project that a request's spans belong to, by its key; nothing in the spans chooses one.

        Args:
            headers: of the request, or the metadata of a gRPC call; names in lower case.

        Raises:
            BadRequest: 401 no key or an unknown one, 403 a key that may not write.
        """
        caller = self.caller(headers)
        if caller.scope is Scope.READ:
            raise BadRequest(
                403, "this key reads only: spans need one made with `breakeven keys create --scope ingest`"
            )
        return caller.project or DEFAULT_PROJECT

    def reader(
        self,
        request: Request,
        project: Annotated[str | None, Query(description="Only this project; an admin of all may ask for any")] = None,
    ) -> Reading:
        """What a request may read: a dependency of every route that reads.

        Raises:
            BadRequest: 401 no key or an unknown one, 403 a key that may not read this.
        """
        # Routes that change something do not take the cookie: a browser sends it along without being asked.
        return self._reading(request, self.caller(request.headers, cookie=True), project)

    def sql_reader(self, request: Request) -> Reading:
        """The same for ClickHouse's clients: the key may be the password.

        Raises:
            BadRequest: as `reader`.
        """
        return self._reading(request, self.caller(request.headers, clickhouse=True), None)

    def admin(self, request: Request) -> Reading:
        """What a request may change: a dependency of routes that change something in a project.

        Raises:
            BadRequest: 401 no key or an unknown one, 403 a key of another scope.
        """
        return self._changing(request, self.caller(request.headers))

    def admin_at_page(self, request: Request) -> Reading:
        """The same for a form of the page, whose cookie counts. Only together with `session.check_form`.

        Raises:
            BadRequest: as `admin`.
        """
        return self._changing(request, self.caller(request.headers, cookie=True))

    def owner(self, request: Request) -> None:
        """Let an admin of all projects pass: a dependency of what concerns the collector as a whole.

        Raises:
            BadRequest: 401 no key or an unknown one, 403 any other key.
        """
        if not self._noted(request, self.caller(request.headers)).runs_it:
            raise BadRequest(403, "this needs the key of an admin of all projects")

    def runs_it(self, request: Request) -> bool:
        """Whether an admin of all projects asks; never raises."""
        try:
            return self._noted(request, self.caller(request.headers)).runs_it
        except BadRequest:
            return False

    def _reading(self, request: Request, caller: Caller, project: str | None) -> Reading:
        self._noted(request, caller)
        if caller.scope is Scope.INGEST:
            raise BadRequest(
                403, "this key writes only: reading needs one made with `breakeven keys create --scope read`"
            )
        if caller.project is None:
            return Reading(None if project is None else (project,))
        if project not in (None, caller.project):
            raise BadRequest(403, f"this key is for project {caller.project!r} only")
        return Reading((caller.project,))

    def _changing(self, request: Request, caller: Caller) -> Reading:
        if self._noted(request, caller).scope is not Scope.ADMIN:
            raise BadRequest(403, f"this key is for {caller.scope}: this needs an admin's")
        return Reading(None if caller.project is None else (caller.project,))

    def _noted(self, request: Request, caller: Caller) -> Caller:
        """For the handlers of errors: an error's own text may name what is not the caller's."""
        request.state.runs_it = caller.runs_it
        return caller

    def _follow(self) -> None:
        failing = False
        while not self._stop.wait(_REFRESH_SECONDS):
            try:
                self.refresh()
            except StoreError as error:
                if not failing:
                    _log.warning("keys are not up to date, those that are known go on to hold: %s", error)
                failing = True
            except Exception:  # noqa: BLE001  # a thread that ended would never see a revocation again
                _log.exception("keys could not be read again")
            else:
                failing = False


def _entry(key: Key) -> tuple[str, tuple[str, Caller]]:
    # Only an admin's key is of all projects: any other without one would be a mistake, and reads nothing.
    of_all = key.scope is Scope.ADMIN and not key.project
    return _known_by(key.digest, Caller(key.scope, None if of_all else key.project))


def _known_by(whole: str, caller: Caller) -> tuple[str, tuple[str, Caller]]:
    return whole[:32], (whole, caller)
