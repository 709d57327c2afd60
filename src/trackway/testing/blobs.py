"""What every blob store promises, as tests: subclass ``BlobStoreContract`` and give it a ``blobs`` fixture."""

from __future__ import annotations

import hashlib
import random
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from trackway.artifacts.base import CHUNK_BYTES, MAX_PARTS, MAX_SIGNED_S, Blob, BlobStore, Part, SignedPart
from trackway.base.errors import Conflict, Corrupt, InvalidInput, NotFound, NotSupported

ODD_KEYS = (
    "with space/ä é.txt",
    "e\u0301",
    "日本/🙂",
    "per%41cent%20",
    "hash#question?",
    "a+b&c=d;e",
    "star*~quote\"'`",
    "[brackets]{braces}<angles>",
    "col:on@at|pipe,comma^",
    ".hidden",
    "s" * 255,
    "/".join(["k" * 99] * 8),
)
BAD_KEYS = (
    "",
    "/a",
    "a//b",
    "a/",
    ".",
    "..",
    "a/../b",
    "a/./b",
    "../a",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a\x7fb",
    "a\ud800b",
    "C:/a",
    "c:a",
    "s" * 256,
    "ä" * 128,
    "/".join(["k" * 100] * 8),
    ".trackway",
    ".trackway/tmp/a",
)
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 8 * CHUNK_BYTES, 17 * CHUNK_BYTES + 3)


def make_bytes(size_bytes: int, seed: int = 0) -> bytes:
    """Return bytes that are the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 -- test data


def cut(data: bytes, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield ``data`` in chunks, with an empty one among them."""
    yield b""
    for at in range(0, len(data), chunk_bytes):
        yield data[at : at + chunk_bytes]


