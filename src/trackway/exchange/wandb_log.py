"""The file ``run-ID.wandb``: LevelDB's log format, with a header and a plain CRC-32, around one message a record.

Blocks of 32 KiB hold pieces of records, each with checksum, size and kind; a piece does not cross a block. So a reader
finds its way again at the next block after bytes that are damaged.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, NamedTuple

from trackway.base.errors import Corrupt
from trackway.exchange.history import Problem

MAGIC = b":W&B"
HEADER = MAGIC + b"\xe1\xbe\x00"
BLOCK_BYTES = 32_768
RECORD_BYTES = 16 << 20
"""Of a longer record only the length is looked at."""
_PIECE = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class Entry(NamedTuple):
    """One record, and where in the file it begins."""

    offset: int
    data: bytes


class _Damaged(Exception):
    """The rest of a block cannot be read. ``why`` is for the reader of the report."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset
        self.why = why


def read_log(path: Path, problem: Problem) -> Iterator[Entry]:
    """Yield the records of a file, which may be written to meanwhile: an unfinished end waits for the next time.

    problem: told of bytes that are damaged, which are passed over
    raises:  Corrupt when the file is no such log
    """
    with open_regular(path) as file:
        head = file.read(len(HEADER))
        if not HEADER.startswith(head):
            version = f"of format {head[-1]}, and 0 is known" if head[:6] == HEADER[:6] else "no log of W&B's"
            raise Corrupt(f"{path} is {version}")
        assembler = _Assembler()
        base = 0
        block = head + file.read(BLOCK_BYTES - len(head))
        position = len(head)
        while len(block) > position:
            try:
                yield from assembler.read(block, base, position)
            except _Damaged as error:
                problem(f"{path} at byte {error.offset}", error.why)
            if len(block) < BLOCK_BYTES:
                return
            base, position = base + BLOCK_BYTES, 0
            block = file.read(BLOCK_BYTES)


def open_regular(path: Path) -> BinaryIO:
    """Open a file that is one: not what a link leads to, nor a pipe, which would be waited at.

    raises: Corrupt, OSError
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(handle, "rb")
    if not S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise Corrupt(f"{path} is no regular file")
    return file


class _Assembler:
    """Puts the pieces of records together."""

    def __init__(self) -> None:
        self._parts: list[bytes] | None = None
        self._size = 0
        self._start = 0

    def read(self, block: bytes, base: int, position: int) -> Iterator[Entry]:
        """Yield the records that end in a block, from a position on; ``base`` is where the block begins."""
        while len(block) - position >= _PIECE.size:
            offset = base + position
            checksum, size, kind = _PIECE.unpack_from(block, position)
            start, end = position + _PIECE.size, position + _PIECE.size + size
            if (checksum, size, kind) == (0, 0, 0):
                return  # zeros up to the end of the block: a file that was made longer and not written
            if end > len(block):
                if len(block) < BLOCK_BYTES:
                    return  # being written, or cut here
                self._drop(offset, "its length reaches beyond its block; what follows up to the next one is left out")
            data = block[start:end]
            if zlib.crc32(data, zlib.crc32(block[start - 1 : start])) != checksum:
                self._drop(offset, "its checksum is wrong; what follows up to the next block is left out")
            position = end
            entry = self._add(kind, data, offset)
            if entry is not None:
                yield entry

    def _add(self, kind: int, data: bytes, offset: int) -> Entry | None:
        if kind == _FULL:
            self._parts = None
            return Entry(offset, data)
        if kind == _FIRST:
            self._parts, self._size, self._start = [data], len(data), offset
            return None
        if kind not in (_MIDDLE, _LAST):
            self._drop(offset, f"a piece of kind {kind}, which is none; the rest of its block is left out")
        if self._parts is None:
            return None  # its beginning was passed over
        self._parts.append(data)
        self._size += len(data)
        if self._size > RECORD_BYTES:
            self._drop(self._start, f"a record of more than {RECORD_BYTES} bytes is left out")
        if kind == _MIDDLE:
            return None
        whole, self._parts = b"".join(self._parts), None
        return Entry(self._start, whole)

    def _drop(self, offset: int, why: str) -> None:
        self._parts = None
        raise _Damaged(offset, why)
