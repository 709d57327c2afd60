from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.services.scality import ScalityServer, run_scality
from tests.services.seaweedfs import BUCKET, ObjectServer, run_seaweedfs


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[ObjectServer]:
    """A private S3 server, one for each process that runs tests."""
    with run_seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def scality(seaweedfs: ObjectServer) -> Iterator[ScalityServer]:
    """The same server behind a front that behaves like Scality's."""
    with run_scality(seaweedfs) as server:
        yield server


@pytest.fixture
def bucket_url() -> str:
    """A folder of the bucket that no other test uses."""
    return f"s3://{BUCKET}/tests/{secrets.token_hex(8)}"
