"""How an ordered result is read a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Page(NamedTuple):
    """How much of an ordered result to read: ``after`` is the key of the last row seen, in the order's own terms."""

    limit: int
    after: Sequence[object] | None = None
