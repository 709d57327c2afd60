"""What a legal hold keeps from being removed for good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from trackway.api.calls import Call
from trackway.api.holds import Hold, HoldKind
from trackway.base.errors import Conflict


class Holds(Protocol):
    """Where holds are found."""

    def find(self, workspace: str, kind: HoldKind, target: str, /) -> Hold | None: ...


def is_held(holds: Holds, call: Call, kind: HoldKind, target: str) -> bool:
    """Tell whether an object, or its whole workspace, is held."""
    return holds.find(call.workspace, kind, target) is not None


def check_held(holds: Holds, call: Call, kind: HoldKind, target: str = "") -> None:
    """Refuse what would remove something for good that is held.

    raises: Conflict, which says since when and not why: that is for those who may list holds
    """
    hold = holds.find(call.workspace, kind, target)
    if hold is None:
        return
    what = "The workspace" if hold.target_kind == "workspace" else f"The {kind.replace('_', ' ')} {target[:80]!r}"
    since = datetime.fromtimestamp(hold.created_ms / 1000, UTC).date()
    raise Conflict(
        f"{what} is under a legal hold since {since}: nothing of it is removed",
        hint="the workspace's administrators can see who placed it and why: `trackway holds list`",
        details={"hold": hold.hold_id},
    )


def check_file_held(holds: Holds, call: Call, path: str) -> None:
    """Refuse to remove or replace a file of an experiment that is held; see ``check_held``."""
    number = path.partition("/")[0]
    check_held(holds, call, "experiment", number)
