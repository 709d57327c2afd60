"""What lies in a journal directory, byte by byte; ``docs/formats/journal.md`` is the page for people.

Standard library only: this is on the way of ``import trackway`` and of every logging call.
"""

from __future__ import annotations

import json
import os
import struct
from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeVar
from zlib import crc32

from trackway.base.errors import NotFound, NotSupported, Unavailable

_T = TypeVar("_T")

FORMAT: Final = 1
SESSION_FILE: Final = "session.json"
LOCK_FILE: Final = "lock"
ACKED_FILE: Final = "acked"
SEGMENT_DRAFT: Final = "segment.tmp"
"""A segment until its header is whole: once a segment can be seen, the one before it is complete."""

SEGMENT_BYTES: Final = 8 * 1024 * 1024
"""A segment that has records is left for a new one before it grows beyond this."""
MAX_PAYLOAD_BYTES: Final = 64 * 1024 * 1024
MAGIC: Final = b"\xf5\xfa"
"""Starts every record. Neither byte occurs in UTF-8, so no text can hold it."""
OVERHEAD_BYTES: Final = 20
"""Bytes of a record beside its payload."""
METRIC_BYTES: Final = 48
"""Bytes of a whole METRIC record."""
CRC_RESIDUE: Final = 0x2144DF1C
"""CRC-32 of any bytes followed by their own CRC-32, from whatever starting value: one call checks a record."""


class Kind(IntEnum):
    """What a record is about. The journal knows the inside of METRIC and SERIES only."""

    CREATE_RUN = 1
    UPDATE_RUN = 2
    PARAMS = 3
    TAGS = 4
    INPUTS = 5
    OUTPUTS = 6
    ARTIFACT = 7
    METRIC = 8
    SERIES = 9
    FINISH = 10


KINDS: Final = frozenset(int(kind) for kind in Kind)
FIRST_IN_PART: Final = frozenset((Kind.CREATE_RUN, Kind.PARAMS, Kind.TAGS, Kind.INPUTS, Kind.OUTPUTS))
"""Kinds that may be delivered before points that were logged before them; any other kind may not."""

HEAD: Final = struct.Struct("<2sBBIQ")
"""magic, kind, zero, payload length, sequence number."""
METRIC_BODY: Final = struct.Struct("<QQqqdI")
"""The first 8 bytes of HEAD as one number, sequence number, step, time in ms, value, series."""
METRIC_HEAD: Final[int] = struct.unpack("<Q", HEAD.pack(MAGIC, Kind.METRIC, 0, 28, 0)[:8])[0]
SERIES_BODY: Final = struct.Struct("<IH")
"""series, length of the run id in bytes; run id and key follow as UTF-8."""

_SEGMENT_HEADER: Final = struct.Struct("<8sIQ")
_SEGMENT_MAGIC: Final = b"TWJRNL\x00\x01"
SEGMENT_HEADER_BYTES: Final = _SEGMENT_HEADER.size + 4
_ACKED_SLOT: Final = struct.Struct("<QI")
ACKED_BYTES: Final = 2 * _ACKED_SLOT.size


# Field types given as objects, as a NamedTuple compiles every annotation: 0.2 ms each at import.
class SessionFile(
    NamedTuple(
        "SessionFile",
        [
            ("session_id", str),
            ("created_ms", int),
            ("pid", int),
            ("host", str),
            ("info", dict[str, str]),
            ("closed_ms", int | None),
            ("last_seq", int | None),
        ],
    )
):
    """What ``session.json`` says; ``last_seq`` and ``closed_ms`` are None until the writer has closed the session."""

    __slots__ = ()


def compute_salt(session_id: str, number: int) -> int:
    """Return where the CRCs of one segment start, so that bytes of another segment or journal are never records."""
    return crc32(f"{session_id}/{number}".encode("utf-8", "surrogatepass"))


def pack_record(kind: int, seq: int, payload: bytes, salt: int) -> bytes:
    """Return one whole record."""
    body = HEAD.pack(MAGIC, kind, 0, len(payload), seq) + payload
    return body + crc32(body, salt).to_bytes(4, "little")


