"""The shape of a handler: what carries out an operation inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trackway.api.operations import Operation

Handler = Callable[..., Any]
"""``handler(tx, call, request) -> response``; raises a TrackwayError to refuse, before it has written if it can."""

Handlers = dict[Operation[Any, Any], Handler]
