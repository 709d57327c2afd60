"""How each of the two protocols tells an error."""

from __future__ import annotations

import msgspec

from trackway.base.errors import TrackwayError, Unavailable
from trackway.http.messages import HttpResponse, retry_after

_encode = msgspec.json.Encoder().encode


class TimedOut(Unavailable):
    """The model did not answer in time."""

    status = 504
    error_code = "DEADLINE_EXCEEDED"


def encode_mlflow_error(error: TrackwayError) -> HttpResponse:
    """Tell an error as MLflow's scoring server does: a code by name, and a message."""
    code = "ENDPOINT_NOT_FOUND" if "endpoint" in error.details else error.error_code
    if "expected" in error.details:  # a value that does not fit its column
        code = "BAD_REQUEST"
    body = {"error_code": error.details.get("error_code", code), "message": str(error)}
    return HttpResponse(status=error.status, body=_encode(body), headers=retry_after(error))


def encode_inference_error(error: TrackwayError) -> HttpResponse:
    """Tell an error as the Open Inference Protocol does: one text."""
    return HttpResponse(status=error.status, body=_encode({"error": str(error)}), headers=retry_after(error))
