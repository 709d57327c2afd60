"""Who calls, where, and with which right: carried by every call from the edge to the store."""

from __future__ import annotations

from typing import Literal

import msgspec

Permission = Literal["read", "write", "delete", "admin"]
"""The right that an operation needs on its target, smallest first."""

Target = Literal["workspace", "experiment", "run", "runs", "logged_model", "registered_model", "file"]
"""What kind of object an operation is about; its id is the request field that ``Operation.target_field`` names."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: a person, a service token, or nobody known."""

    kind: Literal["user", "service", "anonymous", "system"]
    name: str = ""

    @property
    def label(self) -> str:
        """Who this is, in one word, as logs and histories show it."""
        return f"{self.kind}:{self.name}" if self.name else self.kind


ANONYMOUS = Actor(kind="anonymous")
SYSTEM = Actor(kind="system", name="trackway")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call's circumstances. ``now_ms`` is the one reading of the clock that the whole call uses."""

    actor: Actor
    workspace: str
    request_id: str
    now_ms: int
