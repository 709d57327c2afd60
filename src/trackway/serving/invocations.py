"""MLflow's scoring protocol: ``POST /invocations``, and the pages by which its clients see that the server is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from trackway.http.messages import Handler, HttpRequest, HttpResponse, Route
from trackway.serving.answers import encode_answer
from trackway.serving.batcher import Batcher
from trackway.serving.deployment import Deployment, Served
from trackway.serving.faults import TimedOut, encode_mlflow_error
from trackway.serving.reader import FORMS, Reading, bad_request, decode_json
from trackway.serving.rows import count_rows
from trackway.serving.settings import ServingSettings

PROTOCOL_VERSION: Final = "3.17.2"
"""Version of the protocol that is spoken; clients compare it with what they need."""
LARGE_BYTES: Final = 1_048_576
"""A larger body is read in a thread, so that others need not wait for it."""
LARGE_ROWS: Final = 10_000
TEXT: Final = b"text/plain; charset=utf-8"
MODEL_HEADER: Final = b"x-trackway-model"
_JSON = "application/json"
_LEGACY_JSON = "application/json-numpy-split"
_LEGACY: Final = {"pandas-split": "dataframe_split", "pandas-records": "dataframe_records"}
"""What MLflow 1 called the forms, in a parameter of the content type; its answers were not wrapped."""
_KINDS: Final = (_JSON, "text/csv", "application/vnd.apache.parquet")

Read = Callable[[Served, bytes], Reading | None]


class Predictor:
    """Takes bodies to the model in use and back; both protocols go through it."""

    def __init__(self, deployment: Deployment, batcher: Batcher, settings: ServingSettings) -> None:
        self.deployment = deployment
        self._batcher = batcher
        self._settings = settings

    async def read_body(self, request: HttpRequest) -> bytes:
        """Return a request's body, within the limits."""
        return await request.body(self._settings.max_body, self._settings.max_body)

    async def predict(self, served: Served, reading: Reading) -> Any:
        """Return what the model gives.

        raises: TimedOut, Unavailable, InvalidInput
        """
        timeout_s = self._settings.timeout_s
        try:
            return await self._batcher.predict(served.model, reading.data, reading.params, timeout_s)
        except TimeoutError:
            raise TimedOut(f"The model did not answer within {timeout_s:g} s", hint="send fewer rows") from None


def list_routes(predictor: Predictor) -> list[Route[str]]:
    """Return the routes of the protocol."""
    deployment = predictor.deployment

    async def invoke(request: HttpRequest, _request_id: str) -> HttpResponse:
        read = choose_reader(request.headers.get(b"content-type", b"").decode("latin-1"))
        if isinstance(read, HttpResponse):
            return read
        body = await predictor.read_body(request)
        served = deployment.current
        reading = await run_aside(len(body) > LARGE_BYTES, read, served, body)
        if reading is None:
            return _refuse("The content type names a form of MLflow 1, and the body is of a later one")
        answer = await predictor.predict(served, reading)
        encoded = await run_aside(count_rows(answer) > LARGE_ROWS, encode_answer, answer, reading.is_wrapped)
        return HttpResponse(body=encoded, headers=[(MODEL_HEADER, served.label.encode())])

    async def ping(_request: HttpRequest, _request_id: str) -> HttpResponse:
        return HttpResponse(status=200 if deployment.is_ready else 503, body=b"\n")

    async def version(_request: HttpRequest, _request_id: str) -> HttpResponse:
        return HttpResponse(body=PROTOCOL_VERSION.encode(), content_type=TEXT)

    routes: list[tuple[str, str, Handler[str]]] = [
        ("POST", "/invocations", invoke),
        ("GET", "/ping", ping),
        ("GET", "/health", ping),
        ("GET", "/version", version),
    ]
    return [Route(method, path, handler, encode_mlflow_error) for method, path, handler in routes]


def choose_reader(content_type: str) -> Read | HttpResponse:
    """Return what reads a body of a content type, or the answer that refuses it."""
    kind, *pieces = (piece.strip() for piece in content_type.split(";"))
    kind = kind.lower()
    pairs = [piece.partition("=") for piece in pieces if piece]
    parameters = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs}
    if parameters.pop("charset", "utf-8") != "utf-8":
        return _refuse("The scoring server reads UTF-8 alone")
    form = parameters.pop("format", "pandas-split" if kind == _LEGACY_JSON else "")
    if parameters or (form and (form not in _LEGACY or kind not in (_JSON, _LEGACY_JSON))):
        unknown = ", ".join([*parameters, *([f"format={form}"] if form else [])])
        return _refuse(f"The content type has parameters that are not known: {unknown[:200]}")
    if form:
        return lambda served, body: _read_legacy(served, body, _LEGACY[form])
    if kind == _JSON:
        return lambda served, body: served.reader.read_json(body)
    if kind == _KINDS[1]:
        return lambda served, body: served.reader.read_csv(body)
    if kind == _KINDS[2]:
        return lambda served, body: served.reader.read_parquet(body)
    return _refuse(f"The content type {content_type[:100]!r} is not known; send one of {', '.join(_KINDS)}")


async def run_aside(is_large: bool, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call something: in a thread when it takes long, so that the network is not kept waiting."""
    if not is_large:
        return call(*arguments)
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


def _read_legacy(served: Served, body: bytes, form: str) -> Reading | None:
    found = decode_json(body)
    if isinstance(found, dict) and any(name in found for name in FORMS[:2]):
        return None
    if isinstance(found, dict) and len(found) == 1 and (named := next(iter(found))) in FORMS[2:]:
        form, found = named, found[named]
    elif not isinstance(found, dict | list):
        raise bad_request("The body is neither an object nor a list")
    return Reading(served.reader.read_form(form, found), is_wrapped=False)


def _refuse(why: str) -> HttpResponse:
    return HttpResponse(status=415, body=why.encode(), content_type=TEXT)
