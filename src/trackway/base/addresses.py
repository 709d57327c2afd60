"""Addresses of stores and servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from trackway.base.errors import InvalidInput

_ESCAPES: Final = str.maketrans({"%": "%25", "?": "%3F", "#": "%23"})
"""What means something else in an address than in a path."""


def hide_credentials(uri: str) -> str:
    """Return an address without the user and password in it, fit to be written down."""
    return re.sub(r"^([A-Za-z0-9+.-]+://)[^/@]*@", r"\1", uri)


def sqlite_path(uri: str) -> Path:
    """Return the file of a ``sqlite:`` address; four slashes begin an absolute path.

    raises: InvalidInput for fewer than three slashes, a host part, a query or an empty path
    """
    parts = urlsplit(uri)
    is_file = parts.scheme == "sqlite" and uri.partition(":")[2].startswith("///")
    if not is_file or parts.query or parts.fragment or not parts.path.strip("/"):
        raise InvalidInput(
            f"{uri[:200]!r} names no SQLite file", hint="use sqlite:////data/runs.db or sqlite:///runs.db"
        )
    return Path(unquote(parts.path[1:])).expanduser()


def sqlite_address(path: Path) -> str:
    """Return the ``sqlite:`` address of a file."""
    return f"sqlite:///{str(path).translate(_ESCAPES)}"
