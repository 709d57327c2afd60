"""The shape of a handler: what carries out an operation inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from trackway.api.operations import Operation

Handler = Callable[..., Any]
"""``handler(tx, call, request) -> response``; raises a TrackwayError to refuse, before it has written if it can."""


class Considered(NamedTuple):
    """A handler in two steps, for what takes a while and is not to keep other writers waiting meanwhile.

    consider: ``consider(tx, call, request) -> found``, in a transaction that reads, before the one that writes
    act:      ``act(tx, call, request, found) -> response``, which looks whether what was found still holds
    """

    consider: Callable[..., Any]
    act: Callable[..., Any]


Handlers = dict[Operation[Any, Any], Handler | Considered]
