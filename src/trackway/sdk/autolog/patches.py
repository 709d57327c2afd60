"""Replacing a function or method by a wrapper, and putting the identical object back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

Around = Callable[[Any, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""Called in the original's place with: instance (None for a function), original (bound), arguments by place and name.

It must call the original exactly once and return what that returns.
"""

_ABSENT: Any = object()


class Patch(NamedTuple):
    """One replacement that is in force; ``original`` is what the owner's own ``__dict__`` held."""

    owner: Any
    attribute: str
    original: Any
    replacement: Any


def apply_patch(owner: Any, attribute: str, around: Around, known: Mapping[int, Any]) -> Patch | None:
    """Replace a module's function or a class's method by one that goes through ``around``.

    known:   replacements by the id of their original; a function that is found in several modules keeps one
             replacement, so that it can still be pickled by its name
    returns: None when the attribute is not there, no function, or patched already
    """
    found = vars(owner).get(attribute, _ABSENT)
    original = getattr(owner, attribute, None) if found is _ABSENT else found
    if original is None or is_replacement(original):
        return None
    if id(original) in known:
        replacement = known[id(original)]
    elif isinstance(original, FunctionType):
        replacement = _wrap_method(original, around) if isinstance(owner, type) else _wrap_function(original, around)
    elif isinstance(owner, type) and hasattr(original, "__get__"):
        replacement = _Descriptor(original, around)
    else:
        return None
    setattr(owner, attribute, replacement)
    return Patch(owner, attribute, found, replacement)


def remove_patch(patch: Patch) -> None:
    """Put the identical original back, unless someone else has replaced the attribute since."""
    if vars(patch.owner).get(patch.attribute) is not patch.replacement:
        return
    if patch.original is _ABSENT:
        delattr(patch.owner, patch.attribute)
    else:
        setattr(patch.owner, patch.attribute, patch.original)


def is_replacement(value: Any) -> bool:
    """Tell whether a function or descriptor is one of ours."""
    return "_trackway_patch" in getattr(value, "__dict__", {})


def _wrap_function(original: FunctionType, around: Around) -> Any:
    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return around(None, original, args, kwargs)

    return _mark(replacement)


def _wrap_method(original: FunctionType, around: Around) -> Any:
    @functools.wraps(original)
    def replacement(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return around(self, original.__get__(self), args, kwargs)

    return _mark(replacement)


def _mark(replacement: Any) -> Any:
    replacement.__dict__["_trackway_patch"] = True
    return replacement


class _Descriptor:
    """Stands for a method that its class hands out itself, such as one that is there only under a condition."""

    def __init__(self, original: Any, around: Around) -> None:
        self._original = original
        self._around = around
        functools.update_wrapper(self, original)  # type: ignore[arg-type]
        self.__dict__["_trackway_patch"] = True

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        bound = self._original.__get__(instance, owner)
        if instance is None:
            return bound

        @functools.wraps(bound)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return self._around(instance, bound, args, kwargs)

        return replacement
