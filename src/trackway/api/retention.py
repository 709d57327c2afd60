"""The trash, its policy, and the record of who did what."""

from __future__ import annotations

from trackway.api.structs import Request, Response


class GetRetention(Request, frozen=True, kw_only=True):
    """Get the policy of the caller's workspace."""


class SetRetention(Request, frozen=True, kw_only=True):
    """Set after how many ms in the trash the server purges by itself; None for never."""

    trash_ms: int | None


class Retention(Response, frozen=True, kw_only=True):
    """The policy, and what is in the trash now."""

    trash_ms: int | None
    trashed_experiments: int = 0
    trashed_runs: int = 0


class PurgeTrash(Request, frozen=True, kw_only=True):
    """Purge what went to the trash more than ``older_than_ms`` ago; ``dry_run`` only counts."""

    older_than_ms: int = 0
    dry_run: bool = False


class SearchAudit(Request, frozen=True, kw_only=True):
    """Read entries, newest first, perhaps of one operation or one object."""

    operation: str = ""
    object: str = ""
    limit: int = 100
    page_token: str = ""


class AuditEntry(Response, frozen=True, kw_only=True):
    """One change: who did what to which object, when, by which request."""

    time_ms: int
    actor: str
    operation: str
    object: str
    request_id: str
    detail: str = ""


class AuditPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    entries: list[AuditEntry]
    next_page_token: str = ""
