"""What the server does by itself: seal chunks, notice lost runs, empty the trash, delete bytes nobody needs."""

from __future__ import annotations

from trackway.api import operations as ops
from trackway.api.calls import SYSTEM, Call
from trackway.api.retention import AuditEntry, PurgeTrash
from trackway.artifacts.base import BlobStore
from trackway.base.clock import Clock, now_ms
from trackway.base.ids import new_id
from trackway.rules.events import announce
from trackway.store.base import Store, Transaction
from trackway.tracking.purge import describe_purge
from trackway.tracking.retention import RetentionService
from trackway.tracking.runs import tell

SEALED_AT_ONCE = 16
BLOBS_AT_ONCE = 200
UPLOADS_AT_ONCE = 20
FORGOTTEN = 1_000
STALE_MS = 24 * 3_600_000
"""An upload in parts that was opened a day ago is given up."""
REPEATED_MS = STALE_MS
"""For so long a repeat of a call is told by its idempotency key."""
ABANDONED_MS = 2 * STALE_MS
"""A blob that no row came for within two days: even an upload that was completed at the last moment has ended."""


class Chores:
    """The tasks, on one store. Each is safe to repeat, and returns True when there is more to do at once."""

    def __init__(self, store: Store, blobs: BlobStore, retention: RetentionService, clock: Clock = now_ms) -> None:
        self._store = store
        self._blobs = blobs
        self._retention = retention
        self._clock = clock

    def seal_series(self) -> bool:
        """Gather arrivals of queued runs, merge small chunks of queued series; True when more are queued."""
        runs = self._store.read(lambda tx: tx.metrics.list_ungathered(SEALED_AT_ONCE))
        more = [self._store.write(lambda tx, pk=pk: tx.metrics.gather(pk)) for pk in runs]
        queued = self._store.read(lambda tx: tx.metrics.list_unsealed(SEALED_AT_ONCE))
        for series in queued:
            self._store.write(lambda tx, series=series: tx.metrics.seal(series))
        return any(more) or SEALED_AT_ONCE in (len(runs), len(queued))

    def expire_leases(self) -> bool:
        """Mark runs as LOST whose clients fell silent; nothing is written when there are none."""
        now = self._clock()
        if self._store.read(lambda tx: tx.runs.has_expired_leases(now)):
            self._store.write(lambda tx: self._expire(tx, now))
        return False

    def _expire(self, tx: Transaction, now: int) -> None:
        for run in tx.runs.expire_leases(now):
            call = Call(actor=SYSTEM, workspace=run.workspace, request_id=new_id(), now_ms=now)
            announce(tx.webhooks, call, "run.status_changed", tell(run.run_id, run.experiment, run.name, "LOST"))

    def purge_trash(self) -> bool:
        """Purge what has been in the trash for as long as its workspace's policy says."""
        for workspace, trash_ms in self._store.read(lambda tx: tx.housekeeping.list_retention()):
            self._store.write(lambda tx, w=workspace, t=trash_ms: self._purge(tx, w, t))
        return False

    def _purge(self, tx: Transaction, workspace: str, trash_ms: int) -> None:
        call = Call(actor=SYSTEM, workspace=workspace, request_id=new_id(), now_ms=self._clock())
        report = self._retention.purge(tx, call, PurgeTrash(older_than_ms=trash_ms))
        if report.runs or report.models or report.experiments or report.objects:
            tx.housekeeping.append_audit(
                workspace,
                AuditEntry(
                    time_ms=call.now_ms,
                    actor="system:trackway",
                    operation=ops.PURGE_TRASH.name,
                    object="",
                    request_id=call.request_id,
                    detail=describe_purge(report),
                ),
            )

    def reclaim_space(self) -> bool:
        """Let the file of the database shrink after seals and purges."""
        return self._store.reclaim()

    def vacuum_tables(self) -> bool:
        """Have the database know of tables that have grown."""
        self._store.vacuum()
        return False

    def forget_credentials(self) -> bool:
        """Delete what nobody can sign in with any more; True when there is more."""
        before_ms = self._clock()
        forgotten: int = self._store.write(lambda tx: tx.access.forget_credentials(before_ms, FORGOTTEN))
        return forgotten == FORGOTTEN

    def forget_idempotency_keys(self) -> bool:
        """Delete idempotency keys of calls that were made a day ago; True when there are more."""
        before_ms = self._clock() - REPEATED_MS
        forgotten: int = self._store.write(lambda tx: tx.idempotency_keys.forget(before_ms, FORGOTTEN))
        return forgotten == FORGOTTEN

    def close_uploads(self) -> bool:
        """Delete what uploads in parts have sent that nobody completed within a day; True when there are more."""
        before_ms = self._clock() - STALE_MS
        stale = self._store.read(lambda tx: tx.files.list_stale_uploads(before_ms, UPLOADS_AT_ONCE))
        for workspace, upload in stale:
            self._blobs.close_upload(upload.blob_key, upload.store_upload_id)
            self._store.write(lambda tx, w=workspace, u=upload: tx.files.delete_upload(w, u.upload_id))
        return len(stale) == UPLOADS_AT_ONCE

    def delete_blobs(self) -> bool:
        """Delete bytes that no row has needed for two days; True when there are more."""
        before_ms = self._clock() - ABANDONED_MS
        keys = self._store.read(lambda tx: tx.files.list_pending_blobs(before_ms, BLOBS_AT_ONCE))
        for key in keys:
            self._blobs.delete(key)
        if keys:
            self._store.write(lambda tx: (tx.files.forget_blobs(keys), tx.files.forget_needed_blobs(before_ms)))
        return len(keys) == BLOBS_AT_ONCE
