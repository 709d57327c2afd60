"""Scenarios of histories, of what is in use, and of what came from what."""

from __future__ import annotations

from tests.tracking.scenarios import UNKNOWN_MODEL, UNKNOWN_RUN, Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_registry import NAME, OTHER, UNKNOWN, get_version, make, moved, with_alias
from trackway.api import limits
from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.base.errors import InvalidInput, NotFound


def use_data(s: Stage) -> object:
    """Make a version of what a run made of a data set."""
    dataset = r.DatasetInput(dataset=r.Dataset(name="d", digest="1"))
    s.call(ops.INGEST, r.Ingest(run_id=s.run, datasets=[dataset], model_outputs=[r.ModelOutput(model_id=s.model)]))
    make(s)
    version = g.CreateModelVersion(name=NAME, source=f"models:/{s.model}", model_id=s.model, run_id=s.run)
    s.call(ops.CREATE_MODEL_VERSION, version)
    make(s, OTHER)
    return s.call(ops.COPY_MODEL_VERSION, g.CopyModelVersion(name=NAME, version=1, to=OTHER))


def kinds(x: n.Lineage) -> list[tuple[str, str]]:
    """Return an answer's edges by the kinds of what they join."""
    return sorted((x.nodes[edge.source].kind, x.nodes[edge.target].kind) for edge in x.edges)


CHAIN = [("dataset", "run"), ("model", "version"), ("run", "model"), ("version", "version")]

SCENARIOS: list[Scenario] = [
    ok(
        ops.GET_MODEL_HISTORY,
        "who did what, newest first",
        lambda s: with_alias(s) and g.GetModelHistory(name=NAME),
        lambda s, x: (
            [one.action for one in x.events] == ["alias.set", "version.created", "version.created", "model.created"]
            and {one.actor for one in x.events} == {"user:ann"}
        ),
    ),
    ok(
        ops.GET_MODEL_HISTORY,
        "of one version, also when it is gone",
        lambda s: (
            make(s, versions=2)
            and moved(s, "Staging")
            and s.call(ops.DELETE_MODEL_VERSION, g.VersionName(name=NAME, version=1))
            and g.GetModelHistory(name=NAME, version=1, limit=2)
        ),
        lambda s, x: (
            [(one.action, one.detail) for one in x.events]
            == [("version.deleted", {}), ("stage.changed", {"old": "None", "new": "Staging"})]
            and [
                one.action
                for one in s.call(
                    ops.GET_MODEL_HISTORY, g.GetModelHistory(name=NAME, version=1, page_token=x.next_page_token)
                ).events
            ]
            == ["version.created"]
        ),
    ),
    no(ops.GET_MODEL_HISTORY, "missing", "of an unknown one", lambda s: g.GetModelHistory(name=UNKNOWN), NotFound),
    no(
        ops.GET_MODEL_HISTORY,
        "refused",
        "from a page that is none",
        lambda s: g.GetModelHistory(name=make(s), page_token="x"),
        InvalidInput,
    ),
    *limited(ops.GET_MODEL_HISTORY, "page", limits.SEARCH_PAGE, lambda s, n: g.GetModelHistory(name=make(s), limit=n)),
    ok(
        ops.GET_PORTFOLIO,
        "what is in production, and from where",
        lambda s: use_data(s) and moved(s, "Production") and n.GetPortfolio(),
        lambda s, x: (
            [(one.name, one.version, one.by, one.run_id, one.experiment_id) for one in x.entries]
            == [(NAME, 1, "user:ann", s.run, s.exp)]
            and x.entries[0].datasets == [n.PortfolioData(name="d", digest="1", context=None)]
            and x.entries[0].since_ms == get_version(s).staged_ms
        ),
    ),
    ok(
        ops.GET_PORTFOLIO,
        "what an alias stands for, page by page",
        lambda s: (
            with_alias(s, "a")
            and make(s, OTHER, versions=1)
            and s.call(ops.SET_ALIAS, g.SetAlias(name=OTHER, alias="a", version=1))
            and n.GetPortfolio(alias="a", limit=1)
        ),
        lambda s, x: (
            [one.name for one in x.entries] == [NAME]
            and [
                one.name
                for one in s.call(
                    ops.GET_PORTFOLIO, n.GetPortfolio(alias="a", limit=1, page_token=x.next_page_token)
                ).entries
            ]
            == [OTHER]
        ),
    ),
    no(
        ops.GET_PORTFOLIO,
        "refused",
        "of an alias that none can be",
        lambda s: n.GetPortfolio(alias="a b"),
        InvalidInput,
    ),
    *limited(ops.GET_PORTFOLIO, "page", limits.SEARCH_PAGE, lambda s, size: n.GetPortfolio(limit=size)),
    *(
        ok(
            ops.GET_LINEAGE,
            f"of a {title}, both ways",
            lambda s, kind=kind, named=named: use_data(s) and n.GetLineage(kind=kind, id=named(s)),  # type: ignore[misc]
            lambda s, x: kinds(x) == CHAIN and not x.truncated,
        )
        for title, kind, named in (
            ("dataset", "dataset", lambda s: "d"),
            ("run", "run", lambda s: s.run),
            ("model", "model", lambda s: s.model),
            ("version", "version", lambda s: f"{NAME}/1"),
            ("copy", "version", lambda s: f"{OTHER}/1"),
        )
    ),
    ok(
        ops.GET_LINEAGE,
        "what came of a run",
        lambda s: use_data(s) and n.GetLineage(kind="run", id=s.run, direction="downstream"),
        lambda s, x: kinds(x) == CHAIN[1:],
    ),
    ok(
        ops.GET_LINEAGE,
        "what a run came from",
        lambda s: use_data(s) and n.GetLineage(kind="run", id=s.run, direction="upstream"),
        lambda s, x: kinds(x) == CHAIN[:1],
    ),
    ok(
        ops.GET_LINEAGE,
        "of another state of a data set",
        lambda s: use_data(s) and n.GetLineage(kind="dataset", id="d", digest="2"),
        lambda s, x: x.edges == [],
    ),
    no(ops.GET_LINEAGE, "missing", "of an unknown run", lambda s: n.GetLineage(kind="run", id=UNKNOWN_RUN), NotFound),
    no(
        ops.GET_LINEAGE,
        "missing",
        "of an unknown model",
        lambda s: n.GetLineage(kind="model", id=UNKNOWN_MODEL),
        NotFound,
    ),
    no(
        ops.GET_LINEAGE,
        "missing",
        "of an unknown version",
        lambda s: n.GetLineage(kind="version", id="churn/1"),
        NotFound,
    ),
    *each(
        ops.GET_LINEAGE,
        "refused",
        "version",
        ("", "churn", "churn/x", "/", "churn/" + "9" * 30),
        lambda s, bad: n.GetLineage(kind="version", id=bad),
        InvalidInput,
    ),
]
