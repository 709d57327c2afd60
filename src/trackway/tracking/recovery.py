"""Bringing back what was deleted, or removing it for good: of all that is in the trash as rows of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import trash as z
from trackway.api.artifacts import CARD
from trackway.api.calls import Call
from trackway.api.experiments import PurgeReport
from trackway.api.trash import TrashKind
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.rules.checks import check_count, check_page
from trackway.rules.handlers import Handlers
from trackway.rules.holds import check_held, is_held
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Transaction
from trackway.store.trash import Deleted, TrashRow
from trackway.tracking.purge import LONG_AGO_MS

Resume = Callable[[Transaction, Call, Deleted], None]
"""Told of something that is back, by whose rules it has to go on; what it refuses is undone."""


class RecoveryService:
    """Handlers of the operations on the trash.

    resumes: by the kind of what is back
    """

    def __init__(self, resumes: Mapping[TrashKind, Resume]) -> None:
        self._resumes = resumes

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {ops.SEARCH_TRASH: self.search, ops.RESTORE_TRASH: self.restore, ops.PURGE_ENTRIES: self.purge}

    def search(self, tx: Transaction, call: Call, q: z.SearchTrash) -> z.TrashPage:
        """List what is in the trash."""
        check_page(q.limit, limits.SEARCH_PAGE)
        query = ("trash", q.kind, q.name)
        after = decode_token(call, query, q.page_token)
        if after is not None and (len(after) != 1 or not isinstance(after[0], int)):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        found = tx.trash.search(call.workspace, q, call.sees.trash, Page(q.limit + 1, after))
        last = [found[q.limit - 1].trash_pk] if len(found) > q.limit else None
        return z.TrashPage(
            entries=[_show(row) for row in found[: q.limit]], next_page_token=encode_token(call, query, last)
        )

    def restore(self, tx: Transaction, call: Call, q: z.TrashId) -> z.TrashEntry:
        """Bring something back, as it was, with its numbers."""
        row = _find(tx, call, q.trash_id)
        what = row.what.kind.replace("_", " ")
        outcome = tx.trash.restore(row, call.workspace)
        if outcome == "taken":
            raise AlreadyExists(
                f"There is another {what} in the place of {row.what.name[:80]!r} now",
                hint="rename or delete that one, then restore this",
            )
        if outcome == "gone":
            raise Conflict(
                f"What the {what} {row.what.name[:80]!r} belongs to is not there", hint="restore that first, if you can"
            )
        if row.what.kind in self._resumes:
            self._resumes[row.what.kind](tx, call, row.what)
        tx.access.touch()
        return _show(row)

    def purge(self, tx: Transaction, call: Call, q: z.PurgeEntries) -> PurgeReport:
        """Remove things for good, all or none."""
        check_count("things", len(q.trash_ids), limits.TRASH_PURGED)
        rows = [_find(tx, call, trash_id) for trash_id in dict.fromkeys(q.trash_ids)]
        report = PurgeReport(dry_run=q.dry_run)
        for row in rows:
            if row.what.kind in _OF_MODELS:
                check_held(tx.holds, call, "registered_model", _get_model(row))
            else:
                check_held(tx.holds, call, "workspace")
            report = purge_entry(tx, call, row, report)
        if not q.dry_run:
            tx.idempotency_keys.forget_answers(call.workspace)
        return report


def purge_entry(tx: Transaction, call: Call, row: TrashRow, report: PurgeReport) -> PurgeReport:
    """Remove something of the trash with the files of versions, or only count; return the grown report."""
    report = measure_entry(tx, call, row, report)
    if not report.dry_run:
        for folder in tx.trash.list_folders(row.trash_pk):
            for path in (folder, f"{folder}{CARD}"):
                tx.files.delete(call.workspace, path, LONG_AGO_MS)
        tx.trash.purge(row.trash_pk)
    return report


def measure_entry(tx: Transaction, call: Call, row: TrashRow, report: PurgeReport) -> PurgeReport:
    """Count what goes with something of the trash, whatever keeps it."""
    files, file_bytes = report.files, report.file_bytes
    for folder in tx.trash.list_folders(row.trash_pk):
        for path in (folder, f"{folder}{CARD}"):
            found, size = tx.files.measure(call.workspace, path)
            files, file_bytes = files + found, file_bytes + size
    return msgspec.structs.replace(report, objects=report.objects + 1, files=files, file_bytes=file_bytes)


def is_entry_held(tx: Transaction, call: Call, row: TrashRow) -> bool:
    """Tell whether a legal hold keeps something in the trash."""
    if row.what.kind in _OF_MODELS:
        return is_held(tx.holds, call, "registered_model", _get_model(row))
    return is_held(tx.holds, call, "workspace", "")


_OF_MODELS: frozenset[TrashKind] = frozenset(("registered_model", "model_version", "comment"))


def _get_model(row: TrashRow) -> str:
    return row.what.target or row.what.name


def _find(tx: Transaction, call: Call, trash_id: str) -> TrashRow:
    row = tx.trash.find(call.workspace, trash_id)
    if row is None:
        raise NotFound(f"Nothing with the id {trash_id[:40]!r} is in the trash", hint="see trackway trash list")
    return row


def _show(row: TrashRow) -> z.TrashEntry:
    return z.TrashEntry(
        trash_id=str(row.trash_pk),
        kind=row.what.kind,
        name=row.what.name,
        deleted_ms=row.deleted_ms,
        deleted_by=row.deleted_by,
    )
