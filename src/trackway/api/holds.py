"""Legal holds: what is held is not removed for good, by nobody and by no policy, until the hold is released."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Request, Response

HoldKind = Literal["workspace", "experiment", "registered_model"]


class Hold(Response, frozen=True, kw_only=True):
    """A hold, who placed it and why; ``target`` is an experiment's id or a model's name, "" for the whole workspace."""

    hold_id: str
    target_kind: HoldKind
    target: str
    reason: str
    created_ms: int
    created_by: str


class CreateHold(Request, frozen=True, kw_only=True):
    """Hold something; several holds on the same are released one by one."""

    target_kind: HoldKind
    target: str = ""
    reason: str


class ReleaseHold(Request, frozen=True, kw_only=True):
    """Release a hold, and say why."""

    hold_id: str
    reason: str


class ListHolds(Request, frozen=True, kw_only=True):
    """List the holds of the workspace."""


class HoldList(Response, frozen=True, kw_only=True):
    """Holds, oldest first."""

    holds: list[Hold]
