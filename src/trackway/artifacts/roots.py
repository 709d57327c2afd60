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

    url:     see ``check_root``
    raises:  InvalidInput for any other URL; Unavailable when a folder cannot be made
    """
    check_root(url)
    scheme, colon, _ = url.partition("://")
    if not colon:
        return LocalBlobs(url)
    if scheme == "memory":
        return MemoryBlobs()
    return LocalBlobs(unquote(urlsplit(url).path)) if scheme == "file" else ObjectBlobs(url)


def check_root(url: str) -> None:
    """Check the form of a blob store's URL, before anything is made.

    url:     a path or ``file:///path``; ``memory://``; ``s3://bucket/prefix``, ``gs://…``, ``az://…``, ``abfss://…``
    raises:  InvalidInput for any other, and for none
    """
    if not url:
        raise InvalidInput("No place for artifacts is named", hint="give a folder, or a bucket like s3://bucket/prefix")
    scheme, colon, _ = url.partition("://")
    if not colon:
        return
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise InvalidInput("The artifact root's URL cannot have a query or a fragment")
    is_folder = scheme == "file" and not parts.netloc and parts.path
    is_bucket = scheme in _OBJECT_STORES and parts.netloc and parts.password is None
    if not (scheme == "memory" or is_folder or is_bucket):
        raise InvalidInput(
            f"No artifact root can be opened by a URL of that form with scheme {scheme!r}",
            hint=f"give a path, file:///path, memory://, or a bucket with {', '.join(_OBJECT_STORES)}; "
            "credentials go into the environment",
        )
