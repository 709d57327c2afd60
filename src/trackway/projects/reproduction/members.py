"""All runs that one program opened: a script's runs one after another, and the children of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from trackway.api import operations as ops
from trackway.api.runs import TAG_PROGRAM, GetRunTree, Run
from trackway.base.ids import is_id
from trackway.sdk.client import Client

MOST: Final = 500
"""So many runs of a program are compared."""


class Pair(NamedTuple):
    """A run, and what it is in the new execution of its program; None for what there is not.

    name: as its parents and itself are called
    """

    name: str
    was: Run | None
    now: Run | None


class Members(NamedTuple):
    """Runs of one program, in the order of their beginnings; ``truncated`` when it opened more than are compared."""

    runs: tuple[Run, ...]
    truncated: bool


def list_members(client: Client, run: Run) -> Members:
    """Return all runs of the program that opened a run, with their descendants; that run is one of them."""
    found = {run.run_id: run}
    program = run.tags.get(TAG_PROGRAM, "")
    truncated = False
    if is_id(program):
        others = client.search_runs(filter=f"tags.`{TAG_PROGRAM}` = '{program}'", order_by=["start_time ASC"])
        for other in others:
            found.setdefault(other.run_id, other)
            if truncated := len(found) > MOST:
                break
    for one in [other for other in found.values() if other.parent_run_id not in found]:
        tree = client.call(ops.GET_RUN_TREE, GetRunTree(run_id=one.run_id))
        truncated = truncated or tree.truncated
        for node in tree.nodes:
            is_later = one.end_ms is not None and node.start_ms > one.end_ms  # somebody added it afterwards
            if node.run_id not in found and node.lifecycle == "active" and not is_later and len(found) <= MOST:
                found[node.run_id] = client.get_run(node.run_id)
    runs = sorted(found.values(), key=lambda one: one.start_ms)
    return Members(tuple(runs[:MOST]), truncated or len(runs) > MOST)


def pair_members(was: Iterable[Run], now: Iterable[Run]) -> list[Pair]:
    """Return which run is which: children of one another's, by name where one alone has it, else in their order."""
    return list(_pair_below((), tuple(was), tuple(now), ("", "")))


def _pair_below(
    path: tuple[str, ...], was: tuple[Run, ...], now: tuple[Run, ...], under: tuple[str, str]
) -> list[Pair]:
    pairs = []
    for before, after in _match(_list_children(was, under[0]), _list_children(now, under[1])):
        one = before or after
        assert one is not None
        here = (*path, one.name)
        pairs.append(Pair(" / ".join(here), before, after))
        ids = (before.run_id if before else _NOBODY, after.run_id if after else _NOBODY)
        pairs += _pair_below(here, was, now, ids)
    return pairs


_NOBODY: Final = "-"
"""Is the parent of none."""


def _list_children(runs: tuple[Run, ...], parent_id: str) -> list[Run]:
    """Return the children of one run, or for no parent those whose parent is not among the runs."""
    if parent_id:
        return [run for run in runs if run.parent_run_id == parent_id]
    known = {run.run_id for run in runs}
    return [run for run in runs if run.parent_run_id not in known]


def _match(was: list[Run], now: list[Run]) -> list[tuple[Run | None, Run | None]]:
    """Return pairs in the order of the runs that were, then those that are new."""
    unique = _by_unique_name(was).keys() & _by_unique_name(now).keys()
    named = {name: run for name, run in _by_unique_name(now).items() if name in unique}
    others = iter([run for run in now if run.name not in unique])
    pairs: list[tuple[Run | None, Run | None]] = [
        (run, named[run.name] if run.name in unique else next(others, None)) for run in was
    ]
    return pairs + [(None, run) for run in others]


def _by_unique_name(runs: list[Run]) -> dict[str, Run]:
    names = [run.name for run in runs]
    return {run.name: run for run in runs if names.count(run.name) == 1}
