"""A blob store in a folder of the local file system."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from trackway.artifacts.base import CHUNK_BYTES, BlobStore
from trackway.artifacts.paths import RESERVED
from trackway.base.errors import Conflict, NotFound, TrackwayError, Unavailable
from trackway.base.ids import new_id

_TEMPORARY = (RESERVED, "tmp")
_ABANDONED_S = 24 * 3600
_RETRIES = 100
_FLUSH_BYTES = 8 << 20

_OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_FOLDER = _OPEN_ROOT | os.O_NOFOLLOW
# Without O_NONBLOCK, opening a planted named pipe would hang.
_OPEN_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_IN_THE_WAY = (errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LocalBlobs(BlobStore):
    """Blobs as files below ``root``, readable by the server's own user alone.

    Bytes go to a new file of an unguessable name, which is synced and then renamed to its key; the folder is synced
    last. Only a failure of that last sync can leave the new blob, whole, after an error. Every path is walked from an
    open folder handle, one name at a time and without following links, so that nothing planted below ``root`` leads
    elsewhere. A folder goes with its last blob. What a killed process left unfinished goes at a start a day later.

    root:    made with mode 0700 when missing; may itself be a link
    raises:  Unavailable when the disk is full, fails or denies access; Conflict when a key passes through a blob
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.path.realpath(root)
        with _translated():
            try:
                os.makedirs(self._root, mode=0o700, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise Unavailable(
                    "The artifact root cannot be made: there is a file in its place, or in that of a folder above it",
                    hint="give a folder, or the place of one to make",
                ) from error
            with self._folder(_TEMPORARY, create=True) as tmp:
                _remove_abandoned(tmp)

    def _write(self, key: str, chunks: Iterator[bytes]) -> None:
        *folders, name = key.split("/")
        temporary = new_id()
        with _translated(), self._folder(_TEMPORARY, create=True) as handle:
            tmp = os.dup(handle)
        try:
            try:
                _fill(temporary, tmp, chunks)
                with _translated():
                    self._rename(temporary, tmp, folders, name)
            except BaseException:
                with suppress(OSError):  # renamed already, or left to a later start: the first error is the one to tell
                    os.unlink(temporary, dir_fd=tmp)
                raise
        finally:
            os.close(tmp)

    def _rename(self, temporary: str, tmp: int, folders: Sequence[str], name: str) -> None:
        for _ in range(_RETRIES):
            try:
                with self._folder(folders, create=True) as folder:
                    os.rename(temporary, name, src_dir_fd=tmp, dst_dir_fd=folder)
                    os.fsync(folder)
                return
            except FileNotFoundError:
                continue  # The folder went with its last blob, which another thread deleted just now.
            except OSError as error:
                if error.errno not in _IN_THE_WAY:
                    raise
                raise Conflict("The key passes through a blob, or names a folder of blobs") from error
        raise Unavailable("The blob's folder is deleted again and again", hint="send the file again")

    def _read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        *folders, name = key.split("/")
        with _translated(), self._folder(folders) as folder:
            file = os.open(name, _OPEN_READ, dir_fd=folder)
        try:
            _check_regular(os.fstat(file))
            while end is None or start < end:
                with _translated():
                    chunk = os.pread(file, CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - start), start)
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            os.close(file)

    def _size(self, key: str) -> int:
        *folders, name = key.split("/")
        with _translated(), self._folder(folders) as folder:
            return _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))

    def _delete(self, key: str) -> None:
        *folders, name = key.split("/")
        with suppress(NotFound), _translated():
            # A folder of blobs is no blob: unlinking it fails, and nothing was there to delete.
            with self._folder(folders) as folder, suppress(IsADirectoryError):
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
            while folders:
                *folders, name = folders
                with self._folder(folders) as folder:
                    try:
                        os.rmdir(name, dir_fd=folder)
                    except OSError:
                        return  # Not empty, or in use again.

    def _list(self, folder: str) -> Iterator[tuple[str, int]]:
        names = folder.split("/") if folder else []
        try:
            with _translated(), self._folder(names) as handle:
                entries = list(_scan(handle))
        except NotFound:
            return
        for name, size_bytes in entries:
            key = "/".join((*names, name))
            if name.endswith("/"):
                yield from self._list(key[:-1])
            else:
                yield key, size_bytes

    @contextmanager
    def _folder(self, names: Sequence[str], create: bool = False) -> Iterator[int]:
        """Walk from the root without following links, and lend the handle of the last folder."""
        try:
            handle = os.open(self._root, _OPEN_ROOT)
        except OSError as error:
            raise Unavailable("The artifact root cannot be opened", hint="is its disk mounted?") from error
        try:
            for name in names:
                child = _enter(handle, name, create)
                os.close(handle)
                handle = child
            yield handle
        finally:
            os.close(handle)


def _enter(folder: int, name: str, create: bool) -> int:
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
    os.fsync(folder)
    return os.open(name, _OPEN_FOLDER, dir_fd=folder)


def _fill(name: str, folder: int, chunks: Iterator[bytes]) -> None:
    """Make a new, private file and write ``chunks`` to disk; what ``chunks`` raises passes through as it is."""
    with _translated():
        file = os.open(name, _OPEN_WRITE, 0o600, dir_fd=folder)
    written = flushed = 0
    try:
        for chunk in chunks:
            with _translated():
                written += _write_all(file, chunk)
                if written - flushed >= _FLUSH_BYTES and hasattr(os, "posix_fadvise"):
                    # Lets the kernel begin to write now, so that the sync does not wait for the whole file at the end.
                    os.posix_fadvise(file, flushed, written - flushed, os.POSIX_FADV_DONTNEED)
                    flushed = written
        with _translated():
            os.fsync(file)
    finally:
        os.close(file)


def _write_all(file: int, chunk: bytes) -> int:
    left = memoryview(chunk)
    while left:
        left = left[os.write(file, left) :]
    return len(chunk)


def _scan(folder: int) -> Iterator[tuple[str, int]]:
    """Yield (name, size_bytes) of the regular files in a folder, and (name + "/", 0) of the folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield f"{entry.name}/", 0
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size


def _remove_abandoned(folder: int) -> None:
    oldest_s = time.time() - _ABANDONED_S
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < oldest_s:
                    os.unlink(entry.name, dir_fd=folder)


def _check_regular(status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise NotFound("No such blob")
    return status.st_size


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what the operating system says as an error of the store; no message names a path."""
    try:
        yield
    except OSError as error:
        raise _translate(error) from error


def _translate(error: OSError) -> TrackwayError:
    if error.errno in _NOT_THERE:
        return NotFound("No such blob")
    if error.errno in _FULL:
        return Unavailable("The artifact disk is full", hint="free some space below the artifact root, then try again")
    reason = os.strerror(error.errno or errno.EIO)
    return Unavailable(
        f"The artifact disk cannot be used: {reason}",
        hint="check the disk, and the owner and mode of the artifact root",
    )
