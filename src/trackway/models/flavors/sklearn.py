"""scikit-learn: saved by skops, whose files hold data and names of types, and are loaded without running any code.

A type that skops does not know is refused unless it is on the list below, or the caller trusts the model. Models that
MLflow pickled load with trust.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import InvalidInput, NotSupported
from trackway.models.flavors.base import Conversion, Graph, Predict, Saved, get_flavor, import_library
from trackway.models.flavors.onnx_graphs import convert_sklearn, list_conversions
from trackway.models.flavors.onnx_histograms import register_converters
from trackway.models.manifest import resolve_inside
from trackway.models.trust import load_pickle, require_trust

FILE: Final = "model.skops"
PICKLE_FILE: Final = "model.pkl"

_DATA_TYPES: Final = frozenset(
    """
    collections.OrderedDict collections.defaultdict
    lightgbm.basic.Booster lightgbm.sklearn.LGBMClassifier lightgbm.sklearn.LGBMModel lightgbm.sklearn.LGBMRanker
    lightgbm.sklearn.LGBMRegressor
    sklearn._loss._loss.CyAbsoluteError sklearn._loss._loss.CyExponentialLoss sklearn._loss._loss.CyHalfBinomialLoss
    sklearn._loss._loss.CyHalfGammaLoss sklearn._loss._loss.CyHalfMultinomialLoss sklearn._loss._loss.CyHalfPoissonLoss
    sklearn._loss._loss.CyHalfSquaredError sklearn._loss._loss.CyHalfTweedieLoss
    sklearn._loss._loss.CyHalfTweedieLossIdentity sklearn._loss._loss.CyHuberLoss sklearn._loss._loss.CyPinballLoss
    sklearn._loss.link.Interval sklearn._loss.link.IdentityLink sklearn._loss.link.LogLink sklearn._loss.link.LogitLink
    sklearn._loss.link.MultinomialLogit sklearn._loss.link.HalfLogitLink
    sklearn._loss.loss.AbsoluteError sklearn._loss.loss.ExponentialLoss sklearn._loss.loss.HalfBinomialLoss
    sklearn._loss.loss.HalfGammaLoss sklearn._loss.loss.HalfMultinomialLoss sklearn._loss.loss.HalfPoissonLoss
    sklearn._loss.loss.HalfSquaredError sklearn._loss.loss.HalfTweedieLoss sklearn._loss.loss.HalfTweedieLossIdentity
    sklearn._loss.loss.HuberLoss sklearn._loss.loss.PinballLoss
    sklearn.ensemble._hist_gradient_boosting.binning._BinMapper
    sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor
    sklearn.metrics._dist_metrics.EuclideanDistance64 sklearn.metrics._dist_metrics.EuclideanDistance
    sklearn.metrics._dist_metrics.ManhattanDistance64 sklearn.metrics._dist_metrics.MinkowskiDistance64
    sklearn.neighbors._ball_tree.BallTree sklearn.neighbors._ball_tree.BallTree64
    sklearn.neighbors._kd_tree.KDTree sklearn.neighbors._kd_tree.KDTree64
    sklearn.tree._tree.Tree
    xgboost.core.Booster xgboost.sklearn.XGBClassifier xgboost.sklearn.XGBModel xgboost.sklearn.XGBRanker
    xgboost.sklearn.XGBRegressor xgboost.sklearn.XGBRFClassifier xgboost.sklearn.XGBRFRegressor
    """.split()
)
"""Types beyond those that skops trusts by itself. Each holds numbers, or a library's own text or JSON form of a model;
what their making runs was read, and nothing of it comes from the file."""


_ARRAY_MODULES: Final = (
    *("sklearn.discriminant_analysis", "sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.linear_model"),
    *("sklearn.naive_bayes", "sklearn.neighbors", "sklearn.neural_network", "sklearn.svm", "sklearn.tree"),
)
"""Estimators of these modules make an array of a table first of all, and look at no more of it than its names."""
_ROWWISE: Final = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")
"""Methods that answer row by row."""


class SklearnFlavor:
    """Estimators, pipelines and what else follows scikit-learn's conventions."""

    name = "sklearn"
    options = ("serialization_format", "pyfunc_predict_fn", "skops_trusted_types")

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        form = options.get("serialization_format") or "skops"
        method = options.get("pyfunc_predict_fn") or "predict"
        if not hasattr(model, method):
            raise InvalidInput(f"The model has no method {method!r}", hint="name another with pyfunc_predict_fn=")
        config: dict[str, Any] = {"serialization_format": form, "sklearn_version": _find_version()}
        if form == "skops":
            types = write_skops(model, folder / FILE, options.get("skops_trusted_types"))
            config |= {"pickled_model": FILE, "skops_trusted_types": types or None}
        elif form in ("pickle", "cloudpickle"):
            dump = pickle.dump if form == "pickle" else import_library("cloudpickle").dump
            with (folder / PICKLE_FILE).open("wb") as file:
                dump(model, file)
            config["pickled_model"] = PICKLE_FILE
        else:
            raise InvalidInput(f"{form!r} is no way to save a model", hint="skops, cloudpickle or pickle")
        return Saved(
            config=config,
            loader={"model_path": config["pickled_model"], "predict_fn": method},
            distributions=("scikit-learn", "skops" if form == "skops" else "cloudpickle", *list_packages(model)),
            is_standalone=form == "skops",
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        path = resolve_inside(folder, config.get("pickled_model"))
        if config.get("serialization_format") == "skops":
            return read_skops(path, trust=trust)
        return load_pickle(path, trust=trust)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:
        name = str(config.get("predict_fn") or "predict")
        method = getattr(native, name)
        takes_array = type(native).__module__.startswith(_ARRAY_MODULES) and "feature_names_in_" in vars(native)
        if takes_array and name != "transform":  # which may give its columns names
            return lambda data, params: _predict_array(native, name, data, params)
        return lambda data, params: method(data, **params) if params else method(data)

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:
        return str(config.get("predict_fn") or "predict") in _ROWWISE

    def list_conversions(self, native: Any, config: Mapping[str, Any], rows: Any) -> Sequence[Conversion]:
        method = str(config.get("predict_fn") or "predict")
        if method not in ("predict", "predict_proba", "transform"):
            raise NotSupported(f"What {method} gives has no form in ONNX", hint="predict, predict_proba or transform")
        register_converters()
        for root in ("lightgbm", "xgboost"):
            if root in list_roots(native):
                get_flavor(root).register_converters()  # type: ignore[attr-defined]  # these two have it

        def convert(types: Any) -> Graph:
            proto = convert_sklearn(native, types)
            names = [output.name for output in proto.graph.output]
            if not hasattr(native, "predict_proba"):
                return Graph(proto=proto, output=names[0])
            scores = (names[1], native.predict_proba)
            return Graph(proto=proto, output=names[method == "predict_proba"], scores=scores)

        return list_conversions(rows, convert, import_library("skl2onnx.common.data_types", "skl2onnx"))


def _predict_array(native: Any, name: str, data: Any, params: dict[str, Any]) -> Any:
    """Call a method with the array that the estimator would make of a table itself.

    Looking at a table's columns one by one takes it 300 us, several times what a linear model computes for one row. The
    names are compared here; an estimator without names does not ask an array for any.
    """
    columns = getattr(data, "columns", None)
    if columns is not None and columns.dtype.kind == "O" and native.feature_names_in_.tolist() == columns.tolist():
        array = data.to_numpy()
        if array.dtype.kind in "iuf":
            bare = object.__new__(type(native))
            bare.__dict__ = {key: value for key, value in vars(native).items() if key != "feature_names_in_"}
            return getattr(bare, name)(array, **params)
    return getattr(native, name)(data, **params)


def write_skops(model: Any, path: Path, trusted_types: Any = None) -> list[str]:
    """Write a model as skops, and return the types that reading it needs beyond those that skops trusts.

    trusted_types: types that the caller answers for; a model with them loads with trust alone
    raises:        InvalidInput for what skops cannot write, or would not read back without the caller's word
    """
    skops = import_library("skops.io")
    try:
        skops.dump(model, path)
    except Exception as error:  # whatever the parts of a model raise when they are taken apart
        raise InvalidInput(
            f"The model cannot be saved by skops: {type(error).__name__}: {str(error)[:300]}",
            hint="serialization_format='cloudpickle' saves it as a pickle, which loads with trust=True alone",
        ) from error
    types: list[str] = skops.get_untrusted_types(file=path)
    unknown = [name for name in types if name not in _DATA_TYPES and name not in (trusted_types or ())]
    if unknown:
        raise InvalidInput(
            f"The model holds types that are not known to be safe: {', '.join(unknown[:10])}",
            hint="list them as skops_trusted_types=, and the model loads with trust=True",
        )
    return types


def read_skops(path: Path, *, trust: bool) -> Any:
    """Read a model that skops wrote.

    raises: PermissionDenied for types that are not known to be safe, without trust
    """
    skops = import_library("skops.io")
    try:
        return skops.load(path, trusted=sorted(_DATA_TYPES))
    except import_library("skops.io.exceptions").UntrustedTypesFoundException:
        types = skops.get_untrusted_types(file=path)
        require_trust(trust, f"The model makes objects of {', '.join(sorted({*types} - _DATA_TYPES)[:10])}")
        return skops.load(path, trusted=types)


def list_packages(model: Any) -> list[str]:
    """Return the packages that the parts of an estimator come from."""
    return ["numpy", *(_DISTRIBUTIONS[root] for root in list_roots(model) if root in _DISTRIBUTIONS), "scipy"]


def list_roots(model: Any) -> list[str]:
    """Return the names of the packages of Python that the parts of an estimator come from."""
    parts = [model, *(model.get_params(deep=True).values() if hasattr(model, "get_params") else ())]
    return list(dict.fromkeys(type(part).__module__.partition(".")[0] for part in parts))


_DISTRIBUTIONS: Final = {"lightgbm": "lightgbm", "xgboost": "xgboost|xgboost-cpu", "pandas": "pandas"}


def _find_version() -> str:
    return str(import_library("sklearn", "scikit-learn").__version__)


FLAVOR = SklearnFlavor()
