"""XGBoost: boosters and estimators in the library's own binary JSON, which holds numbers and texts alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.models.flavors.base import Conversion, Predict, Saved, import_library
from trackway.models.flavors.onnx_trees import (
    list_booster_conversions,
    list_estimator_conversions,
    register_converters,
)
from trackway.models.manifest import resolve_inside

_CLASSES: Final = {
    "xgboost.core.Booster": "Booster",
    **{f"xgboost.sklearn.{name}": name for name in ("XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker")},
    **{f"xgboost.sklearn.{name}": name for name in ("XGBRFClassifier", "XGBRFRegressor")},
}
"""Classes that a model's record may name."""


class XgboostFlavor:
    """Boosters and estimators of XGBoost."""

    name = "xgboost"
    options = ("model_format",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        form = options.get("model_format") or "ubj"
        if form not in ("ubj", "json"):
            raise InvalidInput(f"{form!r} is no format of a model", hint="ubj or json")
        name = f"{type(model).__module__}.{type(model).__qualname__}"
        if name not in _CLASSES:
            base = next(cls for cls in type(model).__mro__ if f"{cls.__module__}.{cls.__qualname__}" in _CLASSES)
            raise InvalidInput(f"A {name} would come back as its base class {base.__qualname__}", hint="save that")
        file = f"model.{form}"
        model.save_model(str(folder / file))
        version = str(import_library("xgboost").__version__)
        return Saved(
            config={"xgb_version": version, "data": file, "model_class": name, "model_format": form},
            loader={"loader_module": "mlflow.xgboost", "data": file},
            distributions=("xgboost|xgboost-cpu", "numpy", *(() if "core" in name else ("scikit-learn",))),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:  # noqa: ARG002 - nothing runs code
        path = resolve_inside(folder, config.get("data"))
        name = str(config.get("model_class") or "xgboost.core.Booster")
        if name not in _CLASSES:
            raise InvalidInput(f"{name[:100]!r} is no class of XGBoost", hint=f"one of {', '.join(_CLASSES)}")
        data = bytearray(path.read_bytes())
        if len(data) < 3 or not data.startswith(b"{"):  # of nothing the library ends the process
            raise Corrupt(f"{path.name!r} is no model of XGBoost: neither JSON nor its binary form")
        model = getattr(import_library("xgboost"), _CLASSES[name])()
        model.load_model(data)  # by its content: of a file it would go by the name
        return model

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        if type(native).__name__ != "Booster":
            return lambda data, params: native.predict(data, **params)
        matrix = import_library("xgboost").DMatrix
        return lambda data, params: native.predict(matrix(data), **params)

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:  # noqa: ARG002 - trees look at one row
        return True

    def register_converters(self) -> None:
        """Let the converter of scikit-learn's models know XGBoost's estimators."""
        register_converters("xgboost", "XGBoost", "XGB", import_library("xgboost"))

    def list_conversions(self, native: Any, config: Mapping[str, Any], rows: Any) -> Sequence[Conversion]:  # noqa: ARG002
        plain = copy.deepcopy(native)
        booster = plain if type(native).__name__ == "Booster" else plain.get_booster()
        booster.feature_names = None  # the converter knows columns by their numbers alone
        if booster is plain:
            objective = str(json.loads(booster.save_config())["learner"]["objective"]["name"])
            if objective in ("binary:logitraw", "binary:hinge", "multi:softmax"):
                raise NotSupported(f"No way from a Booster with the objective {objective} to ONNX is known")
            return list_booster_conversions("xgboost", plain, rows, is_binary=objective == "binary:logistic")
        self.register_converters()
        return list_estimator_conversions(plain, rows, native)


FLAVOR = XgboostFlavor()
