"""Many runs as columns: what a table of them is made of."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple


class Texts(NamedTuple):
    """Texts in one block of UTF-8: text n is ``data[starts[n]:ends[n]]``.

    data:   uint8
    starts: (n,) int64, as are ``ends``
    """

    data: Any
    starts: Any
    ends: Any

    def take(self, places: Any) -> Texts:
        """Return the texts at some places, in the same block."""
        return Texts(self.data, self.starts[places], self.ends[places])


class RunColumns(NamedTuple):
    """Attributes of runs as columns; integers are (n,) int64, and texts lie one behind the other in their block.

    end_ms: -1 for a run that has not ended
    """

    pks: Any
    experiments: Any
    start_ms: Any
    end_ms: Any
    run_ids: Texts
    names: Texts
    statuses: Texts
    users: Texts
    artifact_uris: Texts


class ValueColumn(NamedTuple):
    """One key of many runs.

    rows:   (n,) int64, places in the list of runs that was asked for, each at most once
    values: (n,) float64, the last values of a metric; or Texts, of a param or tag
    """

    entity: Literal["metric", "param", "tag"]
    key: str
    rows: Any
    values: Any