def get_digest(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


class SourceFailed(Exception):
    """What the tests' own chunks raise."""


def fail_after(size_bytes: int) -> Iterator[bytes]:
    """Yield so many bytes, then raise ``SourceFailed``."""
    yield from cut(make_bytes(size_bytes))
    raise SourceFailed


class BlobStoreContract:
    """The contract; the ``blobs`` fixture gives each test an empty store."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        """Give an empty store; subclasses override this."""
        raise NotImplementedError

    @pytest.mark.parametrize("size_bytes", SIZES)
    def test_what_is_put_is_read_back_with_its_size_and_digest(self, blobs: BlobStore, size_bytes: int) -> None:
        data = make_bytes(size_bytes)
        blob = blobs.put("run/model.bin", cut(data))
        assert blob == Blob(size_bytes, get_digest(data))
        chunks = list(blobs.read("run/model.bin"))
        assert b"".join(chunks) == data
        assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
        assert b"".join(blobs.read_verified("run/model.bin", blob.sha256)) == data
        assert blobs.size("run/model.bin") == size_bytes
        assert list(blobs.list()) == [("run/model.bin", size_bytes)]

    @pytest.mark.parametrize("chunk_bytes", [1, 1_000, 3 * CHUNK_BYTES])
    def test_the_size_of_the_chunks_that_are_put_changes_nothing(self, blobs: BlobStore, chunk_bytes: int) -> None:
        data = make_bytes(5_000 if chunk_bytes == 1 else 10 * CHUNK_BYTES)
        assert blobs.put("a", cut(data, chunk_bytes)).sha256 == get_digest(data)
        chunks = list(blobs.read("a"))
        assert b"".join(chunks) == data
        assert max(len(chunk) for chunk in chunks) <= CHUNK_BYTES

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_a_key_may_hold_any_printable_character(self, blobs: BlobStore, key: str) -> None:
        blobs.put(key, [key.encode()])
        assert b"".join(blobs.read(key)) == key.encode()
        assert list(blobs.list()) == [(key, len(key.encode()))]
        assert blobs.size(key) == len(key.encode())
        blobs.delete(key)
        assert list(blobs.list()) == []

    @pytest.mark.parametrize("key", BAD_KEYS)
    @pytest.mark.parametrize(
        "act", ["put", "read", "read_verified", "size", "delete", "list", "create", "part", "close"]
    )
    def test_a_key_that_is_no_plain_relative_path_is_refused(self, blobs: BlobStore, key: str, act: str) -> None:
        acts: dict[str, Callable[[], object]] = {
            "put": lambda: blobs.put(key, [b"x"]),
            "read": lambda: blobs.read(key),
            "read_verified": lambda: blobs.read_verified(key, "0" * 64),
            "size": lambda: blobs.size(key),
            "delete": lambda: blobs.delete(key),
            "list": lambda: blobs.list(key or "/"),  # "" is the whole store
            "create": lambda: blobs.create_upload(key),
            "part": lambda: blobs.put_part(key, "0" * 32, 1, [b"x"]),
            "close": lambda: blobs.close_upload(key, "0" * 32),
        }
        with pytest.raises(InvalidInput, match=r"^Invalid blob key: "):
            acts[act]()
        assert list(blobs.list()) == []

    @pytest.mark.parametrize(
        "start,length",
        [
            (0, 0),
            (0, 1),
            (0, None),
            (1, None),
            (7, 5),
            (CHUNK_BYTES - 1, 2),
            (CHUNK_BYTES, CHUNK_BYTES),
            (2 * CHUNK_BYTES, None),
            (2 * CHUNK_BYTES + 9, 1),
            (2 * CHUNK_BYTES + 9, 1_000),
            (2 * CHUNK_BYTES + 10, None),
            (2 * CHUNK_BYTES + 10, 5),
            (10**15, 5),
            (0, 10**15),
        ],
    )
    def test_a_range_is_what_a_slice_would_be(self, blobs: BlobStore, start: int, length: int | None) -> None:
        data = make_bytes(2 * CHUNK_BYTES + 10)
        blobs.put("a", cut(data))
        expected = data[start:] if length is None else data[start : start + length]
        assert b"".join(blobs.read("a", start, length)) == expected

    @pytest.mark.parametrize("start,length", [(-1, None), (-1, 5), (0, -1)])
    def test_a_negative_range_is_refused(self, blobs: BlobStore, start: int, length: int | None) -> None:
        blobs.put("a", [b"abc"])
        with pytest.raises(InvalidInput, match="byte range"):
            blobs.read("a", start, length)

    def test_a_blob_that_is_not_there_is_not_found_before_anything_is_read(self, blobs: BlobStore) -> None:
        blobs.put("a/b", [b"x"])
        for key in ("missing", "a", "a/c", "a/b/c"):
            for act in (blobs.read, blobs.size, lambda key: blobs.read(key, 1, 5)):
                with pytest.raises(NotFound):
                    act(key)
            with pytest.raises(NotFound):
                blobs.read_verified(key, "0" * 64)
            blobs.delete(key)
        assert b"".join(blobs.read("a/b")) == b"x"

    def test_a_second_put_replaces_the_first(self, blobs: BlobStore) -> None:
        blobs.put("a", [b"first, which is longer"])
        blobs.put("a", [b"second"])
        assert b"".join(blobs.read("a")) == b"second"
        assert list(blobs.list()) == [("a", 6)]

    @pytest.mark.parametrize("size_bytes", [0, 1, CHUNK_BYTES, 9 * CHUNK_BYTES, 30 * CHUNK_BYTES])
    def test_a_put_whose_source_fails_leaves_what_was_there(self, blobs: BlobStore, size_bytes: int) -> None:
        blobs.put("old", [b"kept"])
        for key in ("old", "new"):
            with pytest.raises(SourceFailed):
                blobs.put(key, fail_after(size_bytes))
        assert list(blobs.list()) == [("old", 4)]
        assert b"".join(blobs.read("old")) == b"kept"
        blobs.put("new", [b"next"])
        assert b"".join(blobs.read("new")) == b"next"

    def test_what_the_source_raises_is_passed_on_and_not_taken_for_the_stores(self, blobs: BlobStore) -> None:
        def read_missing_file() -> Iterator[bytes]:
            yield b"x"
            raise FileNotFoundError(2, "No such file or directory", "of the caller")

        with pytest.raises(FileNotFoundError, match="of the caller"):
            blobs.put("a", read_missing_file())

    def test_a_list_holds_what_is_below_a_folder_and_nothing_beside_it(self, blobs: BlobStore) -> None:
        keys = ["a!/x", "a-b", "a/b-c", "a/b/c", "a0", "b", "é", "日/本", "🙂"]
        for key in keys:
            blobs.put(key, [key.encode()])
        assert sorted(blobs.list()) == [(key, len(key.encode())) for key in keys]
        assert sorted(key for key, _ in blobs.list("a")) == ["a/b-c", "a/b/c"]
        assert [key for key, _ in blobs.list("a/b")] == ["a/b/c"]
        for nothing in ("a/b/c", "nothing"):
            assert list(blobs.list(nothing)) == []

    def test_a_list_is_complete_beyond_one_page_of_the_store(self, blobs: BlobStore) -> None:
        keys = [f"many/{number:04d}" for number in range(1_050)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda key: blobs.put(key, [b"x"]), keys))
        assert sorted(key for key, _ in blobs.list("many")) == keys

    def test_a_digest_that_differs_raises_before_the_last_chunk(self, blobs: BlobStore) -> None:
        data = make_bytes(3 * CHUNK_BYTES)
        changed = bytearray(data)
        changed[-1] ^= 1
        blobs.put("large", cut(bytes(changed)))
        chunks: list[bytes] = []
        with pytest.raises(Corrupt):
            chunks.extend(blobs.read_verified("large", get_digest(data)))
        assert sum(len(chunk) for chunk in chunks) < len(data)
        blobs.put("small", [b"abc"])
        with pytest.raises(Corrupt):
            blobs.read_verified("small", get_digest(b"abd"))

    def test_a_deleted_blob_is_gone_and_its_neighbours_are_not(self, blobs: BlobStore) -> None:
        for key in ("a/b", "a/b2", "a/c/d"):
            blobs.put(key, [b"x"])
        blobs.delete("a/b")
        blobs.delete("a/b")
        blobs.delete("a")
        assert sorted(key for key, _ in blobs.list()) == ["a/b2", "a/c/d"]

    def test_many_threads_put_read_and_delete_in_one_folder(self, blobs: BlobStore) -> None:
        def use(number: int) -> bool:
            key, data = f"shared/folder/{number}", make_bytes(1_000, number)
            blobs.put(key, [data])
            same = b"".join(blobs.read(key)) == data
            blobs.delete(key)
            return same

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(use, range(120)))
        assert list(blobs.list()) == []

    def test_of_two_puts_at_once_one_wins_whole(self, blobs: BlobStore) -> None:
        versions = [make_bytes(300_000, seed) for seed in range(4)]
        for _ in range(5):
            with ThreadPoolExecutor(4) as threads:
                list(threads.map(lambda data: blobs.put("a", cut(data, 10_000)), versions))
            assert b"".join(blobs.read("a")) in versions

    def test_a_signed_url_gets_and_puts_or_is_refused_as_not_supported(self, blobs: BlobStore) -> None:
        if not blobs.supports_signed_urls:
            with pytest.raises(NotSupported):
                blobs.sign_url("GET", "a b/ä%41", 60)
            return
        data = make_bytes(100_000)
        request = urllib.request.Request(blobs.sign_url("PUT", "a b/ä%41", 60), data, method="PUT")  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            assert answer.status == 200
        with urllib.request.urlopen(blobs.sign_url("GET", "a b/ä%41", 60), timeout=30) as answer:  # noqa: S310
            assert answer.read() == data
        assert list(blobs.list()) == [("a b/ä%41", 100_000)]
        for expires_s in (0, -1, MAX_SIGNED_S + 1):
            with pytest.raises(InvalidInput):
                blobs.sign_url("GET", "a", expires_s)

    def test_parts_put_by_signed_urls_become_one_blob(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("run/direct")
        if not blobs.supports_signed_urls:
            with pytest.raises(NotSupported):
                blobs.sign_parts("run/direct", upload_id, 2, 60)
            return
        data = make_bytes(300_000)
        etags = []
        for url, part in zip(
            blobs.sign_parts("run/direct", upload_id, 2, 60), (data[:200_000], data[200_000:]), strict=True
        ):
            for sent in (part[:9], part):  # put again, as after an answer that was lost
                request = urllib.request.Request(url, sent, dict(blobs.signed_put_headers), method="PUT")  # noqa: S310
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    etag = answer.headers["ETag"]
            etags.append(etag)
        for parts in ([], [SignedPart(0)], [SignedPart(2), SignedPart(1)], [SignedPart(1), SignedPart(1)]):
            with pytest.raises(InvalidInput):
                blobs.complete_signed("run/direct", upload_id, parts)
        for parts in ([SignedPart(1), SignedPart(3)], [SignedPart(1, etags[1]), SignedPart(2, etags[1])]):
            with pytest.raises(Conflict):
                blobs.complete_signed("run/direct", upload_id, parts)
        with pytest.raises(NotFound):
            blobs.complete_signed("run/other", upload_id, [SignedPart(1)])
        parts = [SignedPart(1, etags[0].strip('"')), SignedPart(2, etags[1])]
        assert blobs.complete_signed("run/direct", upload_id, parts) == Blob(len(data), get_digest(data))
        assert blobs.complete_signed("run/direct", upload_id, [SignedPart(1), SignedPart(2)]).size_bytes == len(data)
        blobs.close_upload("run/direct", upload_id)
        assert list(blobs.list()) == [("run/direct", len(data))]
        assert b"".join(blobs.read("run/direct")) == data
        with pytest.raises(NotFound):
            blobs.sign_parts("run/direct", upload_id, 1, 60)

    def test_an_upload_in_parts_becomes_one_blob_with_the_digest_of_its_bytes(self, blobs: BlobStore) -> None:
        data = make_bytes(9 * CHUNK_BYTES + 5)
        upload_id = blobs.create_upload("run/large")
        parts = {}
        for number, start, end in [(3, 6, 99), (1, 0, 1), (10_000, 99, 99), (2, 1, 6)]:
            part_bytes = data[start * CHUNK_BYTES : end * CHUNK_BYTES]
            parts[number] = blobs.put_part("run/large", upload_id, number, cut(part_bytes))
            assert parts[number] == Part(number, len(part_bytes), get_digest(part_bytes))
        in_order = [parts[number] for number in sorted(parts)]
        assert blobs.list_parts("run/large", upload_id) == in_order
        assert list(blobs.list()) == []
        assert blobs.complete_upload("run/large", upload_id, in_order) == Blob(len(data), get_digest(data))
        assert b"".join(blobs.read("run/large")) == data
        assert list(blobs.list()) == [("run/large", len(data))]

    def test_a_completion_whose_answer_was_lost_can_be_repeated_until_the_upload_is_closed(
        self, blobs: BlobStore
    ) -> None:
        upload_id = blobs.create_upload("a")
        part = blobs.put_part("a", upload_id, 1, [b"x"])
        assert blobs.complete_upload("a", upload_id, [part]) == blobs.complete_upload("a", upload_id, [part])
        blobs.close_upload("a", upload_id)
        assert list(blobs._list("")) == [("a", 1)], "the parts are gone"
        with pytest.raises(NotFound):
            blobs.complete_upload("a", upload_id, [part])

    def test_a_part_that_is_sent_again_leaves_the_choice_to_the_completion(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("a")
        first = blobs.put_part("a", upload_id, 1, [b"first"])
        assert blobs.put_part("a", upload_id, 1, [b"first"]) == first
        other = blobs.put_part("a", upload_id, 1, [b"other"])
        assert len(blobs.list_parts("a", upload_id)) == 1
        assert blobs.complete_upload("a", upload_id, [first]).sha256 == get_digest(b"first") != other.sha256

    def test_a_part_whose_source_fails_does_not_count(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("a")
        with pytest.raises(SourceFailed):
            blobs.put_part("a", upload_id, 1, fail_after(9 * CHUNK_BYTES))
        assert blobs.list_parts("a", upload_id) == []
        part = blobs.put_part("a", upload_id, 1, [b"whole"])
        assert blobs.list_parts("a", upload_id) == [part]

    @pytest.mark.parametrize("number", [-1, 0, MAX_PARTS + 1, 10 * MAX_PARTS])
    def test_a_part_number_outside_its_limits_is_refused(self, blobs: BlobStore, number: int) -> None:
        upload_id = blobs.create_upload("a")
        with pytest.raises(InvalidInput, match="1 to 10,000"):
            blobs.put_part("a", upload_id, number, [b"x"])

    def test_an_upload_is_open_under_its_own_id_and_key_alone(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("a")
        part = blobs.put_part("a", upload_id, 1, [b"x"])
        for key, other_id in [
            ("b", upload_id),
            ("a", "0" * 32),
            ("a", ""),
            ("a", "../" + upload_id),
            ("a", upload_id.upper() + "/"),
            ("a", "*" * 32),
        ]:
            with pytest.raises(NotFound, match="No such upload"):
                blobs.put_part(key, other_id, 1, [b"y"])
            with pytest.raises(NotFound, match="No such upload"):
                blobs.list_parts(key, other_id)
            with pytest.raises(NotFound, match="No such upload"):
                blobs.complete_upload(key, other_id, [part])
            blobs.close_upload(key, other_id)
        assert blobs.list_parts("a", upload_id) == [part]

    def test_an_upload_that_is_closed_before_it_is_complete_leaves_nothing(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("a")
        part = blobs.put_part("a", upload_id, 1, [b"x"])
        blobs.close_upload("a", upload_id)
        blobs.close_upload("a", upload_id)
        assert list(blobs._list("")) == []
        with pytest.raises(NotFound):
            blobs.put_part("a", upload_id, 2, [b"y"])
        with pytest.raises(NotFound):
            blobs.complete_upload("a", upload_id, [part])

    def test_a_completion_with_the_wrong_parts_changes_nothing_and_can_be_put_right(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("a")
        one, two = (blobs.put_part("a", upload_id, number, [b"%d" % number]) for number in (1, 2))
        for parts in ([], [two, one], [one, one]):
            with pytest.raises(InvalidInput, match="rising numbers"):
                blobs.complete_upload("a", upload_id, parts)
        for wrong in (Part(3, 1, one.sha256), Part(2, 2, two.sha256), Part(2, 1, one.sha256)):
            with pytest.raises(Conflict, match=f"the first number {wrong.number}"):
                blobs.complete_upload("a", upload_id, [one, wrong])
        assert list(blobs.list()) == []
        assert blobs.complete_upload("a", upload_id, [one, two]).sha256 == get_digest(b"12")

    def test_a_stored_part_that_has_changed_is_not_made_part_of_a_blob(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload("a")
        part = blobs.put_part("a", upload_id, 1, [b"good"])
        (stored,) = [key for key, size_bytes in blobs._list("") if size_bytes == 4]
        blobs._write(stored, iter([b"evil"]))
        with pytest.raises(Corrupt):
            blobs.complete_upload("a", upload_id, [part])
        assert list(blobs.list()) == []
        blobs.put_part("a", upload_id, 1, [b"good"])
        assert blobs.complete_upload("a", upload_id, [part]).sha256 == get_digest(b"good")
