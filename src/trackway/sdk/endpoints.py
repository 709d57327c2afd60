"""Endpoints, at which ``trackway models serve`` serves registered models: ``tw.endpoints.list_endpoints("churn")``."""

from __future__ import annotations

from trackway.api import endpoints as d
from trackway.api import operations as ops
from trackway.sdk.client import Client


def list_endpoints(model: str = "", version: int | None = None, limit: int = 100) -> list[d.Endpoint]:
    """Return the first endpoints by name: all of them, or those that serve a model, or one version of it, now."""
    return Client().call(ops.LIST_ENDPOINTS, d.ListEndpoints(model=model, version=version, limit=limit)).endpoints


def get(name: str) -> d.Endpoint:
    """Get an endpoint with its servers."""
    return Client().call(ops.GET_ENDPOINT, d.EndpointName(name=name))


def delete(name: str) -> None:
    """Forget an endpoint.

    raises: Conflict while it is served
    """
    Client().call(ops.DELETE_ENDPOINT, d.EndpointName(name=name))
