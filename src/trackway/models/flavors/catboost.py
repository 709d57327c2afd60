"""CatBoost: models in the library's own binary form, or its JSON; both hold trees alone."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.models.flavors.base import Conversion, Graph, Predict, Saved, import_library
from trackway.models.flavors.onnx_graphs import tidy
from trackway.models.manifest import resolve_inside

_CLASSES: Final = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")
"""Classes that a model's record may name."""
_FORMATS: Final = {"cbm": (b"CBM1",), "json": (b"{",)}
"""What a file of each format begins with; the library would go by what it is told."""


class CatboostFlavor:
    """Classifiers, regressors and rankers of CatBoost."""

    name = "catboost"
    options = ("format",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        form = options.get("format") or "cbm"
        if form not in _FORMATS:
            raise InvalidInput(f"{form!r} is no format that a model of CatBoost is loaded from", hint="cbm or json")
        name = type(model).__name__
        if name not in _CLASSES or type(model).__module__ != "catboost.core":
            bases = [cls.__name__ for cls in type(model).__mro__ if cls.__module__ == "catboost.core"]
            if not set(bases) & {*_CLASSES}:
                raise InvalidInput(f"A {type(model).__qualname__} is no model of CatBoost")
            raise InvalidInput(f"A {type(model).__qualname__} would come back as its base class {bases[0]}")
        if not model.is_fitted():
            raise InvalidInput(f"This {name} has not been trained", hint="call its fit")
        file = f"model.{form}"
        model.save_model(str(folder / file), format=form)
        version = str(import_library("catboost").__version__)
        return Saved(
            config={"catboost_version": version, "data": file, "model_type": name, "save_format": form},
            loader={"loader_module": "mlflow.catboost", "data": file},
            distributions=("catboost", "numpy", "pandas"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:  # noqa: ARG002 - nothing runs code
        path = resolve_inside(folder, config.get("data"))
        name = config.get("model_type")
        if name not in _CLASSES:
            raise InvalidInput(f"{str(name)[:100]!r} is no class of CatBoost", hint=f"one of {', '.join(_CLASSES)}")
        with path.open("rb") as file:
            head = file.read(4)
        form = next((form for form, heads in _FORMATS.items() if head.startswith(heads)), None)
        if form is None:
            raise Corrupt(f"{path.name!r} is no model of CatBoost: neither its binary form nor JSON")
        if form == "json":
            msgspec.json.decode(path.read_bytes(), type=_Trees)  # of a part of it the library makes an empty model
        model = getattr(import_library("catboost"), str(name))()
        model.load_model(str(path), format=form)
        return model

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        return lambda data, params: native.predict(data, **params)

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:  # noqa: ARG002 - trees look at one row
        return True

    def list_conversions(self, native: Any, config: Mapping[str, Any], rows: Any) -> Sequence[Conversion]:  # noqa: ARG002
        def make() -> Graph:
            with tempfile.TemporaryDirectory(prefix="trackway-onnx-") as folder:
                native.save_model(f"{folder}/model.onnx", format="onnx")
                proto = tidy(import_library("onnx").load(f"{folder}/model.onnx"))
            names = [output.name for output in proto.graph.output]
            if len(names) == 1:
                return Graph(proto=proto, output=names[0])
            if not hasattr(native, "predict_proba"):
                raise NotSupported("It predicts raw scores, which its ONNX form has not; a CatBoostClassifier does")
            return Graph(proto=proto, output=names[0], scores=(names[1], native.predict_proba))

        return [Conversion("32-bit matrix", make)]


class _Trees(msgspec.Struct):
    """What a model in JSON has at least."""

    model_info: msgspec.Raw
    features_info: msgspec.Raw


FLAVOR = CatboostFlavor()
