"""Runs as they were read last, so that a search that finds them again need not read them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final

from trackway.api.runs import Run

CACHED_BYTES: Final = 32 * 1024 * 1024
"""About so much is kept, with the answers that doors keep of each run."""
_RUN_BYTES: Final = 1_000
_TEXT_BYTES: Final = 150
_METRIC_BYTES: Final = 600


class RunCache:
    """Runs by number, each at one version. Safe to use from many threads; for readers only, as writes may be undone."""

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}
        self._left = CACHED_BYTES
        self._lock = Lock()

    def find(self, wanted: Iterable[tuple[int, int]]) -> dict[int, Run]:
        """Return those of some runs that are kept at the version that is wanted, by number.

        wanted: (number, version)
        """
        kept = self._runs
        return {pk: run for pk, version in wanted if (run := kept.get(pk)) is not None and run.version == version}

    def keep(self, runs: Mapping[int, Run]) -> None:
        """Keep runs; when there is no room, in place of all others, and not at all when they alone are too large."""
        size = sum(map(_estimate, runs.values()))
        if size > CACHED_BYTES:
            return
        with self._lock:
            if size > self._left:
                self._runs, self._left = {}, CACHED_BYTES
            self._runs.update(runs)
            self._left -= size  # a run's earlier version counts until there is no room


def _estimate(run: Run) -> int:
    """Return about how many bytes a run takes in memory, twice over for its texts, which answers repeat."""
    texts = (run.params, run.tags)
    count = sum(map(len, texts)) + len(run.inputs) + len(run.model_inputs) + len(run.model_outputs)
    length = sum(len(key) + len(value) for some in texts for key, value in some.items())
    for one in run.inputs:
        length += len(one.dataset.schema or "") + len(one.dataset.profile or "") + len(one.dataset.source)
    return _RUN_BYTES + _TEXT_BYTES * count + 2 * length + _METRIC_BYTES * len(run.metrics)
