"""H2O: models as MOJO, which holds numbers and texts; the library's own binary form on request, with trust alone.

H2O computes in a process of Java. The one that the script is connected to is used, or one is started on this machine.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from trackway.base.documents import load_yaml
from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside
from trackway.models.trust import require_trust

FILE: Final = "model.zip"
FOLDER: Final = "model.h2o"
"""Where MLflow keeps the binary form, beside ``h2o.yaml`` that names its file."""
SETTINGS: Final = "h2o.yaml"


class H2oFlavor:
    """Models of H2O."""

    name = "h2o"
    options = ("serialization_format", "settings")

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        h2o = import_library("h2o")
        if not isinstance(model, h2o.model.ModelBase) or not model.model_id or not hasattr(model, "download_mojo"):
            raise InvalidInput(f"A {type(model).__qualname__} is no trained model of H2O", hint="train it before")
        form = options.get("serialization_format") or "mojo"
        config = {"h2o_version": str(h2o.__version__), "serialization_format": form}
        if form == "mojo":
            _write_mojo(model, folder / FILE)
            data, loader = FILE, {}
        elif form == "binary":
            (folder / FOLDER).mkdir()
            path = Path(h2o.download_model(model, path=str(folder / FOLDER)))
            settings = {**(options.get("settings") or {}), "model_file": path.name}
            (folder / FOLDER / SETTINGS).write_text(yaml.safe_dump(settings), encoding="utf-8")
            data, loader = FOLDER, {"loader_module": "mlflow.h2o", "data": FOLDER}
        else:
            raise InvalidInput(f"{form!r} is no form of a model of H2O", hint="mojo or binary")
        return Saved(
            config=config | {"data": data},
            loader=loader,
            distributions=("h2o", "pandas"),
            is_standalone=form == "mojo",
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        path = resolve_inside(folder, config.get("data", FOLDER))
        if path.is_dir():
            require_trust(trust, "The model of H2O is in its binary form")
            settings = load_yaml(resolve_inside(path, SETTINGS).read_bytes())
            file = resolve_inside(path, settings.get("model_file") if isinstance(settings, dict) else None)
            return _connect().upload_model(str(file))
        try:
            with zipfile.ZipFile(path) as archive:
                archive.getinfo("model.ini")
        except (zipfile.BadZipFile, KeyError):
            raise Corrupt(f"{path.name!r} is no MOJO of H2O") from None
        return _connect().upload_mojo(str(path))

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        h2o, pandas = import_library("h2o"), import_library("pandas")

        def predict(data: Any, params: dict[str, Any]) -> Any:
            if params:
                raise InvalidInput(f"A model of H2O takes no params, found {', '.join(map(repr, params))}")
            frame = h2o.H2OFrame(data)
            found = native.predict(frame)
            try:
                text = io.StringIO(found.get_frame_data())
                return pandas.read_csv(text, low_memory=False, skip_blank_lines=False)
            finally:
                h2o.remove([frame, found])

        return predict


def _write_mojo(model: Any, path: Path) -> None:
    """Write a model as MOJO.

    raises: NotSupported for models without one, and for releases of H2O that write none
    """
    hint = "serialization_format='binary' saves the form that the same release loads, with trust=True alone"
    if not model.have_mojo:
        raise NotSupported(f"H2O has no MOJO of a {type(model).__qualname__}", hint=hint)
    try:
        model.download_mojo(path=str(path))
    except import_library("h2o.exceptions").H2OValueError as error:
        raise NotSupported(
            f"This release of H2O writes no MOJO: {str(error)[:200]}", hint=f"h2o<=3.46.0.11; {hint}"
        ) from error


def _connect() -> Any:
    """Return the library, connected to a process of Java: the one it has, or one started on this machine alone."""
    h2o = import_library("h2o")
    connection = h2o.connection()
    if connection is None or not connection.connected:
        h2o.init(bind_to_localhost=True, verbose=False)
        h2o.no_progress()
    return h2o


FLAVOR = H2oFlavor()
