"""What W&B's records hold: keys in pieces with values as JSON, and their names and forms here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from trackway.base.errors import Corrupt
from trackway.exchange.protobuf import read_fields

MOST_KEYS = 100_000
"""Of a run's config, of its summary, and of its metrics."""
_MOST_PIECES = 64
_KEY, _NESTED_KEY, _JSON = 1, 2, 16
_OTHER = re.compile(r"[^/\w.\- :]")
KeyPath = tuple[str, ...]
Tree = dict[str, Any]


def read_item(data: bytes) -> tuple[KeyPath, bytes]:
    """Return where an item of config, history, summary or system metrics belongs, and its JSON.

    raises: Corrupt, UnicodeDecodeError
    """
    key, pieces, text = "", [], b""
    for number, value in read_fields(data):
        if isinstance(value, int):
            continue
        if number == _JSON:
            text = value
        elif number == _NESTED_KEY:
            pieces.append(value.decode("utf-8"))
        elif number == _KEY:
            key = value.decode("utf-8")
    if len(pieces) > _MOST_PIECES:
        raise Corrupt(f"a key of {len(pieces)} pieces, of which {_MOST_PIECES} are allowed")
    return tuple(pieces) or (key,), text


def parse_json(text: bytes) -> Any:
    """Return a value; NaN and infinities stand there by name. Halves of characters become ``?``.

    raises: Corrupt
    """
    try:
        value = json.loads(text)
        if b"\\ud" in text or b"\\uD" in text:
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return value
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{text[:40]!r} is no JSON that can be read") from error


def parse_number(text: bytes) -> float | None:
    """Return the number that a point has, also of true and false; None for other values.

    raises: Corrupt
    """
    try:
        return float(text)  # by far most; also NaN and Infinity, and -Infinity
    except ValueError:
        return to_number(parse_json(text)) if text[:1] in b"tf" else None


def to_number(value: object) -> float | None:
    """Return a decoded value as a point has it; None when it is no number, or a whole one beyond all floats."""
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    return None


def put(tree: Tree, path: KeyPath, value: Any) -> bool:
    """Put a value at its place in a tree, where it replaces what is there; return whether the tree grew by it."""
    for piece in path[:-1]:
        below = tree.get(piece)
        if not isinstance(below, dict):
            below = tree[piece] = {}
        tree = below
    is_new = path[-1] not in tree
    tree[path[-1]] = value
    return is_new


def remove(tree: Tree, path: KeyPath) -> None:
    """Remove what is at a place in a tree, if it is there."""
    for piece in path[:-1]:
        below = tree.get(piece)
        if not isinstance(below, dict):
            return
        tree = below
    tree.pop(path[-1], None)


def flatten(tree: Tree) -> Iterator[tuple[str, Any]]:
    """Yield each value of a tree under its keys joined by dots, those of W&B's own left out, and so are media.

    raises: Corrupt when there are more than ``MOST_KEYS``
    """
    waiting = [(key, value) for key, value in reversed(tree.items()) if not key.startswith("_")]
    count = 0
    while waiting:
        key, value = waiting.pop()
        count += 1
        if count > MOST_KEYS:
            raise Corrupt(f"more than {MOST_KEYS} keys")
        if not isinstance(value, dict) or not value:
            yield key, value
        elif "_type" not in value:
            waiting += [(f"{key}.{name}", below) for name, below in reversed(value.items())]


class Names:
    """The keys that W&B's have here: other characters than a key may have become ``_``."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the key; None when another of W&B's has it already, or when there are too many."""
        name = self._names.get(key)
        if name is None and len(self._names) < MOST_KEYS:
            name = self._names[key] = to_key(key)
            self._taken.setdefault(name, key)
        return name if name is not None and self._taken[name] == key else None


def to_key(key: str) -> str:
    """Return what a key of W&B's is here."""
    parts = (part for part in _OTHER.sub("_", key).split("/") if part not in ("", ".", ".."))
    return "/".join(parts) or "_"
