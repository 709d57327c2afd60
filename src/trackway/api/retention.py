"""The trash, its policy, and the record of who did what."""

from __future__ import annotations

from trackway.api.experiments import PurgeReport
from trackway.api.structs import Request, Response


class GetRetention(Request, frozen=True, kw_only=True):
    """Get the policy of the caller's workspace."""


class SetRetention(Request, frozen=True, kw_only=True):
    """Set after how many ms in the trash the server purges by itself; None for never."""

    trash_ms: int | None


class Retention(Response, frozen=True, kw_only=True):
    """The policy, what is in the trash now, and how many legal holds keep things from being purged.

    trashed_objects: what ``trash.search`` lists
    """

    trash_ms: int | None
    trashed_experiments: int = 0
    trashed_runs: int = 0
    trashed_objects: int = 0
    holds: int = 0


class PurgeTrash(Request, frozen=True, kw_only=True):
    """Purge what went to the trash more than ``older_than_ms`` ago; ``dry_run`` only counts."""

    older_than_ms: int = 0
    dry_run: bool = False


class GetRetentionReport(Request, frozen=True, kw_only=True):
    """Ask what a policy takes and when, what is kept from it, and what was removed lately.

    trash_ms: a policy to try; the workspace's own when it is left out
    since_ms: from when on removals are told; 30 days ago when it is left out
    """

    trash_ms: int | None = None
    since_ms: int | None = None


class Trash(Response, frozen=True, kw_only=True):
    """What of one experiment is in the trash: all of it when ``is_whole``, else runs and models.

    oldest_ms: when the first of it went there
    next_ms:   when the first of it is due; None when nothing of it will go
    contents:  what may go; ``due`` is what of it the policy takes now
    held:      what a legal hold keeps
    needed:    how many runs, models or experiments are kept because registered versions have their files there
    """

    experiment_id: str
    name: str
    is_whole: bool
    oldest_ms: int
    next_ms: int | None
    contents: PurgeReport
    due: PurgeReport
    held: PurgeReport
    needed: int = 0


class RetentionReport(Response, frozen=True, kw_only=True):
    """The trash by experiment, the oldest first, and the sums, with what is of no experiment.

    What is due is what a dry run of ``retention.purge`` counts, which looks at fewer at a time.

    trash_ms: the policy that this is for; None for none, which takes nothing
    removals: entries of the audit log about what was removed for good, newest first
    complete: whether all of the trash was looked at; else its oldest part
    """

    trash_ms: int | None
    contents: PurgeReport
    due: PurgeReport
    held: PurgeReport
    needed: int
    experiments: list[Trash]
    removals: list[AuditEntry]
    complete: bool


class SearchAudit(Request, frozen=True, kw_only=True):
    """Read entries, newest first, perhaps of one operation, object or actor, or of a time.

    since_ms, until_ms: from one time up to, but not including, another
    """

    operation: str = ""
    object: str = ""
    actor: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 100
    page_token: str = ""


class AuditEntry(Response, frozen=True, kw_only=True):
    """One change, or one call that was refused: who did what to which object, when, by which request, from where.

    detail:        ``denied`` for what was refused
    before, after: digests of the object; empty where there is none, or no access control
    salt, sealed:  what keeps names erasable: see there
    number, hash:  its place in the chain of the workspace; see docs/how-to/audit.md
    """

    time_ms: int
    actor: str
    operation: str
    object: str
    request_id: str
    detail: str = ""
    address: str = ""
    before: str = ""
    after: str = ""
    salt: str = ""
    sealed: str = ""
    number: int = 0
    hash: str = ""


class AuditPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    entries: list[AuditEntry]
    next_page_token: str = ""


class VerifyAudit(Request, frozen=True, kw_only=True):
    """Go through the whole chain, and compare it with a hash that was noted elsewhere, when one is given.

    number, hash: of an entry, as ``verify`` or ``search`` once answered
    """

    number: int = 0
    hash: str = ""


class AuditVerdict(Response, frozen=True, kw_only=True):
    """What came of it.

    intact:       every entry is as it was written, and none is missing
    fault:        what is wrong at the first that is not
    erased:       entries in which a person's name was erased, which changes no hash
    first, last:  numbers of the entries that are there; ``hash`` is the last one's, to be noted elsewhere
    """

    intact: bool
    fault: str
    first: int
    last: int
    hash: str
    erased: int = 0


class InspectStore(Request, frozen=True, kw_only=True):
    """Look at the database itself."""


class StoreReport(Response, frozen=True, kw_only=True):
    """The state of the database.

    revision:        of its schema
    missing_indexes: which the schema has and the database lacks: searches are slow until they are made
    size_bytes:      of the database, its write-ahead log left out
    log_bytes:       of SQLite's write-ahead log; 0 for PostgreSQL
    journal_mode:    SQLite's; empty for PostgreSQL
    """

    revision: str
    missing_indexes: list[str]
    size_bytes: int
    log_bytes: int
    journal_mode: str


class TrimAudit(Request, frozen=True, kw_only=True):
    """Remove entries older than a time; the chain goes on from where it was cut."""

    before_ms: int


class TrimmedAudit(Response, frozen=True, kw_only=True):
    """How many entries were removed."""

    entries: int
