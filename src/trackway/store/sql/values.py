"""Values of many runs, key by key: what a table of runs is made of, without an object a value where that can be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from trackway.base.errors import TooLarge
from trackway.store.base import Search
from trackway.store.columns import RunColumns, Texts, ValueColumn
from trackway.store.sql.connection import Connection
from trackway.store.sql.search import Aggregates, join_runs

RUNS_AT_ONCE: Final = 5_000
"""Runs that one statement asks for."""
TEXT_BYTES: Final = 1 << 30
"""Most bytes of the params, or of the tags, of all runs."""
DENSE: Final = 1.25
"""Runs whose numbers lie at most so far apart, on average, are read from the first to the last, with those between."""
WALKED_EXPERIMENTS: Final = 100
"""Metrics of more experiments are looked up run by run."""
WALKED_SHARE: Final = 3
"""Metrics are walked key by key when at least one in so many of the experiments' runs is wanted."""

_END: Final = b"\xff"
"""Stands between texts: no text in UTF-8 holds this byte."""
_TEXTS: Final = {
    "sqlite": "CAST(GROUP_CONCAT({0}, x'ff') AS BLOB)",
    "postgresql": "STRING_AGG(CONVERT_TO({0}, 'UTF8'), '\\xff'::bytea)",
}
_INTS: Final = {"sqlite": "GROUP_CONCAT({0}, ' ')", "postgresql": "STRING_AGG({0}::text, ' ')"}
_DOUBLES: Final = "STRING_AGG(FLOAT8SEND(COALESCE(last_value, 'NaN')), ''::bytea)"
_INT_COLUMNS: Final = ("pk", "experiment_pk", "start_ms", "end_ms")
_TEXT_COLUMNS: Final = ("run_id", "name", "status", "user_name", "artifact_uri")
_KEYS: Final = (
    "WITH RECURSIVE k (key) AS (SELECT MIN(key) FROM series WHERE experiment_pk = ? UNION ALL"
    " SELECT (SELECT MIN(key) FROM series WHERE experiment_pk = ? AND key > k.key) FROM k WHERE k.key IS NOT NULL)"
    " SELECT key FROM k WHERE key IS NOT NULL"
)
_Ints = NDArray[np.int64]


def read_attributes(
    db: Connection, workspace: str, experiments: Collection[int] | None, search: Search, limit: int
) -> RunColumns:
    """Search, and return the attributes of all found runs. See ``store.base.Runs``."""
    columns = ", ".join(f"r.{name} AS f_{name}" for name in (*_INT_COLUMNS, *_TEXT_COLUMNS))
    ints = [_INTS[db.dialect].format(f"COALESCE(f_{name}, -1)") for name in _INT_COLUMNS]
    texts = [_TEXTS[db.dialect].format(f"f_{name}") for name in _TEXT_COLUMNS]
    rows = join_runs(db, workspace, experiments, search, limit, Aggregates(columns, ", ".join(ints + texts)))
    parts: list[tuple[Any, ...]] = list(zip(*rows, strict=True))[1:] or [()] * (len(ints) + len(texts))
    numbers: list[Any] = [_divide_ints(part) for part in parts[: len(ints)]]
    return RunColumns(*numbers, *(_close_up(_divide_texts(part)) for part in parts[len(ints) :]))


def read_ids(
    db: Connection, workspace: str, experiments: Collection[int] | None, search: Search, limit: int
) -> list[str]:
    """Search, and return the ids of all found runs. See ``store.base.Runs``."""
    joined = Aggregates("r.run_id AS f_run_id", _TEXTS[db.dialect].format("f_run_id"))
    rows = join_runs(db, workspace, experiments, search, limit, joined)
    return [run_id.decode() for _, part in rows for run_id in bytes(part).split(_END)]


