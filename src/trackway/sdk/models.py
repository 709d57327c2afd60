"""Models in scripts: logged to the active run, and loaded from wherever they are.

These calls wait for the store and raise, unlike those that log numbers: a model that was not logged is a fact that the
script has to know.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Unpack, cast

import msgspec

from trackway.base.errors import InvalidInput
from trackway.models.mlmodel import MlModel
from trackway.models.options import SaveOptions
from trackway.models.package import Model, SavedModel
from trackway.models.package import load_model as load_folder
from trackway.models.package import save_model as save_folder
from trackway.models.signature import Signature
from trackway.sdk.entities import LoggedModelOutput
from trackway.sdk.fluent import log_outputs
from trackway.sdk.fluent_registry import register_model
from trackway.sdk.mlflow_client import MlflowClient
from trackway.sdk.model_files import fetch_model
from trackway.sdk.queries import initialize_logged_model
from trackway.sdk.runs import get_active_run

DEFAULT_NAME = "model"
_MODEL_KEYWORDS = (
    *("sk_model", "xgb_model", "lgb_model", "python_model", "pytorch_model", "spacy_model", "transformers_model"),
    *("cb_model", "h2o_model", "onnx_model", "pr_model", "spark_model", "statsmodels_model"),
)
"""What MLflow calls the model, by library."""


class LogOptions(SaveOptions, total=False):
    """What ``log_model`` takes beside a model, its name and its flavor: what ``SaveOptions`` has, and these.

    artifact_path: the name, as MLflow 2 called it
    params, tags:  of the model's record
    model_type:    a word for the kind of model, of the caller's choice
    step:          of the run, at which the model was made
    registered_model_name:  name to register the model under, as its next version
    await_registration_for: taken for compatibility; a version is ready at once
    """

    artifact_path: str | None
    params: Mapping[str, Any] | None
    tags: Mapping[str, Any] | None
    model_type: str | None
    step: int
    registered_model_name: str | None
    await_registration_for: int | None


class ModelInfo(msgspec.Struct, frozen=True):
    """A model as it was logged, or as its records say."""

    model_id: str
    name: str
    run_id: str
    digest: str
    """Of the model's manifest."""
    mlmodel: MlModel
    registered_model_version: int | None = None
    uri: str = ""
    """Where its records were read; empty for the logged model itself."""

    @property
    def model_uri(self) -> str:
        return self.uri or f"models:/{self.model_id}"

    @property
    def artifact_path(self) -> str:
        return self.name

    @property
    def signature(self) -> Signature | None:
        return self.mlmodel.signature

    @property
    def flavors(self) -> dict[str, dict[str, Any]]:
        return self.mlmodel.flavors

    @property
    def metadata(self) -> dict[str, Any] | None:
        return self.mlmodel.metadata

    @property
    def saved_input_example_info(self) -> dict[str, Any] | None:
        return self.mlmodel.example

    @property
    def model_uuid(self) -> str | None:
        return self.mlmodel.model_uuid

    @property
    def utc_time_created(self) -> str | None:
        return self.mlmodel.created


def log_model(
    model: Any, name: str | None = None, flavor: str | None = None, **options: Unpack[LogOptions]
) -> ModelInfo:
    """Save a model and log it as one that the active run made; a run is started when there is none.

    model, flavor, options: as ``trackway.models.save_model`` and ``LogOptions`` have them
    name:                   what the model is called within the run, ``model`` when left out
    raises:                 what saving raises, and what the store raises; the model's record is then FAILED
    """
    return log_first_way(model, name, flavor, ({},), **options)


