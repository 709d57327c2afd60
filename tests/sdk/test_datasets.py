from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackway.api import limits
from trackway.api.runs import TAG_CONTEXT, Dataset
from trackway.base.errors import InvalidInput
from trackway.sdk import datasets
from trackway.sdk.datasets import (
    describe_training_data,
    from_numpy,
    from_pandas,
    from_polars,
    resolve_dataset,
)

FRAME = {
    "i": [1, 2, 3],
    "f": [0.5, None, 2.0],
    "s": ["a", "b", None],
    "b": [True, False, True],
    "t": [datetime.datetime(2026, 1, day) for day in (1, 2, 3)],  # noqa: DTZ001 - frames hold naive times too
    "o": [[1], [2], [3]],
    "y": [b"x", b"y", b"z"],
}

TYPES = {"i": "long", "f": "double", "s": "string", "b": "boolean", "t": "datetime", "o": "any", "y": "binary"}

CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "number": lambda frame: frame.assign(i=[1, 2, 4]),
    "text for a missing one": lambda frame: frame.assign(s=["a", "b", "None"]),
    "text moved to the neighbour": lambda frame: frame.assign(s=["ab", "", None]),
    "number for a missing one": lambda frame: frame.assign(f=[0.5, 0.0, 2.0]),
    "type": lambda frame: frame.assign(i=frame["i"].astype("int32")),
    "object": lambda frame: frame.assign(o=[[1], [2], [4]]),
    "column name": lambda frame: frame.rename(columns={"i": "j"}),
    "column order": lambda frame: frame[frame.columns[::-1]],
    "row order": lambda frame: frame.iloc[::-1],
    "row number": lambda frame: frame.iloc[:2],
}

DIGEST_SCRIPT = """
import numpy as np, pandas as pd
from trackway.sdk.datasets import from_numpy, from_pandas
print(from_pandas(pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [[1], {"k": 2.5}]})).digest)
print(from_numpy({"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yy"])}, targets=np.array([0, 1])).digest)
"""


def read_colspec(schema: str | None) -> list[dict[str, Any]]:
    assert schema is not None
    columns: list[dict[str, Any]] = json.loads(schema)["mlflow_colspec"]
    return columns


class TestFrames:
    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    def test_schema_and_profile_are_as_mlflow_writes_them(self, kind: str) -> None:
        made = from_pandas(pd.DataFrame(FRAME)) if kind == "pandas" else from_polars(pl.DataFrame(FRAME))
        types = TYPES if kind == "pandas" else {**TYPES, "o": "any"}
        assert read_colspec(made.schema) == [
            {"type": column_type, "name": name, "required": name not in ("f", "s")}
            for name, column_type in types.items()
        ]
        assert json.loads(made.profile or "") == {"num_rows": 3, "num_elements": 21}
        assert made.name == "dataset"

    @pytest.mark.parametrize(
        "dtype, column_type",
        [
            ("int8", "integer"),
            ("uint16", "integer"),
            ("int32", "integer"),
            ("uint32", "long"),
            ("Int64", "long"),
            ("float16", "float"),
            ("float32", "float"),
            ("Float64", "double"),
            ("boolean", "boolean"),
            ("category", "long"),
            ("string", "string"),
            ("int64[pyarrow]", "long"),
            ("double[pyarrow]", "double"),
            ("datetime64[ns, UTC]", "datetime"),
            ("timedelta64[ns]", "any"),
        ],
    )
    def test_column_types_of_pandas(self, dtype: str, column_type: str) -> None:
        made = from_pandas(pd.DataFrame({"a": pd.Series([1, 0], dtype="int64").astype(dtype)}))
        assert read_colspec(made.schema)[0]["type"] == column_type

    @pytest.mark.parametrize("change", CHANGES)
    def test_digest_changes_with_the_content(self, change: str) -> None:
        frame = pd.DataFrame(FRAME)
        assert from_pandas(CHANGES[change](frame)).digest != from_pandas(frame).digest

    def test_digest_does_not_change_with_index_order_in_memory_or_name(self) -> None:
        frame = pd.DataFrame(FRAME)
        other = pd.DataFrame({name: frame[name] for name in frame.columns}, copy=True).set_index(pd.Index([7, 8, 9]))
        assert from_pandas(other, name="x", source="s3://b/x").digest == from_pandas(frame).digest

    def test_given_digest_wins(self) -> None:
        assert from_pandas(pd.DataFrame(FRAME), digest="v7").digest == "v7"

    def test_roles_name_columns(self) -> None:
        made = from_pandas(pd.DataFrame(FRAME), targets="i", predictions="f")
        assert (made.targets, made.predictions) == ("i", "f")
        with pytest.raises(InvalidInput, match="no column 'z'"):
            from_polars(pl.DataFrame(FRAME), targets="z")

    def test_empty_frames(self) -> None:
        made = from_pandas(pd.DataFrame())
        assert json.loads(made.profile or "") == {"num_rows": 0, "num_elements": 0}
        assert from_polars(pl.DataFrame({"a": pl.Series([], dtype=pl.Float64)})).digest

    def test_a_schema_over_the_limit_is_left_out(self) -> None:
        made = from_pandas(pd.DataFrame(np.zeros((1, 3)), columns=["a", "b", "c" * limits.DATASET_SCHEMA_CHARS]))
        assert made.schema is None
        assert made.profile is not None


