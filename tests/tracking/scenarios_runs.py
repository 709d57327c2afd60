"""Scenarios of the operations on runs, but for logging to them."""

from __future__ import annotations

from tests.tracking.scenarios import UNKNOWN_EXP, UNKNOWN_RUN, Scenario, Stage, each, limited, no, ok
from trackway.api import experiments as e
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id

CREATE, GET, FIND, SEARCH, TABLE = ops.CREATE_RUN, ops.GET_RUN, ops.FIND_RUN, ops.SEARCH_RUNS, ops.GET_RUN_TABLE
UPDATE, TREE, DATASETS = ops.UPDATE_RUN, ops.GET_RUN_TREE, ops.SEARCH_DATASETS


def finish(s: Stage, run_id: str) -> str:
    s.call(UPDATE, r.UpdateRun(run_id=run_id, status="FINISHED", end_ms=5))
    return run_id


def start_again(status: r.RunStatus) -> Scenario:
    """Return the scenario of a key whose run ended."""
    return ok(
        CREATE,
        f"a key that is there, to go on with what is {status}",
        lambda s: (
            s.call(UPDATE, r.UpdateRun(run_id=s.run, status=status, end_ms=9))
            and r.CreateRun(external_key=s.name, if_exists="return", lease_ms=9)
        ),
        lambda s, x: (x.run_id, x.status, x.end_ms, x.lease_until_ms is None) == (s.run, "RUNNING", None, False),
    )


def use(s: Stage) -> r.SearchDatasets:
    one = r.DatasetInput(dataset=r.Dataset(name="d", digest="1"), tags={r.TAG_CONTEXT: "train"})
    s.call(ops.INGEST, r.Ingest(run_id=s.run, datasets=[one]))
    return r.SearchDatasets(experiment_ids=[s.exp])


