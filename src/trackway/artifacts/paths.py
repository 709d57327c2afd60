"""The rules for relative paths: the keys that the server makes, and the artifact paths that clients name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from trackway.api import limits
from trackway.base.errors import InvalidInput

MAX_KEY_BYTES = 800
"""Object stores take 1,024 bytes, of which the rest is for the prefix that the operator chose."""

MAX_SEGMENT_BYTES = 255

RESERVED = ".trackway"
"""First segment of what a blob store keeps for itself (unfinished files, parts of uploads); no key begins with it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
_SMUGGLED = re.compile(r"%(?:2e|2f|5c|00|c0|c1|[ef]0%80)", re.IGNORECASE)
"""Encoded dots, separators and NUL, and how overlong ones begin. Other encodings are harmless, and names such as
``image%step%17.png`` hold some by chance."""


def check_key(key: str) -> str:
    """Return ``key`` when it is a relative POSIX path that every blob store can hold.

    limits:  800 bytes of UTF-8; 255 a segment
    raises:  InvalidInput
    """
    fault = _find_fault(key)
    if fault is None and len(key.encode()) > MAX_KEY_BYTES:
        fault = f"it is longer than {MAX_KEY_BYTES} bytes"
    if fault is None and key.split("/", 1)[0] == RESERVED:
        fault = f"it begins with {RESERVED}, which is kept for the store itself"
    if fault is not None:
        raise InvalidInput(f"Invalid blob key: {fault}")
    return key


def check_artifact_path(path: str) -> str:
    """Return ``path``, a relative artifact path that a client named, when no reader can take it for another place.

    path:    already percent-decoded once; what further decoding or Unicode folding would make of it is checked too
    limits:  1,000 characters, 64 segments, 255 bytes a segment
    raises:  InvalidInput, whose message repeats nothing of the path
    """
    if len(path) > limits.ARTIFACT_PATH_CHARS:
        raise _invalid_path(f"it is longer than {limits.ARTIFACT_PATH_CHARS} characters")
    if path.count("/") >= limits.ARTIFACT_PATH_SEGMENTS:
        raise _invalid_path(f"it has more than {limits.ARTIFACT_PATH_SEGMENTS} segments")
    for reading in read_ways(path, None):
        if _SMUGGLED.search(reading):
            raise _invalid_path("it holds a percent-encoded dot, separator or NUL")
        if fault := _find_fault(reading if reading is path else _CONTROL.sub("_", reading)):
            raise _invalid_path(fault)
    return path


def read_ways(text: str, refuse: Callable[[str], InvalidInput] | None) -> Iterator[str]:
    """Yield everything that ``text`` can turn into: itself, each further percent-decoding, and their NFKC forms.

    refuse:  makes the error for an encoding that is not UTF-8 (None: such bytes are taken as other characters)
    cost:    O(n) for each level of encoding; a level takes at least two characters
    """
    while True:
        yield text
        folded = unicodedata.normalize("NFKC", text)
        if folded != text:
            yield folded
        try:
            decoded = unquote(text, errors="strict" if refuse else "replace")
        except UnicodeDecodeError:
            assert refuse is not None
            raise refuse("it holds a percent-encoding that is not UTF-8") from None
        if decoded == text:
            return
        text = decoded


def _invalid_path(fault: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid path: {fault}",
        hint="an artifact path is relative, with / between its parts, such as plots/roc.png",
    )


def _find_fault(path: str) -> str | None:
    """Say what makes ``path`` no plain relative path, or nothing."""
    if not path:
        return "it is empty"
    if _CONTROL.search(path):
        return "it holds a control character"
    if "\\" in path:
        return "it holds a backslash"
    if path.startswith("/"):
        return "it is absolute"
    if _DRIVE.match(path):
        return "it begins with a drive letter"
    for segment in path.split("/"):
        # Some file systems drop trailing dots and spaces, which makes ".. " or "..." another way to write "..".
        if not segment.strip(". "):
            return "it has an empty segment, or one of dots and spaces alone"
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            return f"it has a segment of more than {MAX_SEGMENT_BYTES} bytes"
    return None
