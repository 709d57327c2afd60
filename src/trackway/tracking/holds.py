"""The rules of legal holds."""

from __future__ import annotations

from trackway.api import holds as h
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.rules.checks import check_name, parse_experiment_id
from trackway.rules.handlers import Handlers
from trackway.store.base import Transaction


class HoldService:
    """Handlers of the operations on legal holds."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {ops.CREATE_HOLD: self.create, ops.LIST_HOLDS: self.list_holds, ops.RELEASE_HOLD: self.release}

    def create(self, tx: Transaction, call: Call, q: h.CreateHold) -> h.Hold:
        """Hold something that is there, in the trash or not."""
        check_name("reason", q.reason, limits.HOLD_REASON_CHARS)
        if len(tx.holds.list(call.workspace)) >= limits.HOLDS:
            raise Conflict(f"There are {limits.HOLDS:,} holds, which is the most", hint="release one")
        hold = h.Hold(
            hold_id="",
            target_kind=q.target_kind,
            target=_check_target(tx, call, q),
            reason=q.reason,
            created_ms=call.now_ms,
            created_by=call.actor.label,
        )
        return tx.holds.create(call.workspace, hold)

    def list_holds(self, tx: Transaction, call: Call, _q: h.ListHolds) -> h.HoldList:
        """List holds."""
        return h.HoldList(holds=tx.holds.list(call.workspace))

    def release(self, tx: Transaction, call: Call, q: h.ReleaseHold) -> h.Hold:
        """Release a hold; the audit log keeps why."""
        check_name("reason", q.reason, limits.HOLD_REASON_CHARS)
        is_number = q.hold_id.isascii() and q.hold_id.isdigit() and len(q.hold_id) <= 18
        hold = tx.holds.get(call.workspace, int(q.hold_id)) if is_number else None
        if hold is None:
            raise NotFound(f"There is no hold {q.hold_id[:40]!r}")
        tx.holds.delete(call.workspace, int(q.hold_id))
        return hold


def _check_target(tx: Transaction, call: Call, q: h.CreateHold) -> str:
    """Return what is held in its one form.

    raises: InvalidInput, NotFound
    """
    if q.target_kind == "workspace":
        if q.target:
            raise InvalidInput("The workspace is the one that is called in", hint="leave the target out")
        return ""
    if q.target_kind == "experiment":
        number = parse_experiment_id(q.target)
        if tx.experiments.ref(call.workspace, number) is None:
            raise NotFound(f"No experiment with id {q.target}")
        return str(number)
    if tx.registry.ref(call.workspace, q.target) is None:
        raise NotFound(f"Registered Model with name={q.target[:80]} not found")
    return q.target
