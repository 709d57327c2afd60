"""Predictions in Apache Spark: as a function of columns, and as a table of a table, both on batches of Arrow.

The driver packs the model's folder into one file, gives it to the session as an artifact, as Spark Connect has it too,
and loads nothing of it. A Python worker unpacks the file once for its executor,
checks it as ``load_model`` does, and keeps the loaded model for all batches and jobs that it sees. Batches are those of
``spark.sql.execution.arrow.maxRecordsPerBatch``, one at a time.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict, Unpack

from trackway.artifacts.content import digest_content, digest_folder
from trackway.base.errors import Conflict, InvalidInput, NotSupported
from trackway.inference.executor import Call, make_function, make_mapper
from trackway.inference.scoring import PREDICTION
from trackway.models.enforcement import Enforcer
from trackway.models.flavors.spark import FLAVOR, choose_predictions, prepare_frame
from trackway.models.manifest import list_files
from trackway.models.package import check_model, choose_flavor, load_model
from trackway.models.signature import Column, Schema, Signature, Tensor, Type
from trackway.models.trust import refuse_pickles, require_trust
from trackway.sdk.model_files import fetch_model

SPARK: Final = FLAVOR.name
_MANAGERS: Final = {"local": "local", "uv": "uv", "virtualenv": "uv", "conda": "conda"}
"""What makes environments on executors; MLflow's word for one of pip's packages means uv here."""
_WORDS: Final = {
    "boolean": "boolean",
    "integer": "int",
    "long": "bigint",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "datetime": "timestamp",
}
_TENSORS: Final = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "smallint",
    "uint16": "int",
    "uint32": "bigint",
    "float16": "float",
    "float32": "float",
    "float64": "double",
    "str": "string",
    "object": "string",
}
"""Spark's types that hold every value of numpy's."""


class SparkOptions(TypedDict, total=False):
    """What ``predict_dataframe`` takes beside model and table.

    keep:        columns of the table to have before the predictions; all when left out
    result_type: Spark's type of the predictions, where the signature does not tell, or another is wanted
    params:      given to the model
    trust:       whether the model may run code of its own on the executors
    """

    keep: Sequence[str] | None
    result_type: Any
    params: Mapping[str, Any] | None
    trust: bool


def spark_udf(
    spark: Any,
    model_uri: str | os.PathLike[str],
    result_type: Any = None,
    params: Mapping[str, Any] | None = None,
    trust: bool = False,
    env_manager: str = "local",
) -> Callable[..., Any]:
    """Return a function of columns that predicts with a model.

    spark:       the session, classic or of Spark Connect
    model_uri:   the model's address, or its folder
    result_type: Spark's type of the predictions or the text of it; the signature's output when left out, and ``double``
                 for a model that does not say
    params:      given to the model
    trust:       whether the model may run code of its own on the executors
    env_manager: ``local``: the executors' Python has the model's packages; ``uv`` or ``conda``: each machine makes an
                 environment of the model's own, once, and a process in it predicts. Either way it has this package
    returns:     a function for ``withColumn``, ``select`` and ``spark.udf.register``: of the model's columns in their
                 order, of one struct of them, or of nothing, which takes them from the table by name
    raises:      InvalidInput for a result type or ``env_manager`` that there is not; NotSupported for models of Spark
                 itself, and for Spark before 4.1; PermissionDenied for a model that needs trust
    """
    return make_udf(spark, model_uri, result_type, UdfOptions(dict(params or {}), trust, env_manager))


class UdfOptions(NamedTuple):
    """How a function of columns predicts; see ``spark_udf``.

    like_mlflow: whether columns that the type does not hold, or that are given beyond the model's, are left out
    """

    params: dict[str, Any]
    trust: bool
    env_manager: str
    like_mlflow: bool = False


def make_udf(
    spark: Any, model_uri: str | os.PathLike[str], result_type: Any, options: UdfOptions
) -> Callable[..., Any]:
    """Return a function of columns; see ``spark_udf``."""
    manager = _MANAGERS.get(options.env_manager)
    if manager is None:
        raise InvalidInput(
            f"{options.env_manager[:40]!r} makes no environments on executors", hint=f"one of {', '.join(_MANAGERS)}"
        )
    functions, types = _import_spark()
    opened = _open(model_uri)
    if opened.flavor == SPARK:
        raise NotSupported(
            "A model of Spark MLlib is no function of columns",
            hint="models.predict_dataframe, or transform of the loaded model, take a table of Spark",
        )
    call, signature = _prepare(spark, opened, options.params, trust=options.trust)
    wanted = _find_type(types, result_type, signature)
    call = call._replace(result=wanted, like_mlflow=options.like_mlflow, manager=manager)
    function = functions.arrow_udf(make_function(call), wanted)
    names = call.columns

    @functools.wraps(function)
    def predict(*columns: Any) -> Any:
        if not columns and not names:
            raise InvalidInput("The model does not name its columns", hint="give the function those that it takes")
        return function(*(columns or names))

    predict.__doc__ = f"Predict with {call.name}: columns {', '.join(names) or 'as given'} to {wanted.simpleString()}."
    return predict


def predict_dataframe(model: str | os.PathLike[str], frame: Any, **options: Unpack[SparkOptions]) -> Any:
    """Return a Spark table with a model's predictions beside its columns; Spark computes it when it is asked for.

    model:   its address, or its folder
    frame:   a Spark DataFrame, also a streaming one
    options: see ``SparkOptions``
    returns: the kept columns, then ``prediction``, or a column for each that the model names
    raises:  InvalidInput for a column that is missing; Conflict for a prediction that is named like a kept column;
             NotSupported for Spark before 4.1; PermissionDenied for a model that needs trust
    """
    _, types = _import_spark()
    opened = _open(model)
    if opened.flavor == SPARK:
        return _transform(opened.folder, frame, options)
    call, signature = _prepare(frame.sparkSession, opened, options.get("params"), trust=options.get("trust", False))
    there = list(frame.columns)
    given = options.get("keep")
    keep = there if given is None else list(given)
    _check_kept([*keep, *_name_required(signature)], there)
    inputs = [name for name in call.columns if name in there] or there
    wanted = _find_type(types, options.get("result_type"), signature)
    is_struct = isinstance(wanted, types.StructType)
    results = list(wanted.fields) if is_struct else [types.StructField(PREDICTION, wanted)]
    _check_clash(keep, [field.name for field in results])
    needed = list(dict.fromkeys((*keep, *inputs)))
    chosen = frame.select(*(f"`{name.replace('`', '``')}`" for name in needed))
    schema = types.StructType([*(chosen.schema[name] for name in keep), *results])
    call = call._replace(columns=tuple(inputs), result=wanted)
    return chosen.mapInArrow(make_mapper(call, tuple(keep)), schema)


class _Opened(NamedTuple):
    """A model's folder, verified; nothing of it has been imported."""

    folder: Path
    flavor: str
    signature: Signature | None


