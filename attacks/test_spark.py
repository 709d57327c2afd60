"""Models of Spark MLlib that would have Spark make objects, run SQL or read files of an attacker's choice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from trackway.base.errors import Corrupt, InvalidInput, PermissionDenied, TrackwayError
from trackway.models.manifest import write_manifest
from trackway.models.mlmodel import MlModel, dump_mlmodel
from trackway.models.package import load_model

pytestmark = pytest.mark.spark
ROOT = {"class": "org.apache.spark.ml.PipelineModel", "uid": "p", "paramMap": {"stageUids": ["s"]}}
STAGE = {"class": "org.apache.spark.ml.feature.VectorAssembler", "uid": "s", "paramMap": {"inputCols": ["a"]}}
SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"


@pytest.fixture(autouse=True)
def _no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is refused before there is a session of Spark."""

    def refuse() -> None:
        raise AssertionError("Spark was asked")

    monkeypatch.setattr("trackway.models.flavors.spark.get_session", refuse)


def write_model(folder: Path, root: Any = ROOT, stage: Any = STAGE) -> Path:
    """Write a model whose files are as MLlib writes them; return the folder of the pipeline."""
    pipeline = folder / "sparkml"
    for place, record in (("metadata", root), ("stages/0_s/metadata", stage)):
        (pipeline / place).mkdir(parents=True)
        (pipeline / place / "part-00000").write_text(json.dumps(record) + "\n")
        (pipeline / place / "_SUCCESS").touch()
    flavors = {
        "spark": {"model_data": "sparkml"},
        "python_function": {"loader_module": "mlflow.spark", "data": "sparkml"},
    }
    (folder / "MLmodel").write_bytes(dump_mlmodel(MlModel(flavors=flavors, is_ours=True)))
    return pipeline


def load(folder: Path) -> Any:
    write_manifest(folder)
    return load_model(folder)


def test_a_model_as_it_should_be_gets_as_far_as_spark(tmp_path: Path) -> None:
    write_model(tmp_path)
    with pytest.raises((AssertionError, TrackwayError), match="Spark was asked"):
        load(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "java.lang.Runtime",
        "javax.script.ScriptEngineManager",
        "org.springframework.context.support.ClassPathXmlApplicationContext",
        "org.apache.spark.ml.feature.Evil",
        "org.apache.spark.deploy.SparkSubmit",
        "org.apache.spark.sql.SparkSession",
        "pyspark.ml.feature.JavaParams",
        "pyspark.ml.feature.os",
        "pyspark.ml.util.DefaultParamsReader",
        "pyspark.ml.torch.distributor.TorchDistributor",
        "pyspark.cloudpickle.CloudPickler",
        "pyspark.ml.feature",
        "pyspark.ml.",
        "os.system",
        "evil.Module",
        "pyspark.ml.feature..VectorAssembler",
        "pyspark.ml.feature/../../evil.VectorAssembler",
        "",
    ],
)
@pytest.mark.parametrize("where", ["root", "stage"])
def test_a_class_that_is_none_of_mllibs_is_refused(name: str, where: str, tmp_path: Path) -> None:
    write_model(tmp_path, **{where: {**(ROOT if where == "root" else STAGE), "class": name}})
    with pytest.raises(PermissionDenied, match="none of MLlib's"):
        load(tmp_path)


def test_sql_is_refused(tmp_path: Path) -> None:
    statement = "SELECT java_method('java.lang.System', 'exit', 1) FROM __THIS__"
    sql = {"class": "org.apache.spark.ml.feature.SQLTransformer", "uid": "s", "paramMap": {"statement": statement}}
    write_model(tmp_path, stage=sql)
    with pytest.raises(PermissionDenied, match="step of SQL"):
        load(tmp_path)


@pytest.mark.parametrize(
    "uid", ["../../outside", "/etc", "s/../../..", "", "a" * 500, 3, None, ["s"], {"s": 1}, "hdfs://x"], ids=repr
)
def test_a_stage_that_is_somewhere_else_is_refused(uid: Any, tmp_path: Path) -> None:
    write_model(tmp_path, root={**ROOT, "paramMap": {"stageUids": [uid]}})
    with pytest.raises(InvalidInput, match="names the stage"):
        load(tmp_path)


