from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trackway.artifacts.local import LocalBlobs
from trackway.artifacts.memory import MemoryBlobs
from trackway.artifacts.objectstore import ObjectBlobs
from trackway.artifacts.roots import open_blobs
from trackway.base.errors import InvalidInput


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_path_opens_a_folder(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "with space"
    blobs = open_blobs(form.format(folder).replace(" ", "%20" if form.startswith("file") else " "))
    assert isinstance(blobs, LocalBlobs)
    blobs.put("a", [b"x"])
    assert (folder / "a").read_bytes() == b"x"


def test_memory_is_new_each_time() -> None:
    one, two = open_blobs("memory://"), open_blobs("memory://")
    assert isinstance(one, MemoryBlobs)
    one.put("a", [b"x"])
    assert list(two.list()) == []


@pytest.mark.parametrize(
    "url", ["s3://bucket/prefix", "gs://bucket", "abfss://container@account.dfs.core.windows.net/x"]
)
def test_a_bucket_opens_an_object_store_without_asking_it(url: str) -> None:
    assert isinstance(open_blobs(url), ObjectBlobs)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "ftp://example.org/x",
        "file://host/x",
        "file://",
        "s3://",
        "s3:///prefix",
        "s3://user:password@bucket/x",
        "s3://bucket/x?region=1",
        "s3://bucket/x#y",
        "S3://bucket",
        "://x",
    ],
)
def test_another_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="artifact root") as caught:
        open_blobs(url)
    assert "password" not in str(caught.value)


def test_a_process_with_a_local_store_does_not_load_the_object_stores(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from trackway.artifacts.roots import open_blobs\n"
        "open_blobs(sys.argv[1]).put('a', [b'x'])\n"
        "assert 'obstore' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
