"""YAML whose every value knows its line and column, so that a mistake in a file is told by its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.reader import Reader

from trackway.base.errors import InvalidInput

MAX_BYTES: Final = 2**20
MAX_DEPTH: Final = 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"
_CONTROL: Final = Reader.NON_PRINTABLE
"""What YAML allows nowhere; the pattern is large, and compiled by the library already."""


class Value:
    """A value of a document: a mapping, a list or a scalar, read as what is wanted of it.

    Every reading raises InvalidInput, with the file's name, line and column, when the value is something else.
    """

    def __init__(self, node: yaml.Node, file: str, what: str) -> None:
        self._node = node
        self._file = file
        self._what = what

    @property
    def line(self) -> int:
        """Line of its beginning, from 1."""
        return int(self._node.start_mark.line) + 1

    @property
    def column(self) -> int:
        """Column of its beginning, from 1."""
        return int(self._node.start_mark.column) + 1

    @property
    def place(self) -> str:
        """The file's name, with line and column of its beginning."""
        return f"{self._file}:{self.line}:{self.column}"

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands there, or ``null``."""
        return self._node.tag == _NULL

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self._node, yaml.SequenceNode)

    def fail(self, message: str, hint: str = "") -> InvalidInput:
        """Return the error that says what is wrong here."""
        return InvalidInput(f"{self.place}: {message}", hint=hint)

    def read_mapping(self, known: Collection[str] = ()) -> dict[str, Value]:
        """Return the values by key.

        known: the keys that there may be; none for any
        """
        if self.is_empty:
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            raise self.fail(
                f"{self._what} must have keys, each with a value", "write `key: value` on lines of their own"
            )
        found: dict[str, Value] = {}
        for key_node, value_node in self._node.value:
            key_value = Value(key_node, self._file, "a key")
            if key_node.tag == _MERGE:
                raise key_value.fail("`<<` is not taken here", "repeat what it would bring in")
            key = key_value.read_text()
            if key in found:
                raise key_value.fail(f"{key!r} is there twice", f"the first is at line {found[key].line}; keep one")
            if known and key not in known:
                raise key_value.fail(f"{key!r} is no key of {self._what}", _suggest(key, known))
            found[key] = Value(value_node, self._file, repr(key))
        return found

    def read_list(self) -> list[Value]:
        """Return the values of a list."""
        if self.is_empty:
            return []
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.fail(f"{self._what} must be a list", "write each item on a line of its own, behind `- `")
        return [Value(node, self._file, f"an item of {self._what}") for node in self._node.value]

    def read_text(self) -> str:
        """Return a text, or what a number or a switch is as text in Python: ``True`` for ``yes``, 0.5 for ``.50``."""
        if not isinstance(self._node, yaml.ScalarNode) or self.is_empty:
            raise self.fail(f"{self._what} must be a text", "put it between quotes if it has signs of YAML in it")
        if self._node.tag == _TEXT:
            return str(self._node.value)
        try:
            return str(yaml.constructor.SafeConstructor().construct_object(self._node))
        except (yaml.YAMLError, ValueError) as error:
            raise self.fail(f"{self._what} cannot be read: {error}", "put it between quotes") from None


def read_document(path: Path) -> Value:
    """Read a file of YAML.

    limits: 1 MiB, 50 levels
    raises: InvalidInput for what is no YAML in UTF-8, with line and column
    """
    if path.stat().st_size > MAX_BYTES:
        raise InvalidInput(f"{path.name} has more than {MAX_BYTES:,} bytes")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _find_place(data.decode("latin-1"), error.start)
        raise InvalidInput(f"{path.name}:{line}:{column}: this is no UTF-8", hint="save the file as UTF-8") from None
    if odd := _CONTROL.search(text):
        line, column = _find_place(text, odd.start())
        raise InvalidInput(f"{path.name}:{line}:{column}: the character {odd[0]!r} cannot be in YAML")
    try:
        _check_depth(path.name, yaml.parse(text, Loader=_Loader))
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise InvalidInput(f"{path.name}{place}: {error.problem or error.context or 'this is no YAML'}") from None
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path.name}: {str(error)[:300]}") from None
    if node is None:
        raise InvalidInput(f"{path.name}:1:1: the file is empty")
    return Value(node, path.name, "the file")


def _check_depth(name: str, events: Iterator[Any]) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            mark = event.start_mark
            raise InvalidInput(f"{name}:{mark.line + 1}:{mark.column + 1}: more than {MAX_DEPTH} levels")


def _find_place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _suggest(key: str, known: Collection[str]) -> str:
    import difflib  # for a mistake alone, and a start of a project would wait for it

    near = difflib.get_close_matches(key, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there may be {', '.join(known)}"
