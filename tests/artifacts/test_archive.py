from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway.artifacts.archive import Entry, zip_stream
from trackway.artifacts.base import CHUNK_BYTES
from trackway.base.errors import Corrupt, InvalidInput
from trackway.testing.blobs import cut, make_bytes

MODIFIED_MS = 1_700_000_001_000


def make_entry(path: str, data: bytes, modified_ms: int = MODIFIED_MS) -> Entry:
    return path, len(data), modified_ms, lambda: cut(data)


def open_zip(stream: Iterator[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(stream)))


def test_an_archive_holds_every_file_under_its_path() -> None:
    files = {"a.txt": b"hello", "empty": b"", "plots/ä 日本.png": make_bytes(3 * CHUNK_BYTES + 1), "m/MLmodel": b"x: 1"}
    archive = open_zip(zip_stream(make_entry(path, data) for path, data in files.items()))
    assert archive.testzip() is None
    assert {info.filename: archive.read(info) for info in archive.infolist()} == files
    for info in archive.infolist():
        assert info.date_time == (2023, 11, 14, 22, 13, 20)
        assert info.external_attr >> 16 == 0o100644


def test_an_archive_of_nothing_is_an_archive() -> None:
    assert open_zip(zip_stream([])).namelist() == []


@pytest.mark.parametrize(
    "modified_ms,expected",
    [(0, (1980, 1, 1, 0, 0, 0)), (-(10**18), (1980, 1, 1, 0, 0, 0)), (10**18, (2107, 12, 31, 23, 59, 58))],
)
def test_a_time_that_the_format_cannot_hold_becomes_the_nearest(modified_ms: int, expected: tuple[int, ...]) -> None:
    (info,) = open_zip(zip_stream([make_entry("a", b"x", modified_ms)])).infolist()
    assert info.date_time == expected


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "C:/x", "..\\x", "a//b", "", "%2e%2e/x"])
def test_no_member_leaves_the_folder_that_it_is_unpacked_to(path: str) -> None:
    with pytest.raises(InvalidInput):
        list(zip_stream([make_entry("good", b"x"), make_entry(path, b"x")]))


def test_nothing_is_opened_before_its_turn_nor_kept_after() -> None:
    opened: list[int] = []

    def open_number(number: int) -> Iterator[bytes]:
        opened.append(number)
        for _ in range(16):
            yield bytes(CHUNK_BYTES)

    entries = [(f"{number}", 16 * CHUNK_BYTES, 0, lambda number=number: open_number(number)) for number in range(8)]
    stream = zip_stream(entries)
    next(stream)
    assert opened == [0]
    tracemalloc.start()
    size_bytes = sum(len(piece) for piece in stream)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size_bytes > 127 * CHUNK_BYTES
    assert peak_bytes < 8 * CHUNK_BYTES
    assert opened == list(range(8))


def test_an_archive_whose_source_fails_cannot_be_taken_for_whole() -> None:
    def fail() -> Iterator[bytes]:
        yield b"begun"
        raise Corrupt("The stored bytes do not match their digest")

    pieces: list[bytes] = []
    with pytest.raises(Corrupt):
        pieces.extend(zip_stream([make_entry("a", b"x"), ("b", 9, 0, fail), make_entry("c", b"x")]))
    sent = b"".join(pieces)
    assert b"begun" in sent
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(sent))


def test_a_large_file_is_written_in_the_large_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000_000)
    data = make_bytes(1_000_001)
    archive = open_zip(zip_stream([make_entry("small", b"x"), make_entry("large", data), make_entry("after", b"y")]))
    large = archive.getinfo("large")
    assert large.extract_version == zipfile.ZIP64_VERSION
    assert archive.getinfo("small").extract_version < zipfile.ZIP64_VERSION
    assert [archive.read(name) for name in ("small", "large", "after")] == [b"x", data, b"y"]


@pytest.mark.slow
def test_a_file_of_more_than_4_gib_keeps_its_size(tmp_path: Path) -> None:
    size_bytes = (4 << 30) + 5
    zeros = bytes(CHUNK_BYTES)

    def read_zeros() -> Iterator[bytes]:
        for _ in range(size_bytes // CHUNK_BYTES):
            yield zeros
        yield b"12345"

    target = tmp_path / "large.zip"
    with target.open("wb") as file:
        for piece in zip_stream([("large", size_bytes, 0, read_zeros), make_entry("after", b"x")]):
            if piece == zeros:
                file.seek(CHUNK_BYTES, 1)  # takes no space on disk
            else:
                file.write(piece)
    with zipfile.ZipFile(target) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == [("large", size_bytes), ("after", 1)]
        assert archive.read("after") == b"x"
        with archive.open("large") as member:
            member.seek(size_bytes - 7)
            assert member.read() == b"\0\x0012345"


def test_the_archive_unpacks_with_another_reader(tmp_path: Path) -> None:
    data = make_bytes(100_000)
    (tmp_path / "a.zip").write_bytes(b"".join(zip_stream([make_entry("x/ä", data)])))
    script = "import shutil, sys; shutil.unpack_archive(sys.argv[1], sys.argv[2])"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.zip"), str(tmp_path / "out")], check=True)
    assert (tmp_path / "out" / "x" / "ä").read_bytes() == data
