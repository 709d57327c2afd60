"""Word of modules that are imported later, so that autologging may be switched on before a library is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Callback = Callable[[ModuleType], None]


def watch(patterns: Sequence[str], callback: Callback) -> None:
    """Call back with each module of a pattern: at once with those imported already, later with others as they come.

    patterns: module names; ``name.*`` stands for everything below ``name``
    callback: runs right after the module's own code, in the importing thread; it must not raise
    """
    _finder.watched.append((tuple(patterns), callback))
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for name, module in list(sys.modules.items()):
        if _matches(name, patterns) and module is not None:  # None: an import that somebody forbids
            callback(module)


def unwatch(callback: Callback) -> None:
    """Call a callback no more; without any callback left, imports are as if this module had never been used."""
    _finder.watched = [(patterns, other) for patterns, other in _finder.watched if other != callback]
    if not _finder.watched and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


class _Finder(MetaPathFinder):
    """Lets the other finders find, and adds a word to the loader's work."""

    def __init__(self) -> None:
        self.watched: list[tuple[tuple[str, ...], Callback]] = []
        self._local = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        callbacks = [callback for patterns, callback in self.watched if _matches(fullname, patterns)]
        searching: set[str] = self._local.__dict__.setdefault("searching", set())
        if not callbacks or fullname in searching:  # another finder that asks all finders, as this one does
            return None
        searching.add(fullname)
        try:
            spec = self._ask_others(fullname, path, target)
        finally:
            searching.discard(fullname)
        if spec is not None and spec.loader is not None:
            _call_after(spec.loader, callbacks)
        return spec

    def _ask_others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec
        return None


_finder = _Finder()


def _call_after(loader: Any, callbacks: Sequence[Callback]) -> None:
    """Make a loader call back after it has executed its module, and be as it was from then on."""
    if isinstance(loader, type) or not hasattr(loader, "exec_module"):
        return  # the shared loaders of frozen and built-in modules
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        with suppress(AttributeError):
            del loader.exec_module
        execute(module)
        for callback in callbacks:
            callback(module)

    with suppress(AttributeError):  # a foreign loader with slots
        loader.exec_module = exec_module


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(name.startswith(pattern[:-1]) if pattern.endswith(".*") else name == pattern for pattern in patterns)
