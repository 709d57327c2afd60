"""Tests with frameworks of some hundred megabytes: all are slow, and need what requirements/libraries.txt lists.

A run that leaves those libraries out does not even import these files, so that it can do without.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if "not libraries" in config.getoption("markexpr") else None
