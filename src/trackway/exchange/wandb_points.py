"""The points of a run in W&B's logs: its history, its system metrics, and what only its summary has."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from trackway.base.errors import Corrupt
from trackway.exchange.history import PastPoints, Problem
from trackway.exchange.points import BATCH_POINTS
from trackway.exchange.protobuf import Fields, collect, read_fields, read_messages
from trackway.exchange.wandb_log import read_log
from trackway.exchange.wandb_run import HISTORY, STATS, Facts, read_record, read_time, telling, to_ms
from trackway.exchange.wandb_values import KeyPath, Names, flatten, parse_number, read_item, to_number

SUMMARY_PREFIX = "summary/"
"""Before the key of a value of the summary that is another than the last of the history's."""
_OBJECTS = "text, histograms and other objects are no points; files that they have come along"
_MIB, _GIB, _MEGABYTE = 2.0**20, 2.0**30, 1e6
_SYSTEM = {
    "memory_percent": ("system_memory_usage_percentage", 1.0),
    "proc.memory.rssMB": ("process_memory_usage_megabytes", _MIB / _MEGABYTE),
    "disk./.usagePercent": ("disk_usage_percentage", 1.0),
    "disk./.usageGB": ("disk_usage_megabytes", _GIB / _MEGABYTE),
    "network.sent": ("network_transmit_megabytes", 1 / _MEGABYTE),
    "network.recv": ("network_receive_megabytes", 1 / _MEGABYTE),
}
_DEVICE = re.compile(r"gpu\.(\d{1,4})\.(\w+)")
_OF_DEVICE = {
    "gpu": ("utilization_percentage", 1.0),
    "memoryAllocated": ("memory_usage_percentage", 1.0),
    "memoryAllocatedBytes": ("memory_usage_megabytes", 1 / _MEGABYTE),
    "temp": ("temperature_celsius", 1.0),
    "powerWatts": ("power_usage_watts", 1.0),
    "powerPercent": ("power_usage_percentage", 1.0),
}
"""What the SDK's own system metrics measure too, with the factor from unit to unit."""


@lru_cache(maxsize=4_096)
def name_system_metric(key: str) -> tuple[str, float]:
    """Return what a system metric of W&B's is called here, and the factor that its values are to be taken by."""
    device = _DEVICE.fullmatch(key)
    if key in _SYSTEM:
        name, factor = _SYSTEM[key]
    elif device and device[2] in _OF_DEVICE:
        name, factor = _OF_DEVICE[device[2]]
        name = f"gpu_{device[1]}_{name}"
    else:
        name, factor = key, 1.0
    return f"system/{name}", factor


class _Columns:
    """Points in the order in which they come, until they are taken."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[array[int], array[int], array[float]]] = {}
        self.size = 0

    def add(self, key: str, step: int, time_ms: int, value: float) -> None:
        columns = self._columns.get(key)
        if columns is None:
            columns = self._columns[key] = (array("q"), array("q"), array("d"))
        columns[0].append(step)
        columns[1].append(time_ms)
        columns[2].append(value)
        self.size += 1

    def take(self) -> Iterator[PastPoints]:
        """Yield all points and forget them."""
        taken, self._columns, self.size = self._columns, {}, 0
        for key, (steps, times_ms, values) in taken.items():
            yield PastPoints(
                key,
                np.frombuffer(steps, np.int64),
                np.frombuffer(times_ms, np.int64),
                np.frombuffer(values, np.float64),
            )


class PointReader:
    """Reads the points of one run.

    paths: of its logs, oldest first
    cost:  about 10 us a point
    """

    def __init__(self, facts: Facts, paths: Sequence[Path], problem: Problem) -> None:
        self._facts = facts
        self._paths = paths
        self._problem = problem
        self._columns = _Columns()
        self._names = Names()
        self._last: dict[str, float] = {}
        self._samples: dict[str, int] = {}
        self._told: set[str] = set()
        self._step = 0
        self._time_ms = facts.start_ms

    def read(self) -> Iterator[PastPoints]:
        """Yield the points, those of one metric perhaps in several pieces."""
        for path in self._paths:
            # Damaged bytes are told of where the facts are read.
            for entry in read_log(path, lambda *_: None):
                with telling(path, entry, self._problem):
                    number, data = read_record(entry.data)
                    if number == HISTORY:
                        self._add_row(data)
                    elif number == STATS:
                        self._add_sample(collect(data), data)
                if self._columns.size >= BATCH_POINTS:
                    yield from self._columns.take()
        if self._facts.status != "RUNNING":
            self._add_summary()
        yield from self._columns.take()

    def _add_row(self, data: bytes) -> None:
        """Add what was logged together; of objects such as images or histograms, the file is all that is kept."""
        row: list[tuple[KeyPath, bytes]] = []
        step = 0
        for number, field in read_fields(data):
            if number == 1 and isinstance(field, bytes):
                row.append(read_item(field))
            elif number == 2 and isinstance(field, bytes):
                step = collect(field).get_integer(1)
        objects = {path[:-1] for path, _ in row if path[-1] == "_type"}
        numbers: list[tuple[str, float]] = []
        for path, text in row:
            if path == ("_timestamp",):
                self._time_ms = to_ms(parse_number(text)) or self._time_ms
            elif not path[0].startswith("_"):
                if objects and any(path[:depth] in objects for depth in range(1, len(path))):
                    path = path[:1]
                elif (value := parse_number(text)) is not None:
                    numbers.append((".".join(path), value))
                    continue
                self._tell(".".join(path), _OBJECTS)
        self._step = step
        for key, value in numbers:
            self._add(key, step, self._time_ms, value)
            self._last[key] = value

    def _add_sample(self, fields: Fields, data: bytes) -> None:
        """Add a sample of the machine; its step is its number, as W&B has none."""
        time_ms = read_time(fields.get_bytes(2))
        values = [(path[0], parse_number(text)) for path, text in map(read_item, read_messages(data, 3))]
        for key, value in values:
            if value is not None:
                name, factor = name_system_metric(key)
                step = self._samples[name] = self._samples.get(name, -1) + 1
                self._add(name, step, time_ms, value * factor)

    def _add_summary(self) -> None:
        """Add the numbers of the summary that are not the last of their history, as of the end of the run."""
        try:
            leaves = list(flatten(self._facts.summary))
        except Corrupt as error:
            self._problem(f"the summary of run {self._facts.run_id}", error.message)
            return
        for key, leaf in leaves:
            value, last = to_number(leaf), self._last.get(key)
            if value is None or value == last or (value != value and last is not None and last != last):
                continue
            self._add(key if last is None else SUMMARY_PREFIX + key, self._step, self._facts.last_ms, value)

    def _add(self, key: str, step: int, time_ms: int, value: float) -> None:
        name = self._names.get(key)
        if name is None:
            self._tell(key, "another metric has this key here, or there are too many")
        else:
            self._columns.add(name, step, time_ms, value)

    def _tell(self, key: str, why: str) -> None:
        if key not in self._told and len(self._told) < 1_000:
            self._told.add(key)
            self._problem(f"run {self._facts.run_id}, {key[:80]!r}", why)
