"""LightGBM: boosters in the library's own text; estimators by skops, which keeps that text and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trackway.models.flavors.base import Conversion, Predict, Saved, import_library
from trackway.models.flavors.onnx_trees import (
    list_booster_conversions,
    list_estimator_conversions,
    register_converters,
)
from trackway.models.flavors.sklearn import list_packages, read_skops, write_skops
from trackway.models.manifest import resolve_inside
from trackway.models.trust import load_pickle

BOOSTER: Final = "lightgbm.basic.Booster"


class LightgbmFlavor:
    """Boosters and estimators of LightGBM."""

    name = "lightgbm"
    options = ("skops_trusted_types",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        name = f"{type(model).__module__}.{type(model).__qualname__}"
        config = {"lgb_version": str(import_library("lightgbm").__version__), "model_class": name}
        if name == BOOSTER:
            model.save_model(str(folder / "model.lgb"))
            return Saved(
                config=config | {"data": "model.lgb"},
                loader={"loader_module": "mlflow.lightgbm", "data": "model.lgb"},
                distributions=("lightgbm", "numpy", "scipy"),
            )
        types = write_skops(model, folder / "model.skops", options.get("skops_trusted_types"))
        kept = {"data": "model.skops", "serialization_format": "skops", "skops_trusted_types": types or None}
        return Saved(
            config=config | kept,
            loader={"model_path": "model.skops"},
            distributions=("lightgbm", "scikit-learn", "skops", *list_packages(model)),
            is_standalone=True,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        path = resolve_inside(folder, config.get("data"))
        if (config.get("model_class") or BOOSTER) == BOOSTER:
            return import_library("lightgbm").Booster(model_file=str(path))
        if config.get("serialization_format") == "skops":
            return read_skops(path, trust=trust)
        return load_pickle(path, trust=trust)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        return lambda data, params: native.predict(data, **params)

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:  # noqa: ARG002 - trees look at one row
        return True

    def register_converters(self) -> None:
        """Let the converter of scikit-learn's models know LightGBM's estimators."""
        register_converters("lightgbm", "LightGbm", "LGBM", import_library("lightgbm"))

    def list_conversions(self, native: Any, config: Mapping[str, Any], rows: Any) -> Sequence[Conversion]:  # noqa: ARG002
        if type(native).__name__ == "Booster":
            objective = str(native.dump_model(num_iteration=1).get("objective", "")).partition(" ")[0]
            return list_booster_conversions("lightgbm", native, rows, is_binary=objective == "binary")
        self.register_converters()
        return list_estimator_conversions(native, rows)


FLAVOR = LightgbmFlavor()
