"""Checking the chains of all audit logs, while nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from trackway.base.errors import Corrupt
from trackway.store.base import Store
from trackway.store.housekeeping import ChainPart

CHECKED_AT_ONCE = 2_000
"""Entries that are read in one transaction: bounds how long it is open, and other jobs wait."""
FAULTS_TOLD = 5


def check_chains(store: Store) -> Iterator[None]:
    """Check the chain of every workspace that has one, from its first entry; yields after each part.

    A part is a read of its own, which holds up no writer. What was found whole before is checked again: it is what
    somebody may have changed since. What is appended or trimmed meanwhile is no fault, nor is a name that was erased.

    raises: Corrupt at the end, when chains do not hold: which, and what is wrong at the first entry that is
    cost:   two hashes and 12 us an entry, so 12 s of a processor for a million; memory for ``CHECKED_AT_ONCE`` entries,
            whose transaction takes about 25 ms
    """
    faults: list[str] = []
    for workspace in store.read(lambda tx: tx.housekeeping.list_audited()):
        part: ChainPart | None = None
        while part is None or part.more:
            part = store.read(lambda tx, w=workspace, p=part: tx.housekeeping.check_audit(w, p, CHECKED_AT_ONCE))
            yield
        if part.fault:
            place = store.read(lambda tx, w=workspace: tx.workspaces.get(w))
            faults.append(f"of the workspace {place.name if place else workspace!r}: {part.fault}")
    if faults:
        more = f"; and of {len(faults) - FAULTS_TOLD} more" if len(faults) > FAULTS_TOLD else ""
        raise Corrupt(
            f"The audit log is not as it was written: {'; '.join(faults[:FAULTS_TOLD])}{more}",
            hint="compare it with an export or a backup of before",
        )
