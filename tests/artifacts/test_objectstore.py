from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.ports import free_port
from tests.services.scality import ScalityServer
from tests.services.seaweedfs import SECRET_KEY, ObjectServer
from trackway.artifacts import objectstore
from trackway.artifacts.base import CHUNK_BYTES, BlobStore
from trackway.artifacts.objectstore import PART_BYTES, ObjectBlobs
from trackway.base.errors import InvalidInput, NotFound, TooLarge, Unavailable
from trackway.testing.blobs import BlobStoreContract, SourceFailed, cut, fail_after, get_digest, make_bytes


def open_on(server: ObjectServer, url: str, monkeypatch: pytest.MonkeyPatch) -> ObjectBlobs:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return ObjectBlobs(url)


class TestObjectBlobsOnSeaweedFS(BlobStoreContract):
    @pytest.fixture
    def blobs(self, seaweedfs: ObjectServer, bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
        return open_on(seaweedfs, bucket_url, monkeypatch)


class TestObjectBlobsOnScality(BlobStoreContract):
    @pytest.fixture
    def blobs(self, scality: ScalityServer, bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
        return open_on(scality, bucket_url, monkeypatch)


@pytest.fixture
def objects(scality: ScalityServer, bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> ObjectBlobs:
    blobs = open_on(scality, bucket_url, monkeypatch)
    scality.seen.clear()
    return blobs


def test_two_prefixes_of_one_bucket_do_not_see_one_another(
    seaweedfs: ObjectServer, bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_on(seaweedfs, bucket_url, monkeypatch)
    two = ObjectBlobs(bucket_url + "2")
    one.put("a", [b"x"])
    assert list(two.list()) == []
    with pytest.raises(NotFound):
        two.read("a")


def test_nothing_is_asked_of_the_store_that_some_stores_refuse_or_ignore(
    objects: ObjectBlobs, scality: ScalityServer
) -> None:
    data = make_bytes(PART_BYTES + 1)
    objects.put("large", cut(data))
    list(objects.read("large"))
    objects.put("small", [b"x"])
    upload_id = objects.create_upload("parts")
    objects.complete_upload("parts", upload_id, [objects.put_part("parts", upload_id, 1, [b"x"])])
    for key in ("large", "small", "parts", "missing"):
        objects.delete(key)
    assert not any("delete" in seen.query for seen in scality.seen), "bulk deletes"
    conditional = {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
    assert not any(conditional & seen.headers.keys() for seen in scality.seen)
    assert not any(seen.headers.get("x-amz-content-sha256", "").startswith("STREAMING") for seen in scality.seen)


def test_a_small_blob_takes_one_request_and_a_large_one_parts_of_8_mib(
    objects: ObjectBlobs, scality: ScalityServer
) -> None:
    objects.put("small", cut(make_bytes(PART_BYTES)))
    assert [seen.method for seen in scality.seen] == ["PUT"]
    scality.seen.clear()
    objects.put("large", cut(make_bytes(2 * PART_BYTES + 1)))
    sizes = [int(seen.headers["content-length"]) for seen in scality.seen if "partNumber" in seen.query]
    assert sorted(sizes) == [1, PART_BYTES, PART_BYTES]


def test_a_large_put_whose_source_fails_aborts_its_multipart_upload(
    objects: ObjectBlobs, scality: ScalityServer
) -> None:
    with pytest.raises(SourceFailed):
        objects.put("a", fail_after(3 * PART_BYTES))
    begun = [seen for seen in scality.seen if "uploads" in seen.query]
    aborted = [seen for seen in scality.seen if seen.method == "DELETE" and "uploadId" in seen.query]
    assert (len(begun), len(aborted)) == (1, 1)


@pytest.mark.parametrize("cuts", [[0], [1], [CHUNK_BYTES + 5], [3 * CHUNK_BYTES - 1], [100_000, 7]])
def test_an_answer_that_is_cut_is_read_to_its_end_or_raises(
    objects: ObjectBlobs, scality: ScalityServer, cuts: list[int]
) -> None:
    data = make_bytes(3 * CHUNK_BYTES)
    objects.put("a", cut(data))
    scality.cuts.extend(cuts)
    try:
        found = b"".join(objects.read("a"))
    except Unavailable:
        found = data
    assert found == data
    assert scality.cuts == []


def test_a_blob_over_the_stores_limit_is_refused_and_leaves_nothing(
    objects: ObjectBlobs, scality: ScalityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectstore, "MAX_BLOB_BYTES", 2 * PART_BYTES)
    assert objects.put("a", cut(make_bytes(2 * PART_BYTES))).size_bytes == 2 * PART_BYTES
    with pytest.raises(TooLarge, match="at most 16,777,216 bytes"):
        objects.put("b", cut(make_bytes(2 * PART_BYTES + 1)))
    assert [key for key, _ in objects.list()] == ["a"]


def test_a_wrong_secret_is_unavailable_and_tells_neither_secret_nor_host(
    seaweedfs: ObjectServer, bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = open_on(seaweedfs, bucket_url, monkeypatch)
    right.put("a", [b"x"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-" + SECRET_KEY)
    wrong = ObjectBlobs(bucket_url)
    for act in (lambda: wrong.put("a", [b"y"]), lambda: wrong.read("a"), lambda: list(wrong.list())):
        with pytest.raises(Unavailable, match="credentials") as caught:
            act()
        assert not any(text in str(caught.value) for text in (SECRET_KEY, str(seaweedfs.port), "artifacts/"))
    assert b"".join(right.read("a")) == b"x"


@pytest.mark.parametrize("size_bytes", [1, 100 * CHUNK_BYTES])
def test_a_server_that_is_down_is_unavailable_within_bounded_time_and_reading(
    bucket_url: str, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    blobs = open_on(ObjectServer(free_port()), bucket_url, monkeypatch)
    taken = 0

    def read() -> Iterator[bytes]:
        nonlocal taken
        for chunk in cut(bytes(size_bytes)):
            taken += len(chunk)
            yield chunk

    started_s = time.monotonic()
    with pytest.raises(Unavailable, match="is up"):
        blobs.put("a", read())
    assert time.monotonic() - started_s < 60
    assert taken <= 60 * CHUNK_BYTES, "the source is not read to its end for nothing"


def test_a_bucket_that_is_not_there_is_unavailable_to_writers(
    seaweedfs: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = open_on(seaweedfs, "s3://Not_A_Bucket/x", monkeypatch)
    with pytest.raises(Unavailable, match="bucket exists"):
        blobs.put("a", [b"x"])


@pytest.mark.parametrize("url", ["s3://", "az://container/without-account"])
def test_a_url_that_names_no_bucket_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(InvalidInput, match="s3://bucket/prefix"):
        ObjectBlobs(url)


class TestTheScalityFront:
    """The front behaves as recorded, so that what passes on it has been tested against that behaviour."""

    def test_a_condition_on_a_put_is_ignored_where_the_server_behind_refuses(
        self, seaweedfs: ObjectServer, scality: ScalityServer, bucket_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        direct = open_on(seaweedfs, bucket_url, monkeypatch)
        direct.put("a", [b"first"])
        assert put(direct.sign_url("PUT", "a", 60), {"If-None-Match": "*"}) == 412
        front = open_on(scality, bucket_url, monkeypatch)
        assert put(front.sign_url("PUT", "a", 60), {"If-None-Match": "*"}) == 200
        assert b"".join(direct.read("a")) == b"second"

    @pytest.mark.parametrize(
        "headers",
        [
            {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
            {"x-amz-trailer": "x-amz-checksum-crc32"},
            {"Content-Encoding": "aws-chunked"},
        ],
    )
    def test_a_chunk_signed_body_is_refused(self, objects: ObjectBlobs, headers: dict[str, str]) -> None:
        assert put(objects.sign_url("PUT", "a", 60), headers) == 400

    def test_a_bulk_delete_without_content_md5_is_refused(self, scality: ScalityServer) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{scality.port}/artifacts?delete", b"<Delete/>")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        assert caught.value.code == 400
        assert b"BadDigest" in caught.value.read()


def put(url: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, b"second", headers, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_digest_is_that_of_the_bytes_and_not_of_the_parts(objects: ObjectBlobs) -> None:
    data = make_bytes(2 * PART_BYTES)
    assert objects.put("a", cut(data)).sha256 == get_digest(data)


def test_a_script_that_ends_at_once_puts_its_files_into_the_bucket(
    seaweedfs: ObjectServer, bucket_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are sent while the program ends, when pools of threads take no more work."""
    size = 2 * PART_BYTES
    script = f"import trackway as tw; tw.start_run(); tw.log_text('x' * {size}, 'x.txt')"
    places = {
        "TRACKING_URI": f"sqlite:///{tmp_path}/t.db",
        "JOURNAL_DIR": tmp_path / "journal",
        "ARTIFACTS": bucket_url,
    }
    for name, place in places.items():
        monkeypatch.setenv(f"TRACKWAY_{name}", str(place))
    blobs = open_on(seaweedfs, bucket_url, monkeypatch)
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert size in [size_bytes for _, size_bytes in blobs.list()]
