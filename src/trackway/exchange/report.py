"""What an import did, and what it could not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from trackway.base.errors import Conflict, Corrupt, InvalidInput, NotFound, NotSupported, PermissionDenied, TooLarge

EXAMPLES = 5


REFUSED = (InvalidInput, TooLarge, Conflict, NotFound, Corrupt, PermissionDenied, NotSupported)
"""What is wrong with one thing, and no reason to leave out the rest."""


class Counts(msgspec.Struct):
    """How much was added; of the runs that were here, how many got something new and how many had all of it."""

    experiments: int = 0
    runs: int = 0
    updated_runs: int = 0
    unchanged_runs: int = 0
    points: int = 0
    params: int = 0
    tags: int = 0
    files: int = 0
    file_bytes: int = 0
    models: int = 0
    registered: int = 0
    versions: int = 0
    webhooks: int = 0
    schedules: int = 0
    signing_keys: int = 0
    roles: int = 0
    teams: int = 0
    grants: int = 0
    holds: int = 0
    quotas: int = 0
    policies: int = 0


class LeftOut(msgspec.Struct):
    """Things that could not be brought over for one reason, and where the first of them are."""

    why: str
    count: int
    examples: list[str]


class Mapped(msgspec.Struct, frozen=True):
    """An experiment whose id or name was taken here."""

    experiment_id: str
    name: str
    became_id: str
    became_name: str


class Report(msgspec.Struct):
    """What an import did. ``watch`` is told each time that a run is done."""

    source: str = ""
    added: Counts = msgspec.field(default_factory=Counts)
    mapped: list[Mapped] = []
    left_out: dict[str, LeftOut] = {}
    watch: Callable[[Counts], None] = lambda _: None

    def note(self, where: str, why: str) -> None:
        """Note that something at ``where`` is left out."""
        found = self.left_out.setdefault(why, LeftOut(why, 0, []))
        found.count += 1
        if len(found.examples) < EXAMPLES:
            found.examples.append(where)

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Note what is refused of something at ``where``."""
        try:
            yield
        except REFUSED as error:
            self.note(where, error.message)
