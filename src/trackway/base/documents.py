"""YAML that others wrote, read without running or swelling into anything."""

from __future__ import annotations

from typing import Any, Final

import yaml

from trackway.base.errors import Corrupt

MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(data: bytes) -> Any:
    """Read YAML of the safe subset: no tags that make objects, no bombs of references.

    raises: Corrupt for anything else
    """
    try:
        for depth, event in _measure_depth(data):
            if depth > MAX_DEPTH:
                raise Corrupt(f"The YAML is nested deeper than {MAX_DEPTH} levels, at line {event.start_mark.line + 1}")
        value = yaml.load(data, Loader=_Loader)  # noqa: S506 - the safe loader, in C where it was built
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Corrupt(f"The YAML cannot be read: {str(error)[:300]}") from None
    _count_nodes(value)
    return value


def _measure_depth(data: bytes) -> Any:
    depth = 0
    for event in yaml.parse(data, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        yield depth, event


def _count_nodes(value: Any) -> None:
    """Refuse a document that is small on disk and huge when its references are followed."""
    pending, count = [value], 0
    while pending:
        one = pending.pop()
        count += 1
        if count > MAX_NODES:
            raise Corrupt(f"The YAML holds more than {MAX_NODES} values")
        if isinstance(one, dict):
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)
