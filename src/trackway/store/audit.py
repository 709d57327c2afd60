"""The chain of hashes that an audit log is: what of an entry each hash covers."""

from __future__ import annotations

import hashlib

import msgspec

from trackway.api.retention import AuditEntry
from trackway.store.erasure import PSEUDONYM


def chain(before: str, workspace: str, entry: AuditEntry) -> str:
    """Return the hash of an entry: SHA-256 of the hash before it, a line feed, and a list in JSON.

    The list is workspace, number, time_ms, operation, request_id, before, after, and what ``seal`` makes of the rest.

    workspace: its key, which stays when it gets another name
    """
    told = [
        *(workspace, entry.number, entry.time_ms, entry.operation),
        *(entry.request_id, entry.before, entry.after, entry.sealed),
    ]
    return hashlib.sha256(before.encode() + b"\n" + msgspec.json.encode(told)).hexdigest()


def seal(salt: str, entry: AuditEntry) -> str:
    """Return the digest of what may name people: SHA-256 of salt, a line feed, and the list of it in JSON."""
    told = [entry.actor, entry.object, entry.detail, entry.address]
    return hashlib.sha256(salt.encode() + b"\n" + msgspec.json.encode(told)).hexdigest()


def is_as_written(before: str, workspace: str, entry: AuditEntry) -> bool:
    """Tell whether an entry is the one that was written behind the hash before it.

    Its names are as they were, or one was erased: then a pseudonym is there, and no salt.
    """
    if chain(before, workspace, entry) != entry.hash:
        return False
    if entry.salt:
        return seal(entry.salt, entry) == entry.sealed
    return any(PSEUDONYM in text for text in (entry.actor, entry.object, entry.detail))
