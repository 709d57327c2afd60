"""Scenarios of registered models and of their versions."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound

PLACE = "s3://bucket/model"
NAME, OTHER, UNKNOWN = "churn", "fraud", "nothing"
BAD_NAMES = ("", " ", "a/b", "a:b", ".", "..", "a\\b", "a\nb", "a\x00", "my%6Dodel", "%2e%2e")
BAD_ALIASES = ("", " ", "a b", "a.b", "a/b", "a@b", "\x00", "'", "latest", "LATEST", "v1", "V12")


def make(s: Stage, name: str = NAME, versions: int = 0, **fields: Any) -> str:
    """Register a model with some versions."""
    s.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=name, **fields))
    for _ in range(versions):
        s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name=name, source=PLACE, tags={"t": "1"}))
    return name


def get(s: Stage, name: str = NAME) -> g.RegisteredModel:
    model: g.RegisteredModel = s.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=name))
    return model


def get_version(s: Stage, version: int = 1, name: str = NAME) -> g.ModelVersion:
    found: g.ModelVersion = s.call(ops.GET_MODEL_VERSION, g.VersionName(name=name, version=version))
    return found


def moved(s: Stage, stage: g.Stage, number: int = 1) -> str:
    """Give a version a stage."""
    s.call(ops.TRANSITION_VERSION, g.TransitionVersion(name=NAME, version=number, stage=stage))
    return NAME


def with_alias(s: Stage, alias: str = "champion", number: int = 1) -> str:
    make(s, versions=2)
    s.call(ops.SET_ALIAS, g.SetAlias(name=NAME, alias=alias, version=number))
    return alias


def alias(s: Stage, text: str) -> g.SetAlias:
    make(s, versions=1)
    return g.SetAlias(name=NAME, alias=text, version=1)


SCENARIOS: list[Scenario] = [
    ok(
        ops.CREATE_REGISTERED_MODEL,
        "as it is read afterwards",
        lambda s: g.CreateRegisteredModel(name="ä (v2) %", description="d", tags={"t": "1"}),
        lambda s, x: get(s, x.name) == x and (x.owner, x.tags) == ("ann", {"t": "1"}),
    ),
    ok(
        ops.CREATE_REGISTERED_MODEL,
        "one that is there, when asked so",
        lambda s: g.CreateRegisteredModel(name=make(s, description="first"), if_exists="return"),
        lambda s, x: x.description == "first",
    ),
    no(
        ops.CREATE_REGISTERED_MODEL,
        "refused",
        "a name that is taken",
        lambda s: g.CreateRegisteredModel(name=make(s)),
        AlreadyExists,
    ),
    *each(
        ops.CREATE_REGISTERED_MODEL,
        "refused",
        "the name",
        BAD_NAMES,
        lambda s, bad: g.CreateRegisteredModel(name=bad),
        InvalidInput,
    ),
    *limited(
        ops.CREATE_REGISTERED_MODEL,
        "name",
        limits.MODEL_NAME_CHARS,
        lambda s, n: g.CreateRegisteredModel(name="x" * n),
    ),
    *limited(
        ops.CREATE_REGISTERED_MODEL,
        "description",
        limits.NOTE_CHARS,
        lambda s, n: g.CreateRegisteredModel(name="x", description="x" * n),
    ),
    *limited(
        ops.CREATE_REGISTERED_MODEL,
        "tag",
        limits.REGISTRY_TAG_VALUE_CHARS,
        lambda s, n: g.CreateRegisteredModel(name="x", tags={"t": "x" * n}),
    ),
    ok(
        ops.GET_REGISTERED_MODEL,
        "with the newest of each stage",
        lambda s: g.RegisteredModelName(name=make(s, versions=3) and moved(s, "Production")),
        lambda s, x: [(v.version, v.stage) for v in x.latest_versions] == [(1, "Production"), (3, "None")],
    ),
    no(ops.GET_REGISTERED_MODEL, "missing", "an unknown one", lambda s: g.RegisteredModelName(name=UNKNOWN), NotFound),
    no(ops.GET_REGISTERED_MODEL, "refused", "no name", lambda s: g.RegisteredModelName(name=""), InvalidInput),
    ok(
        ops.SEARCH_REGISTERED_MODELS,
        "by name, ordered",
        lambda s: (
            make(s) and make(s, OTHER) and g.SearchRegisteredModels(filter="name LIKE '%r%'", order_by=["name DESC"])
        ),
        lambda s, x: [m.name for m in x.models] == [OTHER, NAME],
    ),
    ok(
        ops.SEARCH_REGISTERED_MODELS,
        "without prompts",
        lambda s: make(s, tags={g.TAG_PROMPT: "true"}) and make(s, OTHER) and g.SearchRegisteredModels(),
        lambda s, x: [m.name for m in x.models] == [OTHER],
    ),
    ok(
        ops.SEARCH_REGISTERED_MODELS,
        "prompts, when asked so",
        lambda s: (
            make(s, tags={g.TAG_PROMPT: "true"})
            and make(s, OTHER)
            and g.SearchRegisteredModels(filter=f"tags.`{g.TAG_PROMPT}` = 'true' AND name = '{NAME}'")
        ),
        lambda s, x: [m.name for m in x.models] == [NAME],
    ),
    ok(
        ops.SEARCH_REGISTERED_MODELS,
        "prompts or others",
        lambda s: (
            make(s, tags={g.TAG_PROMPT: "true"})
            and make(s, OTHER)
            and g.SearchRegisteredModels(filter=f"tags.`{g.TAG_PROMPT}` = 'true' OR name = '{OTHER}'")
        ),
        lambda s, x: [m.name for m in x.models] == [NAME, OTHER],
    ),
    no(
        ops.SEARCH_REGISTERED_MODELS,
        "refused",
        "a filter that cannot be read",
        lambda s: g.SearchRegisteredModels(filter="version = 1"),
        InvalidInput,
    ),
    no(
        ops.SEARCH_REGISTERED_MODELS,
        "refused",
        "from a page that is none",
        lambda s: g.SearchRegisteredModels(page_token="x"),
        InvalidInput,
    ),
    *limited(ops.SEARCH_REGISTERED_MODELS, "page", limits.SEARCH_PAGE, lambda s, n: g.SearchRegisteredModels(limit=n)),
    ok(
        ops.UPDATE_REGISTERED_MODEL,
        "its description and owner",
        lambda s: g.UpdateRegisteredModel(name=make(s, description="d"), description="", owner="bob"),
        lambda s, x: (x.description, x.owner) == ("", "bob"),
    ),
    no(
        ops.UPDATE_REGISTERED_MODEL,
        "missing",
        "an unknown one",
        lambda s: g.UpdateRegisteredModel(name=UNKNOWN, description=""),
        NotFound,
    ),
    *limited(
        ops.UPDATE_REGISTERED_MODEL,
        "description",
        limits.NOTE_CHARS,
        lambda s, n: g.UpdateRegisteredModel(name=make(s), description="x" * n),
    ),
    ok(
        ops.RENAME_REGISTERED_MODEL,
        "with versions, aliases and history",
        lambda s: with_alias(s) and g.RenameRegisteredModel(name=NAME, new_name=OTHER),
        lambda s, x: (
            (x.name, x.aliases, get_version(s, 2, OTHER).name) == (OTHER, {"champion": 1}, OTHER)
            and len(s.call(ops.GET_MODEL_HISTORY, g.GetModelHistory(name=OTHER)).events) == 5
        ),
    ),
    ok(
        ops.RENAME_REGISTERED_MODEL,
        "to its own name",
        lambda s: g.RenameRegisteredModel(name=make(s), new_name=NAME),
        lambda s, x: x.name == NAME,
    ),
    no(
        ops.RENAME_REGISTERED_MODEL,
        "refused",
        "to a name that is taken",
        lambda s: g.RenameRegisteredModel(name=make(s), new_name=make(s, OTHER)),
        AlreadyExists,
    ),
    no(
        ops.RENAME_REGISTERED_MODEL,
        "missing",
        "an unknown one",
        lambda s: g.RenameRegisteredModel(name=UNKNOWN, new_name=OTHER),
        NotFound,
    ),
    *each(
        ops.RENAME_REGISTERED_MODEL,
        "refused",
        "to",
        BAD_NAMES,
        lambda s, bad: g.RenameRegisteredModel(name=make(s), new_name=bad),
        InvalidInput,
    ),
    ok(
        ops.DELETE_REGISTERED_MODEL,
        "with all that it has; its name is free again, its versions count anew",
        lambda s: with_alias(s) and g.RegisteredModelName(name=NAME),
        lambda s, x: make(s, versions=1) and [v.version for v in get(s).latest_versions] == [1] and not get(s).aliases,
    ),
    no(
        ops.DELETE_REGISTERED_MODEL,
        "missing",
        "an unknown one",
        lambda s: g.RegisteredModelName(name=UNKNOWN),
        NotFound,
    ),
    ok(
        ops.SET_REGISTERED_MODEL_TAGS,
        "new and changed ones",
        lambda s: g.SetRegisteredModelTags(name=make(s, tags={"a": "1"}), tags={"a": "2", "b": ""}),
        lambda s, x: get(s).tags == {"a": "2", "b": ""},
    ),
    no(
        ops.SET_REGISTERED_MODEL_TAGS,
        "missing",
        "of an unknown one",
        lambda s: g.SetRegisteredModelTags(name=UNKNOWN, tags={}),
        NotFound,
    ),
    *limited(
        ops.SET_REGISTERED_MODEL_TAGS,
        "value",
        limits.REGISTRY_TAG_VALUE_CHARS,
        lambda s, n: g.SetRegisteredModelTags(name=make(s), tags={"k": "v" * n}),
    ),
    *limited(
        ops.SET_REGISTERED_MODEL_TAGS,
        "key",
        limits.KEY_CHARS,
        lambda s, n: g.SetRegisteredModelTags(name=make(s), tags={"k" * n: ""}),
    ),
    ok(
        ops.DELETE_REGISTERED_MODEL_TAG,
        "one that is there",
        lambda s: g.DeleteRegisteredModelTag(name=make(s, tags={"a": "1"}), key="a"),
        lambda s, x: get(s).tags == {},
    ),
    no(
        ops.DELETE_REGISTERED_MODEL_TAG,
        "missing",
        "one that is not there",
        lambda s: g.DeleteRegisteredModelTag(name=make(s), key="a"),
        NotFound,
    ),
    ok(
        ops.SET_ALIAS,
        "a new one",
        lambda s: alias(s, "ü-1_"),
        lambda s, x: get(s).aliases == {"ü-1_": 1} and get_version(s).aliases == ["ü-1_"],
    ),
    ok(
        ops.SET_ALIAS,
        "to another version",
        lambda s: g.SetAlias(name=NAME, alias=with_alias(s), version=2),
        lambda s, x: get(s).aliases == {"champion": 2},
    ),
    no(
        ops.SET_ALIAS,
        "missing",
        "to an unknown version",
        lambda s: g.SetAlias(name=make(s), alias="a", version=9),
        NotFound,
    ),
    no(
        ops.SET_ALIAS,
        "refused",
        "what a policy forbids",
        lambda s: (
            make(s, versions=1)
            and s.call(
                ops.SET_MODEL_POLICY, g.SetModelPolicy(name=NAME, rules=[g.PolicyRule(alias="a", approval=True)])
            )
            and g.SetAlias(name=NAME, alias="a", version=1)
        ),
        Conflict,
    ),
    *each(ops.SET_ALIAS, "refused", "the alias", BAD_ALIASES, alias, InvalidInput),
    *limited(ops.SET_ALIAS, "alias", limits.ALIAS_CHARS, lambda s, n: alias(s, "x" * n)),
    ok(
        ops.DELETE_ALIAS,
        "one that is there",
        lambda s: g.Alias(name=NAME, alias=with_alias(s)),
        lambda s, x: get(s).aliases == {},
    ),
    ok(ops.DELETE_ALIAS, "one that is gone already", lambda s: g.Alias(name=make(s), alias="a")),
    no(ops.DELETE_ALIAS, "missing", "of an unknown model", lambda s: g.Alias(name=UNKNOWN, alias="a"), NotFound),
    no(ops.DELETE_ALIAS, "refused", "one that none can be", lambda s: g.Alias(name=make(s), alias="a b"), InvalidInput),
    ok(
        ops.GET_LATEST_VERSIONS,
        "of some stages",
        lambda s: make(s, versions=3) and moved(s, "Staging", 2) and g.GetLatestVersions(name=NAME, stages=["Staging"]),
        lambda s, x: [(v.version, v.stage) for v in x.versions] == [(2, "Staging")],
    ),
    ok(
        ops.GET_LATEST_VERSIONS,
        "of every stage",
        lambda s: make(s, versions=3) and moved(s, "Archived", 3) and g.GetLatestVersions(name=NAME),
        lambda s, x: [v.version for v in x.versions] == [2, 3],
    ),
    no(ops.GET_LATEST_VERSIONS, "missing", "of an unknown one", lambda s: g.GetLatestVersions(name=UNKNOWN), NotFound),
]
