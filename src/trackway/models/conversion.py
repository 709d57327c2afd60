"""Models that leave Python: converted to ONNX, compared with what they were made of, and saved with the comparison."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import msgspec

from trackway.base.errors import AlreadyExists, InvalidInput, NotSupported, TrackwayError
from trackway.models import parity
from trackway.models.enforcement import Enforcer
from trackway.models.environment import capture
from trackway.models.flavors.base import Conversion, Flavor, Graph, find_flavor, get_flavor, import_library
from trackway.models.flavors.onnx import OnnxExport, open_session
from trackway.models.flavors.onnx_graphs import describe_outputs
from trackway.models.inference import infer_schema, infer_signature, name_tensor
from trackway.models.onnx_session import Asker
from trackway.models.package import Model, SavedModel, load_model, save_model
from trackway.models.parity import Comparison, ParityReport, Tolerance
from trackway.models.signature import Signature

DEFAULT_PATH: Final = "model-onnx"
EXAMPLE_ROWS: Final = 3
_CONVERTERS: Final = ("onnx", "onnxruntime", "skl2onnx", "onnxmltools")
_LIBRARIES: Final = {"pytorch": "torch", "sklearn": "scikit-learn", "xgboost": "xgboost|xgboost-cpu"}
"""Packages of flavors with another name."""
_log = logging.getLogger("trackway.models")


class ExportOptions(TypedDict, total=False):
    """What ``export`` takes beside the model, the form, the path and the rows.

    signature:         of a model of a library's own; inferred from the rows when left out
    atol, rtol:        how far a number may be off: ``atol + rtol * abs(expected)``; 1e-5 and 1e-4 when left out
    labels:            share of the labels that must be equal; all when left out
    pyfunc_predict_fn: of scikit-learn's own objects: the method that predicts
    metadata:          anything of JSON to keep with the model
    """

    signature: Signature | None
    atol: float
    rtol: float
    labels: float
    pyfunc_predict_fn: str | None
    metadata: dict[str, Any] | None


class Export(msgspec.Struct, frozen=True):
    """A model as it was exported: a folder, and how near it comes to what it was made of."""

    saved: SavedModel
    report: ParityReport

    @property
    def path(self) -> Path:
        return self.saved.path


class _Source(msgspec.Struct, frozen=True):
    """What is converted: a library's object, its flavor and record, and what a loaded model knows beside it."""

    native: Any
    flavor: Flavor
    config: Mapping[str, Any]
    signature: Signature | None = None
    example: Any = None
    model_id: str = ""
    digest: str = ""
    is_rowwise: bool = False


class _Attempt(msgspec.Struct, frozen=True):
    graph: Graph
    inputs: str
    comparisons: tuple[Comparison, ...]

    @property
    def agrees(self) -> bool:
        return all(one.agrees for one in self.comparisons)


def export(
    model: Any,
    form: str = "onnx",
    path: str | Path = DEFAULT_PATH,
    *,
    rows: Any = None,
    **options: Unpack[ExportOptions],
) -> Export:
    """Convert a model to a form that needs no Python, and save it as a model folder with a parity report.

    model:   a loaded model, the path of a folder, or an object of scikit-learn, XGBoost, LightGBM, CatBoost or PyTorch
    form:    ``onnx``
    path:    where nothing is yet, or an empty folder
    rows:    real rows to compare both models on, the more the better; the model's own example when left out
    options: see ``ExportOptions``
    returns: the folder, and the report that is in it as ``parity.json`` and ``parity.md``; look at its verdict
    raises:  NotSupported, with the reason, for what cannot be converted; InvalidInput, AlreadyExists
    """
    if form != "onnx":
        raise InvalidInput(f"{form!r} is no form to export a model to", hint="onnx")
    if Path(path).exists() and (not Path(path).is_dir() or any(Path(path).iterdir())):
        raise AlreadyExists(f"There is something at {path} already", hint="export to another path")
    source = _take_source(model, options)
    rows = source.example if rows is None else rows
    if rows is None:
        raise InvalidInput("There are no rows to compare the models on", hint="give some as rows=")
    signature = source.signature
    if signature is None or signature.inputs is None:
        signature = infer_signature(rows)
    fitting = Enforcer(signature).enforce(rows)
    expected = source.flavor.get_predict(source.native, source.config)(fitting, {})
    tolerance = Tolerance(**{name: options[name] for name in ("atol", "rtol", "labels") if name in options})
    best, rejected = _convert(source, fitting, expected, tolerance)
    count = len(next(iter(fitting.values())) if isinstance(fitting, Mapping) else fitting)
    report = _describe(source, best, count, tolerance, rejected)
    if signature.outputs is None:
        signature = msgspec.structs.replace(signature, outputs=infer_schema(expected))
    saved = save_model(
        _pack(best, expected, report, source.is_rowwise),
        path,
        "onnx",
        signature=msgspec.structs.replace(signature, params=None),
        input_example=_take(fitting, EXAMPLE_ROWS),
        metadata=options.get("metadata"),
    )
    if not report.agrees:
        _log.warning("The exported model differs from its source: see %s", saved.path / parity.PAGE)
    return Export(saved, report)


def _take(rows: Any, count: int) -> Any:
    if isinstance(rows, Mapping):
        return {name: one[:count] for name, one in rows.items()}
    return rows[:count]


