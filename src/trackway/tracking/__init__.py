"""The rules: what may be done to experiments, runs, metrics, files and models, and what then follows.

Scripts find the client here and what says where it logs to, as they do in the package of this name that they were
written for. Those are the SDK's, a layer above, and nothing of it is imported before a script asks for one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackway.sdk import fluent as fluent
    from trackway.sdk import mlflow_client as _client
    from trackway.sdk.configuration import get_registry_uri as get_registry_uri
    from trackway.sdk.configuration import set_registry_uri as set_registry_uri
    from trackway.sdk.connection import get_tracking_uri as get_tracking_uri
    from trackway.sdk.connection import is_tracking_uri_set as is_tracking_uri_set
    from trackway.sdk.connection import set_tracking_uri as set_tracking_uri
    from trackway.sdk.mlflow_client import MlflowClient as MlflowClient

    client = _client
else:
    _NAMES = (
        *("get_registry_uri", "set_registry_uri", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"),
        "MlflowClient",
    )

    _MODULES = {"client": "trackway.sdk.mlflow_client", "fluent": "trackway"}

    def __getattr__(name: str) -> Any:
        if name in _NAMES:
            return getattr(importlib.import_module("trackway"), name)
        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