def pack_segment_header(number: int, first_seq: int, salt: int) -> bytes:
    """Return the first bytes of a segment; no record in it has a number below ``first_seq``."""
    body = _SEGMENT_HEADER.pack(_SEGMENT_MAGIC, number, first_seq)
    return body + crc32(body, salt).to_bytes(4, "little")


def unpack_segment_header(data: bytes, number: int, salt: int) -> int | None:
    """Return ``first_seq`` of segment ``number``, or None when the bytes are not its header."""
    if len(data) != SEGMENT_HEADER_BYTES or crc32(data, salt) != CRC_RESIDUE:
        return None
    magic, stored, first_seq = _SEGMENT_HEADER.unpack_from(data)
    return int(first_seq) if magic == _SEGMENT_MAGIC and stored == number else None


def get_segment_path(directory: str, number: int) -> str:
    """Return the path of a segment."""
    return os.path.join(directory, f"{number:08d}.seg")


def list_segments(directory: str) -> list[int]:
    """Return the numbers of the segments that are there, rising; none when the directory is gone."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"Cannot list {directory}: {error.strerror}") from error
    stems = (name[:-4] for name in names if name.endswith(".seg"))
    return sorted(int(stem) for stem in stems if len(stem) >= 8 and stem.isascii() and stem.isdigit())


def read_first_seq(directory: str, number: int, salt: int) -> int | None:
    """Return the least sequence number that segment ``number`` may hold, or None when its header cannot be read."""
    try:
        with open(get_segment_path(directory, number), "rb", buffering=0) as file:
            return unpack_segment_header(file.read(SEGMENT_HEADER_BYTES), number, salt)
    except FileNotFoundError:
        return None


def pack_acked(seq: int, session_id: str) -> bytes:
    """Return one slot of the ``acked`` file."""
    return _ACKED_SLOT.pack(seq, crc32(seq.to_bytes(8, "little"), compute_salt(session_id, 0)))


def read_acked(directory: str, session_id: str) -> int:
    """Return the highest acknowledged number noted, 0 when none is readable: sending again is always safe."""
    try:
        with open(os.path.join(directory, ACKED_FILE), "rb", buffering=0) as file:
            data = file.read(ACKED_BYTES)
    except FileNotFoundError:
        return 0
    whole = data[: len(data) - len(data) % _ACKED_SLOT.size]
    noted = (seq for seq, _ in _ACKED_SLOT.iter_unpack(whole) if pack_acked(seq, session_id) in data)
    return max(noted, default=0)


def write_session(directory: str, session: SessionFile) -> None:
    """Replace ``session.json`` as a whole, and make it durable when it says that the session is closed."""
    path = os.path.join(directory, SESSION_FILE)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, **session._asdict()}, file, indent=1)
        file.flush()
        if session.closed_ms is not None:
            os.fsync(file.fileno())
    os.replace(path + ".tmp", path)


def read_session(directory: str) -> SessionFile:
    """Read ``session.json``; a field that is damaged gets its default, the session id the directory's name.

    raises: NotFound when ``directory`` is no session, NotSupported when a newer release wrote it, Unavailable when
    it cannot be read
    """
    try:
        with open(os.path.join(directory, SESSION_FILE), "rb") as file:
            data = file.read(1 << 20)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{directory} is not a journal session", hint=f"it has no {SESSION_FILE}") from None
    except OSError as error:
        raise Unavailable(f"Cannot read the journal in {directory}: {error.strerror}") from error
    name = os.path.basename(os.path.abspath(directory))
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        parsed = None
    fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
    version = _pick(fields, "format", int) or FORMAT
    if version > FORMAT:
        raise NotSupported(
            f"The journal in {directory} has format {version}; this release reads up to {FORMAT}",
            hint="upgrade trackway",
        )
    info = fields.get("info")
    return SessionFile(
        session_id=_pick(fields, "session_id", str) or name,
        created_ms=_pick(fields, "created_ms", int) or 0,
        pid=_pick(fields, "pid", int) or 0,
        host=_pick(fields, "host", str) or "",
        info={str(key): str(value) for key, value in info.items()} if isinstance(info, dict) else {},
        closed_ms=_pick(fields, "closed_ms", int),
        last_seq=_pick(fields, "last_seq", int),
    )


def _pick(fields: dict[str, Any], name: str, kind: type[_T]) -> _T | None:
    value = fields.get(name)
    return value if isinstance(value, kind) else None
