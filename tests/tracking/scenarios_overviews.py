"""Scenarios of the overviews of many runs."""

from __future__ import annotations

from tests.tracking.scenarios import Scenario, Stage, each, no, ok
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import overviews as o
from trackway.api import runs as r
from trackway.base.errors import InvalidInput
from trackway.testing.store.space import make_series

SUMMARIZE, INDEX, GROUP = ops.SUMMARIZE_EXPERIMENTS, ops.INDEX_RUNS, ops.GROUP_RUNS
FIELDS, VALUES = ops.LIST_RUN_FIELDS, ops.LIST_RUN_VALUES
NAN = float("nan")


def log(s: Stage, run: str, params: dict[str, str], *values: float) -> None:
    """Log params, and values of the metric ``score``."""
    series = [make_series("score", [(step, step, value) for step, value in enumerate(values)])] if values else []
    s.call(ops.INGEST, r.Ingest(run_id=run, params=params, series=series))


def make_sweep(s: Stage) -> str:
    """Make an experiment of four runs: two with lr=a (scores 1 and 3), one with lr=b (NaN), one without either."""
    experiment = s.make_experiment()
    log(s, s.make_run(experiment, start_ms=1, tags={"team": "x"}), {"lr": "a"}, 9.0, 1.0)
    log(s, s.make_run(experiment, start_ms=2), {"lr": "a"}, 3.0)
    log(s, s.make_run(experiment, start_ms=3), {"lr": "b"}, NAN)
    s.make_run(experiment, start_ms=4)
    return experiment


def index_sweep(s: Stage, **fields: object) -> o.IndexRuns:
    experiment = s.make_experiment()
    for number in range(3):
        s.make_run(experiment, run_id=f"{s.name[-20:]}-{number}", start_ms=number)
    return o.IndexRuns(experiment_ids=[experiment], **fields)  # type: ignore[arg-type]


def ask_fields(s: Stage) -> o.ListRunFields:
    log(s, s.run, {"long": "x" * 500, "a b": "1"}, 1.0)
    return o.ListRunFields(experiment_ids=[s.exp])


def ask_values(s: Stage) -> o.ListRunValues:
    for value in ("sgd", "adam", "adamw", "adam"):
        log(s, s.make_run(s.exp), {"opt": value})
    return o.ListRunValues(experiment_ids=[s.exp], entity="param", key="opt", prefix="ad")


def told(group: o.RunGroup) -> tuple[object, ...]:
    return (*group.values, group.runs, *[(one.runs, one.mean, one.min, one.max) for one in group.metrics])


