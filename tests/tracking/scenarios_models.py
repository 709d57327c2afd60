"""Scenarios of logged models, of the trash and of the audit log."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import UNKNOWN_EXP, UNKNOWN_MODEL, Scenario, Stage, each, limited, no, ok
from trackway.api import limits
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api.jobs import ListJobs
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id

MAKE, GET, UPDATE, DELETE = (
    ops.CREATE_LOGGED_MODEL, ops.GET_LOGGED_MODEL, ops.UPDATE_LOGGED_MODEL, ops.DELETE_LOGGED_MODEL,
)  # fmt: skip
SEARCH, SET_TAGS = ops.SEARCH_LOGGED_MODELS, ops.SET_LOGGED_MODEL_TAGS
DELETE_TAG, LOG_PARAMS = ops.DELETE_LOGGED_MODEL_TAG, ops.LOG_MODEL_PARAMS


def log_point(s: Stage, **fields: Any) -> None:
    """Log a point of the model."""
    plain: dict[str, Any] = {"model_id": s.model, "key": "acc", "value": 0.5, "time_ms": 1}
    s.call(ops.INGEST, r.Ingest(run_id=s.run, model_metrics=[r.ModelMetric(**(plain | fields))]))


def model(s: Stage, **fields: Any) -> m.CreateLoggedModel:
    return m.CreateLoggedModel(**({"experiment_id": s.exp} | fields))


def search_by_value(s: Stage) -> m.SearchLoggedModels:
    """Give the model a value on a data set, and ask for the models with it."""
    log_point(s, dataset_name="d")
    return m.SearchLoggedModels(
        experiment_ids=[s.exp],
        filter="metrics.acc > 0.4",
        datasets=[m.DatasetRef(name="d")],
        order_by=[m.ModelOrder(field="metrics.acc", dataset=m.DatasetRef(name="d"))],
    )


MODELS: list[Scenario] = [
    ok(
        MAKE,
        "as it is read afterwards",
        lambda s: model(s, name="n", model_type="agent", source_run_id=s.run, params={"a": "1"}, tags={"t": "1"}),
        lambda s, x: s.call(GET, m.GetLoggedModel(model_id=x.model_id)) == x and x.status == "PENDING",
    ),
    ok(
        MAKE,
        "with an id of an import",
        lambda s: model(s, model_id=f"m-{new_id()}", created_ms=5),
        lambda s, x: x.created_ms == 5,
    ),
    no(MAKE, "refused", "an id that is there", lambda s: model(s, model_id=s.model), AlreadyExists),
    no(MAKE, "missing", "in an unknown experiment", lambda s: model(s, experiment_id=UNKNOWN_EXP), NotFound),
    no(MAKE, "trash", "in an experiment in the trash", lambda s: model(s, experiment_id=s.gone_exp), Conflict),
    *each(
        MAKE,
        "refused",
        "the name",
        ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "a\x00", " "),
        lambda s, bad: model(s, name=bad),
        InvalidInput,
    ),
    *limited(MAKE, "name", limits.EXPERIMENT_NAME_CHARS, lambda s, n: model(s, name="x" * n)),
    *limited(MAKE, "type", limits.KEY_CHARS, lambda s, n: model(s, model_type="x" * n)),
    *limited(MAKE, "id", 64, lambda s, n: model(s, model_id=new_id().ljust(n, "x"))),
    *limited(MAKE, "source run", limits.KEY_CHARS, lambda s, n: model(s, source_run_id="x" * n)),
    *limited(MAKE, "params", limits.PARAMS_PER_INGEST, lambda s, n: model(s, params={f"p{k}": "" for k in range(n)})),
    *limited(MAKE, "tags", limits.TAGS_PER_INGEST, lambda s, n: model(s, tags={f"t{k}": "" for k in range(n)})),
    ok(GET, "one that is there", lambda s: m.GetLoggedModel(model_id=s.model), lambda s, x: x.params == {"p": "1"}),
    ok(
        GET,
        "one in the trash",
        lambda s: m.GetLoggedModel(model_id=s.gone_model, allow_deleted=True),
        lambda s, x: x.lifecycle == "deleted",
    ),
    no(GET, "trash", "one in the trash, unasked", lambda s: m.GetLoggedModel(model_id=s.gone_model), NotFound),
    no(GET, "missing", "an unknown one", lambda s: m.GetLoggedModel(model_id=UNKNOWN_MODEL), NotFound),
    ok(
        UPDATE,
        "its status",
        lambda s: m.UpdateLoggedModel(model_id=s.model, status="READY", status_message="ü"),
        lambda s, x: (x.status, x.status_message) == ("READY", "ü"),
    ),
    no(
        UPDATE,
        "missing",
        "an unknown one",
        lambda s: m.UpdateLoggedModel(model_id=UNKNOWN_MODEL, status="READY"),
        NotFound,
    ),
    no(
        UPDATE,
        "trash",
        "one in the trash",
        lambda s: m.UpdateLoggedModel(model_id=s.gone_model, status="READY"),
        NotFound,
    ),
    *limited(
        UPDATE,
        "message",
        limits.TAG_VALUE_CHARS,
        lambda s, n: m.UpdateLoggedModel(model_id=s.model, status="READY", status_message="x" * n),
    ),
    ok(
        DELETE,
        "one that is there",
        lambda s: m.DeleteLoggedModel(model_id=s.model),
        lambda s, x: s.call(GET, m.GetLoggedModel(model_id=s.model, allow_deleted=True)).lifecycle == "deleted",
    ),
    ok(DELETE, "one in the trash", lambda s: m.DeleteLoggedModel(model_id=s.gone_model)),
    ok(
        DELETE,
        "as of when it was deleted elsewhere",
        lambda s: m.DeleteLoggedModel(model_id=s.model, deleted_ms=9),
        lambda s, x: s.call(GET, m.GetLoggedModel(model_id=s.model, allow_deleted=True)).updated_ms == 9,
    ),
    no(
        DELETE, "refused", "at no time", lambda s: m.DeleteLoggedModel(model_id=s.model, deleted_ms=2**63), InvalidInput
    ),
    no(DELETE, "missing", "an unknown one", lambda s: m.DeleteLoggedModel(model_id=UNKNOWN_MODEL), NotFound),
    ok(
        SEARCH,
        "live ones",
        lambda s: m.SearchLoggedModels(experiment_ids=[s.exp]),
        lambda s, x: [one.model_id for one in x.models] == [s.model],
    ),
    ok(
        SEARCH,
        "those in the trash",
        lambda s: m.SearchLoggedModels(experiment_ids=[s.exp], view="deleted"),
        lambda s, x: [(one.model_id, one.lifecycle) for one in x.models] == [(s.gone_model, "deleted")],
    ),
    ok(
        SEARCH,
        "by a value on a data set",
        search_by_value,
        lambda s, x: [one.model_id for one in x.models] == [s.model],
    ),
    no(
        SEARCH,
        "refused",
        "a filter that cannot be read",
        lambda s: m.SearchLoggedModels(experiment_ids=[s.exp], filter="metrics.acc"),
        InvalidInput,
    ),
    no(
        SEARCH,
        "refused",
        "an order that is none",
        lambda s: m.SearchLoggedModels(experiment_ids=[s.exp], order_by=[m.ModelOrder(field="x.y")]),
        InvalidInput,
    ),
    *limited(SEARCH, "page", limits.SEARCH_PAGE, lambda s, n: m.SearchLoggedModels(experiment_ids=[s.exp], limit=n)),
    *limited(
        SEARCH,
        "experiments",
        limits.EXPERIMENTS_PER_SEARCH,
        lambda s, n: m.SearchLoggedModels(experiment_ids=[str(k) for k in range(n)]),
    ),
    *limited(
        SEARCH,
        "order",
        limits.ORDER_TERMS,
        lambda s, n: m.SearchLoggedModels(
            experiment_ids=[s.exp], order_by=[m.ModelOrder(field=f"metrics.m{k}") for k in range(n)]
        ),
    ),
    *limited(
        SEARCH,
        "data sets",
        limits.DATASETS_PER_SEARCH,
        lambda s, n: m.SearchLoggedModels(
            experiment_ids=[s.exp], datasets=[m.DatasetRef(name=str(k)) for k in range(n)]
        ),
    ),
    ok(
        SET_TAGS,
        "new and changed ones",
        lambda s: m.SetLoggedModelTags(model_id=s.model, tags={"t": "2", "u": ""}),
        lambda s, x: s.call(GET, m.GetLoggedModel(model_id=s.model)).tags == {"t": "2", "u": ""},
    ),
    no(
        SET_TAGS,
        "missing",
        "of an unknown one",
        lambda s: m.SetLoggedModelTags(model_id=UNKNOWN_MODEL, tags={}),
        NotFound,
    ),
    no(
        SET_TAGS,
        "trash",
        "of one in the trash",
        lambda s: m.SetLoggedModelTags(model_id=s.gone_model, tags={"t": ""}),
        NotFound,
    ),
    *limited(
        SET_TAGS,
        "value",
        limits.TAG_VALUE_CHARS,
        lambda s, n: m.SetLoggedModelTags(model_id=s.model, tags={"k": "v" * n}),
    ),
    ok(
        DELETE_TAG,
        "one that is there",
        lambda s: m.DeleteLoggedModelTag(model_id=s.model, key="t"),
        lambda s, x: s.call(GET, m.GetLoggedModel(model_id=s.model)).tags == {},
    ),
    no(
        DELETE_TAG,
        "missing",
        "one that is not there",
        lambda s: m.DeleteLoggedModelTag(model_id=s.model, key="none"),
        NotFound,
    ),
    no(
        DELETE_TAG,
        "missing",
        "of an unknown model",
        lambda s: m.DeleteLoggedModelTag(model_id=UNKNOWN_MODEL, key="t"),
        NotFound,
    ),
    no(
        DELETE_TAG,
        "trash",
        "of one in the trash",
        lambda s: m.DeleteLoggedModelTag(model_id=s.gone_model, key="t"),
        NotFound,
    ),
    ok(
        LOG_PARAMS,
        "new ones",
        lambda s: m.LogModelParams(model_id=s.model, params={"q": "2"}),
        lambda s, x: s.call(GET, m.GetLoggedModel(model_id=s.model)).params == {"p": "1", "q": "2"},
    ),
    no(
        LOG_PARAMS,
        "refused",
        "one that is there",
        lambda s: m.LogModelParams(model_id=s.model, params={"p": "1", "q": "2"}),
        Conflict,
    ),
    no(
        LOG_PARAMS,
        "missing",
        "of an unknown model",
        lambda s: m.LogModelParams(model_id=UNKNOWN_MODEL, params={}),
        NotFound,
    ),
    no(
        LOG_PARAMS,
        "trash",
        "of one in the trash",
        lambda s: m.LogModelParams(model_id=s.gone_model, params={"q": ""}),
        NotFound,
    ),
    *limited(
        LOG_PARAMS,
        "params",
        limits.PARAMS_PER_INGEST,
        lambda s, n: m.LogModelParams(model_id=s.model, params={f"q{k}": "" for k in range(n)}),
    ),
]

TRASH: list[Scenario] = [
    ok(
        ops.GET_RETENTION,
        "none, and what is in the trash",
        lambda s: t.GetRetention(),
        lambda s, x: (x.trash_ms, x.trashed_experiments, x.trashed_runs) == (None, 1, 2),
    ),
    ok(
        ops.SET_RETENTION, "a policy", lambda s: t.SetRetention(trash_ms=10**15), lambda s, x: x.trash_ms == 10**15
    )._replace(workspace="default"),
    ok(ops.SET_RETENTION, "none", lambda s: t.SetRetention(trash_ms=None), lambda s, x: x.trash_ms is None)._replace(
        workspace="default"
    ),
    *each(ops.SET_RETENTION, "refused", "after", (-1, 2**63), lambda s, n: t.SetRetention(trash_ms=n), InvalidInput),
    ok(
        ops.PURGE_TRASH,
        "all of it",
        lambda s: t.PurgeTrash(),
        lambda s, x: (x.experiments, x.runs, x.models) == (1, 2, 1),
    ),
    ok(
        ops.PURGE_TRASH,
        "only counting",
        lambda s: t.PurgeTrash(dry_run=True),
        lambda s, x: x.dry_run and s.get_run(s.gone_run).lifecycle == "deleted",
    ),
    ok(
        ops.PURGE_TRASH,
        "what is old",
        lambda s: t.PurgeTrash(older_than_ms=10**9),
        lambda s, x: (x.experiments, x.runs, x.models) == (0, 0, 0),
    ),
    *each(ops.PURGE_TRASH, "refused", "age", (-1, 2**63), lambda s, n: t.PurgeTrash(older_than_ms=n), InvalidInput),
    ok(
        ops.INSPECT_STORE,
        "schema, indexes and size",
        lambda s: t.InspectStore(),
        lambda s, x: (x.revision != "none", x.missing_indexes, x.size_bytes > 0) == (True, [], True),
    ),
    ok(ops.LIST_JOBS, "none before a server has done any", lambda s: ListJobs(), lambda s, x: x.jobs == []),
    ok(
        ops.SEARCH_AUDIT,
        "newest first",
        lambda s: t.SearchAudit(limit=1),
        lambda s, x: (
            (x.entries[0].operation, x.entries[0].actor, x.next_page_token != "")
            == ("experiments.delete", "user:ann", True)
        ),
    ),
    ok(
        ops.SEARCH_AUDIT,
        "of one object",
        lambda s: t.SearchAudit(object=s.gone_run),
        lambda s, x: [one.operation for one in x.entries] == ["runs.delete"],
    ),
    ok(
        ops.SEARCH_AUDIT,
        "of one operation, the second page",
        lambda s: t.SearchAudit(
            operation="experiments.create",
            limit=2,
            page_token=s.call(ops.SEARCH_AUDIT, t.SearchAudit(operation="experiments.create", limit=2)).next_page_token,
        ),
        lambda s, x: [one.object for one in x.entries] == [s.exp],
    ),
    no(ops.SEARCH_AUDIT, "refused", "from a page that is none", lambda s: t.SearchAudit(page_token="x"), InvalidInput),
    *limited(ops.SEARCH_AUDIT, "page", limits.SEARCH_PAGE, lambda s, n: t.SearchAudit(limit=n)),
]

SCENARIOS = [*MODELS, *TRASH]
