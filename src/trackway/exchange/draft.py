"""A bundle in the making: what is on disk of it outlives a cut, and the same export goes on from there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from trackway.artifacts.archive import make_info
from trackway.base.clock import now_ms
from trackway.base.errors import Conflict
from trackway.sdk.sources import CHUNK_BYTES

CHECKPOINT_S = 2.0
"""A cut costs what was written since the last checkpoint, and the file that was being copied."""
_ARCHIVE = "archive"
_RECORDS = "members.jsonl"
_STATE = "state.json"


class Exported(msgspec.Struct):
    """How much a bundle holds; of ``elsewhere`` runs and models, the files are where the store does not keep them."""

    experiments: int = 0
    runs: int = 0
    models: int = 0
    registered: int = 0
    versions: int = 0
    points: int = 0
    files: int = 0
    elsewhere: int = 0
    size_bytes: int = 0


class Member(msgspec.Struct, frozen=True):
    """One member of the archive, as the manifest lists it."""

    name: str
    size_bytes: int
    sha256: str


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """A member that is in the archive: where, and what its directory will say of it.

    points: keys and numbers of points, of a member of points
    """

    name: str
    size_bytes: int
    sha256: str
    crc: int
    start: int
    modified_ms: int
    points: list[tuple[str, int]] = []


class _State(msgspec.Struct):
    """What counts of the files of a draft, which may have grown since: their lengths, and what is counted in them."""

    subject: str
    exported: Exported
    lengths: dict[str, int]


class Draft:
    """An archive that grows in a folder beside the file that it will be, with lists of what is in it.

    path:     of the file that it becomes
    subject:  what is exported, and from where: another export does not go on with it
    lists:    names of the members that are written line by line while the others come
    restart:  throw away what is there of an earlier export

    ``exported`` is its owner's to count with. Whatever is raised while it is open leaves it to be gone on with.

    memory:   about 500 bytes a member
    raises:   Conflict when the folder is of another export, or of one that is running
    """

    def __init__(self, path: Path, subject: str, lists: Sequence[str], restart: bool = False) -> None:
        self._path = path
        self._lists = lists
        self.folder = path.with_name(f"{path.name}.partial")
        self.folder.mkdir(exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        self._next_s = time.monotonic() + CHECKPOINT_S
        try:
            self._claim()
            self._state = self._load(subject, restart)
            self._files = {name: self._open(name) for name in (_ARCHIVE, _RECORDS, *lists)}
        except BaseException:
            self._lock.close()
            raise
        self._found = dict(self._state.lengths)
        self._end = self._found.get(_ARCHIVE, 0)
        self._records = {record.name: record for record in self._read_records()}

    @property
    def exported(self) -> Exported:
        return self._state.exported

    def has(self, name: str) -> bool:
        """Tell whether a member is there, whole."""
        return name in self._records

    def get_points(self, name: str) -> list[tuple[str, int]]:
        """Return what a member of points was added with."""
        return self._records[name].points

    def read_lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a list that were there when this was opened."""
        with (self.folder / name).open("rb") as file:
            left = self._found.get(name, 0)
            while left > 0:
                line = file.readline()
                left -= len(line)
                yield line

    def add_line(self, name: str, line: bytes) -> None:
        """Add to a list."""
        self._files[name].write(line + b"\n")

    def clear(self, name: str) -> None:
        """Begin a list anew."""
        self._save({**self._state.lengths, name: 0})
        self._files[name].truncate(0)
        self._files[name].seek(0)

    def add(
        self,
        name: str,
        chunks: Iterable[bytes],
        modified_ms: int | None = None,
        points: Sequence[tuple[str, int]] = (),
    ) -> int:
        """Add a member and return its size. Its bytes are stored plainly, behind a header of the larger form.

        points: filled while the chunks are read
        """
        modified_ms = now_ms() if modified_ms is None else modified_ms
        archive, start = self._files[_ARCHIVE], self._end
        begin = start + len(_restore(_Record(name, 0, "", 0, start, modified_ms)).FileHeader(zip64=True))
        archive.seek(begin)
        digest, crc, size = hashlib.sha256(), 0, 0
        for chunk in chunks:
            archive.write(chunk)
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
        record = _Record(name, size, digest.hexdigest(), crc, start, modified_ms, [*points])
        archive.seek(start)
        archive.write(_restore(record).FileHeader(zip64=True))
        self._end = begin + size
        self._files[_RECORDS].write(msgspec.json.encode(record) + b"\n")
        self._records[name] = record
        return size

    def checkpoint(self) -> None:
        """Make sure, every few seconds, that what is there by now outlives a cut."""
        if time.monotonic() < self._next_s:
            return
        lengths = {_ARCHIVE: self._end}
        for name, file in self._files.items():
            file.flush()
            os.fsync(file.fileno())
            lengths.setdefault(name, file.tell())
        self._save(lengths)
        self._next_s = time.monotonic() + CHECKPOINT_S

    def list_members(self) -> list[Member]:
        """Return the members in the order of their bytes."""
        return [Member(one.name, one.size_bytes, one.sha256) for one in self._records.values()]

    def finish(self, last: str, make_last: Callable[[], bytes]) -> None:
        """Add the lists as members, and the last one, made when all others are there; then it is the file itself."""
        for name in self._lists:
            self._files[name].flush()
            self.add(name, _read(self.folder / name))
        self.add(last, [make_last()])
        archive = self._files[_ARCHIVE]
        archive.seek(0)
        with zipfile.ZipFile(archive, "w") as directory:  # writes nothing but the directory, behind what is there
            directory.filelist.extend(_restore(record) for record in self._records.values())
            directory.start_dir = self._end
        archive.flush()
        os.fsync(archive.fileno())
        self.exported.size_bytes = archive.seek(0, os.SEEK_END)
        self.close()
        (self.folder / _ARCHIVE).replace(self._path)
        shutil.rmtree(self.folder)
        _sync_folder(self._path.absolute().parent)

    def close(self) -> None:
        """Let go of the files; what is there stays."""
        for file in self._files.values():
            file.close()
        self._lock.close()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                f"Another export is writing {self._path} at this time", hint="wait for it, or name another file"
            ) from error

    def _load(self, subject: str, restart: bool) -> _State:
        """Return the state of an export that broke off, or that of a new one."""
        state, archive = self.folder / _STATE, self.folder / _ARCHIVE
        if restart or not (state.exists() and archive.exists()):
            state.unlink(missing_ok=True)
            return _State(subject, Exported(), {})
        try:
            found = msgspec.json.decode(state.read_bytes(), type=_State)
        except msgspec.MsgspecError as error:
            raise Conflict(f"{state} cannot be read: {error}", hint="begin anew with --restart") from error
        if found.subject != subject:
            raise Conflict(
                f"{self.folder} has the beginning of another export: {found.subject[:200]}",
                hint="name another file, or begin anew with --restart",
            )
        return found

    def _save(self, lengths: dict[str, int]) -> None:
        self._state.lengths = lengths
        state = self.folder / _STATE
        with state.with_suffix(".new").open("wb") as file:
            file.write(msgspec.json.encode(self._state))
            file.flush()
            os.fsync(file.fileno())
        state.with_suffix(".new").replace(state)

    def _open(self, name: str) -> BinaryIO:
        """Open a file of the draft, cut to what counts of it."""
        file = (self.folder / name).open("a+b", buffering=CHUNK_BYTES)
        length = self._state.lengths.get(name, 0)
        if file.seek(0, os.SEEK_END) < length:
            raise Conflict(f"{self.folder / name} is shorter than it was", hint="begin anew with --restart")
        file.truncate(length)
        file.close()
        file = (self.folder / name).open("r+b", buffering=CHUNK_BYTES)
        file.seek(length)
        return file

    def _read_records(self) -> list[_Record]:
        decode = msgspec.json.Decoder(_Record).decode
        return [decode(line) for line in self.read_lines(_RECORDS)]


def _restore(record: _Record) -> zipfile.ZipInfo:
    info = make_info(record.name, record.modified_ms)
    info.CRC, info.header_offset = record.crc, record.start
    info.file_size = info.compress_size = record.size_bytes
    return info


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