def read_values(db: Connection, pks: _Ints, experiments: _Ints) -> Iterator[ValueColumn]:
    """Yield the metrics, params and tags of runs, key by key. See ``store.base.Runs``.

    cost: about 0.5 us a value; 1 us for metrics of few of an experiment's runs on SQLite, which cannot join doubles
    """
    if not len(pks):
        return
    if db.dialect == "postgresql":
        cells = _Cells(db, pks, "series", _DOUBLES)
        yield from cells.split("metric", np.frombuffer(b"".join(cells.joined), dtype=">f8"))
    elif _are_many(db, len(pks), homes := np.unique(experiments).tolist()):
        yield from _walk_metrics(db, pks, homes)
    else:
        yield from _look_up_metrics(db, pks)
    value = _TEXTS[db.dialect].format("value")
    cells = _Cells(db, pks, "params", value)
    yield from cells.split("param", _divide_texts(cells.joined))
    cells = _Cells(db, pks, "tags", value)
    yield from cells.split("tag", _divide_texts(cells.joined))


class _Cells:
    """All values of one table for some runs, in the order in which the database met them.

    joined: the values, as ``value`` joins them
    """

    def __init__(self, db: Connection, pks: _Ints, table: str, value: str) -> None:
        self.joined: list[bytes] = []
        self._codes: dict[bytes, int] = {}
        self._layouts: dict[bytes, NDArray[np.int32]] = {}  # most runs of an experiment have the same keys
        owners: list[str] = []
        found: list[NDArray[np.int32]] = []
        columns = f"{_INTS[db.dialect].format('run_pk')}, {_TEXTS[db.dialect].format('key')}, {value}"
        size_bytes = 0
        for these, params in _split(db, pks):
            [(of, keys, values)] = db.all(f"SELECT {columns} FROM {table} WHERE run_pk {these}", params)
            if of is None:  # none of these runs has any
                continue
            owners.append(of)
            found += self._encode(_divide_ints([of]), keys)
            self.joined.append(values)
            size_bytes += len(values)
            if size_bytes > TEXT_BYTES:
                raise TooLarge(f"The {table} of these runs have more than 1 GiB", hint="search fewer runs")
        self._rows = _finder(pks)(_divide_ints(owners))
        self._found = np.concatenate(found) if found else np.empty(0, dtype=np.int32)

    def split(self, entity: Literal["metric", "param", "tag"], values: Any) -> Iterator[ValueColumn]:
        """Yield a column for each key.

        values: all of them, as an array or Texts
        """
        order = np.argsort(self._found, kind="stable")
        order = order[self._rows[order] >= 0]
        bounds = np.searchsorted(self._found[order], np.arange(len(self._codes) + 1))
        for name in sorted(self._codes):
            code = self._codes[name]
            cells = order[bounds[code] : bounds[code + 1]]
            if len(cells):
                yield ValueColumn(entity, name.decode(), self._rows[cells], values.take(cells))

    def _encode(self, owners: _Ints, keys: bytes) -> list[NDArray[np.int32]]:
        """Return the codes of keys, run by run."""
        ends = np.flatnonzero(np.frombuffer(keys + _END, dtype=np.uint8) == _END[0])
        lasts = np.append(np.flatnonzero(np.diff(owners)), len(owners) - 1)
        found = []
        start = 0
        for end in ends[lasts].tolist():
            names = keys[start:end]
            layout = self._layouts.get(names)
            if layout is None:
                codes = [self._codes.setdefault(name, len(self._codes)) for name in names.split(_END)]
                layout = self._layouts[names] = np.array(codes, dtype=np.int32)
            found.append(layout)
            start = end + 1
        return found


