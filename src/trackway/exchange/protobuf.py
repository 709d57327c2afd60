"""Messages of protocol buffers, read field by field without their definitions.

The format is that of https://protobuf.dev/programming-guides/encoding; groups, which new definitions cannot have, are
refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from trackway.base.errors import Corrupt

MOST_FIELDS = 100_000
"""Of one message: a field may take two bytes, and what is made of it some hundred times as much."""
_VARINT_BYTES = 10


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and value of each field: bytes, or for the three kinds of numbers their bits.

    raises: Corrupt when a field reaches beyond the end, is of no known kind, or is one too many
    """
    position, end = 0, len(data)
    for _ in range(MOST_FIELDS):
        if position == end:
            return
        tag, position = _read_varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = _read_varint(data, position)
            yield number, value
            continue
        if kind == 2:
            size, position = _read_varint(data, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Corrupt(f"a field of kind {kind}, which is none")
        if size > end - position:
            raise Corrupt(f"a field of {size} bytes where {end - position} are left")
        piece = data[position : position + size]
        position += size
        yield number, piece if kind == 2 else int.from_bytes(piece, "little")
    if position != end:
        raise Corrupt(f"more than {MOST_FIELDS} fields in one message")


def read_messages(data: bytes, number: int) -> Iterator[bytes]:
    """Yield the bytes of each field of a number: texts, and messages in the message."""
    for found, value in read_fields(data):
        if found == number and isinstance(value, bytes):
            yield value


def collect(data: bytes) -> Fields:
    """Return the fields of a small message; of those that are repeated, the last."""
    return Fields(read_fields(data))


class Fields(dict[int, int | bytes]):
    """A message's fields by their numbers; one that is not there has its kind's zero, as the format has it."""

    def get_bytes(self, number: int) -> bytes:
        """Return a message in the message."""
        value = self.get(number, b"")
        if isinstance(value, int):
            raise Corrupt(f"field {number} is a number, and no message")
        return value

    def get_text(self, number: int) -> str:
        """Return a text."""
        return self.get_bytes(number).decode("utf-8")

    def get_integer(self, number: int) -> int:
        """Return a number with its sign."""
        value = self.get(number, 0)
        if isinstance(value, bytes):
            raise Corrupt(f"field {number} is bytes, and no number")
        return value - (1 << 64) if value >> 63 else value


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 7 * _VARINT_BYTES, 7):
        if position == len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
    raise Corrupt("a number that does not end")
