"""Tokens of the search language, both dialects, and the error that points at one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from trackway.base.errors import InvalidInput

Kind = Literal["word", "operator", "mark", "quoted", "end"]


def _compile_tokens(marks: str) -> re.Pattern[str]:
    return re.compile(
        r"\s*+(?:"
        r"(?P<word>[\w.:/+-]+)"
        r"|(?P<operator>[=<>!]+)"
        rf"|(?P<mark>[{marks}])"
        # A doubled quote stays inside; possessive, so that text without an end is given up after one pass.
        r"""|(?P<quoted>'(?:[^']+|'')*+'|"(?:[^"]+|"")*+"|`(?:[^`]+|``)*+`)"""
        r"|(?P<end>\Z))"
    )


_TOKEN, _TOKEN_WITH_TIMES = _compile_tokens("(),"), _compile_tokens("(),*")
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


def read_tokens(text: str, computes: bool = False) -> Iterator[Token]:
    """Cut a text into tokens, the last of kind ``end``, each when it is asked for.

    computes: ``*`` is a mark
    raises:   InvalidInput at a character that begins no token, a quote without its end, NUL and lone surrogates
    cost:     one pass over the text
    """
    pattern = _TOKEN_WITH_TIMES if computes else _TOKEN
    if bad := _UNSTORABLE.search(text):
        raise refuse(text, bad.start(), "NUL and lone surrogates cannot be searched for")
    kind, position = None, 0
    while kind != "end":
        match = pattern.match(text, position)
        if match is None:
            raise _refuse_character(text, len(text) - len(text[position:].lstrip()))
        kind, position = cast("Kind", match.lastgroup), match.end()
        yield Token(kind, match[kind], match.start(kind), position)


def unquote(token: Token) -> str:
    """Return what stands in the quotes of a token."""
    return token.text[1:-1].replace(token.quote * 2, token.quote)


class TokenReader:
    """One pass over the tokens of a text, with the next of them in sight.

    Parsers are made of it layer by layer: paths of fields, formulas of metrics, filters. Every method takes the tokens
    that it parses.
    """

    def __init__(self, text: str, computes: bool) -> None:
        self._text = text
        self._tokens = read_tokens(text, computes)
        self._next = next(self._tokens)

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _take_keyword(self, keyword: str) -> bool:
        found = self._next.keyword == keyword
        if found:
            self._take()
        return found

    def _take_mark(self, mark: str) -> bool:
        found = self._next.text == mark
        if found:
            self._take()
        return found

    def _expect_mark(self, mark: str) -> None:
        if not self._take_mark(mark):
            raise self._refuse(self._next, f"{mark} is expected here")

    def _refuse(self, token: Token, problem: str, hint: str = "") -> InvalidInput:
        return refuse(self._text, token.start, problem, hint)


def _refuse_character(text: str, position: int) -> InvalidInput:
    char = text[position]
    if char in "'\"`":
        return refuse(
            text, position, f"the quote {char} is never closed", "a text ends with the quote that it begins with"
        )
    hint = "put text in ' or \", and keys with characters other than letters, digits, _ . - / : in `"
    return refuse(text, position, f"unexpected character {char!r}", hint)
