"""The two kinds of struct that cross layers: what a caller sends, and what it gets back."""

from __future__ import annotations

from typing import Literal

import msgspec

Lifecycle = Literal["active", "deleted"]
View = Literal["active", "deleted", "all"]
Grammar = Literal["trackway", "mlflow"]
"""Which search language a filter is written in; ``mlflow`` refuses what MLflow refuses."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends: unknown fields are refused."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller gets: readers ignore fields that they do not know."""


class Empty(Response, frozen=True, kw_only=True):
    """Nothing to say but that it is done."""
