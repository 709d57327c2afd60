"""Scenarios of links between runs."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import UNKNOWN_RUN, Scenario, Stage, limited, no, ok
from trackway.api import limits
from trackway.api import lineage as n
from trackway.api import links as i
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.errors import Conflict, InvalidInput, NotFound, TooLarge

LINK, UNLINK, LIST, GET = ops.LINK_RUN, ops.UNLINK_RUN, ops.LIST_RUN_LINKS, ops.GET_LINKS


def name(s: Stage, earlier: str = "", run: str = "", kind: Any = "uses") -> i.LinkName:
    """Return the name of a link, by itself that of the run to its child."""
    return i.LinkName(run_id=run or s.run, kind=kind, earlier_run_id=earlier or s.child)


def link(s: Stage, *links: i.LinkName) -> object:
    """Make links."""
    return [s.call(LINK, one) for one in links]


def listed(s: Stage, run: str = "") -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what a run says of earlier ones, and later ones of it."""
    found = s.call(LIST, i.ListRunLinks(run_id=run or s.run))
    earlier, later = ([(one.kind, one.run_id) for one in side] for side in (found.earlier, found.later))
    return earlier, later


def fill(s: Stage, count: int) -> i.LinkName:
    """Give a run links until one more is its ``count``-th, or it has as many as it may; return that one more."""
    run_ids = [s.make_run(s.exp) for _ in range(count // 4 + 1)]
    names = [name(s, run_id, kind=kind) for run_id in run_ids for kind in ("uses", "made_by", "retry_of", "reproduces")]
    link(s, *names[: min(count - 1, limits.RUN_LINKS)])
    return names[count - 1]


def count_changes(s: Stage, one: i.LinkName) -> int:
    """Return how often a run counts as changed by a link."""
    before = s.get_run().version
    link(s, one)
    return s.get_run().version - before


def edges(x: n.Lineage) -> list[tuple[str, str | None, str]]:
    """Return an answer's edges: a later run, how it came of an earlier one, and that."""
    return sorted((x.nodes[one.target].id, one.link, x.nodes[one.source].id) for one in x.edges)


SCENARIOS: list[Scenario] = [
    ok(
        LINK,
        "to a run of another experiment",
        lambda s: name(s, s.make_run(s.other_exp), kind="made_by"),
        lambda s, x: [kind for kind, _ in listed(s)[0]] == ["made_by"] and count_changes(s, name(s)) == 1,
    ),
    ok(
        LINK,
        "once more, which changes nothing",
        lambda s: link(s, name(s)) and name(s),
        lambda s, x: listed(s) == ([("uses", s.child)], []) and count_changes(s, name(s)) == 0,
    ),
    ok(
        LINK,
        "back, as of runs that exchange what they make",
        lambda s: link(s, name(s)) and name(s, s.run, s.child),
        lambda s, x: listed(s) == ([("uses", s.child)], [("uses", s.child)]),
    ),
    ok(
        LINK,
        "to one in the trash, which may come back",
        lambda s: name(s, s.gone_run, kind="retry_of"),
        lambda s, x: listed(s)[0] == [("retry_of", s.gone_run)],
    ),
    no(LINK, "missing", "of an unknown run", lambda s: name(s, run=UNKNOWN_RUN), NotFound),
    no(LINK, "missing", "to an unknown run", lambda s: name(s, UNKNOWN_RUN), NotFound),
    no(LINK, "trash", "of one in the trash", lambda s: name(s, run=s.gone_run), Conflict),
    no(LINK, "refused", "to itself", lambda s: name(s, s.run), InvalidInput),
    *limited(LINK, "links", limits.RUN_LINKS, fill, beyond=TooLarge),
    ok(
        UNLINK,
        "one of two kinds",
        lambda s: link(s, name(s), name(s, kind="retry_of")) and name(s),
        lambda s, x: listed(s) == ([("retry_of", s.child)], []),
    ),
    no(UNLINK, "missing", "that is not there", lambda s: link(s, name(s)) and name(s, kind="made_by"), NotFound),
    no(UNLINK, "missing", "from the other end", lambda s: link(s, name(s)) and name(s, s.run, s.child), NotFound),
    no(UNLINK, "missing", "to an unknown run", lambda s: name(s, UNKNOWN_RUN), NotFound),
    no(UNLINK, "missing", "of an unknown run", lambda s: name(s, run=UNKNOWN_RUN), NotFound),
    no(UNLINK, "trash", "of one in the trash", lambda s: name(s, run=s.gone_run), Conflict),
    ok(
        LIST,
        "both ways, with what is in the trash",
        lambda s: link(s, name(s, s.gone_run), name(s, s.run, s.child)) and i.ListRunLinks(run_id=s.run),
        lambda s, x: (
            [(one.run_id, one.lifecycle) for one in x.earlier] == [(s.gone_run, "deleted")]
            and [(one.run_id, one.lifecycle) for one in x.later] == [(s.child, "active")]
            and not x.truncated
        ),
    ),
    ok(
        LIST,
        "some, and that there are more",
        lambda s: (
            link(s, *(name(s, s.run, s.make_run(s.exp)) for _ in range(3)), name(s))
            and i.ListRunLinks(run_id=s.run, limit=2)
        ),
        lambda s, x: (len(x.earlier), len(x.later), x.truncated) == (1, 2, True),
    ),
    ok(LIST, "of one in the trash", lambda s: i.ListRunLinks(run_id=s.gone_run), lambda s, x: x.earlier == []),
    no(LIST, "missing", "of an unknown run", lambda s: i.ListRunLinks(run_id=UNKNOWN_RUN), NotFound),
    *limited(LIST, "page", limits.SEARCH_PAGE, lambda s, size: i.ListRunLinks(run_id=s.run, limit=size)),
    ok(
        GET,
        "of several runs, and nothing of one that is unknown",
        lambda s: (
            link(s, name(s), name(s, s.gone_run, kind="retry_of"), name(s, s.run, s.child))
            and i.GetLinks(run_ids=[s.child, s.run, UNKNOWN_RUN, s.gone_run, s.run])
        ),
        lambda s, x: (
            sorted((one.run_id, one.kind, one.earlier_run_id) for one in x.links)
            == sorted([(s.run, "uses", s.child), (s.run, "retry_of", s.gone_run), (s.child, "uses", s.run)])
        ),
    ),
    ok(GET, "of none", lambda s: i.GetLinks(run_ids=[]), lambda s, x: x.links == []),
    *limited(GET, "runs", limits.LINKED_RUNS_PER_GET, lambda s, size: i.GetLinks(run_ids=[s.run] * size)),
    ok(
        ops.GET_LINEAGE,
        "through links, which say what they are",
        lambda s: (
            link(s, name(s), name(s, kind="retry_of"), name(s, s.run, s.child), name(s, s.gone_run))
            and n.GetLineage(kind="run", id=s.run)
        ),
        lambda s, x: (
            edges(x) == sorted([(s.child, "uses", s.run), (s.run, "uses", s.child), (s.run, "retry_of", s.child)])
        ),
    ),
    ok(
        ops.MOVE_RUNS,
        "with their links",
        lambda s: link(s, name(s, s.child)) and r.MoveRuns(run_ids=[s.child], experiment_id=s.other_exp),
        lambda s, x: listed(s) == ([("uses", s.child)], []),
    ),
    ok(
        ops.PURGE_RUNS,
        "with their links",
        lambda s: link(s, name(s, s.gone_run)) and r.PurgeRuns(run_ids=[s.gone_run]),
        lambda s, x: listed(s) == ([], []),
    ),
]
