"""Blob stores, which keep the bytes of artifacts, and the rules for the paths that name them.

Scripts find the functions here that read artifacts, as they do in the package of this name that they were written for.
Those are the SDK's, a layer above, and nothing of it is imported before a script asks for one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackway.sdk.fluent_artifacts import download_artifacts as download_artifacts
    from trackway.sdk.fluent_artifacts import list_artifacts as list_artifacts
    from trackway.sdk.fluent_artifacts import load_dict as load_dict
    from trackway.sdk.fluent_artifacts import load_image as load_image
    from trackway.sdk.fluent_artifacts import load_text as load_text
else:

    def __getattr__(name: str) -> Any:
        if name in ("download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"):
            return getattr(importlib.import_module("trackway.sdk.fluent_artifacts"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