def _walk_metrics(db: Connection, pks: _Ints, experiments: Sequence[int]) -> Iterator[ValueColumn]:
    """Read metrics of whole experiments along the index that orders them by key, which holds all that is needed."""
    find = _finder(pks)
    homes: dict[str, list[int]] = {}
    for experiment in experiments:
        for (key,) in db.all(_KEYS, (experiment, experiment)):
            homes.setdefault(key, []).append(experiment)
    sql = "SELECT run_pk, last_value FROM series WHERE experiment_pk = ? AND key = ?"
    for key in sorted(homes):
        pairs = chain.from_iterable(db.each(sql, (experiment, key)) for experiment in homes[key])
        found = np.fromiter(chain.from_iterable(pairs), dtype=np.float64).reshape(-1, 2)  # None becomes NaN
        yield from _keep_wanted(key, find(found[:, 0].astype(np.int64)), found[:, 1])


def _look_up_metrics(db: Connection, pks: _Ints) -> Iterator[ValueColumn]:
    find = _finder(pks)
    columns: dict[str, tuple[list[int], list[float | None]]] = {}
    for these, params in _split(db, pks):
        for pk, key, value in db.each(f"SELECT run_pk, key, last_value FROM series WHERE run_pk {these}", params):
            owners, values = columns.setdefault(key, ([], []))
            owners.append(pk)
            values.append(value)
    for key in sorted(columns):
        owners, values = columns[key]
        yield from _keep_wanted(key, find(np.array(owners, dtype=np.int64)), np.array(values, dtype=np.float64))


def _keep_wanted(key: str, rows: _Ints, values: NDArray[np.float64]) -> Iterator[ValueColumn]:
    """Yield a metric's column, without runs that nobody asked for, unless it has no others."""
    wanted = rows >= 0
    if wanted.any():
        yield ValueColumn("metric", key, rows[wanted], values[wanted])


def _are_many(db: Connection, count: int, experiments: Sequence[int]) -> bool:
    """Tell whether so many runs are a good part of all runs of some experiments."""
    if len(experiments) > WALKED_EXPERIMENTS:
        return False
    left = WALKED_SHARE * count
    among, params = db.among(experiments)
    for view in ("NULL", "NOT NULL"):  # each has an index
        some = f"SELECT 1 FROM runs WHERE experiment_pk {among} AND deleted_ms IS {view} LIMIT ?"
        [(number,)] = db.all(f"SELECT COUNT(*) FROM ({some})", (*params, left + 1))
        left -= number
        if left < 0:
            return False
    return True


def _divide_texts(parts: Sequence[bytes]) -> Texts:
    """Return texts that the database joined, of all parts."""
    data = np.frombuffer(_END.join((*parts, b"")), dtype=np.uint8)
    ends = np.flatnonzero(data == _END[0])
    return Texts(data, np.append(0, ends + 1)[:-1], ends)


def _close_up(texts: Texts) -> Texts:
    """Return texts without what stands between them."""
    ends = texts.ends - np.arange(len(texts.ends))
    return Texts(texts.data[texts.data != _END[0]], np.append(0, ends)[:-1], ends)


def _divide_ints(parts: Sequence[str]) -> _Ints:
    """Return integers that the database joined, of all parts."""
    return np.fromstring(" ".join(parts), dtype=np.int64, sep=" ")


def _finder(pks: _Ints) -> Callable[[_Ints], _Ints]:
    """Return a function from run numbers to their places in ``pks``, -1 for a run that is not there."""
    low, span = pks.min(), pks.max() - pks.min() + 1
    places = np.full(span + 1, -1, dtype=np.int64)  # the last is for all numbers outside
    places[pks - low] = np.arange(len(pks))
    return lambda wanted: places[np.clip(wanted - low, -1, span)]


def _split(db: Connection, pks: _Ints) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield conditions that hold for some runs each, and for all together; perhaps for others between them as well."""
    ordered = np.sort(pks).tolist()
    for start in range(0, len(ordered), RUNS_AT_ONCE):
        some = ordered[start : start + RUNS_AT_ONCE]
        dense = some[-1] - some[0] < DENSE * len(some)
        yield ("BETWEEN ? AND ?", (some[0], some[-1])) if dense else db.among(some)