def _open(uri: str | os.PathLike[str]) -> _Opened:
    folder = Path(fetch_model(os.fspath(uri))).resolve()
    mlmodel = check_model(folder).mlmodel
    return _Opened(folder, choose_flavor(mlmodel)[0], mlmodel.signature)


def _transform(folder: Path, frame: Any, options: SparkOptions) -> Any:
    """Return what a model of Spark MLlib makes of a table, which needs no worker of Python's."""
    model = load_model(folder, trust=options.get("trust", False))
    if options.get("params") or options.get("result_type") is not None:
        raise InvalidInput("A model of Spark MLlib takes neither params nor a result_type")
    there = list(frame.columns)
    given = options.get("keep")
    keep = _check_kept(there if given is None else list(given), there)
    found = model.native.transform(prepare_frame(model.native, frame))
    named, columns = choose_predictions(model.native, found, there)
    _check_clash(keep, named)
    return found.select(*(found[f"`{name.replace('`', '``')}`"] for name in keep), *columns)


def _check_kept(wanted: list[str], there: list[str]) -> list[str]:
    if missing := [name for name in wanted if name not in there]:
        raise InvalidInput(
            f"The table lacks the column {missing[0]!r}", hint=f"it has {', '.join(map(repr, there[:20]))}"
        )
    return wanted


def _check_clash(keep: list[str], results: list[str]) -> None:
    if clash := [name for name in results if name in keep]:
        raise Conflict(
            f"The model gives a column {clash[0]!r}, which is kept of the table, too", hint="keep= names the others"
        )