def test_a_part_of_a_search_that_is_somewhere_else_is_refused(tmp_path: Path) -> None:
    entry = {"parent": "s", "name": "classifier", "value": "../../../outside", "isJson": "false"}
    params = {"estimatorParamMaps": [[entry]]}
    write_model(
        tmp_path, stage={**STAGE, "class": "org.apache.spark.ml.tuning.CrossValidatorModel", "paramMap": params}
    )
    with pytest.raises(InvalidInput, match="names the stage"):
        load(tmp_path)


def _add(path: str, data: bytes) -> Callable[[Path], Any]:
    def add(pipeline: Path) -> None:
        (pipeline / path).parent.mkdir(parents=True, exist_ok=True)
        (pipeline / path).write_bytes(data)

    return add


FILES: dict[str, Callable[[Path], Any]] = {
    "packed metadata": _add("metadata/part-00001.gz", b"\x1f\x8b"),
    "metadata of another name": _add("metadata/a.txt", b"{}"),
    "a file in place of the folder": _add("stages/1_t/metadata", b"{}"),
    "metadata within metadata": _add("stages/0_s/metadata/metadata/part-00000", b"{}"),
    "parquet as metadata": _add("metadata/x.parquet", b"PAR1"),
    "java's own form": _add("stages/0_s/data/part-00000", b"\xac\xed\x00\x05sr"),
    "orc": _add("stages/0_s/data/part-00000.orc", b"ORC"),
    "a jar": _add("stages/0_s/evil.jar", b"PK"),
    "a summary of parquet": _add("stages/0_s/data/_metadata", b"PAR1"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_mllib_does_not_write_is_refused(what: str, tmp_path: Path) -> None:
    FILES[what](write_model(tmp_path))
    with pytest.raises(TrackwayError, match=r"of a kind that MLlib writes nowhere|cannot be looked into"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"class": 3}', '{"class": ', "[" * 5_000, '{"class": "a", "class"'],
    ids=lambda text: text[:20],
)
def test_metadata_that_cannot_be_read_is_refused(text: str, tmp_path: Path) -> None:
    pipeline = write_model(tmp_path)
    (pipeline / "metadata" / "part-00000").write_text(text)
    (pipeline / "stages/0_s/metadata/part-00000").write_text(text)
    with pytest.raises(Corrupt):
        load(tmp_path)


TYPES = {
    "a class of java's": {"type": "udt", "class": "javax.script.ScriptEngineManager"},
    "a class of python's": {"type": "udt", "pyClass": "os.system", "class": "org.apache.spark.ml.linalg.VectorUDT"},
    "a pickle": {"type": "udt", "class": "org.apache.spark.ml.linalg.VectorUDT", "serializedClass": "gASVCg=="},
    "no class": {"type": "udt"},
    "within a list": {"type": "array", "elementType": {"type": "udt", "class": "evil.Type"}},
}


@pytest.mark.parametrize("what", TYPES)
def test_a_table_whose_values_bring_a_class_is_refused(what: str, tmp_path: Path) -> None:
    pipeline = write_model(tmp_path)
    schema = {"type": "struct", "fields": [{"name": "a", "type": TYPES[what], "nullable": True, "metadata": {}}]}
    table = pyarrow.table({"a": [1.0]}).replace_schema_metadata({SCHEMA: json.dumps(schema).encode()})
    (pipeline / "stages/0_s/data").mkdir()
    parquet.write_table(table, pipeline / "stages/0_s/data/part-00000.parquet")
    with pytest.raises(PermissionDenied, match="values of the class"):
        load(tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"PAR1" * 40, b"garbage" * 9, b"PAR1" + b"\xff" * 80 + b"\x10\x00\x00\x00PAR1"],
    ids=lambda data: repr(data[:12]),
)
def test_a_table_that_is_none_is_refused(data: bytes, tmp_path: Path) -> None:
    _add("stages/0_s/data/part-00000.parquet", data)(write_model(tmp_path))
    with pytest.raises(Corrupt, match="no Parquet"):
        load(tmp_path)
