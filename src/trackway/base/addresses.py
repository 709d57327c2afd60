"""Addresses of stores and servers."""

from __future__ import annotations

import re


def hide_credentials(uri: str) -> str:
    """Return an address without the user and password in it, fit to be written down."""
    return re.sub(r"^([A-Za-z0-9+.-]+://)[^/@]*@", r"\1", uri)
