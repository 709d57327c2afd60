"""Reads of what is sensitive: each leaves an entry in the audit log, though not one for every time."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.operations import Operation
from trackway.base.errors import InvalidInput
from trackway.store.base import Transaction

HOUR_MS: Final = 3_600_000
KEPT: Final = 100_000
"""Most reads of an hour that are remembered; beyond it some leave a second entry."""
RESTRICTED_TAG: Final = "trackway.restricted"
"""Tag of an experiment (``true``) whose files are sensitive."""
KINDS: Final[dict[str, tuple[Operation[Any, Any], ...]]] = {
    "audit": (ops.SEARCH_AUDIT, ops.VERIFY_AUDIT),
    "tokens": (ops.LIST_TOKENS, ops.LIST_SESSIONS, ops.LIST_SIGN_INS),
    "users": (ops.LIST_USERS, ops.GET_USER, ops.LIST_TEAMS, ops.LIST_GRANTS),
    "secrets": (ops.GET_WEBHOOK, ops.LIST_WEBHOOKS, ops.LIST_DELIVERIES, ops.GET_DELIVERY),
    "artifacts": (ops.GET_FILE,),
}
"""What may be kept of: the audit log; tokens and sessions, without their secrets; users; webhooks, likewise without;
and files of experiments that are restricted."""
EVERY_KIND: Final = ",".join(KINDS)


class Read(NamedTuple):
    """One caller's reading of one object in one hour."""

    workspace: str
    actor: str
    operation: str
    object: str
    hour: int


class SensitiveReads:
    """Says which reads are to leave an entry, and remembers which did in this hour, in memory.

    kinds:  some of ``KINDS``, divided by commas
    raises: InvalidInput for a kind that there is not
    """

    def __init__(self, kinds: str = EVERY_KIND) -> None:
        named = [kind.strip() for kind in kinds.split(",") if kind.strip()]
        if unknown := [kind for kind in named if kind not in KINDS]:
            raise InvalidInput(f"Invalid audit_reads {unknown[0][:40]!r}", hint=f"name any of {EVERY_KIND}, or none")
        self.operations = frozenset(operation.name for kind in named for operation in KINDS[kind])
        self._hour = 0
        self._noted: set[Read] = set()

    def find(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Any) -> Read | None:
        """Return what is to be kept of a read; None when it is not sensitive, or was kept already.

        cost: of a file one look-up, else nothing
        """
        target = call.workspace
        if operation is ops.GET_FILE:
            target = request.path.lstrip("/").partition("/")[0]
            if not (target.isascii() and target.isdigit() and len(target) <= 18):
                return None
            if not tx.experiments.has_tag(int(target), RESTRICTED_TAG, "true"):
                return None
        elif field := operation.access.target_field:
            target = getattr(request, field)
        elif operation in KINDS["tokens"]:
            target = request.user or call.actor.name
        read = Read(call.workspace, call.actor.label, operation.name, target, call.now_ms // HOUR_MS)
        return None if read in self._noted else read

    def note(self, read: Read) -> None:
        """Remember that a read was kept."""
        if read.hour != self._hour or len(self._noted) >= KEPT:
            self._hour, self._noted = read.hour, set()
        self._noted.add(read)
