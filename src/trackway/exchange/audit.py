"""The audit log in a bundle of a workspace, which can be checked wherever the bundle is."""

from __future__ import annotations

from trackway.api.retention import AuditEntry, AuditVerdict
from trackway.base.errors import NotFound
from trackway.exchange.bundle_reader import Bundle
from trackway.store.audit import is_as_written


def verify_audit(bundle: Bundle) -> AuditVerdict:
    """Go through the chain of hashes, from the newest entry to the oldest.

    The entry that was the last when the export began must be the one that the server then had.

    raises: NotFound when the bundle is not of a whole workspace
    cost:   one pass over the log
    """
    if bundle.settings is None:
        raise NotFound("The bundle has no audit log", hint="`trackway workspaces export` writes one that does")
    content = bundle.settings.content
    newer: AuditEntry | None = None
    newest: AuditEntry | None = None
    erased, fault = 0, ""

    def check(entry: AuditEntry, number: int, before: str) -> str:
        if entry.number != number + 1:
            return f"entry {number + 1} is missing"
        if not is_as_written(before, content.key, entry):
            return f"entry {entry.number} is not as it was written"
        if entry.number == content.audit_entries and entry.hash != content.audit_hash:
            return f"entry {entry.number} is not the one that the server had"
        return ""

    for entry in bundle.list_audit():
        newest = newest or entry
        erased += not entry.salt
        if newer is not None:
            fault = check(newer, entry.number, entry.hash) or fault  # the oldest fault is told
        newer = entry
    if newer is not None:
        fault = check(newer, content.audit_trimmed, content.audit_trimmed_hash) or fault
    if newest is None or newest.number < content.audit_entries:
        fault = fault or f"entry {content.audit_entries} is missing"
    return AuditVerdict(
        intact=not fault,
        fault=fault,
        first=newer.number if newer else content.audit_trimmed + 1,
        last=newest.number if newest else content.audit_trimmed,
        hash=newest.hash if newest else "",
        erased=erased,
    )
