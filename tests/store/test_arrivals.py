"""Arrivals: how the points of one request are kept until they are gathered. docs/formats/chunks.md says the same."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.api.runs import Series
from trackway.base.errors import Corrupt
from trackway.store.arrivals import gather_series, pack_arrival, pick_series
from trackway.store.chunks import CHUNK_POINTS, pack_raw, unpack

_integers = st.integers(-(2**63), 2**63 - 1)
_points = st.lists(st.tuples(_integers, _integers, st.floats()), min_size=1, max_size=5)
_requests = st.lists(st.dictionaries(st.integers(1, 30), _points, min_size=1, max_size=6), max_size=6)


def make_series(points: list[tuple[int, int, float]]) -> Series:
    steps, times, values = zip(*points, strict=True)
    count = len(points)
    return Series(
        key="m",
        steps=struct.pack(f"<{count}q", *steps),
        times_ms=struct.pack(f"<{count}q", *times),
        values=struct.pack(f"<{count}d", *values),
    )


def join(series: list[Series]) -> bytes:
    parts = [b"".join(getattr(one, name) for one in series) for name in ("steps", "times_ms", "values")]
    return pack_raw(*parts)


@given(_requests)
def test_what_was_packed_is_picked_and_gathered_bit_by_bit(
    requests: list[dict[int, list[tuple[int, int, float]]]],
) -> None:
    packed: list[tuple[str, bytes]] = []
    came: dict[int, list[Series]] = {}
    for request in requests:
        series = {number: make_series(points) for number, points in request.items()}
        packed.append((",".join(map(str, series)), pack_arrival(list(series.values()))))
        for number, one in series.items():
            came.setdefault(number, []).append(one)
    assert gather_series(packed) == {number: join(series) for number, series in came.items()}
    for number in range(1, 31):
        assert pick_series(packed, number) == ([join(came[number])] if number in came else [])


def test_an_arrival_is_as_the_page_of_its_format_says() -> None:
    blob = pack_arrival([make_series([(1, 2, 0.5)]), make_series([(3, 4, 1.5), (5, 6, 2.5)])])
    assert blob[:4] == b"\x03\x00\x01\xfc"
    counts, columns = msgspec.msgpack.decode(blob[4:])
    assert counts == [1, 2]
    assert columns == struct.pack("<qqd", 1, 2, 0.5) + struct.pack("<qqqqdd", 3, 5, 4, 6, 1.5, 2.5)


def test_the_largest_request_that_may_come_is_one_chunk() -> None:
    column = bytes(8 * CHUNK_POINTS)
    blob = pack_arrival([Series(key="m", steps=column, times_ms=column, values=column)])
    assert len(unpack(gather_series([("7", blob)])[7]).steps) == CHUNK_POINTS
    picked = [len(unpack(chunk).steps) for chunk in pick_series([("7", blob), ("7", blob)], 7)]
    assert picked == [CHUNK_POINTS, CHUNK_POINTS]


GOOD = pack_arrival([make_series([(1, 2, 0.5)]), make_series([(3, 4, 1.5)])])


@pytest.mark.parametrize(
    ("numbers", "blob", "told"),
    [
        ("1,2", b"", "does not begin"),
        ("1,2", GOOD[:-1], "damaged"),
        ("1,2", GOOD + b"\x00", "damaged"),
        ("1", GOOD, "damaged"),
        ("1,2", GOOD[:4] + msgspec.msgpack.encode(([1, 2], bytes(48))), "damaged"),
        ("1,2", GOOD[:4] + msgspec.msgpack.encode(([2, 0], bytes(48))), "damaged"),
        ("1,2", GOOD[:4] + msgspec.msgpack.encode({"a": 1}), "damaged"),
        ("1,2", b"\x04\x02\x07\xfb" + GOOD[4:], "Trackway 2.7 and later"),
    ],
)
def test_damage_is_told(numbers: str, blob: bytes, told: str) -> None:
    with pytest.raises(Corrupt, match=told):
        gather_series([(numbers, blob)])
    with pytest.raises(Corrupt, match=told):
        pick_series([(numbers, blob)], 1)
