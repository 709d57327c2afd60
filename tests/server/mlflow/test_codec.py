"""Messages decoded in one step and messages read tolerantly are the same messages."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.base.errors import InvalidInput
from trackway.server.mlflow.codec import Codec, parse_object
from trackway.server.mlflow.errors import invalid_value
from trackway.server.mlflow.metrics import LogBatch, LogMetric, group_points

KEYS = st.text(min_size=1, max_size=20)
INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(0, 2**63 - 1)
POINTS = st.fixed_dictionaries(
    {"key": KEYS, "value": st.floats(allow_nan=False, allow_infinity=False), "timestamp": TIMES},
    optional={"step": INT64, "model_id": KEYS, "dataset_name": KEYS},
)
BATCHES = st.fixed_dictionaries(
    {"run_id": KEYS, "metrics": st.lists(POINTS, max_size=8)},
    optional={"params": st.lists(st.fixed_dictionaries({"key": KEYS, "value": st.text()}), max_size=3)},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

batches = Codec(LogBatch)
points = Codec(LogMetric)


@contextmanager
def refused_at_most() -> Iterator[None]:
    """Let pass what is understood and what is refused as the caller's mistake, and nothing else."""
    with suppress(InvalidInput):
        yield


def respell(value: Any) -> Any:
    """Write a batch as a client of another language does: lowerCamel names, integers as text, more fields."""
    if isinstance(value, dict):
        camel = {"run_id": "runId", "model_id": "modelId", "dataset_name": "datasetName"}
        return {camel.get(name, name): respell(item) for name, item in value.items()} | {"unknown": {"a": [1]}}
    if isinstance(value, list):
        return [respell(item) for item in value]
    return str(value) if isinstance(value, int) else value


@given(BATCHES)
def test_every_spelling_of_a_batch_is_the_same_batch(body: dict[str, Any]) -> None:
    plain = batches.decode(json.dumps(body).encode())
    assert batches.decode(json.dumps(respell(body)).encode()) == plain
    assert batches.decode(json.dumps(json.dumps(body)).encode()) == plain
    assert [point.key for point in plain.metrics] == [point["key"] for point in body["metrics"]]


@given(JSON)
def test_no_json_breaks_the_reading(body: Any) -> None:
    encoded = json.dumps(body).encode()
    for codec in (batches, points):
        with refused_at_most():
            codec.decode(encoded)


@given(JSON)
def test_no_value_of_a_field_breaks_the_reading(value: Any) -> None:
    good: dict[str, Any] = {"run_id": "r", "key": "k", "value": 1.0, "timestamp": 1}
    for name in (*good, "step", "model_id", "run_uuid"):
        with refused_at_most():
            read = points.decode(json.dumps({**good, name: value}).encode())
            assert 0 <= read.timestamp < 2**63
            assert -(2**63) <= read.step < 2**63


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    with refused_at_most():
        parse_object(body)


@given(st.lists(POINTS, max_size=30))
def test_points_keep_their_order_within_each_key(sent: list[dict[str, Any]]) -> None:
    batch = batches.decode(json.dumps({"run_id": "r", "metrics": sent}).encode())
    series = {one.key: one for one in group_points(batch.metrics)}
    assert list(series) == list(dict.fromkeys(point["key"] for point in sent))
    for key, one in series.items():
        mine = [point for point in sent if point["key"] == key]
        assert list(memoryview(one.steps).cast("q")) == [point.get("step", 0) for point in mine]
        assert list(memoryview(one.times_ms).cast("q")) == [point["timestamp"] for point in mine]
        shown = list(memoryview(one.values).cast("d"))
        assert shown == [point["value"] for point in mine]
        assert [math.copysign(1, value) for value in shown] == [math.copysign(1, point["value"]) for point in mine]


@pytest.mark.parametrize("value", ["x" * 10_000, [1] * 10_000, {"a": {"b": "c" * 10_000}}, 10**4_000])
def test_a_long_value_is_not_sent_back(value: Any) -> None:
    assert len(invalid_value("f", value, "it is wrong").message) < 200


def test_a_message_says_exactly_what_its_fields_say() -> None:
    """The struct and the tolerant reading must know the same fields, or one would drop what the other keeps."""
    full = {
        "run_id": "r",
        "run_uuid": "r",
        "key": "k",
        "value": 1.0,
        "timestamp": 1,
        "step": 2,
        "model_id": "m",
        "dataset_name": "n",
        "dataset_digest": "d",
    }
    assert set(full) == set(LogMetric.__struct_fields__)
    plain = points.decode(json.dumps(full).encode())
    assert points.decode(json.dumps({**full, "unknown": 1}).encode()) == plain
    assert msgspec.to_builtins(plain) == full