class TestLargeData:
    @pytest.fixture(autouse=True)
    def few_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(datasets, "DIGEST_VALUES", 20)

    @pytest.mark.parametrize(
        "make", [from_pandas, lambda frame: from_polars(pl.from_pandas(frame))], ids=["pandas", "polars"]
    )
    def test_evenly_spaced_rows_count_with_the_first_the_last_and_the_number(self, make: Any) -> None:
        values = np.arange(2_000.0).reshape(1_000, 2)
        digest = make(pd.DataFrame(values, columns=["a", "b"])).digest
        for row in (0, 999):
            changed = values.copy()
            changed[row] = -1
            assert make(pd.DataFrame(changed, columns=["a", "b"])).digest != digest
        unseen = values.copy()
        unseen[1] = -1
        assert make(pd.DataFrame(unseen, columns=["a", "b"])).digest == digest
        longer = np.insert(values, 1, -1, axis=0)
        assert make(pd.DataFrame(longer, columns=["a", "b"])).digest != digest

    def test_missing_values_anywhere_make_a_column_optional(self) -> None:
        values = np.zeros(1_000)
        values[1] = np.nan
        assert not read_colspec(from_pandas(pd.DataFrame({"a": values})).schema)[0]["required"]

    def test_tensors_and_sparse_matrices_too(self) -> None:
        values = np.arange(3_000.0).reshape(1_000, 3)
        unseen, seen = values.copy(), values.copy()
        unseen[1] = seen[999] = -1
        assert from_numpy(unseen).digest == from_numpy(values).digest != from_numpy(seen).digest
        assert from_numpy(scipy.sparse.csr_matrix(values)).digest != from_numpy(scipy.sparse.csr_matrix(seen)).digest


class TestTensors:
    def test_one_array(self) -> None:
        made = from_numpy(np.zeros((4, 2, 3), np.float32), targets=np.array([0, 1, 0, 1]))
        schema = json.loads(made.schema or "")["mlflow_tensorspec"]
        assert json.loads(schema["features"]) == [
            {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 3]}}
        ]
        assert json.loads(schema["targets"]) == [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]
        assert json.loads(made.profile or "") == {
            "features_shape": [4, 2, 3],
            "features_size": 24,
            "features_nbytes": 96,
            "targets_shape": [4],
            "targets_size": 4,
            "targets_nbytes": 32,
        }

    def test_named_arrays_without_targets(self) -> None:
        made = from_numpy({"b": np.zeros((2, 2)), "a": np.zeros(2, bool)})
        schema = json.loads(made.schema or "")["mlflow_tensorspec"]
        assert [spec["name"] for spec in json.loads(schema["features"])] == ["b", "a"]
        assert schema["targets"] is None
        assert json.loads(made.profile or "")["features_shape"] == {"b": [2, 2], "a": [2]}
        assert from_numpy({"a": np.zeros(2, bool), "b": np.zeros((2, 2))}).digest == made.digest

    def test_sparse_matrices(self) -> None:
        dense = np.eye(3)
        made = from_numpy(scipy.sparse.csr_matrix(dense))
        assert made.digest == from_numpy(scipy.sparse.coo_matrix(dense)).digest
        assert made.digest != from_numpy(scipy.sparse.csr_matrix(2 * dense)).digest
        assert made.digest != from_numpy(scipy.sparse.csr_matrix(np.eye(3, 4))).digest

    @given(
        hnp.arrays(st.sampled_from(["<f8", ">f8", "<i4", "?", "<M8[us]", "<c16", "<f2"]), hnp.array_shapes(min_side=0))
    )
    def test_digest_is_of_values_and_shape_not_of_memory(self, array: np.ndarray[Any, Any]) -> None:
        digest = from_numpy(array).digest
        assert len(digest) == 32
        assert from_numpy(np.asfortranarray(array)).digest == digest
        assert from_numpy(array.astype(array.dtype.newbyteorder())).digest == digest
        assert from_numpy(array.ravel()).digest != digest or array.ndim == 1

    def test_features_and_targets_do_not_change_places(self) -> None:
        a, b = np.array([1, 2]), np.array([3, 4])
        assert len({from_numpy(a).digest, from_numpy(a, targets=b).digest, from_numpy(b, targets=a).digest}) == 3

    @pytest.mark.parametrize("features", [[[1, 2], [3]], 5, [], [None, "x"]])
    def test_odd_shapes(self, features: Any) -> None:
        assert from_numpy(features).digest