SCENARIOS: list[Scenario] = [
    ok(
        SUMMARIZE,
        "counts live runs, and those that go on",
        lambda s: o.SummarizeExperiments(experiment_ids=[s.exp, s.other_exp, "987654321"]),
        lambda s, x: (
            [(one.experiment_id, one.runs, one.running) for one in x.summaries] == [(s.exp, 2, 2), (s.other_exp, 0, 0)]
        ),
    ),
    ok(
        SUMMARIZE,
        "the latest start or end is the last activity",
        lambda s: o.SummarizeExperiments(experiment_ids=[make_sweep(s)]),
        lambda _s, x: [one.last_activity_ms for one in x.summaries] == [4],
    ),
    ok(
        SUMMARIZE,
        "of an experiment in the trash its runs there",
        lambda s: o.SummarizeExperiments(experiment_ids=[s.gone_exp]),
        lambda _s, x: [(one.runs, one.last_activity_ms) for one in x.summaries] == [(1, None)],
    ),
    ok(
        SUMMARIZE,
        "experiments of other workspaces are left out",
        lambda s: o.SummarizeExperiments(experiment_ids=[Stage(s.dispatch).exp]),
        lambda _s, x: x.summaries == [],
    ),
    no(
        SUMMARIZE,
        "limit",
        "too many at once",
        lambda _s: o.SummarizeExperiments(experiment_ids=[str(n) for n in range(limits.EXPERIMENTS_PER_OVERVIEW + 1)]),
        InvalidInput,
    ),
    no(SUMMARIZE, "refused", "no number", lambda _s: o.SummarizeExperiments(experiment_ids=["x"]), InvalidInput),
    ok(
        INDEX,
        "ids in the order that was asked for",
        lambda s: index_sweep(s, order_by=["start_time ASC"]),
        lambda s, x: (x.run_ids.split("\n"), x.count) == ([f"{s.name[-20:]}-{n}" for n in range(3)], 3),
    ),
    ok(
        INDEX,
        "what is beyond the limit is told",
        lambda s: index_sweep(s, limit=2),
        lambda s, x: (x.run_ids, x.count, x.total, x.truncated) == (f"{s.name[-20:]}-2\n{s.name[-20:]}-1", 2, 3, True),
    ),
    ok(
        INDEX,
        "those from a place on",
        lambda s: index_sweep(s, first=1, limit=1),
        lambda s, x: (x.run_ids, x.count, x.total, x.truncated) == (f"{s.name[-20:]}-1", 1, 3, True),
    ),
    ok(
        INDEX,
        "nothing stands behind the last",
        lambda s: index_sweep(s, first=3, limit=5),
        lambda _s, x: (x.run_ids, x.count, x.total, x.truncated) == ("", 0, 3, False),
    ),
    ok(
        INDEX,
        "nothing is found",
        lambda s: index_sweep(s, filter="params.x = '1'"),
        lambda _s, x: (x.run_ids, x.count, x.total, x.truncated) == ("", 0, 0, False),
    ),
    ok(
        ops.GET_RUNS,
        "each once and in the order of the request, those of the trash too",
        lambda s: r.GetRuns(run_ids=[s.child, "nobody", s.gone_run, s.run, s.child]),
        lambda s, x: [run.run_id for run in x.runs] == [s.child, s.gone_run, s.run] and x.runs[2].params == {"p": "1"},
    ),
    no(
        ops.GET_RUNS,
        "limit",
        "too many at once",
        lambda _s: r.GetRuns(run_ids=["x"] * (limits.RUNS_PER_GET + 1)),
        InvalidInput,
    ),
    *each(INDEX, "limit", "first", [-1, limits.INDEXED_RUNS + 1], lambda _s, n: o.IndexRuns(first=n), InvalidInput),
    no(INDEX, "refused", "a filter that cannot be read", lambda _s: o.IndexRuns(filter="x ="), InvalidInput),
    *each(INDEX, "limit", "limit", [0, limits.INDEXED_RUNS + 1], lambda _s, n: o.IndexRuns(limit=n), InvalidInput),
    ok(
        GROUP,
        "groups with most runs first, with mean, min and max",
        lambda s: o.GroupRuns(experiment_ids=[make_sweep(s)], by=["params.lr"], metrics=["metrics.score"]),
        lambda _s, x: (
            (x.runs, x.total, [told(one) for one in x.groups])
            == (
                4,
                3,
                [
                    ("a", 2, (2, 2.0, 1.0, 3.0)),
                    (None, 1, (0, None, None, None)),
                    ("b", 1, (1, None, None, None)),
                ],
            )
        ),
    ),
    ok(
        GROUP,
        "by several fields, and by the best value",
        lambda s: o.GroupRuns(
            experiment_ids=[make_sweep(s)],
            by=["params.lr", "tags.team"],
            metrics=["max(metrics.score)"],
            filter="params.lr = 'a'",
        ),
        lambda _s, x: (
            sorted(map(told, x.groups), key=str)
            == [("a", "x", 1, (1, 9.0, 9.0, 9.0)), ("a", None, 1, (1, 3.0, 3.0, 3.0))]
        ),
    ),
    ok(
        GROUP,
        "what is computed of metrics, left out where it is missing",
        lambda s: o.GroupRuns(
            experiment_ids=[make_sweep(s)], by=["params.lr"], metrics=["(max(metrics.score) - metrics.score) / 2"]
        ),
        lambda _s, x: (
            [told(one) for one in x.groups]
            == [
                ("a", 2, (2, 2.0, 0.0, 4.0)),
                (None, 1, (0, None, None, None)),
                ("b", 1, (0, None, None, None)),
            ]
        ),
    ),
    no(
        GROUP,
        "refused",
        "by a formula",
        lambda s: o.GroupRuns(experiment_ids=[s.exp], by=["metrics.score * 2"]),
        InvalidInput,
    ),
    ok(
        GROUP,
        "by an attribute, and what is left out is counted",
        lambda s: o.GroupRuns(experiment_ids=[make_sweep(s)], by=["start_time"], limit=1),
        lambda _s, x: (
            (x.runs, x.total, [(*one.values, one.statuses) for one in x.groups]) == (4, 4, [(4, {"RUNNING": 1})])
        ),
    ),
    ok(
        GROUP,
        "by the parent, which counts children",
        lambda s: o.GroupRuns(experiment_ids=[s.exp], by=["parent_run_id"], filter="parent_run_id IS NOT NULL"),
        lambda s, x: [told(one) for one in x.groups] == [(s.run, 1)],
    ),
    no(GROUP, "refused", "by nothing", lambda s: o.GroupRuns(experiment_ids=[s.exp], by=[]), InvalidInput),
    no(
        GROUP,
        "refused",
        "a metric that is none",
        lambda s: o.GroupRuns(experiment_ids=[s.exp], by=["status"], metrics=["params.p"]),
        InvalidInput,
    ),
    no(GROUP, "limit", "five fields", lambda _s: o.GroupRuns(by=[f"params.p{n}" for n in range(5)]), InvalidInput),
    ok(
        FIELDS,
        "names of what runs have, also where all values are long",
        ask_fields,
        lambda _s, x: (
            (x.metrics, x.params, "t" in x.tags, x.truncated) == (["m", "score"], ["a b", "long", "p"], True, False)
        ),
    ),
    ok(
        FIELDS,
        "of all experiments",
        lambda _s: o.ListRunFields(),
        lambda _s, x: (x.metrics, x.params) == (["m"], ["p"]),
    ),
    ok(
        VALUES,
        "values of a param that begin with a prefix, each once",
        ask_values,
        lambda _s, x: x.values == ["adam", "adamw"],
    ),
    ok(
        VALUES,
        "values of an attribute",
        lambda s: o.ListRunValues(experiment_ids=[s.exp], entity="attribute", key="status"),
        lambda _s, x: x.values == ["RUNNING"],
    ),
    no(
        VALUES,
        "refused",
        "an attribute that is no text",
        lambda _s: o.ListRunValues(entity="attribute", key="start_time"),
        InvalidInput,
    ),
    *each(
        VALUES,
        "limit",
        "limit",
        [0, limits.FIELD_VALUES + 1],
        lambda _s, n: o.ListRunValues(entity="tag", key="t", limit=n),
        InvalidInput,
    ),
]
