"""Registered models and their versions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.base.errors import InvalidInput, NotFound
from trackway.registry.lookup import read_stage
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int64, Message, Needed
from trackway.server.mlflow.encoders import EMPTY, encode, encode_page, show_registered_model, show_version
from trackway.server.mlflow.experiments import Tag, check_max_results
from trackway.server.mlflow.tokens import fetch_page

MODELS_PAGE = 1_000
"""Most registered models of one page."""
VERSIONS_PAGE = 200_000
"""Most versions that may be asked for at once; a page has as many as our own limit allows."""
_VERSION = re.compile(r"\s*[+-]?[0-9]+\s*")


class CreateModel(Message, frozen=True, kw_only=True):
    """Create a registered model."""

    name: Needed
    tags: list[Tag] = []
    description: str = ""


class ModelName(Message, frozen=True, kw_only=True):
    """Name a registered model."""

    name: Needed


class RenameModel(Message, frozen=True, kw_only=True):
    """Rename a registered model."""

    name: Needed
    new_name: Needed


class UpdateModel(Message, frozen=True, kw_only=True):
    """Describe a registered model; a description that is not sent is none."""

    name: Needed
    description: str = ""


class SearchModels(Message, frozen=True, kw_only=True):
    """Search registered models."""

    filter: str = ""
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str = ""


class ListModels(Message, frozen=True, kw_only=True):
    """List registered models, as clients of the first generation do."""

    max_results: Int64 = 100
    page_token: str = ""


class LatestVersions(Message, frozen=True, kw_only=True):
    """Get the newest version of some stages, or of every stage."""

    name: Needed
    stages: list[str] = []


class SetModelTag(Message, frozen=True, kw_only=True):
    """Set a tag of a registered model."""

    name: Needed
    key: Needed
    value: str = ""


class DeleteModelTag(Message, frozen=True, kw_only=True):
    """Delete a tag of a registered model."""

    name: Needed
    key: Needed


class SetAlias(Message, frozen=True, kw_only=True):
    """Make an alias stand for a version."""

    name: Needed
    alias: Needed
    version: Needed


class Alias(Message, frozen=True, kw_only=True):
    """Name an alias."""

    name: Needed
    alias: Needed


class CreateVersion(Message, frozen=True, kw_only=True):
    """Create a version."""

    name: Needed
    source: Needed
    run_id: str = ""
    tags: list[Tag] = []
    run_link: str = ""
    description: str = ""
    model_id: str = ""


class Version(Message, frozen=True, kw_only=True):
    """Name a version."""

    name: Needed
    version: Needed


class UpdateVersion(Message, frozen=True, kw_only=True):
    """Describe a version; a description that is not sent is none."""

    name: Needed
    version: Needed
    description: str = ""


class Transition(Message, frozen=True, kw_only=True):
    """Give a version a stage."""

    name: Needed
    version: Needed
    stage: Needed
    archive_existing_versions: bool = False


class SearchVersions(Message, frozen=True, kw_only=True):
    """Search versions."""

    filter: str = ""
    max_results: Int64 = 10_000
    order_by: list[str] = []
    page_token: str = ""


class SetVersionTag(Message, frozen=True, kw_only=True):
    """Set a tag of a version."""

    name: Needed
    version: Needed
    key: Needed
    value: str = ""


class DeleteVersionTag(Message, frozen=True, kw_only=True):
    """Delete a tag of a version."""

    name: Needed
    version: Needed
    key: Needed


async def create_model(call: Caller, m: CreateModel) -> bytes:
    """Create a registered model."""
    request = g.CreateRegisteredModel(name=m.name, tags=_read_tags(m.tags), description=m.description)
    return _encode_model(await call(ops.CREATE_REGISTERED_MODEL, request))


async def get_model(call: Caller, m: ModelName) -> bytes:
    """Return a registered model."""
    return _encode_model(await call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=m.name)))


async def rename_model(call: Caller, m: RenameModel) -> bytes:
    """Rename a registered model."""
    request = g.RenameRegisteredModel(name=m.name, new_name=m.new_name)
    return _encode_model(await call(ops.RENAME_REGISTERED_MODEL, request))


async def update_model(call: Caller, m: UpdateModel) -> bytes:
    """Describe a registered model."""
    request = g.UpdateRegisteredModel(name=m.name, description=m.description)
    return _encode_model(await call(ops.UPDATE_REGISTERED_MODEL, request))


async def delete_model(call: Caller, m: ModelName) -> bytes:
    """Delete a registered model with its versions."""
    await call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name=m.name))
    return EMPTY


async def search_models(call: Caller, m: SearchModels) -> bytes:
    """Return a page of found registered models."""
    request = g.SearchRegisteredModels(
        filter=m.filter,
        order_by=m.order_by,
        limit=check_max_results(m.max_results, MODELS_PAGE),
        page_token=m.page_token,
        grammar="mlflow",
    )
    page, token = await fetch_page(call, ops.SEARCH_REGISTERED_MODELS, request)
    if page is None:
        return EMPTY
    shown = encode([show_registered_model(model) for model in page.models])
    return encode_page(b"registered_models", shown[1:-1], token)


async def list_models(call: Caller, m: ListModels) -> bytes:
    """Return a page of registered models."""
    return await search_models(call, SearchModels(max_results=m.max_results, page_token=m.page_token))


async def get_latest(call: Caller, m: LatestVersions) -> bytes:
    """Return the newest version of each stage."""
    request = g.GetLatestVersions(name=m.name, stages=[_read_stage(stage) for stage in m.stages])
    versions = (await call(ops.GET_LATEST_VERSIONS, request)).versions
    if not versions:
        return EMPTY
    return encode({"model_versions": [show_version(version, with_aliases=True) for version in versions]})


async def set_model_tag(call: Caller, m: SetModelTag) -> bytes:
    """Set a tag of a registered model."""
    request = g.SetRegisteredModelTags(name=m.name, tags={m.key: m.value})
    await call(ops.SET_REGISTERED_MODEL_TAGS, request)
    return EMPTY


async def delete_model_tag(call: Caller, m: DeleteModelTag) -> bytes:
    """Delete a tag of a registered model, if it is there."""
    try:
        await call(ops.DELETE_REGISTERED_MODEL_TAG, g.DeleteRegisteredModelTag(name=m.name, key=m.key))
    except NotFound as error:
        _pass_over(error, "tag")
    return EMPTY


async def set_alias(call: Caller, m: SetAlias) -> bytes:
    """Make an alias stand for a version."""
    await call(ops.SET_ALIAS, g.SetAlias(name=m.name, alias=m.alias, version=read_version(m.version)))
    return EMPTY


async def delete_alias(call: Caller, m: Alias) -> bytes:
    """Delete an alias, if it is there."""
    await call(ops.DELETE_ALIAS, g.Alias(name=m.name, alias=m.alias))
    return EMPTY


async def get_by_alias(call: Caller, m: Alias) -> bytes:
    """Return the version that an alias stands for; an unknown alias is a wrong value here."""
    try:
        version = await call(ops.GET_VERSION_BY_ALIAS, g.Alias(name=m.name, alias=m.alias))
    except NotFound as error:
        _pass_over(error, "alias")
        raise InvalidInput(error.message) from None
    return _encode_version(version, with_aliases=True)


async def create_version(call: Caller, m: CreateVersion) -> bytes:
    """Create a version; an unknown alias as its source is a wrong value here."""
    request = g.CreateModelVersion(
        name=m.name,
        source=m.source,
        run_id=m.run_id,
        model_id=m.model_id,
        run_link=m.run_link,
        description=m.description,
        tags=_read_tags(m.tags),
    )
    try:
        return _encode_version(await call(ops.CREATE_MODEL_VERSION, request))
    except NotFound as error:
        _pass_over(error, "alias")
        raise InvalidInput(error.message) from None


async def get_version(call: Caller, m: Version) -> bytes:
    """Return a version."""
    return _encode_version(await call(ops.GET_MODEL_VERSION, _name_version(m)), with_aliases=True)


async def update_version(call: Caller, m: UpdateVersion) -> bytes:
    """Describe a version."""
    request = g.UpdateModelVersion(name=m.name, version=read_version(m.version), description=m.description)
    return _encode_version(await call(ops.UPDATE_MODEL_VERSION, request), with_aliases=True)


async def transition(call: Caller, m: Transition) -> bytes:
    """Give a version a stage."""
    request = g.TransitionVersion(
        name=m.name,
        version=read_version(m.version),
        stage=_read_stage(m.stage),
        archive_existing=m.archive_existing_versions,
    )
    return _encode_version(await call(ops.TRANSITION_VERSION, request), with_aliases=True)


async def delete_version(call: Caller, m: Version) -> bytes:
    """Delete a version."""
    await call(ops.DELETE_MODEL_VERSION, _name_version(m))
    return EMPTY


async def search_versions(call: Caller, m: SearchVersions) -> bytes:
    """Return a page of found versions."""
    request = g.SearchModelVersions(
        filter=m.filter,
        order_by=m.order_by,
        limit=min(check_max_results(m.max_results, VERSIONS_PAGE), limits.SEARCH_PAGE),
        page_token=m.page_token,
        grammar="mlflow",
    )
    page, token = await fetch_page(call, ops.SEARCH_MODEL_VERSIONS, request)
    if page is None:
        return EMPTY
    shown = encode([show_version(version) for version in page.versions])
    return encode_page(b"model_versions", shown[1:-1], token)


async def get_download_uri(call: Caller, m: Version) -> bytes:
    """Return where a version's model is."""
    return encode({"artifact_uri": (await call(ops.GET_MODEL_VERSION, _name_version(m))).files_location})


