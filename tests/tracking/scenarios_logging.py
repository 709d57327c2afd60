"""Scenarios of logging to runs and of reading points."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import UNKNOWN_MODEL, UNKNOWN_RUN, Scenario, Stage, each, limited, no, ok
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.metrics import GetCurves, GetHistory
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.testing.store.space import make_series, to_points_of

INGEST, HISTORY, CURVES = ops.INGEST, ops.GET_HISTORY, ops.GET_CURVES
INF, NAN = float("inf"), float("nan")
BAD_KEYS = ("", "/a", "a/", "a//b", "../a", ".", "a\\b", "a\nb", "a<b", "a\x00", "a'b")


def log(s: Stage, **fields: Any) -> r.Ingest:
    return r.Ingest(**({"run_id": s.run} | fields))


def points(count: int, key: str = "big") -> r.Series:
    zeros = bytes(8 * count)
    return r.Series(key=key, steps=zeros, times_ms=zeros, values=zeros)


def dataset(**fields: Any) -> list[r.DatasetInput]:
    plain: dict[str, Any] = {"name": "d", "digest": "1"}
    return [r.DatasetInput(dataset=r.Dataset(**(plain | fields)))]


def point(s: Stage, **fields: Any) -> r.ModelMetric:
    plain: dict[str, Any] = {"model_id": s.model, "key": "acc", "value": 0.5, "time_ms": 1}
    return r.ModelMetric(**(plain | fields))


def session(s: Stage, *numbers: tuple[int, int]) -> r.Ingest:
    """Log records of one session and return the last of these requests, for a retry or an overlap."""
    asked = [
        log(s, session_id="s1", first=first, last=last, series=[make_series("m", [(first, 1, 1.0)])])
        for first, last in numbers
    ]
    for one in asked[:-1]:
        s.call(INGEST, one)
    return asked[-1]


SCENARIOS: list[Scenario] = [
    ok(
        INGEST,
        "everything at once",
        lambda s: log(
            s,
            series=[make_series("m", [(1, 2, NAN), (2, 3, -INF)])],
            params={"q": "2"},
            tags={"u": "1", r.TAG_NAME: "new"},
            datasets=dataset(),
            model_inputs=[s.model],
            model_outputs=[r.ModelOutput(model_id="m-9", step=3)],
            model_metrics=[point(s)],
        ),
        lambda s, x: (
            (x.applied, s.get_run().name, s.get_run().metrics["m"].count, len(s.get_run().inputs))
            == (True, "new", 3, 1)
        ),
    ),
    ok(
        INGEST,
        "nothing, which renews the lease",
        lambda s: log(s, lease_ms=1_000),
        lambda s, x: s.get_run().lease_until_ms is not None,
    ),
    ok(
        INGEST,
        "to a run that has ended",
        lambda s: (
            s.call(ops.UPDATE_RUN, r.UpdateRun(run_id=s.run, status="FINISHED", end_ms=9)),
            log(s, tags={"late": ""}),
        )[1],
        lambda s, x: "late" in s.get_run().tags,
    ),
    ok(INGEST, "a param again", lambda s: log(s, params={"p": "1"}), lambda s, x: s.get_run().params == {"p": "1"}),
    ok(
        INGEST,
        "the first records of a session",
        lambda s: session(s, (1, 3)),
        lambda s, x: (x.applied, x.acknowledged) == (True, 3),
    ),
    ok(
        INGEST,
        "the same records again",
        lambda s: session(s, (1, 3), (1, 3)),
        lambda s, x: (x.applied, x.acknowledged, s.get_run().metrics["m"].count) == (False, 3, 2),
    ),
    ok(
        INGEST,
        "records that overlap",
        lambda s: session(s, (1, 3), (2, 5)),
        lambda s, x: (x.applied, x.acknowledged, s.get_run().metrics["m"].count) == (False, 3, 2),
    ),
    ok(
        INGEST,
        "the next records",
        lambda s: session(s, (1, 3), (4, 4)),
        lambda s, x: (x.applied, x.acknowledged) == (True, 4),
    ),
    no(INGEST, "missing", "to an unknown run", lambda s: log(s, run_id=UNKNOWN_RUN), NotFound),
    no(
        INGEST,
        "missing",
        "to an unknown model",
        lambda s: log(s, model_metrics=[point(s, model_id=UNKNOWN_MODEL)], tags={"u": ""}),
        InvalidInput,
    ),
    no(INGEST, "trash", "to a run in the trash", lambda s: log(s, run_id=s.gone_run, tags={"u": ""}), Conflict),
    no(
        INGEST,
        "trash",
        "to a model in the trash",
        lambda s: log(s, model_metrics=[point(s, model_id=s.gone_model)]),
        InvalidInput,
    ),
    no(
        INGEST,
        "refused",
        "another value of a param, with points",
        lambda s: log(s, params={"p": "2", "q": ""}, series=[points(1)]),
        Conflict,
    ),
    *each(
        INGEST,
        "refused",
        "the records",
        ((0, 1), (2, 1), (-1, 5), (1, 2**63)),
        lambda s, n: log(s, session_id="s1", first=n[0], last=n[1]),
        InvalidInput,
    ),
    *each(
        INGEST,
        "refused",
        "the session",
        ("../x", "a\x00", " "),
        lambda s, bad: log(s, session_id=bad, first=1, last=1),
        InvalidInput,
    ),
    *each(INGEST, "refused", "the key", BAD_KEYS, lambda s, key: log(s, series=[points(1, key)]), InvalidInput),
    *each(INGEST, "refused", "the param", BAD_KEYS, lambda s, key: log(s, params={key: ""}), InvalidInput),
    no(INGEST, "refused", "a metric twice", lambda s: log(s, series=[points(1), points(1)]), InvalidInput),
    no(INGEST, "refused", "no points", lambda s: log(s, series=[points(0)]), InvalidInput),
    no(
        INGEST,
        "refused",
        "half a point",
        lambda s: log(s, series=[r.Series(key="k", steps=bytes(4), times_ms=bytes(4), values=bytes(4))]),
        InvalidInput,
    ),
    no(
        INGEST,
        "refused",
        "columns of two lengths",
        lambda s: log(s, series=[r.Series(key="k", steps=bytes(8), times_ms=bytes(16), values=bytes(16))]),
        InvalidInput,
    ),
    *each(
        INGEST,
        "refused",
        "a model's step",
        (2**63, -(2**63) - 1),
        lambda s, step: log(s, model_outputs=[r.ModelOutput(model_id="m", step=step)]),
        InvalidInput,
    ),
    no(INGEST, "refused", "a model's time", lambda s: log(s, model_metrics=[point(s, time_ms=2**63)]), InvalidInput),
    no(INGEST, "refused", "no model", lambda s: log(s, model_inputs=[""]), InvalidInput),
    *limited(INGEST, "points", limits.POINTS_PER_INGEST, lambda s, n: log(s, series=[points(n)])),
    *limited(
        INGEST, "series", limits.SERIES_PER_INGEST, lambda s, n: log(s, series=[points(1, f"k{k}") for k in range(n)])
    ),
    *limited(INGEST, "params", limits.PARAMS_PER_INGEST, lambda s, n: log(s, params={f"p{k}": "" for k in range(n)})),
    *limited(INGEST, "tags", limits.TAGS_PER_INGEST, lambda s, n: log(s, tags={f"t{k}": "" for k in range(n)})),
    *limited(
        INGEST,
        "data sets",
        limits.DATASETS_PER_INGEST,
        lambda s, n: log(s, datasets=[d for k in range(n) for d in dataset(digest=str(k))]),
    ),
    *limited(INGEST, "models", limits.MODELS_PER_INGEST, lambda s, n: log(s, model_inputs=[f"m{k}" for k in range(n)])),
    *limited(
        INGEST, "metrics of models", limits.MODEL_METRICS_PER_INGEST, lambda s, n: log(s, model_metrics=[point(s)] * n)
    ),
    *limited(INGEST, "metric's key", limits.KEY_CHARS, lambda s, n: log(s, series=[points(1, "k" * n)])),
    *limited(INGEST, "param's value", limits.PARAM_VALUE_CHARS, lambda s, n: log(s, params={"k": "v" * n})),
    *limited(INGEST, "tag's value", limits.TAG_VALUE_CHARS, lambda s, n: log(s, tags={"k": "v" * n})),
    *limited(INGEST, "name by its tag", limits.RUN_NAME_CHARS, lambda s, n: log(s, tags={r.TAG_NAME: "n" * n})),
    *limited(INGEST, "note", limits.NOTE_CHARS, lambda s, n: log(s, tags={r.TAG_NOTE: "v" * n})),
    *limited(INGEST, "data set's name", limits.DATASET_NAME_CHARS, lambda s, n: log(s, datasets=dataset(name="x" * n))),
    *limited(
        INGEST,
        "data set's tag's key",
        limits.INPUT_TAG_KEY_CHARS,
        lambda s, n: log(s, datasets=[r.DatasetInput(dataset=r.Dataset(name="d", digest="1"), tags={"k" * n: ""})]),
    ),
    *limited(
        INGEST,
        "data set's tag",
        limits.INPUT_TAG_VALUE_CHARS,
        lambda s, n: log(s, datasets=[r.DatasetInput(dataset=r.Dataset(name="d", digest="1"), tags={"k": "v" * n})]),
    ),
    *limited(
        INGEST, "data set's digest", limits.DATASET_DIGEST_CHARS, lambda s, n: log(s, datasets=dataset(digest="x" * n))
    ),
    *limited(
        INGEST, "data set's source", limits.DATASET_SOURCE_CHARS, lambda s, n: log(s, datasets=dataset(source="x" * n))
    ),
    *limited(
        INGEST, "data set's schema", limits.DATASET_SCHEMA_CHARS, lambda s, n: log(s, datasets=dataset(schema="x" * n))
    ),
    *limited(
        INGEST,
        "data set's profile",
        limits.DATASET_PROFILE_CHARS,
        lambda s, n: log(s, datasets=dataset(profile="x" * n)),
    ),
    *limited(INGEST, "lease", limits.LEASE_MS, lambda s, n: log(s, lease_ms=n)),
    *limited(INGEST, "session", 64, lambda s, n: log(s, session_id="s" * n, first=1, last=1)),
    ok(
        HISTORY,
        "in order, equal points once",
        lambda s: (
            s.call(INGEST, log(s, series=[make_series("m", [(5, 9, 1.0), (1, 2, NAN), (0, 1, 0.5)])])),
            GetHistory(run_id=s.run, key="m"),
        )[1],
        lambda s, x: (repr(to_points_of(x.series)), x.count) == (repr([(0, 1, 0.5), (1, 2, NAN), (5, 9, 1.0)]), 3),
    ),
    ok(
        HISTORY,
        "page by page",
        lambda s: (
            s.call(INGEST, log(s, series=[make_series("m", [(n, n, 1.0) for n in range(2, 9)])])),
            GetHistory(
                run_id=s.run,
                key="m",
                limit=5,
                page_token=s.call(HISTORY, GetHistory(run_id=s.run, key="m", limit=5)).next_page_token,
            ),
        )[1],
        lambda s, x: ([p[0] for p in to_points_of(x.series)], x.next_page_token) == ([6, 7, 8], ""),
    ),
    ok(
        HISTORY,
        "of what was never logged",
        lambda s: GetHistory(run_id=s.run, key="none"),
        lambda s, x: (x.count, x.series.steps) == (0, b""),
    ),
    ok(HISTORY, "of an unknown run", lambda s: GetHistory(run_id=UNKNOWN_RUN, key="m"), lambda s, x: x.count == 0),
    no(
        HISTORY,
        "refused",
        "from a page that is none",
        lambda s: GetHistory(run_id=s.run, key="m", page_token="x"),
        InvalidInput,
    ),
    no(HISTORY, "refused", "an empty page", lambda s: GetHistory(run_id=s.run, key="m", limit=0), InvalidInput),
    *limited(HISTORY, "page", limits.HISTORY_PAGE, lambda s, n: GetHistory(run_id=s.run, key="m", limit=n)),
    ok(
        CURVES,
        "of runs that have the metric",
        lambda s: GetCurves(run_ids=[s.run, s.child, s.run], key="m"),
        lambda s, x: [(c.run_id, c.shown, c.count) for c in x.curves] == [(s.run, 1, 1)],
    ),
    ok(
        CURVES,
        "in a range",
        lambda s: GetCurves(run_ids=[s.run], key="m", start_step=-(2**63), end_step=2**63 - 1),
        lambda s, x: len(x.curves) == 1,
    ),
    ok(
        CURVES,
        "in a range that has no points",
        lambda s: GetCurves(run_ids=[s.run], key="m", start_step=2**62),
        lambda s, x: [(c.run_id, c.shown, c.count) for c in x.curves] == [(s.run, 0, 0)],
    ),
    *each(
        CURVES,
        "refused",
        "of steps beyond 64 bits",
        (-(2**63) - 1, 2**63),
        lambda s, n: GetCurves(run_ids=[s.run], key="m", start_step=n, end_step=n),
        InvalidInput,
    ),
    ok(
        CURVES,
        "of a formula",
        lambda s: GetCurves(run_ids=[s.run, s.child], formula="1 - metrics.m / max(metrics.m)"),
        lambda s, x: [(c.run_id, c.shown, c.count) for c in x.curves] == [(s.run, 1, 1)],
    ),
    *each(
        CURVES,
        "refused",
        "of no formula",
        ("metrics.m -", "parent.metrics.m", "min(metrics.m)", "params.a", "metrics.m DESC", "1 / 2", "(metrics.m"),
        lambda s, text: GetCurves(run_ids=[s.run], formula=text),
        InvalidInput,
    ),
    no(
        CURVES,
        "refused",
        "of a metric and a formula",
        lambda s: GetCurves(run_ids=[s.run], key="m", formula="metrics.m"),
        InvalidInput,
    ),
    no(CURVES, "refused", "of nothing", lambda s: GetCurves(run_ids=[s.run]), InvalidInput),
    *limited(
        CURVES,
        "series to compute from",
        limits.COMPUTED_SERIES,
        lambda s, n: GetCurves(run_ids=[s.run] * (n // 2 + n % 2), formula="metrics.m - metrics.n"),
    ),
    no(CURVES, "missing", "of an unknown run", lambda s: GetCurves(run_ids=[s.run, UNKNOWN_RUN], key="m"), NotFound),
    *each(
        CURVES,
        "refused",
        "of points",
        (3, 0, -1),
        lambda s, n: GetCurves(run_ids=[s.run], key="m", points=n),
        InvalidInput,
    ),
    *limited(CURVES, "points", limits.CURVE_POINTS, lambda s, n: GetCurves(run_ids=[s.run], key="m", points=n)),
    *limited(CURVES, "runs", limits.CURVES, lambda s, n: GetCurves(run_ids=[s.run] * n, key="m")),
]