CREATING: list[Scenario] = [
    ok(
        CREATE,
        "with nothing said",
        lambda s: r.CreateRun(experiment_id=s.exp),
        lambda s, x: (
            (x.status, x.lifecycle, x.tags[r.TAG_NAME], x.start_ms > 10**12) == ("RUNNING", "active", x.name, True)
        ),
    ),
    ok(
        CREATE,
        "as it is read afterwards",
        lambda s: r.CreateRun(
            experiment_id=s.exp,
            run_id=new_id(),
            external_key="k",
            name="n",
            user="u",
            start_ms=5,
            status="SCHEDULED",
            parent_run_id=s.run,
            tags={"b": "2", "a": "1"},
            lease_ms=1_000,
        ),
        lambda s, x: s.get_run(x.run_id) == x,
    ),
    ok(
        CREATE,
        "an id that is there, for a retry",
        lambda s: r.CreateRun(experiment_id=s.exp, run_id=s.run, if_exists="return"),
        lambda s, x: x == s.get_run(),
    ),
    *(start_again(status) for status in sorted(r.TERMINAL)),
    ok(
        CREATE,
        "in an experiment by name",
        lambda s: r.CreateRun(experiment_name=s.name),
        lambda s, x: x.experiment_id == s.exp,
    ),
    ok(
        CREATE,
        "in a new experiment",
        lambda s: r.CreateRun(experiment_name="new"),
        lambda s, x: s.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=x.experiment_id)).name == "new",
    ),
    ok(
        CREATE,
        "without a lease",
        lambda s: r.CreateRun(experiment_id=s.exp, lease_ms=0),
        lambda s, x: x.lease_until_ms is None,
    ),
    ok(
        CREATE,
        "with a tag that could not be set later",
        lambda s: r.CreateRun(experiment_id=s.exp, tags={"a<b": "1"}),
        lambda s, x: x.tags["a<b"] == "1",
    ),
    no(
        CREATE,
        "refused",
        "an id that is there",
        lambda s: r.CreateRun(experiment_id=s.exp, run_id=s.run),
        AlreadyExists,
    ),
    no(
        CREATE,
        "refused",
        "a key that is there",
        lambda s: r.CreateRun(experiment_id=s.exp, external_key=s.name),
        AlreadyExists,
    ),
    no(CREATE, "missing", "in an unknown experiment", lambda s: r.CreateRun(experiment_id=UNKNOWN_EXP), NotFound),
    no(CREATE, "trash", "in an experiment in the trash", lambda s: r.CreateRun(experiment_id=s.gone_exp), Conflict),
    no(
        CREATE,
        "trash",
        "an id in the trash, for a retry",
        lambda s: r.CreateRun(experiment_id=s.exp, run_id=s.gone_run, if_exists="return"),
        Conflict,
    ),
    *each(
        CREATE,
        "refused",
        "the id",
        ("../x", "a/b", "*", "' OR 1=1", " ", "-a", "_a", "ü", "a\x00", "a.b"),
        lambda s, bad: r.CreateRun(experiment_id=s.exp, run_id=bad),
        InvalidInput,
    ),
    *each(
        CREATE,
        "refused",
        "started at",
        (-1, 2**63),
        lambda s, at: r.CreateRun(experiment_id=s.exp, start_ms=at),
        InvalidInput,
    ),
    no(
        CREATE,
        "refused",
        "a lease that has ended",
        lambda s: r.CreateRun(experiment_id=s.exp, lease_ms=-1),
        InvalidInput,
    ),
    *limited(CREATE, "id", 64, lambda s, n: r.CreateRun(experiment_id=s.exp, run_id=new_id().ljust(n, "x"))),
    *limited(CREATE, "parent id", 64, lambda s, n: r.CreateRun(experiment_id=s.exp, parent_run_id="x" * n)),
    *limited(
        CREATE,
        "key",
        limits.KEY_CHARS,
        lambda s, n: r.CreateRun(experiment_id=s.exp, external_key=new_id().ljust(n, "x")),
    ),
    *limited(CREATE, "name", limits.RUN_NAME_CHARS, lambda s, n: r.CreateRun(experiment_id=s.exp, name="x" * n)),
    *limited(CREATE, "user", limits.USER_CHARS, lambda s, n: r.CreateRun(experiment_id=s.exp, user="x" * n)),
    *limited(CREATE, "lease", limits.LEASE_MS, lambda s, n: r.CreateRun(experiment_id=s.exp, lease_ms=n)),
    *limited(CREATE, "tag's key", limits.KEY_CHARS, lambda s, n: r.CreateRun(experiment_id=s.exp, tags={"k" * n: ""})),
    *limited(
        CREATE,
        "tag's value",
        limits.TAG_VALUE_CHARS,
        lambda s, n: r.CreateRun(experiment_id=s.exp, tags={"k": "v" * n}),
    ),
    *limited(
        CREATE,
        "tags",
        limits.TAGS_PER_INGEST,
        lambda s, n: r.CreateRun(experiment_id=s.exp, tags={f"t{k}": "" for k in range(n)}),
    ),
    ok(
        GET,
        "a live one",
        lambda s: r.GetRun(run_id=s.run),
        lambda s, x: (x.params, x.metrics["m"].last_value) == ({"p": "1"}, 0.5),
    ),
    ok(GET, "one in the trash", lambda s: r.GetRun(run_id=s.gone_run), lambda s, x: x.lifecycle == "deleted"),
    no(GET, "missing", "an unknown one", lambda s: r.GetRun(run_id=UNKNOWN_RUN), NotFound),
    no(GET, "missing", "another workspace's", lambda s: r.GetRun(run_id=Stage(s.dispatch).run), NotFound),
    *each(
        GET,
        "missing",
        "the id",
        ("../x", "%", "_", "' OR ''='", "x" * 10_000),
        lambda s, bad: r.GetRun(run_id=bad),
        NotFound,
    ),
    ok(FIND, "by its key", lambda s: r.GetRun(external_key=s.name), lambda s, x: x.run_id == s.run),
    no(FIND, "missing", "an unknown key", lambda s: r.GetRun(external_key="unknown"), NotFound),
    no(FIND, "missing", "by nothing", lambda s: r.GetRun(), NotFound),
]

