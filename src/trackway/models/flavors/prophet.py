"""Prophet: forecasts in the library's own JSON, which holds texts and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside

FILE: Final = "model.json"


class ProphetFlavor:
    """Forecasts of Prophet. Their bands are drawn at random, unless they were made with ``uncertainty_samples=0``."""

    name = "prophet"
    options = ()

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:  # noqa: ARG002 - it has none
        library = import_library("prophet")
        if type(model) is not library.Prophet:
            raise InvalidInput(f"A {type(model).__qualname__} would come back as a Prophet", hint="save that")
        if model.history is None:
            raise InvalidInput("This Prophet has not been fitted", hint="call its fit")
        # A text within JSON, as MLflow has it, which reads the same file.
        text = json.dumps(import_library("prophet.serialize").model_to_json(model))
        (folder / FILE).write_text(text, encoding="utf-8")
        return Saved(
            config={"prophet_version": str(library.__version__), "data": FILE, "model_type": "Prophet"},
            loader={"loader_module": "mlflow.prophet", "data": FILE},
            distributions=("prophet", "cmdstanpy", "holidays", "numpy", "pandas"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:  # noqa: ARG002 - nothing runs code
        path = resolve_inside(folder, config.get("data"))
        name = config.get("model_type", "Prophet")
        if name != "Prophet":
            raise InvalidInput(f"{str(name)[:100]!r} is no class of Prophet", hint="Prophet")
        text = json.loads(path.read_bytes())
        if not isinstance(text, str):
            raise Corrupt(f"{path.name!r} is no model of Prophet: a text within JSON was expected")
        return import_library("prophet.serialize").model_from_json(text)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        return lambda data, params: native.predict(data, **params)


FLAVOR = ProphetFlavor()
