"""Arrivals: the points of one request, as they are kept until a job gathers them by series (docs/formats/chunks.md).

An arrival is two columns of a row: the numbers of its series as text, divided by commas, and its points. Names of
metrics are not in it, so that what it leaves behind in a file tells nothing of a run that is purged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Final

import msgspec

from trackway.api.runs import Series
from trackway.store.chunks import CHUNK_POINTS, judge_damage, pack_raw

_ARRIVAL: Final = b"\x03\x00\x01\xfc"
"""As the formats of chunks begin: number, version of the oldest Trackway that reads it, complement."""
_POINT_BYTES: Final = 24

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], bytes]).decode
get_columns = attrgetter("steps", "times_ms", "values")


def pack_arrival(series: Sequence[Series]) -> bytes:
    """Pack the points that came in one request.

    series: in the order of their numbers' text, each with three columns of 8 n bytes, n >= 1
    cost:   two copies, and about 0.2 us a series
    """
    counts = [len(one.values) >> 3 for one in series]
    return _ARRIVAL + _encode((counts, b"".join(chain.from_iterable(map(get_columns, series)))))


def pick_series(arrivals: Sequence[tuple[str, bytes]], series: int) -> list[bytes]:
    """Return one series of some arrivals as as few raw chunks as can hold its points, in order of arrival.

    arrivals: (numbers, points)
    raises:   Corrupt for bytes that are no arrival
    cost:     two copies of all that is there, as an arrival is read whole
    """
    wanted = str(series)
    steps, times_ms, values = [], [], []
    for numbers, counts, columns in _open(arrivals):
        if wanted in numbers:
            at = numbers.index(wanted)
            start, size = _POINT_BYTES * sum(counts[:at]), 8 * counts[at]
            steps.append(columns[start : start + size])
            times_ms.append(columns[start + size : start + 2 * size])
            values.append(columns[start + 2 * size : start + 3 * size])
    joined = [b"".join(column) for column in (steps, times_ms, values)]
    most = 8 * CHUNK_POINTS
    return [pack_raw(*(column[at : at + most] for column in joined)) for at in range(0, len(joined[0]), most)]


def gather_series(arrivals: Sequence[tuple[str, bytes]]) -> dict[int, bytes]:
    """Return each series of some arrivals as one raw chunk, by number, its points in order of arrival.

    arrivals: (numbers, points), of no more points than a chunk may have
    raises:   Corrupt for bytes that are no arrival
    cost:     three copies, and about 0.6 us a series of an arrival
    """
    pieces: defaultdict[str, tuple[list[bytes], ...]] = defaultdict(lambda: ([], [], []))
    for numbers, counts, columns in _open(arrivals):
        start = 0
        for number, count in zip(numbers, counts, strict=True):
            size = 8 * count
            for column in pieces[number]:
                column.append(columns[start : start + size])
                start += size
    return {int(number): pack_raw(*map(b"".join, columns)) for number, columns in pieces.items()}


def _open(arrivals: Sequence[tuple[str, bytes]]) -> list[tuple[list[str], list[int], bytes]]:
    """Return of each arrival the numbers of its series, how many points each has, and the columns of all."""
    opened = []
    for text, blob in arrivals:
        if blob[:4] != _ARRIVAL:
            raise judge_damage(blob)
        try:
            counts, columns = _decode(memoryview(blob)[4:])
        except msgspec.MsgspecError:
            raise judge_damage(blob) from None
        numbers = text.split(",")
        if len(numbers) != len(counts) or min(counts) < 1 or _POINT_BYTES * sum(counts) != len(columns):
            raise judge_damage(blob)
        opened.append((numbers, counts, columns))
    return opened
