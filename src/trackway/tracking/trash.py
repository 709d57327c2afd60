"""The trash: what is in it, what may be removed of it, and what a policy will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.api.calls import Call
from trackway.api.experiments import PurgeReport
from trackway.rules.holds import is_held
from trackway.rules.locations import SERVED
from trackway.store.base import ModelRef, Page, RunRef, Transaction
from trackway.tracking.frozen import is_frozen
from trackway.tracking.purge import (
    measure_experiment,
    measure_model,
    measure_run,
    purge_experiment,
    purge_model,
    purge_run,
)
from trackway.tracking.recovery import is_entry_held, measure_entry

REPORTED: Final = 10_000
"""Most runs, most models, and most other things that a report looks at."""
REMOVALS: Final = 100
_REMOVERS: Final = (ops.PURGE_TRASH, ops.PURGE_RUNS, ops.PURGE_EXPERIMENTS, ops.PURGE_ENTRIES)
_NOTHING: Final = PurgeReport(dry_run=True)


class Trashed(NamedTuple):
    """A run, a model or (by its number) an experiment in the trash: whose it is, and where its files are."""

    what: RunRef | ModelRef | int
    experiment: int
    location: str

    def purge(self, tx: Transaction, call: Call, report: PurgeReport) -> PurgeReport:
        """Remove it, or only count; see ``purge.purge_run``."""
        if isinstance(self.what, RunRef):
            return purge_run(tx, call, self.what, report)
        if isinstance(self.what, ModelRef):
            return purge_model(tx, call, self.what, report)
        return purge_experiment(tx, call, self.what, report)

    def measure(self, tx: Transaction, call: Call, report: PurgeReport) -> PurgeReport:
        """Count what goes with it, whatever keeps it."""
        if isinstance(self.what, RunRef):
            return measure_run(tx, call, self.what, report)
        if isinstance(self.what, ModelRef):
            return measure_model(tx, call, self.what, report)
        return measure_experiment(tx, call, self.what, report)


class _Counted(NamedTuple):
    """What of one experiment is in the trash; see ``retention.Trash``."""

    contents: PurgeReport = _NOTHING
    held: PurgeReport = _NOTHING
    needed: int = 0


_NO_OTHERS: Final = _Counted()


def list_trash(tx: Transaction, call: Call, before_ms: int, limit: int) -> Iterator[Trashed]:
    """Yield what went to the trash at or before a time: so many runs and models at most, and all experiments but one.

    The default experiment only loses its runs; those of an experiment that is in the trash itself go with it.
    """
    for run in tx.runs.list_trash(call.workspace, before_ms, limit):
        yield Trashed(run, run.experiment, run.artifact_uri)
    for model in tx.logged_models.list_trash(call.workspace, before_ms, limit):
        yield Trashed(model, model.experiment, model.artifact_uri)
    for number in tx.experiments.list_trash(call.workspace, before_ms):
        if number != 0:
            yield Trashed(number, number, f"{SERVED}{number}")


def report_trash(tx: Transaction, call: Call, trash_ms: int | None, since_ms: int) -> t.RetentionReport:
    """Report on the trash of a workspace, under a policy, and on what was removed since a time.

    cost: about six look-ups for each run and model in the trash
    """
    counted, complete = _count(tx, call, limits.INT64_MAX)
    due: dict[int, _Counted] = {}
    if trash_ms is not None:
        due, _ = _count(tx, call, call.now_ms - trash_ms if trash_ms else limits.INT64_MAX)
    others, others_complete = _count_others(tx, call, limits.INT64_MAX)
    others_due = _NO_OTHERS
    if trash_ms is not None:
        others_due, _ = _count_others(tx, call, call.now_ms - trash_ms if trash_ms else limits.INT64_MAX)
    experiments = [
        t.Trash(
            experiment_id=str(number),
            name=name,
            is_whole=is_whole,
            oldest_ms=oldest_ms,
            next_ms=None if trash_ms is None or counted[number].contents == _NOTHING else oldest_ms + trash_ms,
            contents=counted[number].contents,
            due=due.get(number, _Counted()).contents,
            held=counted[number].held,
            needed=counted[number].needed,
        )
        for number, (name, is_whole, oldest_ms) in tx.housekeeping.list_trash_ages(call.workspace).items()
        if number in counted
    ]
    return t.RetentionReport(
        trash_ms=trash_ms,
        contents=_sum([others.contents, *(one.contents for one in experiments)]),
        due=_sum([others_due.contents, *(one.due for one in experiments)]),
        held=_sum([others.held, *(one.held for one in experiments)]),
        needed=sum(one.needed for one in experiments),
        experiments=experiments,
        removals=_list_removals(tx, call, since_ms),
        complete=complete and others_complete,
    )


def _count(tx: Transaction, call: Call, before_ms: int) -> tuple[dict[int, _Counted], bool]:
    """Count what went to the trash at or before a time, by experiment; and whether that is all of it."""
    found: dict[int, _Counted] = {}
    seen: Counter[type] = Counter()
    has_hold = cache(lambda number: is_held(tx.holds, call, "experiment", str(number)))
    for one in list_trash(tx, call, before_ms, REPORTED):
        seen[type(one.what)] += 1
        here = found.get(one.experiment, _Counted())
        if has_hold(one.experiment):
            here = here._replace(held=one.measure(tx, call, here.held))
        elif is_frozen(tx, call, one.location):
            here = here._replace(needed=here.needed + 1)
        else:
            here = here._replace(contents=one.measure(tx, call, here.contents))
        found[one.experiment] = here
    return found, max(seen[RunRef], seen[ModelRef]) < REPORTED


def _count_others(tx: Transaction, call: Call, before_ms: int) -> tuple[_Counted, bool]:
    """Count what is in the trash by itself, as ``_count`` does what is of experiments."""
    found = _NO_OTHERS
    rows = tx.trash.list_old(call.workspace, before_ms, REPORTED)
    for row in rows:
        if is_entry_held(tx, call, row):
            found = found._replace(held=measure_entry(tx, call, row, found.held))
        else:
            found = found._replace(contents=measure_entry(tx, call, row, found.contents))
    return found, len(rows) < REPORTED


def _sum(reports: Iterable[PurgeReport]) -> PurgeReport:
    total = _NOTHING
    for report in reports:
        total = total.plus(report)
    return total


def _list_removals(tx: Transaction, call: Call, since_ms: int) -> list[t.AuditEntry]:
    found = [
        entry
        for operation in _REMOVERS
        for entry in tx.housekeeping.search_audit(
            call.workspace, t.SearchAudit(operation=operation.name, since_ms=since_ms), Page(REMOVALS)
        )
        if entry.detail not in ("dry run", "denied")
    ]
    return sorted(found, key=lambda entry: entry.number, reverse=True)[:REMOVALS]
