"""Spark MLlib: pipelines and single steps in MLlib's own form, which is JSON and Parquet.

Spark computes in a session. The one that the script has is used, or one is started on this machine alone. Predictions
come back in the order of the rows: the column ``prediction``, or what the last step gives.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside
from trackway.models.spark_files import SQL, check_pipeline
from trackway.models.spark_stages import INPUTS, list_columns, list_stages

FOLDER: Final = "sparkml"
SHARED: Final = "/tmp/trackway"  # noqa: S108 - in the cluster's file system, where the user's other work is as well
PREDICTION: Final = "prediction"
ROW: Final = "__trackway_row"
_CONNECT: Final = "pyspark.ml.connect."
_OUTPUTS: Final = ("predictionCol", "outputCol", "outputCols", "topicDistributionCol")


class SparkFlavor:
    """Fitted pipelines and steps of Spark MLlib."""

    name = "spark"
    options = ("dfs_tmpdir",)
    load_options = ("dfs_tmpdir",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        ml = import_library("pyspark.ml")
        if not isinstance(model, ml.Transformer) or not hasattr(model, "write"):
            raise InvalidInput(
                f"A {type(model).__qualname__} is no fitted step of Spark MLlib that can be written",
                hint="fit a Pipeline, and give what it returns",
            )
        pipeline = model if isinstance(model, ml.PipelineModel) else ml.PipelineModel(stages=[model])
        place = folder / FOLDER
        try:
            _write(pipeline, place, options.get("dfs_tmpdir"))
        except ValueError as error:  # of PySpark, for a step that has no writer
            raise InvalidInput(f"Spark cannot write the model: {str(error)[:300]}") from error
        for path in [*place.rglob(".*.crc"), *place.rglob("_SUCCESS")]:  # which the manifest is for
            path.unlink()
        classes = check_pipeline(place, trust=True)
        return Saved(
            config={
                "pyspark_version": str(import_library("pyspark").__version__),
                "model_data": FOLDER,
                "model_class": "pyspark.ml.pipeline.PipelineModel",
                "classes": sorted(set(classes)),
            },
            loader={"loader_module": "mlflow.spark", "data": FOLDER},
            distributions=("pyspark", "pandas", "pyarrow"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool, dfs_tmpdir: str | None = None) -> Any:
        place = resolve_inside(folder, config.get("model_data") or FOLDER)
        kind = str(config.get("model_class") or "")
        if kind.startswith(_CONNECT):
            raise NotSupported(f"Models of {kind[:100]} are not loaded here", hint="save a pipeline of pyspark.ml")
        if not place.is_dir():
            raise Corrupt(f"The model's {place.name!r} is no folder")
        import_library("pyspark.ml")
        check_pipeline(place, trust=trust)
        session = get_session()
        address = _to_address(place)
        if shared := _find_shared(session, dfs_tmpdir):
            address = _copy_to_cluster(session, address, shared)
        return import_library("pyspark.ml").PipelineModel.load(address)

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:
        classes = config.get("classes")
        return isinstance(classes, list) and not any(str(name).endswith(SQL) for name in classes)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        def predict(data: Any, params: dict[str, Any]) -> Any:
            if params:
                raise InvalidInput(f"A model of Spark takes no params, found {', '.join(map(repr, params))}")
            table = _to_table(data)
            frame = prepare_frame(native, get_session().createDataFrame(table))
            return _collect(native, native.transform(frame), table)

        return predict


def get_session() -> Any:
    """Return the session of Spark: that of the thread or of the process, or one that is started on this machine.

    raises: NotSupported in a worker of Spark, where there can be none
    """
    pyspark, sql = import_library("pyspark"), import_library("pyspark.sql")
    if pyspark.TaskContext.get() is not None:
        raise NotSupported(
            "A model of Spark MLlib cannot predict within a worker of Spark",
            hint="models.predict_dataframe, or transform of the loaded model, take a table of Spark",
        )
    with suppress(pyspark.errors.PySparkRuntimeError):
        return sql.SparkSession.active()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    alone = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    small = {"spark.sql.shuffle.partitions": "1", "spark.default.parallelism": "1"}
    builder = sql.SparkSession.builder.master("local[*]").appName("trackway")
    return builder.config(map={**alone, **small}).getOrCreate()


def prepare_frame(native: Any, frame: Any) -> Any:
    """Return a table of Spark whose lists of numbers are vectors where the model wants vectors."""
    functions, types = import_library("pyspark.ml.functions"), import_library("pyspark.sql.types")
    wanted = {name for stage in list_stages(native) for name in list_columns(stage, INPUTS)}
    for field in frame.schema.fields:
        kind = field.dataType
        is_list = isinstance(kind, types.ArrayType) and isinstance(kind.elementType, types.FractionalType)
        if is_list and field.name in wanted:
            frame = frame.withColumn(field.name, functions.array_to_vector(frame[_quote(field.name)]))
    return frame


def choose_predictions(native: Any, frame: Any, given: Sequence[str]) -> tuple[list[str], list[Any]]:
    """Return the names and columns of a model's table that are what it predicts; vectors become lists.

    given:  names of the columns that the model was given
    raises: InvalidInput when it adds none
    """
    functions, linalg = import_library("pyspark.ml.functions"), import_library("pyspark.ml.linalg")
    fresh = [name for name in frame.columns if name not in given]
    outputs = _name_outputs(native)
    named = [PREDICTION] if PREDICTION in frame.columns else [name for name in outputs if name in fresh] or fresh
    if not named:
        raise InvalidInput("The model of Spark adds no column to the table")
    columns = []
    for name in named:
        column = frame[_quote(name)]
        is_vector = isinstance(frame.schema[name].dataType, linalg.VectorUDT)
        columns.append((functions.vector_to_array(column) if is_vector else column).alias(name))
    return named, columns


def _write(pipeline: Any, place: Path, shared: str | None) -> None:
    session = get_session()
    shared = _find_shared(session, shared)
    if not shared:
        pipeline.save(_to_address(place))
    else:
        address = f"{shared.rstrip('/')}/{uuid.uuid4().hex}"
        pipeline.save(address)
        source, target = _to_path(session, address), _to_path(session, _to_address(place))
        files = source.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
        files.copyToLocalFile(True, source, target, True)
    if not (place / "metadata").is_dir():
        raise NotSupported(
            "Spark has written the model to a disk that is not this machine's",
            hint="dfs_tmpdir= names a folder that the cluster and this machine can both reach",
        )


def _find_shared(session: Any, given: str | None) -> str:
    """Return the folder by which models go to a cluster and come from it; an empty text where none is needed."""
    if given:
        return given
    context = getattr(session, "_sc", None)  # a session of Spark Connect has none
    if context is None or str(context.master).startswith("local"):
        return ""
    configured = context._jsc.hadoopConfiguration().get("fs.defaultFS") or ""
    return "" if configured.startswith("file:") else SHARED


def _copy_to_cluster(session: Any, address: str, shared: str) -> str:
    """Return the address of a copy, which is there as long as this process: some models read when they predict."""
    target = f"{shared.rstrip('/')}/{uuid.uuid4().hex}"
    path = _to_path(session, target)
    files = path.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    files.copyFromLocalFile(_to_path(session, address), path)
    files.deleteOnExit(path)
    return target


def _quote(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _to_address(place: Path) -> str:
    return f"file://{place.absolute()}"


def _to_path(session: Any, address: str) -> Any:
    return session.sparkContext._jvm.org.apache.hadoop.fs.Path(address)


def _to_table(data: Any) -> Any:
    """Return rows as a table of Arrow, with their numbers.

    raises: InvalidInput for what is no table
    """
    import pyarrow as pa

    if isinstance(data, np.ndarray) and data.ndim == 2:
        table = pa.table({"features": list(data.astype("float64"))})
    elif hasattr(data, "iloc") and hasattr(data, "columns"):
        table = pa.Table.from_pandas(data.rename(columns=str), preserve_index=False)
    else:
        raise InvalidInput(f"A model of Spark takes a table, and no {type(data).__name__}")
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
        elif pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us", field.type.tz)))
    return table.append_column(ROW, pa.array(range(table.num_rows), pa.int64())).replace_schema_metadata(None)


def _collect(native: Any, frame: Any, table: Any) -> Any:
    """Return predictions in the order of the rows that were given.

    raises: InvalidInput when the model leaves rows out
    """
    named, columns = choose_predictions(native, frame, table.column_names)
    numbered = ROW in frame.columns
    found = frame.select(*columns, *([frame[ROW]] if numbered else [])).toArrow()
    if numbered:
        found = found.sort_by(ROW).drop_columns([ROW])
    if found.num_rows != table.num_rows:
        raise InvalidInput(
            f"The model gives {found.num_rows} predictions for {table.num_rows} rows",
            hint="it leaves rows out: handleInvalid='keep' or 'error', or coldStartStrategy='nan', says what to do",
        )
    values = found.to_pandas()
    return values if len(named) > 1 else _to_array(values[named[0]])


def _to_array(values: Any) -> Any:
    first = values.iloc[0] if len(values) else None
    if isinstance(first, np.ndarray) and len({len(one) for one in values if one is not None}) == 1:
        with suppress(ValueError, TypeError):
            return np.stack(values.to_list())
    return values.to_numpy()


def _name_outputs(native: Any) -> list[str]:
    stages = list_stages(native)
    return list_columns(stages[-1], _OUTPUTS) if stages else []


FLAVOR = SparkFlavor()
