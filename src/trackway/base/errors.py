"""The one error tree.

Each class fixes a machine-readable ``code`` and the HTTP status that carries it, so that a caller sees the same class
whether the service ran in this process or behind a server. An instance adds a message (what was wrong), ``details``
(the facts, as JSON values) and a ``hint`` (what to do about it).

    TrackwayError            500 internal
      InvalidInput           400 invalid_input      the request is malformed or breaks a limit
      Unauthenticated        401 unauthenticated    no credential, or a wrong one
      PermissionDenied       403 permission_denied
      NotFound               404 not_found
      Conflict               409 conflict           the object's state forbids it
        AlreadyExists        409 already_exists
        ChecksFailed         409 checks_failed      a model does not meet its thresholds
      ExecutionFailed        500 execution_failed   a project's command did not end well
      TooLarge               413 too_large
      RateLimited            429 rate_limited       wait ``retry_after_s``, then send again
      NotSupported           501 not_supported
      Unavailable            503 unavailable        wait ``retry_after_s``, then send again
      Corrupt                500 corrupt            stored bytes do not match their digest or format

Retry contract: 4xx but 429 never; 429 and 503 after ``retry_after_s``; other 5xx and network failures with back-off.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

MLFLOW_CODES: dict[str, tuple[int, int]] = {
    "INTERNAL_ERROR": (1, 500),
    "TEMPORARILY_UNAVAILABLE": (2, 503),
    "BAD_REQUEST": (4, 400),
    "DEADLINE_EXCEEDED": (7, 504),
    "RESOURCE_EXHAUSTED": (9, 429),
    "ABORTED": (10, 409),
    "NOT_FOUND": (11, 404),
    "ALREADY_EXISTS": (12, 409),
    "UNAUTHENTICATED": (13, 401),
    "INVALID_PARAMETER_VALUE": (1000, 400),
    "ENDPOINT_NOT_FOUND": (1001, 404),
    "INVALID_STATE": (1003, 500),
    "PERMISSION_DENIED": (1004, 403),
    "CUSTOMER_UNAUTHORIZED": (1006, 401),
    "REQUEST_LIMIT_EXCEEDED": (1007, 429),
    "RESOURCE_CONFLICT": (1008, 409),
    "NOT_IMPLEMENTED": (1010, 501),
    "RESOURCE_ALREADY_EXISTS": (3001, 400),
    "RESOURCE_DOES_NOT_EXIST": (3002, 404),
}
"""Kinds of error by the names of MLflow's protocol: the number that scripts may have for one, and its HTTP status."""
_BY_NUMBER = {number: name for name, (number, _) in MLFLOW_CODES.items()}


class TrackwayError(Exception):
    """Anything that Trackway raises on purpose; on its own, a fault of ours."""

    code: ClassVar[str] = "internal"
    error_code: str = "INTERNAL_ERROR"
    """What the MLflow protocol, and so scripts written for it, call this kind."""
    status: int = 500
    public_message: str = ""
    """What a server tells its callers in the place of a message that is for its log: one with a database's words."""

    def __init__(
        self,
        message: str,
        error_code: str | int | None = None,
        *,
        hint: str = "",
        details: dict[str, Any] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}
        self.retry_after_s = retry_after_s
        if error_code is not None:  # as scripts written for MLflow raise them
            name = _BY_NUMBER.get(error_code, "INTERNAL_ERROR") if isinstance(error_code, int) else error_code
            self.error_code, self.status = name, MLFLOW_CODES.get(name, (0, 500))[1]

    @classmethod
    def invalid_parameter_value(cls, message: str) -> Self:
        """Make the error that MLflow has this short form for."""
        return cls(message, "INVALID_PARAMETER_VALUE")

    def get_http_status_code(self) -> int:
        """Return the status that a server would answer with."""
        return self.status

    def serialize_as_json(self) -> str:
        """Return the error as MLflow's protocol has it."""
        import json

        return json.dumps({"error_code": self.error_code, "message": self.message})

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidInput(TrackwayError):
    """The request is malformed, breaks a limit, or names something that cannot be."""

    code = "invalid_input"
    error_code = "INVALID_PARAMETER_VALUE"
    status = 400


class Unauthenticated(TrackwayError):
    """No credential was sent, or one that is not valid."""

    code = "unauthenticated"
    error_code = "UNAUTHENTICATED"
    status = 401


class PermissionDenied(TrackwayError):
    """The caller is known and may not do this."""

    code = "permission_denied"
    error_code = "PERMISSION_DENIED"
    status = 403


class NotFound(TrackwayError, LookupError):
    """No such object, or none that the caller may see."""

    code = "not_found"
    error_code = "RESOURCE_DOES_NOT_EXIST"
    status = 404


class Conflict(TrackwayError):
    """The object's present state forbids the change."""

    code = "conflict"
    error_code = "INVALID_PARAMETER_VALUE"
    status = 409


class AlreadyExists(Conflict):
    """An object of that name or id is there already."""

    code = "already_exists"
    error_code = "RESOURCE_ALREADY_EXISTS"


class ChecksFailed(Conflict):
    """A model does not meet the thresholds of its evaluation."""

    code = "checks_failed"
    error_code = "BAD_REQUEST"


class ExecutionFailed(TrackwayError):
    """A project's command failed, or was ended; its run says how."""

    code = "execution_failed"


class TooLarge(TrackwayError):
    """A body, file or batch is over a published limit."""

    code = "too_large"
    error_code = "INVALID_PARAMETER_VALUE"
    status = 413


class RateLimited(TrackwayError):
    """Too many requests from one caller."""

    code = "rate_limited"
    error_code = "REQUEST_LIMIT_EXCEEDED"
    status = 429


class NotSupported(TrackwayError):
    """A known feature of the protocol that this server does not offer."""

    code = "not_supported"
    error_code = "NOT_IMPLEMENTED"
    status = 501


class Unavailable(TrackwayError):
    """Cannot be done now: starting, stopping, or a store is away."""

    code = "unavailable"
    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503


class Corrupt(TrackwayError):
    """Stored bytes do not match their digest or their format."""

    code = "corrupt"


BY_CODE: dict[str, type[TrackwayError]] = {
    cls.code: cls
    for cls in (
        TrackwayError,
        InvalidInput,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        Conflict,
        AlreadyExists,
        ChecksFailed,
        ExecutionFailed,
        TooLarge,
        RateLimited,
        NotSupported,
        Unavailable,
        Corrupt,
    )
}
"""Wire code to class: the SDK raises again the class that the service raised."""
