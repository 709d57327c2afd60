"""Scenarios of the operations on files."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from trackway.api import artifacts as a
from trackway.api import limits
from trackway.api import operations as ops
from trackway.base.errors import InvalidInput, NotFound
from trackway.base.ids import new_id

LIST, GET_FILE, BEGIN, COMMIT, DELETE_FILES = (
    ops.LIST_FILES, ops.GET_FILE, ops.BEGIN_UPLOAD, ops.COMMIT_UPLOAD, ops.DELETE_FILES,
)  # fmt: skip
OPEN_PARTS, FIND_PARTS, CLOSE_PARTS = ops.CREATE_MULTIPART, ops.GET_MULTIPART, ops.CLOSE_MULTIPART
BAD_PATHS = (
    "..",
    "../x",
    "a/../b",
    "/a",
    "a//b",
    "a/",
    "C:/x",
    "a\\b",
    "a\x00b",
    "%2e%2e/x",
    "%252e%252e%252fx",
    "．．/x",
)


def upload(s: Stage, size: int = 10, **fields: Any) -> a.CommitUpload:
    ticket = s.call(BEGIN, a.BeginUpload(path=f"{s.folder}/big"))
    plain: dict[str, Any] = {
        "path": f"{s.folder}/big",
        "size_bytes": size,
        "sha256": "0" * 64,
        "blob_key": ticket.blob_key,
    }
    return a.CommitUpload(**(plain | fields))


def open_parts(s: Stage) -> a.Multipart:
    made: a.Multipart = s.call(OPEN_PARTS, a.CreateMultipart(path="p/q", blob_key="k", store_upload_id="u"))
    return made


SCENARIOS: list[Scenario] = [
    ok(
        LIST,
        "a folder",
        lambda s: a.ListFiles(folder=s.folder),
        lambda s, x: [(f.path, f.is_dir) for f in x.files] == [(f"{s.folder}/a", True)],
    ),
    ok(
        LIST,
        "all below",
        lambda s: a.ListFiles(folder=s.folder, recursive=True),
        lambda s, x: [(f.path, f.size_bytes) for f in x.files] == [(f"{s.folder}/a/b.txt", 1)],
    ),
    ok(LIST, "a folder that is not there", lambda s: a.ListFiles(folder="none"), lambda s, x: x.files == []),
    ok(LIST, "the root", lambda s: a.ListFiles(folder=""), lambda s, x: [f.path for f in x.files] == [s.exp]),
    *each(LIST, "refused", "the folder", BAD_PATHS, lambda s, bad: a.ListFiles(folder=bad), InvalidInput),
    *each(LIST, "refused", "a page of", (0, -1), lambda s, n: a.ListFiles(folder="", limit=n), InvalidInput),
    *limited(LIST, "page", limits.SEARCH_PAGE, lambda s, n: a.ListFiles(folder="", limit=n)),
    ok(
        GET_FILE,
        "one that is there",
        lambda s: a.GetFile(path=f"{s.folder}/a/b.txt"),
        lambda s, x: (x.data, x.blob_key) == (b"x", None),
    ),
    no(GET_FILE, "missing", "one that is not there", lambda s: a.GetFile(path=f"{s.folder}/none"), NotFound),
    no(GET_FILE, "missing", "a folder", lambda s: a.GetFile(path=f"{s.folder}/a"), NotFound),
    no(
        GET_FILE,
        "missing",
        "another workspace's",
        lambda s: a.GetFile(path=f"{Stage(s.dispatch).folder}/a/b.txt"),
        NotFound,
    ),
    *each(GET_FILE, "refused", "the path", ("", *BAD_PATHS), lambda s, bad: a.GetFile(path=bad), InvalidInput),
    ok(BEGIN, "a new file", lambda s: a.BeginUpload(path="p/q"), lambda s, x: x.blob_key.startswith(f"{s.workspace}/")),
    *each(BEGIN, "refused", "the path", BAD_PATHS, lambda s, bad: a.BeginUpload(path=bad), InvalidInput),
    ok(COMMIT, "a small file", lambda s: s.file("new", b"data"), lambda s, x: x.size_bytes == 4),
    ok(
        COMMIT,
        "a small file in place of another",
        lambda s: s.file("a/b.txt", b""),
        lambda s, x: s.call(GET_FILE, a.GetFile(path=f"{s.folder}/a/b.txt")).data == b"",
    ),
    ok(
        COMMIT,
        "a large file, twice",
        lambda s: (lambda q: (s.call(COMMIT, q), q)[1])(upload(s)),
        lambda s, x: x.size_bytes == 10,
    ),
    no(COMMIT, "refused", "below a file", lambda s: s.file("a/b.txt/c"), InvalidInput),
    no(COMMIT, "refused", "in place of a folder", lambda s: s.file("a"), InvalidInput),
    no(
        COMMIT,
        "refused",
        "of no bytes at all",
        lambda s: a.CommitUpload(path="p", size_bytes=0, sha256=""),
        InvalidInput,
    ),
    no(COMMIT, "refused", "of bytes from two places", lambda s: upload(s, data=b""), InvalidInput),
    *limited(COMMIT, "bytes", limits.INLINE_FILE_BYTES, lambda s, n: s.file("new", bytes(n))),
    *limited(
        COMMIT,
        "path",
        limits.ARTIFACT_PATH_CHARS,
        lambda s, n: a.CommitUpload(
            path=("p" * 99 + "/") * ((n - 1) // 100) + "p" * ((n - 1) % 100 + 1), size_bytes=0, sha256="", data=b""
        ),
    ),
    ok(
        DELETE_FILES,
        "a file",
        lambda s: a.DeleteFiles(path=f"{s.folder}/a/b.txt"),
        lambda s, x: (x.files, x.size_bytes) == (1, 1),
    ),
    ok(
        DELETE_FILES,
        "a folder, which is only counted",
        lambda s: a.DeleteFiles(path=s.exp, dry_run=True),
        lambda s, x: (x.files, x.size_bytes) == (1, 1) and s.call(DELETE_FILES, a.DeleteFiles(path=s.exp)) == x,
    ),
    ok(
        DELETE_FILES,
        "a file, which is only counted",
        lambda s: a.DeleteFiles(path=f"{s.folder}/a/b.txt", dry_run=True),
        lambda s, x: (x.files, x.size_bytes) == (1, 1) and s.call(DELETE_FILES, a.DeleteFiles(path=s.exp)) == x,
    ),
    ok(DELETE_FILES, "a folder", lambda s: a.DeleteFiles(path=s.exp), lambda s, x: x.files == 1),
    ok(DELETE_FILES, "what is not there", lambda s: a.DeleteFiles(path="none"), lambda s, x: x.files == 0),
    *each(DELETE_FILES, "refused", "the path", ("", *BAD_PATHS), lambda s, bad: a.DeleteFiles(path=bad), InvalidInput),
    ok(
        OPEN_PARTS,
        "a new file",
        lambda s: a.CreateMultipart(path="p/q", blob_key="k", store_upload_id="u"),
        lambda s, x: len(x.upload_id) == 32,
    ),
    no(
        OPEN_PARTS,
        "refused",
        "a bad path",
        lambda s: a.CreateMultipart(path="../q", blob_key="k", store_upload_id="u"),
        InvalidInput,
    ),
    ok(
        FIND_PARTS,
        "one's own",
        lambda s: a.GetMultipart(upload_id=open_parts(s).upload_id, path="p/q"),
        lambda s, x: x.store_upload_id == "u",
    ),
    no(FIND_PARTS, "missing", "an unknown one", lambda s: a.GetMultipart(upload_id=new_id(), path="p/q"), NotFound),
    no(
        FIND_PARTS,
        "missing",
        "for another path",
        lambda s: a.GetMultipart(upload_id=open_parts(s).upload_id, path="p/r"),
        NotFound,
    ),
    ok(CLOSE_PARTS, "one's own", lambda s: a.CloseMultipart(upload_id=open_parts(s).upload_id, path="p/q")),
    no(CLOSE_PARTS, "missing", "an unknown one", lambda s: a.CloseMultipart(upload_id=new_id(), path="p/q"), NotFound),
]
