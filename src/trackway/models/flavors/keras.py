"""Keras 3: models as ``.keras`` files, whose configuration is looked at before any object is made of it.

Lambda layers, and what else holds code, load with trust alone. Classes of the user's own are those that the caller has
registered with Keras, or gives as ``custom_objects``.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import InvalidInput, NotSupported
from trackway.models.arrays import to_arrays, to_numpy
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.keras_files import check_keras
from trackway.models.manifest import resolve_inside
from trackway.models.trust import require_trust

DATA: Final = "data"
FILE: Final = "model.keras"
OLDEST: Final = (3, 13, 2)
"""Before it, files could read others of the machine (CVE-2026-1669), and before 3.12 run code."""
BACKENDS: Final = {"torch": "torch", "tensorflow": "tensorflow|tensorflow-cpu", "jax": "jax"}
_log = logging.getLogger("trackway.models")


class KerasFlavor:
    """Models of Keras 3, on any of its backends."""

    name = "keras"
    options = ()
    load_options = ("custom_objects",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:  # noqa: ARG002 - there are none
        config, distributions = write_keras(model, folder / DATA)
        return Saved(
            config={"data": DATA, **config, "save_exported_model": False},
            loader={"loader_module": "mlflow.keras"},
            distributions=distributions,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool, custom_objects: Any = None) -> Any:
        if config.get("save_exported_model"):
            raise NotSupported(
                "The model was exported for serving, and is no Keras model any more",
                hint="save it with save_exported_model=False",
            )
        return read_keras(resolve_inside(folder, config.get("data")), config, custom_objects, trust=trust)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        return predict_keras(native)


def write_keras(model: Any, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Write a model's files into a new folder, as MLflow names them; return what to record, and packages to pin.

    raises: InvalidInput for what is no model, was not built, or has layers that are not written whole
    """
    keras = import_keras()
    if not isinstance(model, keras.Model):
        raise InvalidInput(f"A {type(model).__qualname__} is no keras.Model", hint="give the model itself")
    if not model.built:
        raise InvalidInput("The model has not been built", hint="call it once on data, or give it an Input")
    folder.mkdir()
    (folder / "keras_module.txt").write_text("keras", encoding="utf-8")
    try:
        model.save(folder / FILE)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise InvalidInput(f"Keras cannot save the model: {str(error)[:500]}") from error
    try:
        check_keras(folder / FILE, lambda _name: False, trust=True)
    except InvalidInput as error:
        _log.warning("%s. Loading the model needs it", error.message)
    backend = str(keras.backend.backend())
    recorded = {"keras_version": str(keras.__version__), "keras_backend": backend}
    return recorded, ("keras", BACKENDS.get(backend, backend), "numpy", "h5py")


def read_keras(data: Path, config: Mapping[str, Any], custom_objects: Any, *, trust: bool) -> Any:
    """Load a model's ``.keras`` file from its folder; older HDF5 files with trust alone.

    raises: PermissionDenied, InvalidInput, Corrupt
    """
    given = dict(custom_objects or {})
    backend = str(config.get("keras_backend"))
    path = data / FILE if data.is_dir() else data
    if not path.is_file():
        path = resolve_inside(data, "model.h5")
        require_trust(trust, "The model is an HDF5 file of older versions of Keras")
        return _choose_backend(backend).models.load_model(path, custom_objects=given, compile=False)
    check_keras(path, _find_registered(given), trust=trust)
    keras = _choose_backend(backend)
    return keras.models.load_model(path, custom_objects=given, safe_mode=not trust)


def predict_keras(native: Any) -> Predict:
    """Return the call that predicts with a Keras model."""

    def predict(data: Any, params: dict[str, Any]) -> Any:
        arrays = to_arrays(data, texts=True)
        made = native.predict(arrays, verbose=0, **params)
        if isinstance(made, list | tuple):
            return {name: to_numpy(one) for name, one in zip(_name_outputs(native, len(made)), made, strict=True)}
        return to_numpy(made)

    return predict


def import_keras() -> Any:
    """Import Keras.

    raises: NotSupported when it is missing, or has known holes
    """
    keras = import_library("keras")
    version = tuple(int(part) for part in str(keras.__version__).split(".")[:3] if part.isdigit())
    if version < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise NotSupported(
            f"Keras {keras.__version__} has known holes in its reader of models", hint=f"pip install 'keras>={wanted}'"
        )
    return keras


def _choose_backend(saved_with: str) -> Any:
    """Import Keras on the backend that a model was saved with, where it is there and nothing else was chosen."""
    known = saved_with in BACKENDS and importlib.util.find_spec(saved_with) is not None
    if known and "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = saved_with
    return import_keras()


def _find_registered(given: Mapping[str, Any]) -> Callable[[str], bool]:
    """Return whether a name is the caller's own: given, or registered with Keras by what has been imported."""

    def is_registered(name: str) -> bool:
        if name in given:
            return True
        keras = sys.modules.get("keras")
        return keras is not None and keras.saving.get_registered_object(name) is not None

    return is_registered


def _name_outputs(native: Any, count: int) -> list[str]:
    names = [str(name) for name in getattr(native, "output_names", None) or ()]
    return names if len(names) == count else [f"output_{place}" for place in range(count)]


FLAVOR = KerasFlavor()
