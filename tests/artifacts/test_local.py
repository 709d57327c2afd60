from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from trackway.artifacts.base import CHUNK_BYTES, BlobStore
from trackway.artifacts.local import LocalBlobs
from trackway.base.errors import Conflict, Corrupt, NotFound, TrackwayError, Unavailable
from trackway.testing.blobs import BlobStoreContract, cut, get_digest, make_bytes

Call = Callable[..., Any]


class TestLocalBlobs(BlobStoreContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        return LocalBlobs(tmp_path / "root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def local(root: Path) -> LocalBlobs:
    return LocalBlobs(root)


def list_temporary(root: Path) -> list[str]:
    return os.listdir(root / ".trackway" / "tmp")


def test_files_and_folders_are_readable_by_their_owner_alone(local: LocalBlobs, root: Path) -> None:
    before = os.umask(0)
    try:
        local.put("a/b/c", [b"x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "a/b/c").stat().st_mode) == 0o600
    for folder in (root, root / "a", root / "a/b", root / ".trackway", root / ".trackway/tmp"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_blob_is_the_file_of_its_key(local: LocalBlobs, root: Path) -> None:
    local.put("run/plots/roc.png", [b"png"])
    assert (root / "run/plots/roc.png").read_bytes() == b"png"


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    LocalBlobs(tmp_path / "link").put("a", [b"x"])
    assert (tmp_path / "disk" / "a").read_bytes() == b"x"


@pytest.mark.parametrize("below", ["", "/artifacts"])
def test_a_file_in_the_place_of_the_root_is_told_as_such(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("theirs")
    with pytest.raises(Unavailable, match="there is a file in its place"):
        LocalBlobs(f"{tmp_path}/taken{below}")
    assert (tmp_path / "taken").read_text() == "theirs"


def test_a_reader_keeps_what_it_opened(local: LocalBlobs) -> None:
    old = make_bytes(3 * CHUNK_BYTES)
    local.put("a", cut(old))
    reader = local.read("a")
    first = next(reader)
    local.put("a", [b"new"])
    local.delete("a")
    assert first + b"".join(reader) == old


def test_folders_go_with_their_last_blob(local: LocalBlobs, root: Path) -> None:
    for key in ("a/b/c/d", "a/x"):
        local.put(key, [b"x"])
    local.delete("a/b/c/d")
    assert sorted(os.listdir(root / "a")) == ["x"]
    local.delete("a/x")
    assert os.listdir(root) == [".trackway"]


@pytest.mark.parametrize("key", ["file/below", "file/below/deeper", "folder"])
def test_a_key_that_passes_through_a_blob_or_names_a_folder_conflicts(local: LocalBlobs, root: Path, key: str) -> None:
    local.put("file", [b"kept"])
    local.put("folder/blob", [b"kept"])
    with pytest.raises(Conflict):
        local.put(key, [b"x"])
    with pytest.raises(NotFound):
        local.read(key)
    local.delete(key)
    assert sorted(local.list()) == [("file", 4), ("folder/blob", 4)]
    assert list_temporary(root) == []


class TestLinksPlantedBelowTheRoot:
    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        outside = tmp_path / "outside"
        (outside / "folder").mkdir(parents=True)
        (outside / "folder" / "canary").write_bytes(b"canary")
        return outside

    def test_a_linked_file_is_not_read_listed_or_written_through(
        self, local: LocalBlobs, root: Path, outside: Path
    ) -> None:
        (root / "a").mkdir()
        (root / "a" / "link").symlink_to(outside / "folder" / "canary")
        self.assert_unreachable(local, "a/link")
        local.put("a/link", [b"own"])
        assert not (root / "a" / "link").is_symlink(), "the put replaced the link itself"
        assert (outside / "folder" / "canary").read_bytes() == b"canary"

    def test_a_linked_folder_is_not_read_listed_or_written_through(
        self, local: LocalBlobs, root: Path, outside: Path
    ) -> None:
        (root / "link").symlink_to(outside / "folder")
        (root / "up").symlink_to("..")
        self.assert_unreachable(local, "link/canary")
        self.assert_unreachable(local, "up/outside/folder/canary")
        for key in ("link/new", "link/canary", "up/outside/folder/canary", "link"):
            if key == "link":
                local.put(key, [b"x"])
            else:
                with pytest.raises(Conflict):
                    local.put(key, [b"x"])
        assert os.listdir(outside / "folder") == ["canary"]
        assert (outside / "folder" / "canary").read_bytes() == b"canary"

    def test_a_linked_working_folder_is_not_written_through(self, tmp_path: Path, outside: Path) -> None:
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / ".trackway").symlink_to(outside)
        with pytest.raises(TrackwayError):
            LocalBlobs(tmp_path / "root")
        assert os.listdir(outside) == ["folder"]

    def test_deleting_a_link_deletes_nothing_else(self, local: LocalBlobs, root: Path, outside: Path) -> None:
        (root / "file").symlink_to(outside / "folder" / "canary")
        (root / "folder").symlink_to(outside / "folder")
        local.delete("folder/canary")
        local.delete("file")
        local.delete("folder")
        assert (outside / "folder" / "canary").read_bytes() == b"canary"

    def test_a_pipe_or_socket_is_no_blob_and_does_not_hang_the_reader(self, local: LocalBlobs, root: Path) -> None:
        os.mkfifo(root / "pipe")
        self.assert_unreachable(local, "pipe")

    def assert_unreachable(self, local: LocalBlobs, key: str) -> None:
        with pytest.raises(NotFound):
            local.read(key)
        with pytest.raises(NotFound):
            local.size(key)
        assert list(local.list()) == []
        assert list(local.list(key.rpartition("/")[0])) == []


def test_one_flipped_bit_on_disk_is_found_by_whoever_has_the_digest(local: LocalBlobs, root: Path) -> None:
    data = make_bytes(2 * CHUNK_BYTES)
    digest = local.put("a", cut(data)).sha256
    for at in (0, CHUNK_BYTES, len(data) - 1):
        changed = bytearray(data)
        changed[at] ^= 0x10
        (root / "a").write_bytes(changed)
        with pytest.raises(Corrupt, match="do not match") as caught:
            list(local.read_verified("a", digest))
        assert caught.value.details == {"sha256_expected": digest, "sha256_found": get_digest(bytes(changed))}
    (root / "a").write_bytes(data[:-1])
    with pytest.raises(Corrupt):
        list(local.read_verified("a", digest))


class Faults:
    """Stands in for functions of ``os``: the n-th call of any of them fails, all others go through."""

    NAMES = ("open", "mkdir", "write", "fsync", "rename", "unlink", "stat", "pread")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fail_at = -1
        self.error = errno.EIO
        for name in self.NAMES:
            monkeypatch.setattr(os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name: str, real: Call) -> Call:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) - 1 == self.fail_at:
                raise OSError(self.error, os.strerror(self.error), "a/path/of/the/server")
            return real(*args, **kwargs)

        return call

    @contextmanager
    def at(self, number: int) -> Iterator[None]:
        self.calls.clear()
        self.fail_at = number
        yield
        self.fail_at = -1


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("key", ["old", "new/folder/blob"])
def test_whichever_call_to_the_system_fails_the_blob_is_whole_old_or_new(
    local: LocalBlobs, root: Path, monkeypatch: pytest.MonkeyPatch, code: int, key: str
) -> None:
    local.put("old", [b"old"])
    faults = Faults(monkeypatch)
    faults.error = code
    handles = count_handles()
    failed = 0
    for number in range(100):
        local.put("old", [b"old"])
        local.delete("new/folder/blob")
        with faults.at(number):
            if not attempt(lambda: local.put(key, [b"ne", b"w"])):
                break
            failed += 1
            last = faults.calls[number] == "fsync" and "rename" in faults.calls[:number]
        assert list_temporary(root) == []
        assert count_handles() == handles
        found = {name: b"".join(local.read(name)) for name, _ in local.list()}
        expected = {"old": b"old"}
        assert found in (expected, expected | {key: b"new"}) if last else found == expected
        local.put(key, [b"next"])
        assert b"".join(local.read(key)) == b"next"
    assert failed >= 10
    assert b"".join(local.read(key)) == b"new"


def attempt(act: Callable[[], object]) -> bool:
    """Tell whether ``act`` failed as it may, with Unavailable and a hint, and without a path in its message."""
    refused = None
    try:
        act()
    except Unavailable as error:
        refused = error
    assert refused is None or (refused.hint and "path/of/the/server" not in str(refused))
    return refused is not None


def count_handles() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_whichever_call_to_the_system_fails_no_other_act_breaks_or_leaks(
    local: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.put("a/b/c", [b"kept"])
    local.put("a/d", [b"kept"])
    acts: list[Callable[[], object]] = [
        lambda: b"".join(local.read("a/b/c")),
        lambda: b"".join(local.read("a/b/c", 1, 2)),
        lambda: local.size("a/b/c"),
        lambda: list(local.list()),
    ]
    faults = Faults(monkeypatch)
    handles = count_handles()
    for act in acts:
        expected = act()
        for number in range(100):
            with faults.at(number):
                if not attempt(lambda act=act: act()):  # type: ignore[misc]
                    break
            assert act() == expected
            assert count_handles() == handles
        assert number > 1


def test_whichever_call_to_the_system_fails_a_delete_deletes_or_says_so(
    local: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(monkeypatch)
    for number in range(100):
        local.put("a/b", [b"x"])
        with faults.at(number):
            failed = attempt(lambda: local.delete("a/b"))
        assert failed or list(local.list()) == []
        local.delete("a/b")
        assert list(local.list()) == []
        if not failed and number >= len(faults.calls):
            break
    assert 3 < number < 99


def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_all_of_them(
    local: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:7]))
    data = make_bytes(10_000)
    assert local.put("a", [data]).sha256 == get_digest(data)
    assert b"".join(local.read("a")) == data


def test_a_real_limit_of_the_system_leaves_nothing_behind_and_says_what_to_do(local: LocalBlobs, root: Path) -> None:
    local.put("a", [b"kept"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * CHUNK_BYTES, hard))
    try:
        with pytest.raises(Unavailable, match=r"disk is full .*free some space"):
            local.put("a", cut(make_bytes(9 * CHUNK_BYTES)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert b"".join(local.read("a")) == b"kept"
    assert list_temporary(root) == []


def test_a_file_is_synced_before_it_gets_its_name_and_the_folder_after(
    local: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(monkeypatch)
    local.put("a", [b"x"])
    assert [name for name in faults.calls if name != "open"] == ["write", "fsync", "rename", "fsync"]


def test_a_root_that_went_away_is_unavailable_and_not_empty(local: LocalBlobs, root: Path, tmp_path: Path) -> None:
    local.put("a", [b"x"])
    root.rename(tmp_path / "away")
    for act in (lambda: local.read("a"), lambda: local.size("a"), lambda: list(local.list())):
        with pytest.raises(Unavailable, match="mounted") as caught:
            act()
        assert str(tmp_path) not in str(caught.value)


def test_a_killed_put_leaves_nothing_visible_and_its_file_goes_at_a_start_a_day_later(root: Path) -> None:
    script = (
        "import sys\n"
        "from trackway.artifacts.local import LocalBlobs\n"
        "def chunks():\n"
        "    yield b'x' * 100\n"
        "    print('begun', flush=True)\n"
        "    sys.stdin.read()\n"
        "LocalBlobs(sys.argv[1]).put('a', chunks())\n"
    )
    command = [sys.executable, "-c", script, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGKILL)
    local = LocalBlobs(root)
    assert list(local.list()) == []
    (left,) = list_temporary(root)
    day_ago_s = time.time() - 24 * 3600 - 60
    os.utime(root / ".trackway" / "tmp" / left, (day_ago_s, day_ago_s))
    LocalBlobs(root)
    assert list_temporary(root) == []