def test_digests_are_the_same_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST_SCRIPT], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    # Written down, so that a change of the algorithm does not go unnoticed: it would part data sets from their past.
    assert digests == {"32c0b1653e31e70e8db71285cfc1b376\n10bf7e134262a9bf2562cf0d1e85aa78\n"}


class TestSource:
    @pytest.mark.parametrize(
        "source, source_type, described",
        [
            ("data/a.csv", "local", {"uri": "data/a.csv"}),
            (Path("/data/a.csv"), "local", {"uri": "/data/a.csv"}),
            ("C:\\data\\a.csv", "local", {"uri": "C:\\data\\a.csv"}),
            ("https://h/a?id=3", "http", {"url": "https://h/a?id=3"}),
            ("https://u:p@h/a?id=3&X-Amz-Signature=s", "http", {"url": "https://***@h/a?id=3&X-Amz-Signature=***"}),
            ("s3://bucket/a", "s3", {"uri": "s3://bucket/a"}),
            ("postgresql://me:hush@h/db", "postgresql", {"uri": "postgresql://me:***@h/db"}),
            (
                SimpleNamespace(_get_source_type=lambda: "hugging_face", to_json=lambda: '{"path": "x"}'),
                "hugging_face",
                {"path": "x"},
            ),
        ],
    )
    def test_by_its_form(self, source: Any, source_type: str, described: dict[str, str]) -> None:
        made = from_numpy(np.zeros(1), source=source)
        assert (made.source_type, json.loads(made.source)) == (source_type, described)

    def test_none_is_this_code(self) -> None:
        made = from_numpy(np.zeros(1))
        assert made.source_type == "code"
        assert set(json.loads(made.source)["tags"]) == {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}

    def test_others_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match="no source"):
            from_numpy(np.zeros(1), source=3)


class TestTrainingData:
    def test_frames_take_the_targets_as_a_column(self) -> None:
        frame = pd.DataFrame({"a": [1, 2]})
        made = describe_training_data(frame, pd.Series(["x", "y"], name="label"))
        assert made is not None
        assert [column["name"] for column in read_colspec(made.schema)] == ["a", "label"]
        other = describe_training_data(frame, pd.Series(["x", "z"], name="label"))
        assert other is not None
        assert other.digest != made.digest

    @pytest.mark.parametrize(
        "features, spec",
        [
            (np.zeros((2, 2)), "mlflow_tensorspec"),
            ([[1, 2], [3, 4]], "mlflow_tensorspec"),
            (scipy.sparse.eye(2), "mlflow_tensorspec"),
            (pl.DataFrame({"a": [1, 2]}), "mlflow_colspec"),
        ],
    )
    def test_kinds_that_are_described(self, features: Any, spec: str) -> None:
        made = describe_training_data(features, [0, 1], "train")
        assert made is not None
        assert list(json.loads(made.schema or "")) == [spec]

    @pytest.mark.parametrize(
        "features", [iter([[1]]), (x for x in "ab"), "file.txt", object(), SimpleNamespace(shape=(1,), device="cuda:0")]
    )
    def test_what_would_be_used_up_is_left_alone(self, features: Any) -> None:
        assert describe_training_data(features) is None


class TestResolve:
    EXPECTED = Dataset(name="n", digest="d", source_type="local", source="{}", schema=None, profile='{"num_rows": 1}')

    def test_our_own(self) -> None:
        made = from_numpy(np.zeros(1), name="n")
        assert resolve_dataset(made) == made.to_api()
        assert resolve_dataset(self.EXPECTED) is self.EXPECTED

    def test_objects_shaped_as_mlflows(self) -> None:
        fields = {
            "name": "n",
            "digest": "d",
            "source_type": "local",
            "source": "{}",
            "schema": None,
            "profile": '{"num_rows": 1}',
        }
        entity = SimpleNamespace(**fields)
        described = SimpleNamespace(digest="d", source=object(), to_dict=lambda: fields)
        assert resolve_dataset(SimpleNamespace(_to_mlflow_entity=lambda: entity)) == self.EXPECTED
        assert resolve_dataset(entity) == self.EXPECTED
        assert resolve_dataset(described) == self.EXPECTED

    @pytest.mark.parametrize(
        "value", [None, 3, "x", {"name": "n"}, pd.DataFrame(), SimpleNamespace(name=3, digest="d")]
    )
    def test_others_are_refused(self, value: object) -> None:
        with pytest.raises(InvalidInput, match="no data set"):
            resolve_dataset(value)

    def test_context_becomes_a_tag(self) -> None:
        made = from_numpy(np.zeros(1)).to_input("training", {"a": "b"})
        assert made.tags == {TAG_CONTEXT: "training", "a": "b"}
