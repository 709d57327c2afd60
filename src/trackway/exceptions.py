"""The errors that calls raise; some have more names, which are what MLflow's scripts catch."""

from __future__ import annotations

from trackway.base.errors import (
    AlreadyExists,
    ChecksFailed,
    Conflict,
    Corrupt,
    ExecutionFailed,
    InvalidInput,
    NotFound,
    NotSupported,
    PermissionDenied,
    RateLimited,
    TooLarge,
    TrackwayError,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "AlreadyExists",
    "ChecksFailed",
    "Conflict",
    "Corrupt",
    "ExecutionException",
    "ExecutionFailed",
    "InvalidInput",
    "MlflowException",
    "NotFound",
    "NotSupported",
    "PermissionDenied",
    "RateLimited",
    "RestException",
    "TooLarge",
    "TrackwayError",
    "Unauthenticated",
    "Unavailable",
]

MlflowException = RestException = TrackwayError
ExecutionException = ExecutionFailed
