"""Links between runs: how one came of another, of which it is no part."""

from __future__ import annotations

from typing import Literal

from trackway.api.runs import RunStatus
from trackway.api.structs import Lifecycle, Request, Response

LinkKind = Literal["uses", "made_by", "retry_of", "reproduces"]
"""What a run says of an earlier one: that it uses what that made, was started by it, or does its work once more,
because that failed (``retry_of``) or to see whether the same comes of it (``reproduces``)."""


class LinkName(Request, frozen=True, kw_only=True):
    """Name a link: what a run says of an earlier one, of any experiment of the workspace."""

    run_id: str
    kind: LinkKind
    earlier_run_id: str


class ListRunLinks(Request, frozen=True, kw_only=True):
    """List what a run says of earlier ones, and later ones of it; at most ``limit`` of each."""

    run_id: str
    limit: int = 1_000


class GetLinks(Request, frozen=True, kw_only=True):
    """Get what up to 100 runs say of earlier ones; runs that are not there or not seen say nothing."""

    run_ids: list[str]


class Link(Response, frozen=True, kw_only=True):
    """What a run says of an earlier one."""

    run_id: str
    kind: LinkKind
    earlier_run_id: str


class LinkList(Response, frozen=True, kw_only=True):
    """Links of several runs, those of one together, to the newest runs first."""

    links: list[Link]


class RunLink(Response, frozen=True, kw_only=True):
    """The run at the other end of a link, without its data."""

    kind: LinkKind
    run_id: str
    name: str
    status: RunStatus
    lifecycle: Lifecycle


class RunLinks(Response, frozen=True, kw_only=True):
    """Links to ``earlier`` runs, which the run says, and those that ``later`` ones say of it, newest first.

    ``truncated`` when there are more of either than were asked for.
    """

    earlier: list[RunLink]
    later: list[RunLink]
    truncated: bool = False
