"""The rules of quotas: what a workspace may hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import quotas as q
from trackway.api.calls import Call
from trackway.base.errors import InvalidInput
from trackway.rules.handlers import Handlers
from trackway.store.base import Store, Transaction
from trackway.store.quotas import Amounts

NO_QUOTA = Amounts(None, None, None)


class QuotaService:
    """Handlers of the operations on quotas.

    count_requests: says how many requests of a workspace this process has let through in a minute
    """

    def __init__(self, count_requests: Callable[[str], int] = lambda _workspace: 0) -> None:
        self._count_requests = count_requests

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {ops.GET_USAGE: self.get, ops.SET_QUOTA: self.set}

    def get(self, tx: Transaction, call: Call, _q: q.GetUsage) -> q.Usage:
        """Count what the workspace holds."""
        return self._show(tx, call.workspace)

    def set(self, tx: Transaction, call: Call, wanted: q.SetQuota) -> q.Usage:
        """Set the quota; it counts at once."""
        quota = Amounts(wanted.runs, wanted.points, wanted.size_bytes, wanted.requests_per_minute)
        for name, most in quota._asdict().items():
            least = 1 if name == "requests_per_minute" else 0
            if most is not None and not least <= most <= limits.INT64_MAX:
                hint = f"give {least} or more, or null for no limit"
                raise InvalidInput(f"Invalid quota of {name}: {most}", hint=hint)
        tx.quotas.set(call.workspace, quota)
        _judge(tx, call.workspace)
        tx.access.touch()  # servers keep the quota on requests with the rights of callers
        return self._show(tx, call.workspace)

    def _show(self, tx: Transaction, workspace: str) -> q.Usage:
        used = tx.quotas.measure(workspace)
        quota = tx.quotas.get(workspace) or NO_QUOTA
        return q.Usage(
            runs=used.runs or 0,
            points=used.points or 0,
            size_bytes=used.size_bytes or 0,
            runs_quota=quota.runs,
            points_quota=quota.points,
            bytes_quota=quota.size_bytes,
            requests_last_minute=self._count_requests(workspace),
            requests_per_minute_quota=quota.requests_per_minute,
            exceeded=list(tx.quotas.get_exceeded(workspace)),
        )


def judge_workspaces(store: Store) -> bool:
    """Count what workspaces with a quota hold, and keep what they have passed; for the jobs of a server."""
    for workspace in store.read(lambda tx: tx.quotas.list_workspaces()):
        if store.read(partial(_has_changed, workspace=workspace)):  # counted while nobody waits for the writer
            store.write(partial(_judge, workspace=workspace))
    return False


def _has_changed(tx: Transaction, workspace: str) -> bool:
    return _find_exceeded(tx, workspace) != tx.quotas.get_exceeded(workspace)


def _judge(tx: Transaction, workspace: str) -> None:
    exceeded = _find_exceeded(tx, workspace)
    if exceeded != tx.quotas.get_exceeded(workspace):
        tx.quotas.set_exceeded(workspace, exceeded)
        tx.access.touch()  # servers keep what was passed with the rights of callers


def _find_exceeded(tx: Transaction, workspace: str) -> dict[q.QuotaKind, int]:
    quota = tx.quotas.get(workspace) or NO_QUOTA
    if quota == NO_QUOTA:
        return {}
    used = tx.quotas.measure(workspace)
    kinds: tuple[q.QuotaKind, ...] = ("runs", "points", "bytes")
    pairs = zip(kinds, used[:3], quota[:3], strict=True)
    return {kind: most for kind, held, most in pairs if most is not None and held is not None and held >= most}
