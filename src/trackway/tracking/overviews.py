"""Overviews of many runs: counts, ids in order, groups, and the names and values that there are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import overviews as o
from trackway.api.calls import Call
from trackway.api.query import RUN_ATTRIBUTES, Arithmetic, Field, list_fields
from trackway.api.runs import GetRunTable
from trackway.base.errors import InvalidInput
from trackway.rules.checks import check_count, check_page, check_text
from trackway.rules.formulas import compute
from trackway.rules.grammar import RUNS, parse_order
from trackway.rules.handlers import Handlers
from trackway.store.base import Search, Transaction
from trackway.store.columns import RunColumns
from trackway.tracking.runs import experiment_numbers, parse_search

NEWEST: Final = 1_000
"""Runs that an experiment's activity is told of."""
NEWEST_EXPERIMENTS: Final = 100
"""Experiments whose names are listed when none is named."""
TEXT_ATTRIBUTES: Final = frozenset(key for key, kind in RUN_ATTRIBUTES.items() if kind == "text")


class OverviewService:
    """Handlers of the operations that pages with many runs are made of."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.SUMMARIZE_EXPERIMENTS: self.summarize,
            ops.INDEX_RUNS: self.index,
            ops.GROUP_RUNS: self.group,
            ops.LIST_RUN_FIELDS: self.list_fields,
            ops.LIST_RUN_VALUES: self.list_values,
        }

    def summarize(self, tx: Transaction, call: Call, q: o.SummarizeExperiments) -> o.ExperimentSummaries:
        """Count the runs of experiments."""
        check_count("experiments", len(q.experiment_ids), limits.EXPERIMENTS_PER_OVERVIEW)
        summaries = []
        for number in _own_experiments(tx, call, q.experiment_ids):
            found = tx.overviews.summarize(number, NEWEST)
            summaries.append(
                o.ExperimentSummary(
                    experiment_id=str(number), runs=found.runs, running=found.running, last_activity_ms=found.last_ms
                )
            )
        return o.ExperimentSummaries(summaries=summaries)

    def index(self, tx: Transaction, call: Call, q: o.IndexRuns) -> o.RunIndex:
        """Search runs and return their ids.

        cost: 40 bytes a run, and about 1 us for each up to the last of them
        """
        check_page(q.limit, limits.INDEXED_RUNS)
        if not 0 <= q.first <= limits.INDEXED_RUNS:
            raise InvalidInput(f"Invalid first place {q.first}", hint=f"ask for 0 to {limits.INDEXED_RUNS}")
        where, end = _read_search(call, q), q.first + q.limit
        found = tx.runs.read_ids(*where, end + 1)
        total = len(found) if len(found) <= end else tx.runs.count(*where, limits.INDEXED_RUNS)
        run_ids = found[q.first : end]
        return o.RunIndex(run_ids="\n".join(run_ids), count=len(run_ids), total=total, truncated=len(found) > end)

    def group(self, tx: Transaction, call: Call, q: o.GroupRuns) -> o.RunGroups:
        """Put runs into groups.

        cost: about 5 us a run and field
        """
        check_page(q.limit, limits.RUN_GROUPS)
        by, metrics = _parse_fields("by", q.by, 4), _parse_fields("metrics", q.metrics, 50)
        if not by:
            raise InvalidInput("Runs are grouped by at least one field", hint='give by=["params.lr"], for example')
        if formulas := [name for name, field in zip(q.by, by, strict=True) if isinstance(field, Arithmetic)]:
            raise InvalidInput(f"Runs are not grouped by a formula, as {formulas[0][:80]!r}", hint="name a field")
        for name, field in zip(q.metrics, metrics, strict=True):
            if isinstance(field, Field) and field.entity != "metric":
                raise InvalidInput(f"{name[:80]!r} is no metric", hint="metrics are named as metrics.<key>")
        runs = tx.runs.read_attributes(*_read_search(call, q), limits.INDEXED_RUNS)
        pks: list[int] = runs.pks.tolist()
        columns = [tx.overviews.read_field(pks, field) for field in by if isinstance(field, Field)]
        places: dict[tuple[Any, ...], list[int]] = {}
        for place, pk in enumerate(pks):
            places.setdefault(tuple(column.get(pk) for column in columns), []).append(place)
        largest = sorted(places.items(), key=lambda item: (-len(item[1]), item[1][0]))[: q.limit]
        values = [_read_numbers(tx, pks, field) for field in metrics]
        groups = [_make_group(key, members, runs, pks, values) for key, members in largest]
        return o.RunGroups(groups=groups, runs=len(pks), total=len(places))

    def list_fields(self, tx: Transaction, call: Call, q: o.ListRunFields) -> o.RunFields:
        """List the names of metrics, params and tags."""
        most = limits.FIELD_NAMES
        names = tx.overviews.list_names(_own_experiments(tx, call, q.experiment_ids), most)
        return o.RunFields(
            metrics=names.metrics[:most],
            params=names.params[:most],
            tags=names.tags[:most],
            truncated=any(len(kind) > most for kind in names),
        )

    def list_values(self, tx: Transaction, call: Call, q: o.ListRunValues) -> o.RunValues:
        """List the values of a field."""
        check_page(q.limit, limits.FIELD_VALUES)
        check_text("The prefix", q.prefix, limits.KEY_CHARS)
        check_text("The key", q.key, limits.KEY_CHARS)
        if q.entity == "attribute" and q.key not in TEXT_ATTRIBUTES:
            raise InvalidInput(
                f"{q.key[:80]!r} is no attribute of text", hint=f"give one of {', '.join(sorted(TEXT_ATTRIBUTES))}"
            )
        own = _own_experiments(tx, call, q.experiment_ids)
        return o.RunValues(values=tx.overviews.list_values(own, q.entity, q.key, q.prefix, q.limit))


def _read_search(call: Call, q: o.IndexRuns | o.GroupRuns) -> tuple[str, Collection[int] | None, Search]:
    """Return where a store has to look, and for what."""
    order = q.order_by if isinstance(q, o.IndexRuns) else []
    search = parse_search(call, GetRunTable(filter=q.filter, order_by=order, view=q.view))
    return call.workspace, call.sees.narrow(experiment_numbers(q.experiment_ids)), search


def _read_numbers(tx: Transaction, pks: Sequence[int], formula: Field | Arithmetic) -> Mapping[int, Any]:
    """Return the metric, or what is computed, of those runs that have it."""
    if isinstance(formula, Field):
        return tx.overviews.read_field(pks, formula)
    columns = {field: tx.overviews.read_field(pks, field) for field in set(list_fields(formula))}
    found = ((pk, compute(formula, lambda field, pk=pk: columns[field].get(pk))) for pk in pks)  # type: ignore[misc]
    return {pk: value for pk, value in found if value is not None}


def _parse_fields(what: str, names: Sequence[str], limit: int) -> list[Field | Arithmetic]:
    check_count(f"fields of {what!r}", len(names), limit)
    return [parse_order([name], RUNS)[0].field for name in names]


def _own_experiments(tx: Transaction, call: Call, experiment_ids: Sequence[str] | None) -> list[int]:
    if experiment_ids is None:
        return tx.overviews.list_newest_experiments(call.workspace, NEWEST_EXPERIMENTS, call.sees.experiments)
    check_count("experiments", len(experiment_ids), limits.EXPERIMENTS_PER_OVERVIEW)
    numbers = call.sees.narrow(experiment_numbers(experiment_ids) or [])
    return tx.overviews.keep_own(call.workspace, numbers or [])


def _make_group(
    key: tuple[Any, ...], members: Sequence[int], runs: RunColumns, pks: Sequence[int], values: Sequence[Any]
) -> o.RunGroup:
    statuses: dict[str, int] = {}
    texts = runs.statuses
    for place in members:
        status = bytes(texts.data[texts.starts[place] : texts.ends[place]]).decode()
        statuses[status] = statuses.get(status, 0) + 1
    return o.RunGroup(
        values=list(key),
        runs=len(members),
        newest_start_ms=int(runs.start_ms[members].max()),
        statuses=statuses,
        metrics=[_put_together([column[pks[place]] for place in members if pks[place] in column]) for column in values],
    )


def _put_together(values: Sequence[float]) -> o.GroupMetric:
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return o.GroupMetric(runs=len(values), mean=None, min=None, max=None)
    mean = sum(number / len(numbers) for number in numbers)
    return o.GroupMetric(runs=len(values), mean=mean, min=min(numbers), max=max(numbers))
