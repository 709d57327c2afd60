"""Power cuts, simulated: what a disk may hold when the power goes, told from a process's system calls.

A write is on the disk for certain once an fsync or fdatasync of its file has begun after it and has ended. Of all other
writes, any sector of 512 bytes may have arrived or not. A new name or a removed one is certain once its folder was
synced. ``strace`` records the calls.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

SECTOR_BYTES = 512
_CALLS = "write,pwrite64,writev,sendto,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"
STRACE = ("strace", "-f", "-y", "-xx", "-s", "20000000", "-ttt", "--seccomp-bpf", "-e", f"trace={_CALLS}")
_CALL = re.compile(r"(\d+) +([\d.]+) (\w+)\((.*)")
_RESUMED = re.compile(r"(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*)")
_FD = re.compile(r"\w+<((?:\\x[0-9a-f]{2})+)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBERS = re.compile(r", (\d+)")
_RESULT = re.compile(r"= (-?\d+)")

Kind = Literal["write", "send", "sync", "truncate", "rename", "unlink"]
Survival = Literal["none", "all", "some"]


class Event(NamedTuple):
    """A call of the system: ``begin`` and ``end`` are places in the record, ``time_s`` is when it ended."""

    kind: Kind
    begin: int
    end: int
    time_s: float
    path: str
    data: bytes = b""
    offset: int | None = None
    target: str = ""


@contextmanager
def record(pid: int, file: Path) -> Iterator[None]:
    """Record a process's calls from here on, all its threads', until the block ends."""
    command = [*(word for word in STRACE if word != "--seccomp-bpf"), "-o", str(file), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        if "attached" not in line:
            raise RuntimeError(f"strace cannot look at process {pid}: {line}")
        try:
            yield
        finally:
            tracer.terminate()
            tracer.stderr.close()


def read_events(file: Path) -> list[Event]:
    """Read a record, in the order in which the calls ended; calls that failed or never ended are left out."""
    begun: dict[str, tuple[int, str, str]] = {}
    events: list[Event] = []
    with file.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines):
            if found := _CALL.match(line):
                pid, time_text, name, rest = found.groups()
                if "<unfinished ...>" in rest[-40:]:
                    begun[pid] = (number, name, rest)
                    continue
                begin = number
            elif (found := _RESUMED.match(line)) and (started := begun.pop(found[1], None)):
                time_text = found[2]
                begin, name, rest = started[0], started[1], started[2] + found[4]
            else:
                continue
            result = _RESULT.findall(rest[-200:])
            if result and int(result[-1]) >= 0:
                event = _make_event(name, rest, int(result[-1]), (begin, number, float(time_text)))
                if event:
                    events.append(event)
    return events


def _make_event(name: str, rest: str, result: int, when: tuple[int, int, float]) -> Event | None:
    texts = [_decode(text) for text in _TEXT.findall(rest)]
    folders = [_decode(text).decode() for text in _FD.findall(rest)]
    path = folders[0] if folders else ""
    begin, end, time_s = when
    if name in ("write", "writev", "sendto", "pwrite64"):
        kind: Kind = "write" if path.startswith("/") else "send"
        data = b"".join(texts)[:result]
        offset = int(_NUMBERS.findall(rest)[-1]) if name == "pwrite64" else None
        return Event(kind, begin, end, time_s, path, data, offset)
    if name in ("fsync", "fdatasync"):
        return Event("sync", begin, end, time_s, path)
    if name == "ftruncate":
        return Event("truncate", begin, end, time_s, path, offset=int(_NUMBERS.findall(rest)[-1]))
    names = [os.path.join(folder, text.decode()) for folder, text in _pair(folders, texts)]
    if name.startswith("rename"):
        return Event("rename", begin, end, time_s, names[0], target=names[1])
    return Event("unlink", begin, end, time_s, names[0]) if name.startswith("unlink") else None


def _pair(folders: Sequence[str], texts: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    for place, text in enumerate(texts):
        yield (folders[place] if place < len(folders) else "/"), text


def _decode(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


class _File:
    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.size = len(data)  # as the process sees it
        self.pending: list[Event] = []

    def add(self, event: Event) -> None:
        if event.kind == "truncate":
            self.size = event.offset or 0
        else:
            offset = self.size if event.offset is None else event.offset
            event = event._replace(offset=offset)
            self.size = max(self.size, offset + len(event.data))
        self.pending.append(event)

    def sync(self, begin: int) -> None:
        for event in [event for event in self.pending if event.end < begin]:
            self._apply(event, None)
        self.pending = [event for event in self.pending if event.end >= begin]

    def cut(self, survival: Survival, rng: random.Random) -> bytes:
        for event in self.pending:
            if survival == "all" or (survival == "some" and rng.random() < 0.7):
                self._apply(event, rng if survival == "some" else None)
        return bytes(self.data)

    def _apply(self, event: Event, rng: random.Random | None) -> None:
        offset = event.offset or 0
        if event.kind == "truncate":
            del self.data[offset:]
            return
        for start in range(0, len(event.data), SECTOR_BYTES):
            if rng is None or rng.random() < 0.8:
                piece = event.data[start : start + SECTOR_BYTES]
                place = offset + start
                self.data.extend(bytes(max(0, place - len(self.data))))
                self.data[place : place + len(piece)] = piece


class _Change(NamedTuple):
    """A change of names that its folder does not hold for certain yet: the file, and what its new name meant before."""

    event: Event
    file: _File
    replaced: _File | None


class Disk:
    """What was written below a folder; ``begun`` is what it held before the record began."""

    def __init__(self, root: Path, begun: dict[str, bytes]) -> None:
        self._root = str(root)
        self._files = {path: _File(data) for path, data in begun.items()}
        self._changes: list[_Change] = []

    def play(self, events: Sequence[Event]) -> None:
        """Carry out calls, in the order in which they ended."""
        for event in events:
            if not event.path.startswith(self._root):
                continue
            if event.kind in ("write", "truncate"):
                self._files.setdefault(event.path, _File(b"")).add(event)
            elif event.kind == "sync":
                if event.path in self._files:
                    self._files[event.path].sync(event.begin)
                self._changes = [one for one in self._changes if not _is_held(one.event, event)]
            elif event.path in self._files:
                file = self._files.pop(event.path)
                self._changes.append(_Change(event, file, self._files.get(event.target)))
                if event.kind == "rename":
                    self._files[event.target] = file

    def cut(self, survival: Survival, rng: random.Random, target: Path) -> None:
        """Cut the power, and write what the disk holds into a new folder."""
        for event, file, replaced in reversed(self._changes):
            if survival == "all" or (survival == "some" and rng.random() < 0.5):
                continue
            self._files[event.path] = file
            if event.kind == "rename":
                del self._files[event.target]
            if replaced:
                self._files[event.target] = replaced
        for path, file in self._files.items():
            place = target / os.path.relpath(path, self._root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.cut(survival, rng))


def _is_held(change: Event, sync: Event) -> bool:
    return change.end < sync.begin and os.path.dirname(change.target or change.path) == sync.path


def read_folder(root: Path) -> dict[str, bytes]:
    """Return what the files below a folder hold."""
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
