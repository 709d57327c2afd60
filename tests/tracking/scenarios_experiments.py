"""Scenarios of the operations on experiments."""

from __future__ import annotations

from tests.tracking.scenarios import BAD_IDS, UNKNOWN_EXP, Scenario, Stage, each, limited, no, ok
from trackway.api import experiments as e
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.runs import TAG_NOTE
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id

CREATE, GET, BY_NAME = ops.CREATE_EXPERIMENT, ops.GET_EXPERIMENT, ops.GET_EXPERIMENT_BY_NAME
SEARCH, UPDATE, SET_TAGS = ops.SEARCH_EXPERIMENTS, ops.UPDATE_EXPERIMENT, ops.SET_EXPERIMENT_TAGS
DELETE_TAG, DELETE, RESTORE = ops.DELETE_EXPERIMENT_TAG, ops.DELETE_EXPERIMENT, ops.RESTORE_EXPERIMENT
PURGE = ops.PURGE_EXPERIMENTS


def unique(size: int) -> str:
    """Return a name of a length that nobody has."""
    return new_id().ljust(size, "x")


def tags(size: int) -> dict[str, str]:
    return {f"t{n}": "" for n in range(size)}


def live(s: Stage, experiment: str) -> bool:
    found: e.Experiment = s.call(GET, e.GetExperiment(experiment_id=experiment))
    return found.lifecycle == "active"


def purge_renamed(s: Stage) -> e.RestoreExperiment:
    """Give the name of an experiment in the trash to another one, and ask for it back."""
    name = s.call(GET, e.GetExperiment(experiment_id=s.gone_exp)).name
    s.make_experiment(name)
    return e.RestoreExperiment(experiment_id=s.gone_exp)


