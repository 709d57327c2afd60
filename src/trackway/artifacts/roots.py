"""Where the operator keeps artifacts: one URL to one blob store."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from trackway.artifacts.base import BlobStore
from trackway.artifacts.local import LocalBlobs
from trackway.artifacts.memory import MemoryBlobs
from trackway.artifacts.objectstore import ObjectBlobs
from trackway.base.errors import InvalidInput

_OBJECT_STORES = ("s3", "gs", "az", "abfs", "abfss")


def open_blobs(url: str) -> BlobStore:
    """Open the blob store that the operator named.

    url:     a path or ``file:///path``; ``memory://``; ``s3://bucket/prefix``, ``gs://…``, ``az://…``, ``abfss://…``
    raises:  InvalidInput for any other URL; Unavailable when a folder cannot be made
    """
    scheme, colon, _ = url.partition("://")
    if not colon:
        return LocalBlobs(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise InvalidInput("The artifact root's URL cannot have a query or a fragment")
    if scheme == "memory":
        return MemoryBlobs()
    if scheme == "file" and not parts.netloc and parts.path:
        return LocalBlobs(unquote(parts.path))
    if scheme in _OBJECT_STORES and parts.netloc and parts.password is None:
        return ObjectBlobs(url)
    raise InvalidInput(
        f"No artifact root can be opened by a URL of that form with scheme {scheme!r}",
        hint=f"give a path, file:///path, memory://, or a bucket with {', '.join(_OBJECT_STORES)}; "
        "credentials go into the environment",
    )