async def set_version_tag(call: Caller, m: SetVersionTag) -> bytes:
    """Set a tag of a version."""
    request = g.SetVersionTags(name=m.name, version=read_version(m.version), tags={m.key: m.value})
    await call(ops.SET_VERSION_TAGS, request)
    return EMPTY


async def delete_version_tag(call: Caller, m: DeleteVersionTag) -> bytes:
    """Delete a tag of a version, if it is there."""
    request = g.DeleteVersionTag(name=m.name, version=read_version(m.version), key=m.key)
    try:
        await call(ops.DELETE_VERSION_TAG, request)
    except NotFound as error:
        _pass_over(error, "tag")
    return EMPTY


def read_version(text: str) -> int:
    """Return the number of a version.

    raises: InvalidInput when it is none
    """
    if not _VERSION.fullmatch(text):
        raise InvalidInput(f"Parameter 'version' must be an integer, got {text[:40]!r}.")
    return int(text) if len(text) <= limits.KEY_CHARS else 0


def _encode_model(model: g.RegisteredModel) -> bytes:
    return encode({"registered_model": show_registered_model(model)})


def _encode_version(version: g.ModelVersion, with_aliases: bool = False) -> bytes:
    return encode({"model_version": show_version(version, with_aliases)})


def _name_version(m: Version) -> g.VersionName:
    return g.VersionName(name=m.name, version=read_version(m.version))


def _read_tags(tags: Sequence[Tag]) -> dict[str, str]:
    """Return tags by key; of one that is sent twice the last counts."""
    return {tag.key: tag.value for tag in tags}


def _read_stage(text: str) -> g.Stage:
    stage = read_stage(text)
    if stage is None:
        raise InvalidInput(f"Invalid Model Version stage: {text[:40]}. Value must be one of {', '.join(g.STAGES)}.")
    return stage


def _pass_over(error: NotFound, what: str) -> None:
    """Raise an error again, unless it is about a tag or alias that is not there."""
    if what not in error.details:
        raise error
