"""The calls of ``MlflowClient`` about registered models and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.base.errors import InvalidInput
from trackway.base.ids import new_id
from trackway.sdk.client import Client
from trackway.sdk.entities import PagedList
from trackway.sdk.registry_entities import ModelVersion, RegisteredModel, to_model_version, to_registered_model
from trackway.sdk.values import to_texts
from trackway.sdk.versions import MODELS, find_version, read_stage


class RegistryCalls:
    """The registry, while the caller waits. A version may be named by a number or by its text."""

    _client: Client

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Create a registered model; a name that is taken is refused."""
        request = g.CreateRegisteredModel(name=name, tags=to_texts("tag", tags or {}), description=description or "")
        return to_registered_model(self._client.call(ops.CREATE_REGISTERED_MODEL, request))

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Get a registered model with the newest version of each stage."""
        return to_registered_model(self._client.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=name)))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a registered model."""
        request = g.RenameRegisteredModel(name=name, new_name=new_name)
        return to_registered_model(self._client.call(ops.RENAME_REGISTERED_MODEL, request))

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Describe a registered model; None is no description."""
        request = g.UpdateRegisteredModel(name=name, description=description or "")
        return to_registered_model(self._client.call(ops.UPDATE_REGISTERED_MODEL, request))

    def delete_registered_model(self, name: str) -> None:
        """Delete a registered model with its versions, for good."""
        self._client.call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name=name))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return one page of the registered models that a filter finds, by name unless ordered otherwise."""
        request = g.SearchRegisteredModels(
            filter=filter_string or "", order_by=list(order_by or ()), limit=max_results, page_token=page_token or ""
        )
        page = self._client.call(ops.SEARCH_REGISTERED_MODELS, request)
        return PagedList(map(to_registered_model, page.models), page.next_page_token or None)

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag of a registered model."""
        request = g.SetRegisteredModelTags(name=name, tags=to_texts("tag", {key: value}))
        self._client.call(ops.SET_REGISTERED_MODEL_TAGS, request)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag of a registered model."""
        self._client.call(ops.DELETE_REGISTERED_MODEL_TAG, g.DeleteRegisteredModelTag(name=name, key=key))

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        """Make an alias stand for a version."""
        self._client.call(ops.SET_ALIAS, g.SetAlias(name=name, alias=alias, version=read_version(version)))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias."""
        self._client.call(ops.DELETE_ALIAS, g.Alias(name=name, alias=alias))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Get the version that an alias stands for; ``latest`` stands for the newest."""
        return to_model_version(self._client.call(ops.GET_VERSION_BY_ALIAS, g.Alias(name=name, alias=alias)))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Get the newest version of each of some stages, or of every stage."""
        request = g.GetLatestVersions(name=name, stages=[read_stage(stage) for stage in stages or ()])
        return [to_model_version(one) for one in self._client.call(ops.GET_LATEST_VERSIONS, request).versions]

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,  # noqa: ARG002 - a version is ready at once
        model_id: str | None = None,
    ) -> ModelVersion:
        """Register a model as the next version of a name; see ``trackway.api.registry.CreateModelVersion``."""
        request = g.CreateModelVersion(
            name=name,
            source=source,
            run_id=run_id or "",
            model_id=model_id or "",
            run_link=run_link or "",
            description=description or "",
            tags=to_texts("tag", tags or {}),
            external_key=new_id(),
        )
        return to_model_version(self._client.call(ops.CREATE_MODEL_VERSION, request))

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Register a copy of ``models:/name/3`` or ``models:/name@alias`` under another name, made when it is new."""
        found = find_version(self._client, src_model_uri)
        self._client.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=dst_name, if_exists="return"))
        request = g.CopyModelVersion(name=found.name, version=found.version, to=dst_name, external_key=new_id())
        return to_model_version(self._client.call(ops.COPY_MODEL_VERSION, request))

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """Get a version."""
        request = g.VersionName(name=name, version=read_version(version))
        return to_model_version(self._client.call(ops.GET_MODEL_VERSION, request))

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Return where a version's model is."""
        request = g.VersionName(name=name, version=read_version(version))
        return self._client.call(ops.GET_MODEL_VERSION, request).files_location

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:  # noqa: ARG002
        """Return the stages that a version may have."""
        return list(g.STAGES)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return one page of the versions that a filter finds, latest change first unless ordered otherwise."""
        request = g.SearchModelVersions(
            filter=filter_string or "", order_by=list(order_by or ()), limit=max_results, page_token=page_token or ""
        )
        page = self._client.call(ops.SEARCH_MODEL_VERSIONS, request)
        return PagedList(map(to_model_version, page.versions), page.next_page_token or None)

    def update_model_version(self, name: str, version: str | int, description: str | None = None) -> ModelVersion:
        """Describe a version; None is no description."""
        request = g.UpdateModelVersion(name=name, version=read_version(version), description=description or "")
        return to_model_version(self._client.call(ops.UPDATE_MODEL_VERSION, request))

    def transition_model_version_stage(
        self, name: str, version: str | int, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Give a version a stage, perhaps archiving the others that have it."""
        request = g.TransitionVersion(
            name=name,
            version=read_version(version),
            stage=read_stage(stage),
            archive_existing=archive_existing_versions,
        )
        return to_model_version(self._client.call(ops.TRANSITION_VERSION, request))

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Delete a version, for good; its number is not given again."""
        self._client.call(ops.DELETE_MODEL_VERSION, g.VersionName(name=name, version=read_version(version)))

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest version of a stage."""
        tags = to_texts("tag", {_need_key(key): value})
        request = g.SetVersionTags(name=name, version=self._choose(name, version, stage), tags=tags)
        self._client.call(ops.SET_VERSION_TAGS, request)

    def delete_model_version_tag(
        self, name: str, version: str | int | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Delete a tag of a version, or of the newest version of a stage."""
        request = g.DeleteVersionTag(name=name, version=self._choose(name, version, stage), key=_need_key(key))
        self._client.call(ops.DELETE_VERSION_TAG, request)

    def _choose(self, name: str, version: str | int | None, stage: str | None) -> int:
        if (version is None) == (stage is None):
            raise InvalidInput("Either a version or a stage must be named", hint="give one of the two")
        return (
            read_version(version)
            if version is not None
            else find_version(self._client, f"{MODELS}{name}/{stage}").version
        )


def read_version(version: str | int) -> int:
    """Return a version's number.

    raises: InvalidInput when it is none
    """
    try:
        return int(version)
    except ValueError:
        raise InvalidInput(f"Parameter 'version' must be an integer, got {version!r:.40}.") from None


def _need_key(key: str | None) -> str:
    if key is None:
        raise InvalidInput("No tag was named", hint="give key")
    return key
