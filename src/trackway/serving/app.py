"""The scoring server's application: two protocols on one model, and the pages about it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from trackway.http.app import App
from trackway.http.guard import Guard
from trackway.http.messages import Handler, HttpRequest, HttpResponse, Route
from trackway.http.observe import Observer
from trackway.serving import invocations, open_inference
from trackway.serving.batcher import Batcher
from trackway.serving.deployment import Deployment
from trackway.serving.faults import encode_inference_error, encode_mlflow_error
from trackway.serving.openapi import describe
from trackway.serving.page import find_address, show_page
from trackway.serving.settings import ServingSettings


def build_app(deployment: Deployment, batcher: Batcher, settings: ServingSettings, version: str) -> App[str]:
    """Build the application of a model that is loaded.

    version: of this package
    """
    predictor = invocations.Predictor(deployment, batcher, settings)
    observer = Observer(version, worker=str(os.getpid()) if settings.workers > 1 else "")
    _show_counts(observer, deployment, batcher)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        deployment.watch()
        try:
            yield
        finally:
            deployment.close()
            batcher.close()

    async def metrics(_request: HttpRequest, _request_id: str) -> HttpResponse:
        return HttpResponse(body=observer.render().encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def openapi(_request: HttpRequest, _request_id: str) -> HttpResponse:
        return HttpResponse(body=msgspec.json.encode(describe(deployment.current, version)))

    async def page(request: HttpRequest, _request_id: str) -> HttpResponse:
        return show_page(deployment.current, find_address(request.headers))

    pages: list[tuple[str, Handler[str]]] = [("/", page), ("/metrics", metrics), ("/openapi.json", openapi)]
    routes = [
        *invocations.list_routes(predictor),
        *open_inference.list_routes(predictor, version),
        *(Route("GET", path, handler, encode_mlflow_error) for path, handler in pages),
    ]
    hosts = [host for host in (settings.host, *settings.allowed_hosts.split(",")) if host]
    errors = {"": encode_mlflow_error, open_inference.PREFIX: encode_inference_error}
    return App(lambda _request, request_id: request_id, routes, errors, Guard(hosts), observer, lifespan())


def _show_counts(observer: Observer, deployment: Deployment, batcher: Batcher) -> None:
    counts = batcher.counts
    for name, kind, text, read in (
        ("waiting", "gauge", "Requests that wait for the model.", lambda: batcher.waiting),
        ("requests_total", "counter", "Requests that the model was given.", lambda: counts.requests),
        ("batches_total", "counter", "Calls of the model.", lambda: counts.batches),
        ("rows_total", "counter", "Rows that the model was given.", lambda: counts.rows),
        ("refused_total", "counter", "Requests refused as too many waited.", lambda: counts.refused),
        ("swaps_total", "counter", "Models swapped for another.", lambda: deployment.swaps),
        ("failures", "gauge", "Attempts to swap that failed, since the last success.", lambda: deployment.failures),
    ):
        observer.add(f"trackway_serving_{name}", kind, text, read)
