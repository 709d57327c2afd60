"""The rules of the trash, and reading the audit log."""

from __future__ import annotations

from functools import cache

import msgspec

from trackway.api import jobs as j
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.api.calls import Call
from trackway.api.experiments import PurgeReport
from trackway.base.errors import InvalidInput
from trackway.rules.checks import check_integer, check_page, check_time
from trackway.rules.handlers import Handlers
from trackway.rules.holds import check_held, is_held
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Transaction
from trackway.tracking.frozen import is_frozen
from trackway.tracking.recovery import is_entry_held, purge_entry
from trackway.tracking.trash import list_trash, report_trash

PURGED_AT_ONCE = 1_000
"""Most runs, most models and most other things that one call purges beside whole experiments: bounds how long others
wait."""
REMOVALS_MS = 30 * 24 * 3_600_000


class _Held:
    """Looks up which experiments are held, once each, and counts what of them was left."""

    def __init__(self, tx: Transaction, call: Call) -> None:
        self._look = cache(lambda number: is_held(tx.holds, call, "experiment", str(number)))
        self.count = 0

    def has(self, number: int) -> bool:
        """Tell whether an experiment is held; counted when it is."""
        self.count += self._look(number)
        return self._look(number)


class RetentionService:
    """Handlers of the operations on the trash, the audit log, the database and the jobs."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.GET_RETENTION: self.get,
            ops.SET_RETENTION: self.set,
            ops.PURGE_TRASH: self.purge,
            ops.GET_RETENTION_REPORT: self.report,
            ops.SEARCH_AUDIT: self.search_audit,
            ops.VERIFY_AUDIT: self.verify_audit,
            ops.TRIM_AUDIT: self.trim_audit,
            ops.INSPECT_STORE: self.inspect_store,
            ops.LIST_JOBS: self.list_jobs,
        }

    def get(self, tx: Transaction, call: Call, _q: t.GetRetention) -> t.Retention:
        """Get the policy, and what is in the trash."""
        experiments, runs = tx.housekeeping.count_trash(call.workspace)
        return t.Retention(
            trash_ms=tx.housekeeping.get_retention(call.workspace),
            trashed_experiments=experiments,
            trashed_runs=runs,
            trashed_objects=tx.trash.count(call.workspace),
            holds=len(tx.holds.list(call.workspace)),
        )

    def inspect_store(self, tx: Transaction, _call: Call, _q: t.InspectStore) -> t.StoreReport:
        """Look at the database."""
        return tx.housekeeping.inspect()

    def list_jobs(self, tx: Transaction, _call: Call, _q: j.ListJobs) -> j.JobList:
        """List the server's own background work."""
        return j.JobList(jobs=tx.housekeeping.list_jobs())

    def set(self, tx: Transaction, call: Call, q: t.SetRetention) -> t.Retention:
        """Set the policy."""
        if q.trash_ms is not None and not 0 <= q.trash_ms <= limits.INT64_MAX:
            raise InvalidInput(f"Invalid time in the trash {q.trash_ms}", hint="give milliseconds, 0 or more, or null")
        tx.housekeeping.set_retention(call.workspace, q.trash_ms)
        return self.get(tx, call, t.GetRetention())

    def purge(self, tx: Transaction, call: Call, q: t.PurgeTrash) -> PurgeReport:
        """Purge what has been in the trash long enough, but what a registered version needs the files of.

        The default experiment only loses its runs.
        """
        if not 0 <= q.older_than_ms <= limits.INT64_MAX:
            raise InvalidInput(f"Invalid age {q.older_than_ms}", hint="give milliseconds, 0 or more")
        # without an age it is all of the trash, also what another clock put there a moment from now
        before_ms = call.now_ms - q.older_than_ms if q.older_than_ms else limits.INT64_MAX
        report = PurgeReport(dry_run=q.dry_run)
        held = _Held(tx, call)
        for one in list_trash(tx, call, before_ms, PURGED_AT_ONCE):
            if not held.has(one.experiment) and not is_frozen(tx, call, one.location):
                report = one.purge(tx, call, report)
        for row in tx.trash.list_old(call.workspace, before_ms, PURGED_AT_ONCE):
            if is_entry_held(tx, call, row):
                held.count += 1
            else:
                report = purge_entry(tx, call, row, report)
        if report.objects and not q.dry_run:
            tx.idempotency_keys.forget_answers(call.workspace)
        return msgspec.structs.replace(report, held=held.count)

    def report(self, tx: Transaction, call: Call, q: t.GetRetentionReport) -> t.RetentionReport:
        """Say what a policy takes, what is kept from it, and what went lately."""
        for what, given in (("time in the trash", q.trash_ms), ("time", q.since_ms)):
            check_time(what, given)
        trash_ms = tx.housekeeping.get_retention(call.workspace) if q.trash_ms is None else q.trash_ms
        since_ms = max(0, call.now_ms - REMOVALS_MS) if q.since_ms is None else q.since_ms
        return report_trash(tx, call, trash_ms, since_ms)

    def search_audit(self, tx: Transaction, call: Call, q: t.SearchAudit) -> t.AuditPage:
        """Read the audit log."""
        check_page(q.limit, limits.SEARCH_PAGE)
        query = (q.operation, q.object, q.actor, q.since_ms, q.until_ms)
        after = decode_token(call, query, q.page_token)
        if after is not None and (len(after) != 1 or not isinstance(after[0], int)):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        check_time("time", q.since_ms)
        check_time("time", q.until_ms)
        entries = tx.housekeeping.search_audit(call.workspace, q, Page(q.limit + 1, after))
        following = [entries[q.limit - 1].number] if len(entries) > q.limit else None
        return t.AuditPage(entries=entries[: q.limit], next_page_token=encode_token(call, query, following))

    def verify_audit(self, tx: Transaction, call: Call, q: t.VerifyAudit) -> t.AuditVerdict:
        """Go through the chain of the workspace."""
        check_integer("number", q.number)
        return tx.housekeeping.verify_audit(call.workspace, q)

    def trim_audit(self, tx: Transaction, call: Call, q: t.TrimAudit) -> t.TrimmedAudit:
        """Remove old entries."""
        check_time("time", q.before_ms)
        check_held(tx.holds, call, "workspace")
        if q.before_ms > call.now_ms:
            raise InvalidInput("That time is still to come", hint="give milliseconds since 1970-01-01 UTC, in the past")
        return t.TrimmedAudit(entries=tx.housekeeping.trim_audit(call.workspace, q.before_ms))
