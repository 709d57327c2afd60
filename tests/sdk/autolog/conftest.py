from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk.autolog import failures, frame, list_enabled, set_recorder


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    """A recorder that integrations write to; afterwards, all of them are switched off again."""
    failures.clear()
    recorder = MemoryRecorder()
    set_recorder(recorder)
    yield recorder
    set_recorder(None)
    for name in list_enabled():
        frame.disable(name)
