"""Data sets of Spark and Hugging Face, by stand-ins that have the doors which are used; and sources without data."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trackway import data
from trackway.base.errors import InvalidInput, NotSupported
from trackway.data.code_dataset_source import CodeDatasetSource
from trackway.data.dataset_source import DatasetSource
from trackway.data.delta_dataset_source import DeltaDatasetSource
from trackway.data.http_dataset_source import HTTPDatasetSource
from trackway.data.huggingface_dataset_source import HuggingFaceDatasetSource
from trackway.data.pandas_dataset import PandasDataset
from trackway.data.spark_dataset_source import SparkDatasetSource
from trackway.models import columns
from trackway.sdk import datasets


class HubData:
    """What a split of ``datasets`` 5.2 answers to."""

    config_name, split = "en", "train"
    dataset_size = 400

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self.num_rows, self.column_names = len(frame), list(frame.columns)

    def select(self, rows: Any) -> HubData:
        return HubData(self._frame.iloc[rows])

    def with_format(self, form: None) -> HubData:
        assert form is None
        return self

    def to_pandas(self) -> pd.DataFrame:
        return self._frame


class SparkFrame:
    """What a table of Spark answers to."""

    schema = SimpleNamespace(
        fields=[SimpleNamespace(name="a", nullable=False, dataType=SimpleNamespace(simpleString=lambda: "bigint"))]
    )

    def semanticHash(self) -> int:  # noqa: N802 - Spark's
        return -42


FRAME = pd.DataFrame({"text": ["x", "y", "z"], "label": [0, 1, 0]})


def test_a_split_of_the_hub_is_described() -> None:
    split = HubData(FRAME)
    described = data.from_huggingface(split, "user/mood", targets="label", revision="abc", name="mood")
    assert (described.name, described.targets, described.data) == ("mood", "label", split)
    assert described.source_type == "hugging_face"
    assert json.loads(described.source) == {
        "path": "user/mood",
        "config_name": "en",
        "split": "train",
        "data_dir": None,
        "data_files": None,
        "revision": "abc",
    }
    assert described.digest == data.from_pandas(FRAME).digest != data.from_huggingface(HubData(FRAME[:2])).digest
    assert json.loads(described.profile or "") == {"num_rows": 3, "dataset_size": 400}
    assert described.schema == data.from_pandas(FRAME).schema
    with pytest.raises(NotSupported, match="hugging_face"):
        data.get_source(described).load()
    assert data.from_huggingface(split).source_type == "code"
    assert data.from_huggingface(split, source="s3://b/x").source_type == "s3"


def test_rows_of_a_large_split_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DIGEST_VALUES", 20)
    frame = pd.DataFrame({"a": np.arange(100), "b": 0.5})
    described = data.from_huggingface(HubData(frame))
    assert json.loads(described.profile or "")["num_rows"] == 100
    assert described.digest != data.from_huggingface(HubData(frame.iloc[datasets.choose_rows(100, 2)])).digest
    assert described.digest == data.from_huggingface(HubData(frame)).digest


def test_cells_that_hold_arrays_count_in_full() -> None:
    long = [np.arange(5_000), np.arange(3)]
    changed = [np.where(long[0] == 2_500, 0, long[0]), long[1]]
    described = data.from_huggingface(HubData(pd.DataFrame({"v": long})))
    assert json.loads(described.schema or "")["mlflow_colspec"][0]["type"] == "any"
    assert described.digest != data.from_pandas(pd.DataFrame({"v": changed})).digest
    texts = pd.DataFrame({"s": pd.Series([pd.NA, pd.NaT, float("nan"), "a"], dtype=object)})
    assert json.loads(data.from_pandas(texts).schema or "")["mlflow_colspec"][0]["type"] == "string"


@pytest.mark.parametrize(
    "given, source_type, facts",
    [
        ({"path": "/lake/a"}, "spark", {"path": "/lake/a"}),
        ({"table_name": "db.a"}, "spark", {"table_name": "db.a"}),
        ({"sql": "SELECT 1 AS a"}, "spark", {"sql": "SELECT 1 AS a"}),
        ({"path": "/lake/a", "version": 3}, "delta_table", {"path": "/lake/a", "delta_table_version": 3}),
        ({"table_name": "a", "version": "3"}, "delta_table", {"delta_table_name": "a", "delta_table_version": "3"}),
    ],
    ids=["path", "table", "sql", "version of a path", "version of a table"],
)
def test_a_table_of_spark_is_described(given: dict[str, Any], source_type: str, facts: dict[str, Any]) -> None:
    described = data.from_spark(SparkFrame(), **given, targets="a", name="lake")
    assert (described.source_type, json.loads(described.source)) == (source_type, facts)
    assert (described.name, described.digest, described.targets) == ("lake", "-42", "a")
    with pytest.raises(NotSupported, match=source_type):
        data.get_source(described).load()
    assert data.from_spark(SparkFrame()).source_type == "code"


@pytest.mark.parametrize(
    "given",
    [
        {"path": "a", "sql": "b"},
        {"version": 1},
        {"sql": "a", "version": 1},
        {"targets": "absent"},
        {"predictions": "absent"},
        {"color": "red"},
    ],
    ids=lambda given: "-".join(given),
)
def test_what_is_no_source_of_spark_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        data.from_spark(SparkFrame(), **given)


@pytest.mark.parametrize("other", [FRAME, {"train": HubData(FRAME)}], ids=["pandas", "all splits"])
def test_what_is_no_split_is_refused(other: Any) -> None:
    with pytest.raises(InvalidInput, match="one split"):
        data.from_huggingface(other)


def test_a_source_is_described_without_data() -> None:
    described = data.MetaDataset("s3://lake/a.parquet", name="lake", schema=columns(a="long", b="string?"))
    assert (described.name, described.source_type, described.data) == ("lake", "s3", None)
    assert json.loads(described.schema or "")["mlflow_colspec"] == [
        {"type": "long", "name": "a", "required": True},
        {"type": "string", "name": "b", "required": False},
    ]
    assert described.digest != data.describe_source("s3://lake/a.parquet", name="lake").digest
    assert data.describe_source("s3://lake/a.parquet", digest="v7").digest == "v7"


def test_a_delta_table_needs_a_path_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(NotSupported, match=r"trackway\[delta\]"):
        data.load_delta("lake")
    with pytest.raises(NotSupported, match="session of Spark"):
        data.load_delta(table_name="db.lake")
    for given in ({}, {"path": "lake", "table_name": "lake"}, {"path": "lake", "version": "newest"}):
        with pytest.raises(InvalidInput):
            data.load_delta(**given)
    with pytest.raises(InvalidInput, match="from_numpy"):
        data.from_tensorflow(np.zeros(3))


SOURCES: dict[str, tuple[DatasetSource, str, dict[str, Any]]] = {
    "http": (HTTPDatasetSource("https://example.com/a.csv"), "http", {"url": "https://example.com/a.csv"}),
    "delta": (
        DeltaDatasetSource(delta_table_name="db.a", delta_table_version=3),
        "delta_table",
        {"delta_table_name": "db.a", "delta_table_version": 3},
    ),
    "spark": (SparkDatasetSource(sql="SELECT 1"), "spark", {"sql": "SELECT 1"}),
    "hub": (
        HuggingFaceDatasetSource("user/mood", split="train"),
        "hugging_face",
        {
            "path": "user/mood",
            "config_name": None,
            "data_dir": None,
            "data_files": None,
            "split": "train",
            "revision": None,
        },
    ),
    "code": (CodeDatasetSource({"user": "ann"}), "code", {"tags": {"user": "ann"}}),
}


@pytest.mark.parametrize("source, source_type, facts", SOURCES.values(), ids=SOURCES.keys())
def test_a_source_is_made_by_the_names_of_its_module(
    source: DatasetSource, source_type: str, facts: dict[str, Any]
) -> None:
    described = data.from_pandas(FRAME, source=source)
    assert (described.source_type, json.loads(described.source)) == (source_type, facts)
    assert data.get_source(described).to_dict() == source.to_dict()
    assert isinstance(described, PandasDataset)


def test_a_source_is_one_place() -> None:
    with pytest.raises(InvalidInput, match="one of path, table_name, sql"):
        SparkDatasetSource()
    with pytest.raises(InvalidInput, match="one of path, delta_table_name"):
        DeltaDatasetSource("a", "b")
    with pytest.raises(InvalidInput, match="'branch'"):
        HuggingFaceDatasetSource("user/mood", branch="main")