def _take_source(model: Any, options: ExportOptions) -> _Source:
    if isinstance(model, str | Path):
        model = load_model(model)
    if isinstance(model, Model):
        digest = "" if model.manifest is None else model.manifest.digest
        known = (model.signature, model.input_example, model.mlmodel.model_id or "", digest, model.is_rowwise)
        return _Source(model.native, get_flavor(model.flavor), model.config, *known)
    flavor = find_flavor(model)
    config = {"predict_fn": options.get("pyfunc_predict_fn") or "predict"}
    is_rowwise = hasattr(flavor, "is_rowwise") and flavor.is_rowwise(config)
    return _Source(model, flavor, config, options.get("signature"), is_rowwise=is_rowwise)


def _convert(source: _Source, rows: Any, expected: Any, tolerance: Tolerance) -> tuple[_Attempt, tuple[str, ...]]:
    """Return the first way of converting whose graph agrees, else the one that came nearest; and what others lacked."""
    best: _Attempt | None = None
    problems: list[str] = []
    for conversion in _list_conversions(source, rows):
        try:
            found = _try(conversion, rows, expected, tolerance)
        except Exception as error:  # noqa: BLE001 - whatever a converter raises for what it does not know
            problems.append(f"{conversion.inputs}: {_shorten(error)}")
            continue
        if found.agrees:
            return found, tuple(problems)
        problems.append(f"{found.inputs}: {_measure(found)}")
        if best is None or _miss(found) < _miss(best):
            best = found
    if best is None:
        raise NotSupported(
            f"A {type(source.native).__qualname__} cannot be converted to ONNX: {'; '.join(problems)[:800]}",
            hint="a part of the model has no counterpart in ONNX, or its converter does not know it",
            details={"tried": problems},
        )
    return best, tuple(problem for problem in problems if not problem.startswith(f"{best.inputs}: "))


def _list_conversions(source: _Source, rows: Any) -> Sequence[Conversion]:
    known = getattr(source.flavor, "list_conversions", None)
    if known is None:
        raise NotSupported(f"No way from {source.flavor.name} to ONNX is known")
    conversions: Sequence[Conversion] = known(source.native, source.config, rows)
    if not conversions:
        raise NotSupported("No way to ONNX is known for rows like these", hint="a table, or a matrix of numbers")
    return conversions


def _try(conversion: Conversion, rows: Any, expected: Any, tolerance: Tolerance) -> _Attempt:
    """Make a graph and ask it for what is expected, and for the probabilities behind it where both have them."""
    graph = conversion.make()
    found = Asker(open_session(graph.proto, {})).ask_all(rows)
    describe_outputs(graph.proto, found)
    if not graph.output:
        if not isinstance(expected, Mapping) or expected.keys() != found.keys():
            raise InvalidInput(f"The graph has the outputs {', '.join(found)}, which are not the model's")
        every = tuple(parity.compare(name, wanted, found[name], tolerance) for name, wanted in expected.items())
        return _Attempt(graph, conversion.inputs, every)
    compared = [parity.compare(graph.output, expected, found[graph.output], tolerance)]
    if graph.scores is not None and graph.scores[0] != graph.output:
        name, ask = graph.scores
        compared.append(parity.compare(name, ask(rows), found[name], tolerance))
    return _Attempt(graph, conversion.inputs, tuple(compared))


def _miss(attempt: _Attempt) -> tuple[float, float]:
    """Return how far a graph is off: the share of wrong labels, then the largest difference."""
    labels = max((1 - one.equal_share for one in attempt.comparisons if one.kind == "labels"), default=0.0)
    return labels, max((one.largest_absolute or 0.0 for one in attempt.comparisons), default=0.0)


def _measure(attempt: _Attempt) -> str:
    labels, difference = _miss(attempt)
    return f"differs by up to {difference:.3g}, and in {labels:.4%} of the labels"


def _describe(
    source: _Source, best: _Attempt, count: int, tolerance: Tolerance, rejected: tuple[str, ...]
) -> ParityReport:
    cls = type(source.native)
    known = {"model_id": source.model_id, "digest": source.digest}
    opsets = {one.domain or "ai.onnx": one.version for one in best.graph.proto.opset_import}
    return ParityReport(
        verdict="agrees" if best.agrees else "differs",
        rows=count,
        tolerance=tolerance,
        comparisons=best.comparisons,
        source={
            "flavor": source.flavor.name,
            "class": f"{cls.__module__}.{cls.__qualname__}",
            **{name: value for name, value in known.items() if value},
        },
        form={"name": "onnx", "ir_version": best.graph.proto.ir_version, "opsets": opsets},
        inputs=best.inputs,
        packages=capture((*_CONVERTERS, _LIBRARIES.get(source.flavor.name, source.flavor.name))).requirements,
        rejected=rejected,
    )


def _pack(best: _Attempt, expected: Any, report: ParityReport, is_rowwise: bool) -> OnnxExport:
    """Return the graph as the flavor of ONNX saves it, with the shape and type of what the source predicts."""
    files = {parity.NAME: report.to_json(), parity.PAGE: report.to_text()}
    if not best.graph.output:
        return OnnxExport(best.graph.proto, {}, files)
    array = import_library("numpy").asarray(expected)
    answer: dict[str, Any] = {
        "output": best.graph.output,
        "shape": [-1, *array.shape[1:]],
        "dtype": name_tensor(array.dtype),
    }
    answer |= {"rowwise": True} if is_rowwise else {}
    return OnnxExport(best.graph.proto, answer, files)


def _shorten(error: Exception) -> str:
    if isinstance(error, TrackwayError):
        return error.message
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"
