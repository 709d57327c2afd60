"""Scenarios of versions of registered models."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import UNKNOWN_MODEL, Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_registry import NAME, OTHER, PLACE, UNKNOWN, get, get_version, make, moved, with_alias
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.base.errors import AlreadyExists, InvalidInput, NotFound

BAD_SOURCES = (
    "",
    "/etc",
    "//proc/self/root",
    "etc",
    ".//etc",
    ":///etc",
    "file:etc",
    "file:///etc",
    "FILE:///etc",
    "file://./etc",
    "file://host/../etc",
    "http://inside/x",
    "https://inside/x",
    "ftp://inside/x",
    "hdfs://inside/x",
    "s3://bucket/../x",
    "s3://bucket/%2e%2e/x",
    "s3://bucket/%252e%252e/x",
    "s3://bucket/x?y=1",
    "s3://bucket/x#y",
    "s3://bucket/x;y",
    "s3://user@bucket/x",
    "s3://bucket\\@evil/x",
    "mlflow-artifacts:/0/other/artifacts",
    "mlflow-artifacts://host/x",
    "runs:/other/model",
    "runs:/",
    "models:/",
    "models:/churn",
    f"models:/{UNKNOWN_MODEL}",
    "C:\\x",
    "a\x00b",
)


def version(s: Stage, **fields: Any) -> g.CreateModelVersion:
    """Register a model, and ask for a version of it."""
    make(s)
    return g.CreateModelVersion(**({"name": NAME, "source": PLACE} | fields))


def sourced(s: Stage, source: str, **fields: Any) -> g.CreateModelVersion:
    """Ask for a version whose source names what the stage has."""
    for word, value in (("{run}", s.run), ("{exp}", s.exp), ("{model}", s.model)):
        source = source.replace(word, value)
    return version(s, source=source, **fields)


def accepted(source: str, field: str) -> Scenario:
    """A source that is kept as it is; ``field`` of the request must name its owner."""

    def ask(s: Stage) -> g.CreateModelVersion:
        return sourced(s, source, **({field: {"run_id": s.run, "model_id": s.model}[field]} if field else {}))

    return ok(ops.CREATE_MODEL_VERSION, f"from {source}", ask)


def copied(source: str) -> Scenario:
    """A source that is another version."""

    def ask(s: Stage) -> g.CreateModelVersion:
        with_alias(s)
        moved(s, "Production")
        return g.CreateModelVersion(name=make(s, OTHER), source=f"models:/{source}")

    def check(_stage: Stage, x: g.ModelVersion) -> bool:
        return (x.source, x.location, x.copied_from) == (f"models:/{NAME}/1", PLACE, f"{NAME}/1")

    return ok(ops.CREATE_MODEL_VERSION, f"from another version as {source}", ask, check)


SCENARIOS: list[Scenario] = [
    ok(
        ops.CREATE_MODEL_VERSION,
        "as it is read afterwards",
        lambda s: version(s, run_id=s.run, run_link="http://ci/1", description="d", tags={"t": "1"}, status="PENDING"),
        lambda s, x: get_version(s) == x and (x.version, x.stage, x.user, x.location) == (1, "None", "ann", PLACE),
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "with a number that none had before, also after a delete",
        lambda s: (
            make(s, versions=2)
            and s.call(ops.DELETE_MODEL_VERSION, g.VersionName(name=NAME, version=2))
            and g.CreateModelVersion(name=NAME, source=PLACE)
        ),
        lambda s, x: x.version == 3,
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "once for one external key",
        lambda s: (
            s.call(ops.CREATE_MODEL_VERSION, version(s, external_key="k"))
            and g.CreateModelVersion(name=NAME, source=PLACE, external_key="k")
        ),
        lambda s, x: (x.version, get(s).last_version) == (1, 1),
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "with a number of an import, behind which the next one counts",
        lambda s: version(s, version=7, created_ms=5),
        lambda s, x: (
            (
                x.version,
                x.created_ms,
                s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name=NAME, source=PLACE)).version,
            )
            == (7, 5, 8)
        ),
    ),
    *(
        accepted(source, field)
        for source, field in (
            ("mlflow-artifacts:/{exp}/{run}/artifacts", "run_id"),
            ("mlflow-artifacts:/{exp}/{run}/artifacts/my model", "run_id"),
            ("mlflow-artifacts:/{exp}/models/{model}/artifacts", "model_id"),
            ("runs:/{run}/model", "run_id"),
            ("models:/{model}", "model_id"),
            ("gs://bucket/x", ""),
            ("dbfs:/x", ""),
            ("wasbs://box@account.blob.core.windows.net/x", ""),
        )
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "of a prompt, which has no files",
        lambda s: version(s, source="dummy-source", tags={g.TAG_PROMPT: "true"}),
    ),
    *each(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "placeholder or place",
        (("dummy-source", ""), ("prompt-template", "false"), (PLACE, "true"), ("models:/churn/1", "true")),
        lambda s, pair: version(s, source=pair[0], tags={g.TAG_PROMPT: pair[1]}),
        InvalidInput,
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "from a run that is not here",
        lambda s: version(s, source="runs:/unknown/model", run_id="unknown"),
    ),
    *map(copied, ("churn/1", "churn@champion", "churn/Production", "churn/production")),
    no(
        ops.CREATE_MODEL_VERSION,
        "missing",
        "of an unknown model",
        lambda s: g.CreateModelVersion(name=UNKNOWN, source=PLACE),
        NotFound,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "missing",
        "from an unknown version",
        lambda s: version(s, source="models:/churn/9"),
        NotFound,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "missing",
        "from an unknown alias",
        lambda s: version(s, source="models:/churn@a"),
        NotFound,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "missing",
        "from an unknown stage",
        lambda s: version(s, source="models:/churn/Staging"),
        NotFound,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "missing",
        "of an unknown logged model",
        lambda s: version(s, model_id=UNKNOWN_MODEL),
        NotFound,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "a number that is there",
        lambda s: make(s, versions=1) and g.CreateModelVersion(name=NAME, source=PLACE, version=1),
        AlreadyExists,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "another run's files",
        lambda s: sourced(s, "mlflow-artifacts:/{exp}/{run}/artifacts/m", run_id=s.child),
        InvalidInput,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "files above the run's",
        lambda s: sourced(s, "mlflow-artifacts:/{exp}/{run}/artifacts/../x", run_id=s.run),
        InvalidInput,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "files beside the run's",
        lambda s: sourced(s, "mlflow-artifacts:/{exp}/{run}/artifactsx", run_id=s.run),
        InvalidInput,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "a version's run that it does not have",
        lambda s: make(s, versions=1) and g.CreateModelVersion(name=NAME, source="models:/churn/1", run_id=s.run),
        InvalidInput,
    ),
    *each(
        ops.CREATE_MODEL_VERSION, "refused", "from", BAD_SOURCES, lambda s, bad: version(s, source=bad), InvalidInput
    ),
    *each(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "from, as of a run,",
        BAD_SOURCES,
        lambda s, bad: version(s, source=bad, run_id=s.run),
        InvalidInput,
    ),
    no(
        ops.CREATE_MODEL_VERSION,
        "refused",
        "what a tag calls a prompt, from a folder",
        lambda s: version(s, source="/etc", tags={g.TAG_PROMPT: "true"}),
        InvalidInput,
    ),
    *limited(
        ops.CREATE_MODEL_VERSION, "source", limits.LOCATION_CHARS, lambda s, n: version(s, source=PLACE.ljust(n, "x"))
    ),
    *limited(ops.CREATE_MODEL_VERSION, "description", limits.NOTE_CHARS, lambda s, n: version(s, description="x" * n)),
    *limited(ops.CREATE_MODEL_VERSION, "run link", limits.LOCATION_CHARS, lambda s, n: version(s, run_link="x" * n)),
    *each(
        ops.CREATE_MODEL_VERSION, "refused", "number", (0, -1, 2**63), lambda s, n: version(s, version=n), InvalidInput
    ),
    ok(
        ops.GET_MODEL_VERSION,
        "one that is there",
        lambda s: g.VersionName(name=make(s, versions=1), version=1),
        lambda s, x: x.name == NAME,
    ),
    *each(
        ops.GET_MODEL_VERSION,
        "missing",
        "number",
        (0, 2, -1, 2**63, 10**30),
        lambda s, n: g.VersionName(name=make(s, versions=1), version=n),
        NotFound,
    ),
    ok(
        ops.GET_VERSION_BY_ALIAS,
        "one that is there",
        lambda s: g.Alias(name=NAME, alias=with_alias(s)),
        lambda s, x: x.version == 1,
    ),
    ok(
        ops.GET_VERSION_BY_ALIAS,
        "the newest",
        lambda s: g.Alias(name=make(s, versions=2), alias="latest"),
        lambda s, x: x.version == 2,
    ),
    no(ops.GET_VERSION_BY_ALIAS, "missing", "an unknown one", lambda s: g.Alias(name=make(s), alias="a"), NotFound),
    no(
        ops.GET_VERSION_BY_ALIAS, "missing", "of an unknown model", lambda s: g.Alias(name=UNKNOWN, alias="a"), NotFound
    ),
    ok(
        ops.SEARCH_MODEL_VERSIONS,
        "by attributes and tags",
        lambda s: (
            make(s, versions=3)
            and g.SearchModelVersions(
                filter="name = 'churn' AND version_number >= 2 AND tags.t = '1' AND stage IN ('None')",
                order_by=["version"],
            )
        ),
        lambda s, x: [v.version for v in x.versions] == [2, 3],
    ),
    ok(
        ops.SEARCH_MODEL_VERSIONS,
        "latest change first",
        lambda s: make(s, versions=2) and moved(s, "Staging") and g.SearchModelVersions(),
        lambda s, x: [v.version for v in x.versions] == [1, 2],
    ),
    no(
        ops.SEARCH_MODEL_VERSIONS,
        "refused",
        "a filter that cannot be read",
        lambda s: g.SearchModelVersions(filter="x"),
        InvalidInput,
    ),
    *limited(ops.SEARCH_MODEL_VERSIONS, "page", limits.SEARCH_PAGE, lambda s, n: g.SearchModelVersions(limit=n)),
    ok(
        ops.UPDATE_MODEL_VERSION,
        "its description and status",
        lambda s: g.UpdateModelVersion(
            name=make(s, versions=1), version=1, description="d", status="FAILED", status_message="m"
        ),
        lambda s, x: (x.description, x.status, x.status_message) == ("d", "FAILED", "m"),
    ),
    no(
        ops.UPDATE_MODEL_VERSION,
        "missing",
        "an unknown one",
        lambda s: g.UpdateModelVersion(name=make(s), version=1),
        NotFound,
    ),
    *limited(
        ops.UPDATE_MODEL_VERSION,
        "description",
        limits.NOTE_CHARS,
        lambda s, n: g.UpdateModelVersion(name=make(s, versions=1), version=1, description="x" * n),
    ),
    ok(
        ops.DELETE_MODEL_VERSION,
        "with its aliases",
        lambda s: with_alias(s) and g.VersionName(name=NAME, version=1),
        lambda s, x: get(s).aliases == {} and [v.version for v in get(s).latest_versions] == [2],
    ),
    no(
        ops.DELETE_MODEL_VERSION,
        "missing",
        "an unknown one",
        lambda s: g.VersionName(name=make(s), version=1),
        NotFound,
    ),
    ok(
        ops.COPY_MODEL_VERSION,
        "with its description and tags",
        lambda s: make(s, versions=1) and make(s, OTHER) and g.CopyModelVersion(name=NAME, version=1, to=OTHER),
        lambda s, x: (x.name, x.version, x.tags, x.copied_from, x.location) == (OTHER, 1, {"t": "1"}, "churn/1", PLACE),
    ),
    no(
        ops.COPY_MODEL_VERSION,
        "missing",
        "an unknown one",
        lambda s: g.CopyModelVersion(name=make(s), version=1, to=NAME),
        NotFound,
    ),
    no(
        ops.COPY_MODEL_VERSION,
        "missing",
        "to an unknown model",
        lambda s: g.CopyModelVersion(name=make(s, versions=1), version=1, to=UNKNOWN),
        NotFound,
    ),
    ok(
        ops.SET_VERSION_TAGS,
        "new and changed ones",
        lambda s: g.SetVersionTags(name=make(s, versions=1), version=1, tags={"t": "2", "u": ""}),
        lambda s, x: get_version(s).tags == {"t": "2", "u": ""},
    ),
    no(
        ops.SET_VERSION_TAGS,
        "missing",
        "of an unknown one",
        lambda s: g.SetVersionTags(name=make(s), version=1, tags={}),
        NotFound,
    ),
    *limited(
        ops.SET_VERSION_TAGS,
        "value",
        limits.REGISTRY_TAG_VALUE_CHARS,
        lambda s, n: g.SetVersionTags(name=make(s, versions=1), version=1, tags={"k": "v" * n}),
    ),
    ok(
        ops.DELETE_VERSION_TAG,
        "one that is there",
        lambda s: g.DeleteVersionTag(name=make(s, versions=1), version=1, key="t"),
        lambda s, x: get_version(s).tags == {},
    ),
    no(
        ops.DELETE_VERSION_TAG,
        "missing",
        "one that is not there",
        lambda s: g.DeleteVersionTag(name=make(s, versions=1), version=1, key="u"),
        NotFound,
    ),
    ok(
        ops.TRANSITION_VERSION,
        "and archive what was there",
        lambda s: (
            make(s, versions=2)
            and moved(s, "Production")
            and g.TransitionVersion(name=NAME, version=2, stage="Production", archive_existing=True)
        ),
        lambda s, x: (x.stage, x.staged_by, get_version(s, 1).stage) == ("Production", "user:ann", "Archived"),
    ),
    ok(
        ops.TRANSITION_VERSION,
        "beside what is there",
        lambda s: (
            make(s, versions=2)
            and moved(s, "Production")
            and g.TransitionVersion(name=NAME, version=2, stage="Production")
        ),
        lambda s, x: get_version(s, 1).stage == "Production",
    ),
    no(
        ops.TRANSITION_VERSION,
        "missing",
        "an unknown one",
        lambda s: g.TransitionVersion(name=make(s), version=1, stage="Staging"),
        NotFound,
    ),
    no(
        ops.TRANSITION_VERSION,
        "refused",
        "to the archive, and archive what is there",
        lambda s: g.TransitionVersion(name=make(s, versions=1), version=1, stage="Archived", archive_existing=True),
        InvalidInput,
    ),
    ok(
        ops.ATTEST_VERSION,
        "that its evaluation fails now",
        lambda s: (
            make(s, versions=1)
            and s.call(ops.ATTEST_VERSION, g.AttestVersion(name=NAME, version=1, what="evaluation"))
            and g.AttestVersion(name=NAME, version=1, what="evaluation", passed=False)
        ),
        lambda s, x: x.evaluated_by == "",
    ),
    no(
        ops.ATTEST_VERSION,
        "missing",
        "an unknown one",
        lambda s: g.AttestVersion(name=make(s), version=1, what="evaluation"),
        NotFound,
    ),
    *limited(
        ops.ATTEST_VERSION,
        "note",
        limits.KEY_CHARS,
        lambda s, n: g.AttestVersion(name=make(s, versions=1), version=1, what="evaluation", note="x" * n),
    ),
]
