"""statsmodels: results of a fit. The library has no form for them but a pickle, so they load with trust alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import InvalidInput
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside
from trackway.models.trust import load_pickle

FILE: Final = "model.statsmodels"


class StatsmodelsFlavor:
    """Results of regressions and time series."""

    name = "statsmodels"
    options = ("remove_data",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        if not hasattr(model, "save") or not hasattr(model, "predict") or not hasattr(model, "params"):
            raise InvalidInput(
                f"A {type(model).__qualname__} of statsmodels has not been fitted", hint="save what its fit() returns"
            )
        model.save(str(folder / FILE), remove_data=bool(options.get("remove_data")))
        version = str(import_library("statsmodels").__version__)
        return Saved(
            config={"statsmodels_version": version, "data": FILE},
            loader={"loader_module": "mlflow.statsmodels", "data": FILE},
            distributions=("statsmodels", "numpy", "pandas", "scipy", "patsy"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        return load_pickle(resolve_inside(folder, config.get("data", FILE)), trust=trust)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        series = import_library("statsmodels.tsa.base.tsa_model").TimeSeriesModel
        if not isinstance(getattr(native, "model", None), series):
            return lambda data, params: native.predict(data, **params)
        return lambda data, params: native.predict(*_read_span(data), **params)


def _read_span(data: Any) -> tuple[Any, Any]:
    """Return the first and the last time that a series is asked for: one row with ``start`` and ``end``."""
    if not hasattr(data, "iloc") or len(data) != 1 or not {"start", "end"} <= {*data.columns}:
        raise InvalidInput("A time series of statsmodels takes one row with the columns 'start' and 'end'")
    return data["start"].iloc[0], data["end"].iloc[0]


FLAVOR = StatsmodelsFlavor()
