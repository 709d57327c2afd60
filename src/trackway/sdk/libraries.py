"""Each library's part of the API, such as ``trackway.sklearn``."""

from __future__ import annotations

from typing import Any

from trackway.sdk.models import LibraryModels
from trackway.sdk.recording import autolog


class Library(LibraryModels):
    """One library: its models, and logging of its training by itself."""

    def autolog(self, *, disable: bool = False, **options: Any) -> None:
        """Log training in this library by itself, from now on."""
        autolog(self._name, disable=disable, **options)
