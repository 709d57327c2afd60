"""Calls of operations in this process, where no transport stands between."""

from __future__ import annotations

from typing import Any

from trackway.api.calls import Actor
from trackway.wiring.platform import Platform


def call(platform: Platform, operation: Any, request: Any) -> Any:
    """Carry out an operation in the default workspace, as the user ann."""
    dispatch = platform.dispatch
    return dispatch.call(operation, request, dispatch.open_call(Actor(kind="user", name="ann"), "default"))