SEARCHING: list[Scenario] = [
    ok(
        SEARCH,
        "all experiments",
        lambda s: r.SearchRuns(),
        lambda s, x: {one.run_id for one in x.runs} == {s.run, s.child},
    ),
    ok(SEARCH, "no experiment", lambda s: r.SearchRuns(experiment_ids=[]), lambda s, x: x.runs == []),
    ok(
        SEARCH,
        "unknown experiments",
        lambda s: r.SearchRuns(experiment_ids=[UNKNOWN_EXP, s.other_exp]),
        lambda s, x: x.runs == [],
    ),
    ok(
        SEARCH,
        "by filter and order",
        lambda s: r.SearchRuns(filter="metrics.m > 0.4 AND params.p = '1'", order_by=["metrics.m DESC"]),
        lambda s, x: [one.run_id for one in x.runs] == [s.run],
    ),
    ok(
        SEARCH,
        "by the parent's data",
        lambda s: r.SearchRuns(filter="parent.params.p = '1'"),
        lambda s, x: [one.run_id for one in x.runs] == [s.child],
    ),
    ok(
        SEARCH,
        "the trash",
        lambda s: r.SearchRuns(view="deleted"),
        lambda s, x: {one.run_id for one in x.runs} == {s.gone_run, s.lost_run},
    ),
    ok(
        SEARCH,
        "page by page",
        lambda s: r.SearchRuns(limit=1, page_token=s.call(SEARCH, r.SearchRuns(limit=1)).next_page_token),
        lambda s, x: len(x.runs) == 1 and x.next_page_token == "",
    ),
    no(SEARCH, "refused", "a filter that cannot be read", lambda s: r.SearchRuns(filter="metrics.m >"), InvalidInput),
    no(
        SEARCH,
        "refused",
        "what the other language does not have",
        lambda s: r.SearchRuns(filter="metrics.m > 1 OR metrics.m < 0", grammar="mlflow"),
        InvalidInput,
    ),
    no(
        SEARCH, "refused", "an experiment that is no number", lambda s: r.SearchRuns(experiment_ids=["x"]), InvalidInput
    ),
    *each(
        SEARCH,
        "refused",
        "the token",
        ("x", "AAAA", "ü", "=", "\x00"),
        lambda s, token: r.SearchRuns(page_token=token),
        InvalidInput,
    ),
    *each(SEARCH, "refused", "a page of", (0, -1), lambda s, n: r.SearchRuns(limit=n), InvalidInput),
    *limited(SEARCH, "page", limits.SEARCH_PAGE, lambda s, n: r.SearchRuns(limit=n)),
    *limited(SEARCH, "filter", limits.FILTER_CHARS, lambda s, n: r.SearchRuns(filter="tags.t = '1'".ljust(n))),
    *limited(
        SEARCH,
        "order",
        limits.ORDER_TERMS,
        lambda s, n: r.SearchRuns(order_by=[f"metrics.m{k}" for k in range(n)]),
    ),
    *limited(
        SEARCH,
        "experiments",
        limits.EXPERIMENTS_PER_SEARCH,
        lambda s, n: r.SearchRuns(experiment_ids=[str(k) for k in range(n)]),
    ),
    ok(TABLE, "as columns", lambda s: r.GetRunTable(), lambda s, x: x.rows == 2 and len(x.arrow) > 100),
    ok(TABLE, "of nothing", lambda s: r.GetRunTable(experiment_ids=[]), lambda s, x: x.rows == 0 and len(x.arrow) > 0),
    no(TABLE, "refused", "a filter that cannot be read", lambda s: r.GetRunTable(filter="("), InvalidInput),
    *limited(TABLE, "rows", 1_000_000, lambda s, n: r.GetRunTable(limit=n)),
    ok(
        TREE,
        "its descendants",
        lambda s: r.GetRunTree(run_id=s.run),
        lambda s, x: [(n.run_id, n.depth) for n in x.nodes] == [(s.run, 0), (s.child, 1)],
    ),
    ok(
        TREE,
        "from its topmost ancestor",
        lambda s: r.GetRunTree(run_id=s.child, root=True),
        lambda s, x: x.nodes[0].run_id == s.run and not x.truncated,
    ),
    ok(TREE, "however deep", lambda s: r.GetRunTree(run_id=s.run, depth=2**70), lambda s, x: len(x.nodes) == 2),
    ok(
        TREE,
        "a ring",
        lambda s: (
            s.call(ops.INGEST, r.Ingest(run_id=s.run, tags={r.TAG_PARENT: s.child})),
            r.GetRunTree(run_id=s.run, depth=2**70, root=True),
        )[1],
        lambda s, x: {n.run_id for n in x.nodes} == {s.run, s.child},
    ),
    no(TREE, "missing", "an unknown one", lambda s: r.GetRunTree(run_id=UNKNOWN_RUN), NotFound),
    no(TREE, "refused", "less than its root", lambda s: r.GetRunTree(run_id=s.run, depth=-1), InvalidInput),
    ok(
        DATASETS,
        "with their use",
        use,
        lambda s, x: [(d.name, d.digest, d.context) for d in x.datasets] == [("d", "1", "train")],
    ),
    ok(DATASETS, "of no experiment", lambda s: r.SearchDatasets(experiment_ids=[]), lambda s, x: x.datasets == []),
    no(DATASETS, "refused", "of what is no number", lambda s: r.SearchDatasets(experiment_ids=["x"]), InvalidInput),
    *limited(DATASETS, "page", limits.SEARCH_PAGE, lambda s, n: r.SearchDatasets(experiment_ids=[s.exp], limit=n)),
    *limited(
        DATASETS,
        "experiments",
        limits.EXPERIMENTS_PER_SEARCH,
        lambda s, n: r.SearchDatasets(experiment_ids=[str(k) for k in range(n)]),
    ),
]

SCENARIOS = [*CREATING, *SEARCHING]
