"""Spark, in an environment of its own: a run that leaves it out does not even import these files."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if "not spark" in config.getoption("markexpr") else None
