"""Locations that clients see: of files in the workspace's file tree, and of servers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from trackway.api import limits
from trackway.api.artifacts import SERVED as SERVED
from trackway.base.errors import InvalidInput
from trackway.rules.checks import check_text

_VISIBLE = re.compile(r"[!-~]+")


def tree_path(uri: str) -> str | None:
    """Return the path in the file tree that a location stands for; None for a place that is not ours."""
    if not uri.startswith(SERVED) or uri.startswith(f"{SERVED}/"):
        return None
    return uri[len(SERVED) :].strip("/")


def check_server_address(address: str) -> None:
    """Check the form of an address, which pages show as a link: no credentials may be in it."""
    check_text("The address", address, limits.LOCATION_CHARS)
    if not address:
        return
    try:
        parts = urlsplit(address)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        is_fit = is_fit and (parts.port is None or parts.port > 0)
    except ValueError:
        is_fit = False
    if not is_fit or not _VISIBLE.fullmatch(address):
        raise InvalidInput(
            "The address of a server must be one of http or https, without user or password",
            hint="such as https://models.example.com/churn",
        )
