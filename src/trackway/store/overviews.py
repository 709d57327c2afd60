"""What a store tells of many runs at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from trackway.api.query import Field

ValueEntity = Literal["param", "tag", "attribute"]
"""What has values that can be listed."""


class Activity(NamedTuple):
    """What goes on in an experiment; ``running`` and ``last_ms`` are of its newest runs."""

    runs: int
    running: int
    last_ms: int | None


class Names(NamedTuple):
    """Keys that runs have, each kind in order."""

    metrics: list[str]
    params: list[str]
    tags: list[str]


class Overviews(Protocol):
    """Counts, names and columns of many runs; experiments are those of the caller's workspace."""

    def list_newest_experiments(
        self, workspace: str, limit: int, among: Collection[int] | None = None
    ) -> list[int]: ...
    def keep_own(self, workspace: str, experiments: Collection[int]) -> list[int]:
        """Return those of some experiments that are the workspace's, in order of their numbers."""

    def find_homes(self, workspace: str, run_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the experiments of runs by run id; a run that is not there is left out."""

    def summarize(self, experiment: int, newest: int) -> Activity: ...
    def read_field(self, pks: Sequence[int], field: Field) -> Mapping[int, Any]:
        """Return the values of a field by run number; a run without it is left out."""

    def list_names(self, experiments: Sequence[int], limit: int) -> Names: ...
    def list_values(
        self,
        experiments: Sequence[int],
        entity: ValueEntity,
        key: str,
        prefix: str,
        limit: int,
    ) -> list[str]:
        """Return different values that begin with a prefix, in order."""
