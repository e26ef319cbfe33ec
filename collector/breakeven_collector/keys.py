"""Keys: how they look, and the table of them in the store."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from breakeven_collector.errors import BadRequest
from breakeven_collector.store import Store

DEFAULT_PROJECT: Final = "default"
"""Where calls go that come without a key, or with one that is of no project."""

_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_MOST_NOTE: Final = 200
_COLUMNS: Final = ("key_id", "digest", "scope", "project", "note", "created_at", "revoked", "changed_at")


class Scope(StrEnum):
    """What a key is for."""

    INGEST = "ingest"
    """Writes spans to its project; reads nothing."""
    READ = "read"
    """Reads its project; changes nothing."""
    ADMIN = "admin"
    """Both, and changes prices and keys; of one project, or of all."""


@dataclass(frozen=True)
class Key:
    """A key, without the key itself."""

    key_id: str
    """Names it."""
    digest: str = field(repr=False)
    """See `digest`."""
    scope: Scope
    """What it is for."""
    project: str
    """Its project; empty: all, for admin only."""
    note: str
    """Who has it, and what for."""
    created_at: datetime
    """When it was made."""
    revoked: bool = False
    """It holds no more."""

    def document(self) -> dict[str, Any]:
        """For JSON; project is None for all. Nothing in it helps to guess the key."""
        return {
            "key_id": self.key_id,
            "scope": str(self.scope),
            "project": self.project or None,
            "note": self.note,
            "created_at": self.created_at.isoformat(),
            "revoked": self.revoked,
        }


class Keys(Protocol):
    """What can be done with keys; all answers are documents that go into JSON. Errors are BreakevenErrors."""

    def create(self, scope: Scope, project: str | None, note: str) -> dict[str, Any]:
        """See `KeyTable.create`."""
        ...

    def list(self) -> dict[str, Any]:
        """See `KeyTable.list`."""
        ...

    def revoke(self, key_id: str) -> dict[str, Any]:
        """See `KeyTable.revoke`."""
        ...


def new_secret(scope: Scope) -> str:
    """A key as its user gets it: `bk_<scope>_` and 256 random bits in hex."""
    return f"bk_{scope}_{secrets.token_hex(32)}"


def is_key(secret: str, scope: Scope) -> bool:
    """Whether it looks like what `new_secret` makes: nothing shorter is safe to keep as it is kept."""
    return re.fullmatch(rf"bk_{scope}_[0-9a-f]{{64}}", secret) is not None


def digest(secret: str) -> str:
    """What is kept of a key.

    A plain SHA-256: a key is 256 random bits, so there is no list of likely ones to try against a stolen table, and
    nothing that a salt or a slow hash would make harder. Passwords need those; and each request pays for this.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class KeyTable:
    """The table `keys` of an open store.

    Args:
        store: an open store.
        within: the project that whoever asks is an admin of; None: of all.
    """

    def __init__(self, store: Store, within: str | None = None) -> None:
        self._store = store
        self._within = within

    def all(self) -> list[Key]:
        """Every key that ever was, of every project, the oldest first.

        Raises:
            StoreError: the store cannot be read.
        """
        rows = self._store.rows("SELECT * FROM keys FINAL ORDER BY created_at, key_id")
        return [_key(row) for row in rows]

    def create(self, scope: Scope, project: str | None = None, note: str = "") -> dict[str, Any]:
        """Make a key; `key` is the key itself, which is told this once, and the rest as in `list`.

        Args:
            scope: what it is for.
            project: whose; None: `default`, and all for an admin. An admin of one project makes keys of that one.
            note: who gets it, and what for.

        Raises:
            BadRequest: the project or the note does not fit, or is not one's own.
            StoreError: the store refuses.
        """
        if project is not None and not _PROJECT.match(project):
            raise BadRequest(
                422,
                f"project {project!r}: write a name of up to 64 letters, digits, dots, dashes and underscores that "
                "begins with a letter or digit",
            )
        if len(note) > _MOST_NOTE or not note.isprintable():
            raise BadRequest(422, f"a note is one line of up to {_MOST_NOTE} characters")
        if self._within is not None:
            if project not in (None, self._within):
                raise BadRequest(403, f"this key is an admin's of project {self._within!r}: it makes keys of that one")
            project = self._within
        elif project is None:
            project = "" if scope is Scope.ADMIN else DEFAULT_PROJECT
        secret = new_secret(scope)
        key = Key(secrets.token_hex(4), digest(secret), scope, project, note, datetime.now(UTC))
        self._insert(key)
        return {"key": secret, **key.document()}

    def list(self) -> dict[str, Any]:
        """All that hold, under `keys`, the oldest first."""
        return {"keys": [key.document() for key in self._own() if not key.revoked]}

    def revoke(self, key_id: str) -> dict[str, Any]:
        """Make a key hold no more; `revoked` is that key.

        Raises:
            BadRequest: there is no such key.
            StoreError: the store refuses.
        """
        key = next((key for key in self._own() if key.key_id == key_id and not key.revoked), None)
        if key is None:
            # The text that was given is not repeated: it may be the key itself.
            raise BadRequest(404, "there is no key of this id: `breakeven keys list` shows those that there are")
        revoked = replace(key, revoked=True)
        self._insert(revoked)
        return {"revoked": revoked.document()}

    def _own(self) -> Sequence[Key]:
        return [key for key in self.all() if self._within in (None, key.project)]

    def _insert(self, key: Key) -> None:
        row = (key.key_id, key.digest, str(key.scope), key.project, key.note, key.created_at, key.revoked)
        self._store.insert("keys", _COLUMNS, [(*row, datetime.now(UTC))])


def _key(row: dict[str, Any]) -> Key:
    return Key(
        key_id=row["key_id"],
        digest=row["digest"],
        scope=Scope(row["scope"]),
        project=row["project"],
        note=row["note"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        revoked=bool(row["revoked"]),
    )
