from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def place(store: Path) -> Path:
    """A folder beside the store of this process."""
    return store.parent
