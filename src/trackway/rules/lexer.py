"""Tokens of the search language, both dialects, and the error that points at one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from trackway.base.errors import InvalidInput

Kind = Literal["word", "operator", "mark", "quoted", "end"]

_TOKEN = re.compile(
    r"\s*+(?:"
    r"(?P<word>[\w.:/+-]+)"
    r"|(?P<operator>[=<>!]+)"
    r"|(?P<mark>[(),])"
    # A doubled quote stays inside; possessive, so that text without an end is given up after one pass.
    r"""|(?P<quoted>'(?:[^']+|'')*+'|"(?:[^"]+|"")*+"|`(?:[^`]+|``)*+`)"""
    r"|(?P<end>\Z))"
)
# Databases keep neither, so that no stored value can be equal to a text with one.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SHOWN_CHARS = 40


class Token(NamedTuple):
    """One token; ``start`` and ``end`` count characters from 0, ``text`` of a quoted one has its quotes."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The word in lower case, empty for every other kind."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def quote(self) -> str:
        """The quote character around the token, empty when there is none."""
        return self.text[0] if self.kind == "quoted" else ""


def refuse(text: str, position: int, problem: str, hint: str = "") -> InvalidInput:
    """Make the error for a fault at a 0-based character of a search text."""
    rest = text[position : position + _SHOWN_CHARS]
    place = f"at character {position}: {rest!r}" if rest else f"at the end, character {position}"
    return InvalidInput(f"Invalid search: {problem}, {place}", hint=hint, details={"position": position})


def shorten(text: str) -> str:
    """Quote a piece of the caller's text for a message, cut at 40 characters."""
    return repr(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...")


def read_tokens(text: str) -> Iterator[Token]:
    """Cut a text into tokens, the last of kind ``end``, each when it is asked for.

    raises: InvalidInput at a character that begins no token, a quote without its end, NUL and lone surrogates
    cost:   one pass over the text
    """
    if bad := _UNSTORABLE.search(text):
        raise refuse(text, bad.start(), "NUL and lone surrogates cannot be searched for")
    kind, position = None, 0
    while kind != "end":
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refuse_character(text, len(text) - len(text[position:].lstrip()))
        kind, position = cast("Kind", match.lastgroup), match.end()
        yield Token(kind, match[kind], match.start(kind), position)


def _refuse_character(text: str, position: int) -> InvalidInput:
    char = text[position]
    if char in "'\"`":
        return refuse(
            text, position, f"the quote {char} is never closed", "a text ends with the quote that it begins with"
        )
    hint = "put text in ' or \", and keys with characters other than letters, digits, _ . - / : in `"
    return refuse(text, position, f"unexpected character {char!r}", hint)
