"""Data sets of TensorFlow and Delta tables, described by the libraries themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from trackway import data
from trackway.base.errors import InvalidInput, NotFound

X = np.arange(12, dtype="float32").reshape(4, 3)
Y = np.arange(4)


def test_tensors_are_described_as_their_arrays() -> None:
    described = data.from_tensorflow(tf.constant(X), "s3://lake/x", targets=tf.constant(Y), name="x")
    plain = data.from_numpy(X, "s3://lake/x", targets=Y, name="x")
    assert described.to_dict() == plain.to_dict()
    assert tf.is_tensor(described.data)
    assert tf.is_tensor(described.targets)


def make_stream(x: Any = X) -> Any:
    return tf.data.Dataset.from_tensor_slices((x, Y)).batch(2)


def test_a_stream_is_described_by_what_it_yields() -> None:
    described = data.from_tensorflow(make_stream())
    assert described.digest == data.from_tensorflow(make_stream()).digest
    assert described.digest != data.from_tensorflow(make_stream(X + 1)).digest
    assert described.digest != data.from_tensorflow(make_stream().take(1)).digest
    assert json.loads(described.profile or "") == {"features_cardinality": 2}
    spec = json.loads(json.loads(described.schema or "")["mlflow_tensorspec"]["features"])
    assert [(one["name"], one["tensor-spec"]) for one in spec] == [
        ("0", {"dtype": "float32", "shape": [-1, 3]}),
        ("1", {"dtype": "int64", "shape": [-1]}),
    ]
    named = tf.data.Dataset.from_tensor_slices({"x": X, "word": ["a", "b", "c", "d"]})
    two = data.from_tensorflow(named, targets=tf.data.Dataset.from_tensor_slices(Y))
    assert json.loads(two.profile or "") == {"features_cardinality": 4, "targets_cardinality": 4}
    ragged = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1, 2], [3]]))
    assert len(data.from_tensorflow(ragged).digest) == 32


def test_a_stream_without_an_end_needs_a_digest() -> None:
    with pytest.raises(InvalidInput, match="no end"):
        data.from_tensorflow(make_stream().repeat())
    assert data.from_tensorflow(make_stream().repeat(), digest="abc").digest == "abc"
    with pytest.raises(InvalidInput, match="two kinds"):
        data.from_tensorflow(make_stream(), targets=tf.constant(Y))
    for other in (X, None, [1]):
        with pytest.raises(InvalidInput, match="no tensor"):
            data.from_tensorflow(other)


def test_a_version_of_a_delta_table_is_loaded_without_spark(tmp_path: Path) -> None:
    lake, first = str(tmp_path / "lake"), pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    deltalake.write_deltalake(lake, first)
    deltalake.write_deltalake(lake, pd.DataFrame({"a": [3], "b": ["z"]}), mode="append")
    newest, old = data.load_delta(lake, targets="a"), data.load_delta(Path(lake), version="0", name="lake")
    assert (newest.source_type, json.loads(newest.source)) == ("delta_table", {"path": lake, "delta_table_version": 1})
    assert sorted(newest.data["a"]) == [1, 2, 3]
    assert (old.name, json.loads(old.source)["delta_table_version"]) == ("lake", 0)
    assert old.data["b"].tolist() == ["x", "y"]
    assert old.digest == data.from_pandas(first).digest != newest.digest
    with pytest.raises(NotFound, match="no Delta table"):
        data.load_delta(str(tmp_path))
    with pytest.raises(InvalidInput, match="in version 7"):
        data.load_delta(lake, version=7)
