"""What the services know of links: those between runs, and the steps of lineage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trackway.api.calls import Sight
from trackway.api.lineage import LineageNode
from trackway.api.links import Link, LinkKind, RunLink


class Neighbour(NamedTuple):
    """What something came from or what came of it, and between two runs the kind of their link."""

    node: LineageNode
    link: LinkKind | None = None


class Links(Protocol):
    """Links between runs, by the numbers of both."""

    def add(self, run: int, kind: LinkKind, earlier: int) -> bool:
        """Add a link; tell whether it is new."""

    def delete(self, run: int, kind: LinkKind, earlier: int) -> bool:
        """Delete a link; tell whether it was there."""

    def count(self, run: int) -> int:
        """Count a run's links to earlier ones."""

    def list_links(self, run: int, later: bool, limit: int, sees: Sight) -> list[RunLink]:
        """Return a run's links to earlier ones, or those of later ones to it, newest first: of what is seen."""

    def get_links(self, workspace: str, run_ids: Sequence[str], sees: Sight) -> list[Link]:
        """Return links of several runs to earlier ones, those of one together, newest first: of what is seen."""
