"""What a store keeps of what was deleted and can be brought back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from trackway.api.calls import Call
from trackway.api.trash import SearchTrash, Trashed, TrashKind
from trackway.store.paging import Page

Outcome = Literal["restored", "taken", "gone"]
"""What came of bringing something back: ``taken`` when its name or key is another's now, ``gone`` when what it belongs
to is not there."""


Change = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Returns the columns of a kept row as they are to be, in the same order; it is told the row's table."""


class Deleted(NamedTuple):
    """Something that is deleted: what it is, how the store finds it, what it belongs to.

    pk:        its number in the store; 0 for what is found by its name
    model_pk:  the registered model that it is a version of or a comment on, else 0
    target:    the name of that model, or what a grant is about, whose kind is ``target_kind``
    """

    kind: TrashKind
    name: str
    pk: int = 0
    model_pk: int = 0
    target_kind: str = ""
    target: str = ""


class TrashRow(NamedTuple):
    """Something in the trash."""

    trash_pk: int
    what: Deleted
    deleted_ms: int
    deleted_by: str


class Trash(Protocol):
    """Rows of deleted things, as they were: nothing that reads the tables of living things knows of them."""

    def keep(self, call: Call, what: Deleted) -> Trashed:
        """Copy all rows of something into the trash, before they are deleted.

        raises: NotFound when another transaction has deleted it meanwhile
        """

    def find(self, workspace: str, trash_id: str) -> TrashRow | None: ...
    def search(self, workspace: str, q: SearchTrash, by: str | None, page: Page) -> list[TrashRow]:
        """Return entries, newest first; ``by`` only those that somebody deleted."""

    def list_old(self, workspace: str, before_ms: int, limit: int) -> list[TrashRow]:
        """Return what went there at or before a time, oldest first."""

    def count(self, workspace: str) -> int: ...
    def list_folders(self, trash_pk: int) -> list[str]:
        """Return the folders of the files of versions that are in an entry."""

    def finds_folder(self, workspace: str, above: Sequence[str], below: str) -> bool:
        """Tell whether a version in the trash has its files in one of some folders, or at or below a path."""

    def restore(self, row: TrashRow, workspace: str) -> Outcome:
        """Put an entry's rows back where they were, but for those whose place is taken or whose owner is gone.

        What is to be refused is undone by the caller, with its transaction.
        """

    def purge(self, trash_pk: int) -> None:
        """Remove an entry for good."""

    def rewrite(self, change: Change, source: str = "", *, dry_run: bool = False) -> dict[str, int]:
        """Change kept rows of all tables, or of one, in all workspaces; return how many, by table.

        cost: all of them are read
        """
