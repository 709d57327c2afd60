"""Registered models and versions in the shape and under the names that MLflow's documentation gives them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trackway.api import registry as g
from trackway.sdk.entities import Entity


class ModelVersionStatus(StrEnum):
    """How far a version's registration is."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"


@dataclass(frozen=True, slots=True)
class ModelVersion(Entity):
    """A version of a registered model as it was when it was read; times in ms since 1970."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str
    user_id: str
    current_stage: str
    source: str
    run_id: str
    status: str
    status_message: str
    tags: dict[str, str]
    run_link: str
    aliases: list[str]
    model_id: str | None


@dataclass(frozen=True, slots=True)
class RegisteredModel(Entity):
    """A registered model as it was when it was read, with the newest version of each stage; times in ms since 1970."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str
    latest_versions: list[ModelVersion]
    tags: dict[str, str]
    aliases: dict[str, str]


def to_model_version(one: g.ModelVersion) -> ModelVersion:
    """Make a version of the api's."""
    return ModelVersion(
        name=one.name,
        version=str(one.version),
        creation_timestamp=one.created_ms,
        last_updated_timestamp=one.updated_ms,
        description=one.description,
        user_id=one.user,
        current_stage=one.stage,
        source=one.source,
        run_id=one.run_id,
        status=ModelVersionStatus.READY if one.status == "READY" else ModelVersionStatus(f"{one.status}_REGISTRATION"),
        status_message=one.status_message,
        tags=one.tags,
        run_link=one.run_link,
        aliases=one.aliases,
        model_id=one.model_id or None,
    )


def to_registered_model(one: g.RegisteredModel) -> RegisteredModel:
    """Make a registered model of the api's."""
    return RegisteredModel(
        name=one.name,
        creation_timestamp=one.created_ms,
        last_updated_timestamp=one.updated_ms,
        description=one.description,
        latest_versions=[to_model_version(version) for version in one.latest_versions],
        tags=one.tags,
        aliases={alias: str(number) for alias, number in one.aliases.items()},
    )
