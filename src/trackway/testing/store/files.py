"""The file tree, and the blobs that no file needs."""

from __future__ import annotations

import pytest

from trackway.api.artifacts import FileEntry, Multipart, StoredFile
from trackway.base.ids import new_id
from trackway.store.base import Page
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space

LAST = "\U0010ffff"
PATHS = (
    "a b/x",
    "a-/x",
    "a/b",
    "a/b-c/1",
    "a/b.c",
    "a/b0",
    "a/bc/1",
    "a/bc/2/3",
    f"a/bc/{LAST}",
    f"a/bc/{LAST}{LAST}/deep",
    "a/ß",
    "a/日本/🙂",
    f"a/{LAST}/x",
    f"a/{LAST}y",
    "a0/x",
    f"{LAST}",
    f"{LAST}{LAST}/x",
)


def make_file(path: str, data: bytes = b"x", blob_key: str | None = None) -> StoredFile:
    """Return a file, its bytes beside the row unless they are a blob."""
    return StoredFile(
        path=path,
        size_bytes=len(data),
        sha256=f"sha-{len(data)}",
        modified_ms=5,
        blob_key=blob_key,
        data=None if blob_key else data,
    )


def list_all(space: Space, folder: str, recursive: bool, limit: int) -> list[FileEntry]:
    """List a folder page by page."""
    entries: list[FileEntry] = []
    page = Page(limit)
    while True:
        part, after = space.read(lambda tx, page=page: tx.files.list_folder(space.workspace, folder, recursive, page))
        assert 0 < len(part) <= limit or after is None
        entries += part
        assert len(entries) <= len(PATHS)
        if after is None:
            return entries
        page = Page(limit, [after])


def pending(space: Space, before_ms: int = 1_000) -> set[str]:
    """Return the blobs of this space that no file needs."""
    keys = space.read(lambda tx: tx.files.list_pending_blobs(before_ms, 1_000_000))
    return {key for key in keys if key.startswith(space.workspace)}