def _prepare(
    spark: Any, opened: _Opened, params: Mapping[str, Any] | None, *, trust: bool
) -> tuple[Call, Signature | None]:
    """Give a model's files to a session; what would fail on every executor fails here, at once."""
    folder, flavor, signature = opened
    refuse_pickles(folder, list_files(folder), trust=trust)
    if flavor == "python":
        require_trust(trust, "A model in Python is code of its own")
    if signature is not None:
        Enforcer(signature).enforce_params(params)
    archive = _pack(folder, digest_content(digest_folder(folder).items()))
    spark.addArtifacts(os.fspath(archive), file=True)
    return Call(archive.name, trust, dict(params or {}), _name_columns(signature)), signature


@functools.cache
def _get_drafts() -> Path:
    """Return this process's folder of packed models, from which Spark reads until the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="trackway-spark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _pack(folder: Path, digest: str) -> Path:
    """Return a model's folder as one file, whose name tells its content."""
    archive = _get_drafts() / f"trackway-{digest.removeprefix('sha256:')[:32]}.zip"
    if archive.exists():
        return archive
    draft = archive.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as file:
        for path in sorted(list_files(folder)):
            file.write(folder / path, path)
    draft.rename(archive)
    return archive


def _name_columns(signature: Signature | None) -> tuple[str, ...]:
    inputs = (signature.inputs if signature is not None else None) or ()
    return tuple(str(spec.name) for spec in inputs if spec.name is not None)


def _name_required(signature: Signature | None) -> list[str]:
    inputs = (signature.inputs if signature is not None else None) or ()
    return [str(spec.name) for spec in inputs if spec.name is not None and getattr(spec, "required", True)]


def _find_type(types: Any, given: Any, signature: Signature | None) -> Any:
    """Return Spark's type of the predictions.

    raises: InvalidInput
    """
    if given is not None and not isinstance(given, str):
        return given
    text = (
        {"bool": "boolean"}.get(given, given)
        if given is not None
        else _write_schema(signature.outputs if signature is not None else None)
    )
    try:
        return types.DataType.fromDDL(text)
    except Exception as error:
        raise InvalidInput(
            f"{text[:100]!r} is no type of Spark's",
            hint="as in 'double', 'array<float>' or 'name string, score double'",
        ) from error


def _write_schema(outputs: Schema | None) -> str:
    """Return the outputs of a signature as the text of Spark's type."""
    if not outputs:
        return "double"
    specs: tuple[Column | Tensor, ...] = outputs
    if len(specs) == 1 and (specs[0].name is None or isinstance(specs[0], Column)):
        return _write_spec(specs[0])
    names = (str(place if spec.name is None else spec.name).replace("`", "``") for place, spec in enumerate(specs))
    return f"struct<{', '.join(f'`{name}`: {_write_spec(spec)}' for name, spec in zip(names, specs, strict=True))}>"


def _write_spec(spec: Column | Tensor) -> str:
    if isinstance(spec, Column):
        return _write_type(spec.type)
    text = _TENSORS.get(spec.dtype)
    if text is None:
        raise InvalidInput(
            f"Spark has no type for a tensor of {spec.dtype}", hint="result_type says what to make of it"
        )
    for _ in spec.shape[1:]:
        text = f"array<{text}>"
    return text


def _write_type(kind: Type) -> str:
    if kind.kind in _WORDS:
        return _WORDS[kind.kind]
    if kind.kind == "array" and kind.items is not None:
        return f"array<{_write_type(kind.items)}>"
    if kind.kind == "map" and kind.items is not None:
        return f"map<string, {_write_type(kind.items)}>"
    if kind.kind == "object":
        return f"struct<{', '.join(f'`{one.name}`: {_write_type(one.type)}' for one in kind.properties)}>"
    raise InvalidInput(f"Spark has no type for an output of {kind}", hint="result_type says what to make of it")


def _import_spark() -> tuple[Any, Any]:
    """Import Spark's functions and types.

    raises: NotSupported when it is not installed, or too old
    """
    try:
        from pyspark.sql import functions, types
    except ImportError as error:
        raise NotSupported("Spark is not installed", hint="pip install 'trackway[spark]'") from error
    if not hasattr(functions, "arrow_udf"):
        raise NotSupported("This Spark has no functions of Arrow's arrays", hint="pip install 'pyspark>=4.1'")
    return functions, types
