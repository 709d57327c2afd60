"""Named extensions, resolved on first use: built-in ones by registration, foreign ones by entry point.

A group is a kind of extension (``transport``, ``autolog``, ...). Foreign packages declare entry points in the group
``trackway.<group>``. Nothing is imported before it is asked for by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trackway.base.errors import InvalidInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_built_in: dict[str, dict[str, str]] = {}


def register(group: str, name: str, target: str) -> None:
    """Make ``target`` (``"package.module:attribute"``) the built-in extension ``name`` of ``group``."""
    _built_in.setdefault(group, {})[name] = target


def load(group: str, name: str) -> Any:
    """Import and return the extension ``name`` of ``group``; a built-in one wins over an entry point.

    raises: InvalidInput when there is none, naming those that there are
    """
    target = _built_in.get(group, {}).get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)
    for point in _find_foreign(group):
        if point.name == name:
            return point.load()
    raise InvalidInput(f"There is no {group} named {name!r}", hint=f"known: {', '.join(list_names(group)) or 'none'}")


def list_built_in(group: str) -> list[str]:
    """Return the names of the built-in extensions of ``group``, sorted, without a look at what is installed."""
    return sorted(_built_in.get(group, {}))


def list_names(group: str) -> list[str]:
    """Return the names in ``group``, sorted."""
    return sorted({*_built_in.get(group, {}), *(point.name for point in _find_foreign(group))})


def _find_foreign(group: str) -> Iterator[EntryPoint]:
    from importlib import metadata  # looks through all that is installed, and is needed for none of what is built in

    yield from metadata.entry_points(group=f"trackway.{group}")