class FileContract(StoreFixtures):
    """Files."""

    def put(self, space: Space, *files: StoredFile) -> None:
        space.write(lambda tx: [tx.files.put(space.workspace, file) for file in files])

    def test_a_file_is_read_as_it_was_put_and_replaced_by_the_next(self, space: Space) -> None:
        first = make_file("run/a", bytes(range(256)))
        self.put(space, first)
        assert space.read(lambda tx: tx.files.get(space.workspace, "run/a")) == first
        second = make_file("run/a", b"", f"{space.workspace}/blob")
        self.put(space, second)
        assert space.read(lambda tx: tx.files.get(space.workspace, "run/a")) == second
        assert Space(space.store).read(lambda tx: tx.files.get("other", "run/a")) is None
        assert space.read(lambda tx: tx.files.get(space.workspace, "run")) is None

    @pytest.mark.parametrize("limit", [1, 3, 100])
    def test_all_files_are_listed_with_their_workspaces_whatever_the_page(self, space: Space, limit: int) -> None:
        put = [make_file(path) for path in PATHS]
        put[0] = make_file(PATHS[0], b"", f"{space.workspace}/blob")
        self.put(space, *put)
        found: list[tuple[str, StoredFile]] = []
        after = (space.workspace, "")
        while part := space.read(lambda tx, after=after: tx.files.list_all(after, limit)):
            assert len(part) <= limit
            found += part
            after = (part[-1][0], part[-1][1].path)
        mine = [file for workspace, file in found if workspace == space.workspace]
        assert sorted(mine, key=lambda file: file.path) == sorted(put, key=lambda file: file.path)

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    @pytest.mark.parametrize("folder", ["", "a", "a/bc", f"a/{LAST}", "a/b", "none", LAST])
    def test_a_folder_lists_each_child_once_in_order_whatever_the_page(
        self, space: Space, folder: str, limit: int
    ) -> None:
        self.put(space, *(make_file(path) for path in PATHS))
        prefix = f"{folder}/" if folder else ""
        below = sorted(path for path in PATHS if path.startswith(prefix))
        assert [entry.path for entry in list_all(space, folder, True, limit)] == below
        children: list[tuple[str, bool]] = []
        for path in below:
            name, slash, _ = path[len(prefix) :].partition("/")
            if (prefix + name, bool(slash)) not in children:
                children.append((prefix + name, bool(slash)))
        assert [(entry.path, entry.is_dir) for entry in list_all(space, folder, False, limit)] == children

    def test_a_folder_beside_ten_thousand_files_costs_no_more(self, space: Space) -> None:
        self.put(space, *(make_file(f"big/{n // 5_000}/{n}") for n in range(10_000)), make_file("big/z"))
        assert [entry.path for entry in list_all(space, "big", False, 10)] == ["big/0", "big/1", "big/z"]

    def test_no_name_is_a_file_and_a_folder(self, space: Space) -> None:
        space.write(lambda tx: [tx.files.put(space.workspace, make_file(path)) for path in ("a/b/c", "a/b-", "d")])
        clashes = {
            "a": "a/b-",
            "a/b": "a/b/c",
            "a/b/c": None,
            "a/b/c/d/e": "a/b/c",
            "d/e": "d",
            "d": None,
            "a/c": None,
            "x": None,
        }
        for path, clash in clashes.items():
            assert space.read(lambda tx, path=path: tx.files.find_clash(space.workspace, path)) == clash, path

    def test_deleting_a_folder_deletes_what_is_below_it_and_nothing_beside_it(self, space: Space) -> None:
        paths = ["r/a", "r/a/1", "r/a/b/2", "r/a-b", "r/a0", "r/ab/3"]
        self.put(space, *(make_file(path, b"xyz", f"{space.workspace}/{path}") for path in paths))
        assert space.read(lambda tx: tx.files.measure(space.workspace, "r/a")) == (3, 9)
        assert space.write(lambda tx: tx.files.delete(space.workspace, "r/a", 7)) == (3, 9)
        assert [entry.path for entry in list_all(space, "", True, 10)] == ["r/a-b", "r/a0", "r/ab/3"]
        assert pending(space) == {f"{space.workspace}/{path}" for path in paths[:3]}
        assert space.write(lambda tx: tx.files.delete(space.workspace, "r/a", 7)) == (0, 0)

    def test_a_blob_is_pending_from_its_reservation_until_a_file_needs_it(self, space: Space) -> None:
        first, second = f"{space.workspace}/1", f"{space.workspace}/2"
        for key in (first, second):
            space.write(lambda tx, key=key: tx.files.reserve_blob(key, 5))
        assert pending(space) == {first, second}
        assert pending(space, before_ms=5) == set()
        self.put(space, make_file("a", b"1", first))
        assert pending(space) == {second}
        self.put(space, make_file("a", b"1", first))  # a doubled commit
        assert pending(space) == {second}
        self.put(space, make_file("a", b"2", second))
        assert pending(space) == {first}
        space.write(lambda tx: tx.files.forget_blobs([first, "unknown"]))
        assert pending(space) == set()

    def test_an_open_upload_is_its_callers_and_its_paths(self, space: Space) -> None:
        upload = Multipart(upload_id=new_id(), path="a/b", blob_key="k", store_upload_id="s", created_ms=5)
        space.write(lambda tx: tx.files.create_upload(space.workspace, "ann", upload))

        def get(workspace: str, actor: str, upload_id: str, path: str) -> Multipart | None:
            found: Multipart | None = space.read(lambda tx: tx.files.get_upload(workspace, actor, upload_id, path))
            return found

        assert get(space.workspace, "ann", upload.upload_id, "a/b") == upload
        for asked in (
            ("other", "ann", upload.upload_id, "a/b"),
            (space.workspace, "bob", upload.upload_id, "a/b"),
            (space.workspace, "ann", new_id(), "a/b"),
            (space.workspace, "ann", upload.upload_id, "a/c"),
        ):
            assert get(*asked) is None, asked
        space.write(lambda tx: tx.files.delete_upload(space.workspace, upload.upload_id))
        assert get(space.workspace, "ann", upload.upload_id, "a/b") is None