SCENARIOS: list[Scenario] = [
    ok(
        CREATE,
        "a new name",
        lambda s: e.CreateExperiment(name="näme ü", tags={"a/b": "1"}),
        lambda s, x: (x.name, x.tags, x.workspace) == ("näme ü", {"a/b": "1"}, s.workspace),
    ),
    ok(
        CREATE,
        "its place is its own folder",
        lambda s: e.CreateExperiment(name="new"),
        lambda s, x: x.artifact_location == f"mlflow-artifacts:/{x.experiment_id}",
    ),
    ok(
        CREATE,
        "a place of a client's is kept as it is",
        lambda s: e.CreateExperiment(name="n", artifact_location="s3://bucket/x"),
        lambda s, x: x.artifact_location == "s3://bucket/x",
    ),
    ok(
        CREATE,
        "a name that is there, for a retry",
        lambda s: e.CreateExperiment(name=s.name, if_exists="return"),
        lambda s, x: x.experiment_id == s.exp,
    ),
    ok(
        CREATE,
        "a number and times of an import",
        lambda s: e.CreateExperiment(name="n", experiment_id=str(10**12 + int(s.exp)), created_ms=5, updated_ms=6),
        lambda s, x: (int(x.experiment_id) > 10**12, x.created_ms, x.updated_ms) == (True, 5, 6),
    ),
    no(CREATE, "refused", "a live name", lambda s: e.CreateExperiment(name=s.name), AlreadyExists),
    no(
        CREATE,
        "refused",
        "a name in the trash, when all count",
        lambda s: e.CreateExperiment(
            name=s.call(GET, e.GetExperiment(experiment_id=s.gone_exp)).name, unique_among="all"
        ),
        AlreadyExists,
    ),
    no(
        CREATE,
        "refused",
        "a number that is there",
        lambda s: e.CreateExperiment(name="n", experiment_id=s.exp),
        AlreadyExists,
    ),
    no(
        CREATE,
        "refused",
        "a number that another workspace has",
        lambda s: e.CreateExperiment(name="n", experiment_id=Stage(s.dispatch).exp),
        AlreadyExists,
    ),
    *each(
        CREATE, "refused", "the name", ("", "  ", "a\x00b"), lambda s, name: e.CreateExperiment(name=name), InvalidInput
    ),
    *each(
        CREATE,
        "refused",
        "the place",
        ("http://127.0.0.1/", "s3://bucket/../c", "file:///etc/..", "http:///#/../../etc/"),
        lambda s, place: e.CreateExperiment(name="n", artifact_location=place),
        InvalidInput,
    ),
    *each(
        CREATE,
        "refused",
        "created at",
        (-1, 2**63),
        lambda s, at: e.CreateExperiment(name="n", created_ms=at),
        InvalidInput,
    ),
    *limited(CREATE, "name", limits.EXPERIMENT_NAME_CHARS, lambda s, n: e.CreateExperiment(name=unique(n))),
    *limited(
        CREATE,
        "place",
        limits.LOCATION_CHARS,
        lambda s, n: e.CreateExperiment(name="n", artifact_location="s3://bucket/".ljust(n, "x")),
    ),
    *limited(CREATE, "tags", limits.TAGS_PER_INGEST, lambda s, n: e.CreateExperiment(name="n", tags=tags(n))),
    ok(
        GET,
        "a live one",
        lambda s: e.GetExperiment(experiment_id=s.exp),
        lambda s, x: (x.name, x.lifecycle) == (s.name, "active"),
    ),
    ok(
        GET,
        "one in the trash",
        lambda s: e.GetExperiment(experiment_id=s.gone_exp),
        lambda s, x: x.lifecycle == "deleted",
    ),
    no(GET, "missing", "an unknown one", lambda s: e.GetExperiment(experiment_id=UNKNOWN_EXP), NotFound),
    no(GET, "missing", "another workspace's", lambda s: e.GetExperiment(experiment_id=Stage(s.dispatch).exp), NotFound),
    *each(GET, "refused", "the id", BAD_IDS, lambda s, bad: e.GetExperiment(experiment_id=bad), InvalidInput),
    ok(BY_NAME, "a live one", lambda s: e.GetExperimentByName(name=s.name), lambda s, x: x.experiment_id == s.exp),
    no(BY_NAME, "missing", "an unknown one", lambda s: e.GetExperimentByName(name="unknown"), NotFound),
    no(
        BY_NAME,
        "missing",
        "a live one among those in the trash",
        lambda s: e.GetExperimentByName(name=s.name, view="deleted"),
        NotFound,
    ),
    ok(
        SEARCH,
        "all live ones, newest first",
        lambda s: e.SearchExperiments(),
        lambda s, x: {one.experiment_id for one in x.experiments} == {s.exp, s.other_exp} and not x.next_page_token,
    ),
    ok(
        SEARCH,
        "the trash",
        lambda s: e.SearchExperiments(view="deleted"),
        lambda s, x: [one.experiment_id for one in x.experiments] == [s.gone_exp],
    ),
    ok(
        SEARCH,
        "by name",
        lambda s: e.SearchExperiments(filter=f"name = '{s.name}'", order_by=["name DESC"]),
        lambda s, x: [one.experiment_id for one in x.experiments] == [s.exp],
    ),
    ok(
        SEARCH,
        "the second page",
        lambda s: e.SearchExperiments(limit=1, page_token=s.call(SEARCH, e.SearchExperiments(limit=1)).next_page_token),
        lambda s, x: len(x.experiments) == 1,
    ),
    no(
        SEARCH, "refused", "a filter that cannot be read", lambda s: e.SearchExperiments(filter="name = "), InvalidInput
    ),
    no(
        SEARCH,
        "refused",
        "a token of another query",
        lambda s: e.SearchExperiments(
            limit=1, filter="name LIKE '%'", page_token=s.call(SEARCH, e.SearchExperiments(limit=1)).next_page_token
        ),
        InvalidInput,
    ),
    *each(SEARCH, "refused", "a page of", (0, -1), lambda s, n: e.SearchExperiments(limit=n), InvalidInput),
    *limited(SEARCH, "page", limits.SEARCH_PAGE, lambda s, n: e.SearchExperiments(limit=n)),
    *limited(SEARCH, "filter", limits.FILTER_CHARS, lambda s, n: e.SearchExperiments(filter="name = 'x'".ljust(n))),
    *limited(
        SEARCH, "order", limits.ORDER_TERMS, lambda s, n: e.SearchExperiments(order_by=[f"tags.t{k}" for k in range(n)])
    ),
    ok(
        UPDATE,
        "a new name",
        lambda s: e.UpdateExperiment(experiment_id=s.exp, name="new"),
        lambda s, x: x.name == "new",
    ),
    ok(
        UPDATE,
        "the same name",
        lambda s: e.UpdateExperiment(experiment_id=s.exp, name=s.name),
        lambda s, x: x.name == s.name,
    ),
    no(
        UPDATE,
        "refused",
        "another one's name",
        lambda s: e.UpdateExperiment(experiment_id=s.other_exp, name=s.name),
        AlreadyExists,
    ),
    no(
        UPDATE, "missing", "an unknown one", lambda s: e.UpdateExperiment(experiment_id=UNKNOWN_EXP, name="n"), NotFound
    ),
    no(UPDATE, "trash", "one in the trash", lambda s: e.UpdateExperiment(experiment_id=s.gone_exp, name="n"), Conflict),
    *limited(
        UPDATE,
        "name",
        limits.EXPERIMENT_NAME_CHARS,
        lambda s, n: e.UpdateExperiment(experiment_id=s.exp, name=unique(n)),
    ),
    ok(
        SET_TAGS,
        "new and changed tags",
        lambda s: e.SetExperimentTags(experiment_id=s.exp, tags={"a": "1", "b": ""}),
        lambda s, x: s.call(GET, e.GetExperiment(experiment_id=s.exp)).tags == {"a": "1", "b": ""},
    ),
    no(
        SET_TAGS,
        "missing",
        "an unknown one",
        lambda s: e.SetExperimentTags(experiment_id=UNKNOWN_EXP, tags={}),
        NotFound,
    ),
    no(
        SET_TAGS,
        "trash",
        "one in the trash",
        lambda s: e.SetExperimentTags(experiment_id=s.gone_exp, tags={"a": ""}),
        Conflict,
    ),
    *each(
        SET_TAGS,
        "refused",
        "the key",
        ("", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\\b", "a\nb", "a<b", "a\x00"),
        lambda s, key: e.SetExperimentTags(experiment_id=s.exp, tags={key: ""}),
        InvalidInput,
    ),
    *limited(
        SET_TAGS, "key", limits.KEY_CHARS, lambda s, n: e.SetExperimentTags(experiment_id=s.exp, tags={"k" * n: ""})
    ),
    *limited(
        SET_TAGS,
        "value",
        limits.TAG_VALUE_CHARS,
        lambda s, n: e.SetExperimentTags(experiment_id=s.exp, tags={"k": "v" * n}),
    ),
    *limited(
        SET_TAGS,
        "note",
        limits.NOTE_CHARS,
        lambda s, n: e.SetExperimentTags(experiment_id=s.exp, tags={TAG_NOTE: "v" * n}),
    ),
    *limited(
        SET_TAGS, "tags", limits.TAGS_PER_INGEST, lambda s, n: e.SetExperimentTags(experiment_id=s.exp, tags=tags(n))
    ),
    ok(
        DELETE_TAG,
        "one that is there",
        lambda s: (
            s.call(SET_TAGS, e.SetExperimentTags(experiment_id=s.exp, tags={"a": "1"})),
            e.DeleteExperimentTag(experiment_id=s.exp, key="a"),
        )[1],
        lambda s, x: s.call(GET, e.GetExperiment(experiment_id=s.exp)).tags == {},
    ),
    no(
        DELETE_TAG,
        "missing",
        "one that is not there",
        lambda s: e.DeleteExperimentTag(experiment_id=s.exp, key="none"),
        NotFound,
    ),
    no(
        DELETE_TAG,
        "missing",
        "of an unknown one",
        lambda s: e.DeleteExperimentTag(experiment_id=UNKNOWN_EXP, key="a"),
        NotFound,
    ),
    no(
        DELETE_TAG,
        "trash",
        "of one in the trash",
        lambda s: e.DeleteExperimentTag(experiment_id=s.gone_exp, key="a"),
        Conflict,
    ),
    ok(
        DELETE,
        "with its live runs",
        lambda s: e.DeleteExperiment(experiment_id=s.exp),
        lambda s, x: not live(s, s.exp) and s.get_run().lifecycle == "deleted",
    ),
    ok(
        DELETE,
        "as an import says",
        lambda s: e.DeleteExperiment(experiment_id=s.other_exp, deleted_ms=5),
        lambda s, x: s.call(GET, e.GetExperiment(experiment_id=s.other_exp)).deleted_ms == 5,
    ),
    no(DELETE, "missing", "an unknown one", lambda s: e.DeleteExperiment(experiment_id=UNKNOWN_EXP), NotFound),
    no(DELETE, "trash", "one in the trash", lambda s: e.DeleteExperiment(experiment_id=s.gone_exp), NotFound),
    no(
        DELETE,
        "refused",
        "at a time before all times",
        lambda s: e.DeleteExperiment(experiment_id=s.exp, deleted_ms=-1),
        InvalidInput,
    ),
    ok(
        RESTORE,
        "with its runs",
        lambda s: e.RestoreExperiment(experiment_id=s.gone_exp),
        lambda s, x: x.lifecycle == "active" and s.get_run(s.lost_run).lifecycle == "active",
    ),
    no(RESTORE, "missing", "an unknown one", lambda s: e.RestoreExperiment(experiment_id=UNKNOWN_EXP), NotFound),
    no(RESTORE, "trash", "one that is live", lambda s: e.RestoreExperiment(experiment_id=s.exp), NotFound),
    no(RESTORE, "refused", "one whose name another has", purge_renamed, Conflict),
    ok(
        PURGE,
        "one in the trash",
        lambda s: e.PurgeExperiments(experiment_ids=[s.gone_exp, s.gone_exp]),
        lambda s, x: (x.experiments, x.runs, x.dry_run) == (1, 1, False),
    ),
    ok(
        PURGE,
        "only counting",
        lambda s: e.PurgeExperiments(experiment_ids=[s.gone_exp], dry_run=True),
        lambda s, x: x.dry_run and x.runs == 1 and s.get_run(s.lost_run).lifecycle == "deleted",
    ),
    ok(PURGE, "none", lambda s: e.PurgeExperiments(experiment_ids=[]), lambda s, x: x.experiments == 0),
    no(
        PURGE,
        "missing",
        "an unknown one beside one in the trash",
        lambda s: e.PurgeExperiments(experiment_ids=[s.gone_exp, UNKNOWN_EXP]),
        NotFound,
    ),
    no(PURGE, "trash", "one that is live", lambda s: e.PurgeExperiments(experiment_ids=[s.gone_exp, s.exp]), Conflict),
    *limited(
        PURGE,
        "experiments",
        limits.EXPERIMENTS_PER_SEARCH,
        lambda s, n: e.PurgeExperiments(experiment_ids=[UNKNOWN_EXP] * n),
        within=NotFound,
    ),
]
