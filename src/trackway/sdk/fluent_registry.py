"""Registering what a run made, and looking at what is registered: these calls wait for their answer, and raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.sdk.client import Client
from trackway.sdk.entities import PagedList
from trackway.sdk.mlflow_client import MlflowClient
from trackway.sdk.registry_entities import ModelVersion, RegisteredModel
from trackway.sdk.versions import find_source

T = TypeVar("T")
PAGE = 1_000


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,  # noqa: ARG001 - a version is ready at once
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Register a model as the next version of a name, which is made when it is new.

    model_uri: ``runs:/<run_id>/path``, ``models:/<model_id>``, ``models:/name/3``, ``models:/name@alias``, or a place
    """
    client = Client()
    source, run_id, model_id = find_source(client, model_uri)
    client.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=name, if_exists="return"))
    return MlflowClient().create_model_version(name, source, run_id, tags, model_id=model_id)


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """Return the registered models that a filter finds; all unless limited."""
    client = MlflowClient()
    return _read_all(
        lambda limit, token: client.search_registered_models(filter_string, limit, order_by, token), max_results
    )


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """Return the versions that a filter finds; all unless limited."""
    client = MlflowClient()
    return _read_all(
        lambda limit, token: client.search_model_versions(filter_string, limit, order_by, token), max_results
    )


def set_model_version_tag(name: str, version: str | None = None, key: str | None = None, value: Any = None) -> None:
    """Set a tag of a version."""
    MlflowClient().set_model_version_tag(name, version, key, value)


def _read_all(read: Callable[[int, str | None], PagedList[T]], max_results: int | None) -> list[T]:
    found: list[T] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        page = read(PAGE if max_results is None else min(PAGE, max_results - len(found)), token)
        found += page
        token = page.token
        if token is None:
            break
    return found
