"""What was deleted and can be brought back, beside experiments, runs and logged models, which are marked as deleted."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Request, Response

TrashKind = Literal[
    "registered_model",
    "model_version",
    "comment",
    "endpoint",
    "signing_key",
    "webhook",
    "schedule",
    "team",
    "role",
    "grant",
]


class Trashed(Response, frozen=True, kw_only=True):
    """Something is in the trash now; ``trash_id`` brings it back."""

    trash_id: str


class TrashEntry(Response, frozen=True, kw_only=True):
    """One thing in the trash.

    name: what it was called when it was deleted, such as ``churn`` or ``churn/3``
    """

    trash_id: str
    kind: TrashKind
    name: str
    deleted_ms: int
    deleted_by: str


class SearchTrash(Request, frozen=True, kw_only=True):
    """List what is in the trash, what was deleted last first.

    kind: only of this kind
    name: only what was called so
    """

    kind: TrashKind | None = None
    name: str = ""
    limit: int = 100
    page_token: str = ""


class TrashPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    entries: list[TrashEntry]
    next_page_token: str = ""


class TrashId(Request, frozen=True, kw_only=True):
    """Name one thing in the trash."""

    trash_id: str


class PurgeEntries(Request, frozen=True, kw_only=True):
    """Remove things of the trash for good, with the files of versions; ``dry_run`` only counts."""

    trash_ids: list[str]
    dry_run: bool = False