def log_first_way(
    model: Any,
    name: str | None,
    flavor: str | None,
    ways: Sequence[Mapping[str, Any]],
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Log a model in the first of several ways in which it can be saved; see ``log_model``.

    ways: options of saving, beside those that hold for all
    """
    label = name or options.pop("artifact_path", None) or DEFAULT_NAME
    tags, params = options.pop("tags", None), options.pop("params", None)
    model_type, step = options.pop("model_type", None), options.pop("step", 0)
    options.pop("await_registration_for", None)
    registered_name = options.pop("registered_model_name", None)
    run = get_active_run()
    record = initialize_logged_model(label, run.run_id, tags, params, model_type, run.info.experiment_id)
    options |= {"model_id": record.model_id, "run_id": run.run_id}
    client = MlflowClient()
    try:
        with tempfile.TemporaryDirectory(prefix="trackway-model-") as folder:
            saved = save_first_way(model, os.path.join(folder, "model"), flavor, ways, **cast(SaveOptions, options))
            client.log_model_artifacts(record.model_id, str(saved.path))
    except BaseException:
        client.finalize_logged_model(record.model_id, "FAILED")
        raise
    client.finalize_logged_model(record.model_id, "READY")
    log_outputs([LoggedModelOutput(record.model_id, step)])
    digest = "" if saved.manifest is None else saved.manifest.digest
    version = None if registered_name is None else int(register_model(record.model_uri, registered_name).version)
    return ModelInfo(record.model_id, label, run.run_id, digest, saved.mlmodel, version)


def save_first_way(
    model: Any, folder: str, flavor: str | None, ways: Sequence[Mapping[str, Any]], **options: Unpack[SaveOptions]
) -> SavedModel:
    """Save a model in the first way in which it can be; what the last one raises is raised."""
    for way in ways[:-1]:
        with suppress(Exception):  # whatever a library raises at a model that it cannot export
            return save_folder(model, folder, flavor, **cast(SaveOptions, {**options, **way}))
    return save_folder(model, folder, flavor, **cast(SaveOptions, {**options, **ways[-1]}))


def load_model(
    model_uri: str | os.PathLike[str],
    *,
    trust: bool = False,
    flavor: str | None = None,
    dst_path: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Model:
    """Load a model, wherever it is.

    model_uri: as ``fetch_model`` takes it
    trust:     whether the model may run code of its own: pickles, Python models
    flavor:    which of several that it holds
    dst_path:  folder to put its files into, instead of the cache
    options:   as ``trackway.models.load_model`` has them
    raises:    InvalidInput, NotFound, Corrupt, PermissionDenied, NotSupported
    """
    return load_folder(fetch_model(os.fspath(model_uri), dst_path), trust=trust, flavor=flavor, **options)


class LibraryModels:
    """One library's models, such as ``trackway.sklearn.log_model``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def log_model(self, model: Any = None, name: str | None = None, **options: Any) -> ModelInfo:
        """Save a model of this library and log it; see ``trackway.log_model``."""
        model, options = _take_model(model, options)
        return log_model(model, name, self._name, **options)

    def save_model(self, model: Any = None, path: str | os.PathLike[str] = "", **options: Any) -> None:
        """Save a model of this library as a folder; see ``trackway.models.save_model``."""
        model, options = _take_model(model, options)
        if not os.fspath(path):
            raise InvalidInput("save_model needs a path", hint="a folder that is not there yet")
        save_folder(model, os.fspath(path), self._name, **options)

    def load_model(
        self,
        model_uri: str | os.PathLike[str],
        dst_path: str | os.PathLike[str] | None = None,
        *,
        trust: bool = False,
        **options: Any,
    ) -> Any:
        """Return the library's own object; see ``trackway.load_model`` for one that any library's models share."""
        return load_model(model_uri, trust=trust, flavor=self._name, dst_path=dst_path, **options).native


def _take_model(model: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a model, under whichever name it was given, and the other options."""
    named = [options.pop(keyword) for keyword in _MODEL_KEYWORDS if keyword in options]
    given = [one for one in (model, *named) if one is not None]
    if len(given) != 1:
        raise InvalidInput(f"{'No model' if not given else 'More than one model'} was given")
    return given[0], options
