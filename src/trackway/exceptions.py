"""The errors that calls raise; their root has two more names, which are what MLflow's scripts catch."""

from __future__ import annotations

from trackway.base.errors import (
    AlreadyExists,
    ChecksFailed,
    Conflict,
    Corrupt,
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
