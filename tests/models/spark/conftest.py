"""Models of Spark MLlib, in an environment of their own: a run without them does not even import these files."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if "not spark" in config.getoption("markexpr") else None
