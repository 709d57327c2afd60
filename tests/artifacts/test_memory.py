from __future__ import annotations

import pytest

from trackway.artifacts.base import BlobStore
from trackway.artifacts.memory import MemoryBlobs
from trackway.testing.blobs import BlobStoreContract


class TestMemoryBlobs(BlobStoreContract):
    @pytest.fixture
    def blobs(self) -> BlobStore:
        return MemoryBlobs()
