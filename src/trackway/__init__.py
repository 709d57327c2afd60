"""Trackway: track, package, register and serve machine-learning work.

    import trackway as tw

    tw.set_experiment("prices")
    with tw.start_run():
        tw.log_params({"alpha": 0.5})
        tw.log_metric("rmse", 0.71, step=1)

Everything here is imported when it is first used, so that ``import trackway`` costs next to nothing.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackway import artifacts as artifacts
    from trackway import data as data
    from trackway import entities as entities
    from trackway import exceptions as exceptions
    from trackway import models as models
    from trackway import projects as projects
    from trackway import pyfunc as pyfunc
    from trackway import tracking as tracking
    from trackway.exceptions import MlflowException as MlflowException
    from trackway.exceptions import TrackwayError as TrackwayError
    from trackway.projects import run as run
    from trackway.projects.sweeps import sweep as sweep
    from trackway.sdk import endpoints as endpoints
    from trackway.sdk import schedules as schedules
    from trackway.sdk.active_models import ActiveModel as ActiveModel
    from trackway.sdk.active_models import clear_active_model as clear_active_model
    from trackway.sdk.active_models import get_active_model_id as get_active_model_id
    from trackway.sdk.active_models import set_active_model as set_active_model
    from trackway.sdk.checkpoints import import_checkpoints as import_checkpoints
    from trackway.sdk.client import Client as Client
    from trackway.sdk.configuration import (
        configure as configure,
    )
    from trackway.sdk.configuration import (
        disable_system_metrics_logging as disable_system_metrics_logging,
    )
    from trackway.sdk.configuration import (
        enable_system_metrics_logging as enable_system_metrics_logging,
    )
    from trackway.sdk.configuration import (
        flush as flush,
    )
    from trackway.sdk.configuration import (
        flush_artifact_async_logging as flush_artifact_async_logging,
    )
    from trackway.sdk.configuration import (
        flush_async_logging as flush_async_logging,
    )
    from trackway.sdk.configuration import (
        get_registry_uri as get_registry_uri,
    )
    from trackway.sdk.configuration import (
        set_registry_uri as set_registry_uri,
    )
    from trackway.sdk.configuration import (
        set_system_metrics_node_id as set_system_metrics_node_id,
    )
    from trackway.sdk.configuration import (
        set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging,
    )
    from trackway.sdk.configuration import (
        set_system_metrics_sampling_interval as set_system_metrics_sampling_interval,
    )
    from trackway.sdk.configuration import (
        status as status,
    )
    from trackway.sdk.connection import (
        get_tracking_uri as get_tracking_uri,
    )
    from trackway.sdk.connection import (
        get_workspace as get_workspace,
    )
    from trackway.sdk.connection import (
        is_tracking_uri_set as is_tracking_uri_set,
    )
    from trackway.sdk.connection import (
        set_tracking_uri as set_tracking_uri,
    )
    from trackway.sdk.connection import (
        set_workspace as set_workspace,
    )
    from trackway.sdk.context import active_run as active_run
    from trackway.sdk.description import doctor as doctor
    from trackway.sdk.evaluation import Threshold as Threshold
    from trackway.sdk.evaluation import evaluate as evaluate
    from trackway.sdk.evaluation.gate import gate as gate
    from trackway.sdk.experiments import set_experiment as set_experiment
    from trackway.sdk.fluent import (
        delete_tag as delete_tag,
    )
    from trackway.sdk.fluent import (
        link_run as link_run,
    )
    from trackway.sdk.fluent import (
        log_input as log_input,
    )
    from trackway.sdk.fluent import (
        log_inputs as log_inputs,
    )
    from trackway.sdk.fluent import (
        log_metric as log_metric,
    )
    from trackway.sdk.fluent import (
        log_metrics as log_metrics,
    )
    from trackway.sdk.fluent import (
        log_outputs as log_outputs,
    )
    from trackway.sdk.fluent import (
        log_param as log_param,
    )
    from trackway.sdk.fluent import (
        log_params as log_params,
    )
    from trackway.sdk.fluent import (
        set_tag as set_tag,
    )
    from trackway.sdk.fluent import (
        set_tags as set_tags,
    )
    from trackway.sdk.fluent_artifacts import download_artifacts as download_artifacts
    from trackway.sdk.fluent_files import (
        get_artifact_uri as get_artifact_uri,
    )
    from trackway.sdk.fluent_files import (
        load_table as load_table,
    )
    from trackway.sdk.fluent_files import (
        log_artifact as log_artifact,
    )
    from trackway.sdk.fluent_files import (
        log_artifacts as log_artifacts,
    )
    from trackway.sdk.fluent_files import (
        log_audio as log_audio,
    )
    from trackway.sdk.fluent_files import (
        log_dict as log_dict,
    )
    from trackway.sdk.fluent_files import (
        log_figure as log_figure,
    )
    from trackway.sdk.fluent_files import (
        log_image as log_image,
    )
    from trackway.sdk.fluent_files import (
        log_stream as log_stream,
    )
    from trackway.sdk.fluent_files import (
        log_table as log_table,
    )
    from trackway.sdk.fluent_files import (
        log_text as log_text,
    )
    from trackway.sdk.fluent_registry import (
        register_model as register_model,
    )
    from trackway.sdk.fluent_registry import (
        search_model_versions as search_model_versions,
    )
    from trackway.sdk.fluent_registry import (
        search_registered_models as search_registered_models,
    )
    from trackway.sdk.fluent_registry import (
        set_model_version_tag as set_model_version_tag,
    )
    from trackway.sdk.images import Image as Image
    from trackway.sdk.mlflow_client import MlflowClient as MlflowClient
    from trackway.sdk.models import load_model as load_model
    from trackway.sdk.models import log_model as log_model
    from trackway.sdk.operations import RunOperations as RunOperations
    from trackway.sdk.panel import ui as ui
    from trackway.sdk.queries import (
        create_experiment as create_experiment,
    )
    from trackway.sdk.queries import (
        create_external_model as create_external_model,
    )
    from trackway.sdk.queries import (
        delete_experiment as delete_experiment,
    )
    from trackway.sdk.queries import (
        delete_experiment_tag as delete_experiment_tag,
    )
    from trackway.sdk.queries import (
        delete_logged_model_tag as delete_logged_model_tag,
    )
    from trackway.sdk.queries import (
        delete_run as delete_run,
    )
    from trackway.sdk.queries import (
        finalize_logged_model as finalize_logged_model,
    )
    from trackway.sdk.queries import (
        get_experiment as get_experiment,
    )
    from trackway.sdk.queries import (
        get_experiment_by_name as get_experiment_by_name,
    )
    from trackway.sdk.queries import (
        get_logged_model as get_logged_model,
    )
    from trackway.sdk.queries import (
        get_parent_run as get_parent_run,
    )
    from trackway.sdk.queries import (
        get_run as get_run,
    )
    from trackway.sdk.queries import (
        initialize_logged_model as initialize_logged_model,
    )
    from trackway.sdk.queries import (
        last_logged_model as last_logged_model,
    )
    from trackway.sdk.queries import (
        log_model_params as log_model_params,
    )
    from trackway.sdk.queries import (
        restore_experiment as restore_experiment,
    )
    from trackway.sdk.queries import (
        restore_run as restore_run,
    )
    from trackway.sdk.queries import (
        search_experiments as search_experiments,
    )
    from trackway.sdk.queries import (
        search_logged_models as search_logged_models,
    )
    from trackway.sdk.queries import (
        search_runs as search_runs,
    )
    from trackway.sdk.queries import (
        set_experiment_tag as set_experiment_tag,
    )
    from trackway.sdk.queries import (
        set_experiment_tags as set_experiment_tags,
    )
    from trackway.sdk.queries import (
        set_logged_model_tags as set_logged_model_tags,
    )
    from trackway.sdk.recording import autolog as autolog
    from trackway.sdk.runs import (
        ActiveRun as ActiveRun,
    )
    from trackway.sdk.runs import (
        end_run as end_run,
    )
    from trackway.sdk.runs import (
        last_active_run as last_active_run,
    )
    from trackway.sdk.runs import (
        start_run as start_run,
    )
    from trackway.sdk.signing import sign_model as sign_model
    from trackway.sdk.signing import verify_model as verify_model
    from trackway.sdk.sync import sync as sync

_NAMES = {
    "active_models": "ActiveModel clear_active_model get_active_model_id set_active_model",
    "checkpoints": "import_checkpoints",
    "client": "Client",
    "context": "active_run",
    "description": "doctor",
    "configuration": """
        configure disable_system_metrics_logging enable_system_metrics_logging flush
        flush_artifact_async_logging flush_async_logging get_registry_uri set_registry_uri set_system_metrics_node_id
        set_system_metrics_samples_before_logging set_system_metrics_sampling_interval status
    """,
    "connection": "get_tracking_uri get_workspace is_tracking_uri_set set_tracking_uri set_workspace",
    "evaluation": "Threshold evaluate",
    "evaluation.gate": "gate",
    "experiments": "set_experiment",
    "fluent": """
        delete_tag link_run log_input log_inputs log_metric log_metrics log_outputs log_param log_params set_tag
        set_tags
    """,
    "fluent_artifacts": "download_artifacts",
    "fluent_files": """
        get_artifact_uri load_table log_artifact log_artifacts log_audio log_dict
        log_figure log_image log_stream log_table log_text
    """,
    "fluent_registry": "register_model search_model_versions search_registered_models set_model_version_tag",
    "images": "Image",
    "mlflow_client": "MlflowClient",
    "models": "load_model log_model",
    "operations": "RunOperations",
    "panel": "ui",
    "queries": """
        create_experiment create_external_model delete_experiment delete_experiment_tag
        delete_logged_model_tag delete_run finalize_logged_model get_experiment get_experiment_by_name
        get_logged_model get_parent_run get_run initialize_logged_model last_logged_model log_model_params
        restore_experiment restore_run search_experiments search_logged_models search_runs
        set_experiment_tag set_experiment_tags set_logged_model_tags
    """,
    "recording": "autolog",
    "runs": "ActiveRun end_run last_active_run start_run",
    "signing": "sign_model verify_model",
    "sync": "sync",
}
"""The names of the fluent API by the module of ``trackway.sdk`` that holds them."""

_MODULES = {
    "artifacts": "trackway.artifacts",
    "client": "trackway.sdk.mlflow_client",
    "config": "trackway.sdk.configuration",
    "data": "trackway.data",
    "endpoints": "trackway.sdk.endpoints",
    "entities": "trackway.entities",
    "exceptions": "trackway.exceptions",
    "models": "trackway.models",
    "projects": "trackway.projects",
    "pyfunc": "trackway.pyfunc",
    "schedules": "trackway.sdk.schedules",
    "system_metrics": "trackway.sdk.configuration",
    "tracking": "trackway.tracking",
}
"""Modules that are attributes from the start, as scripts written for MLflow expect."""

_LIBRARIES = (
    *(
        "catboost",
        "h2o",
        "keras",
        "lightgbm",
        "onnx",
        "prophet",
        "pytorch",
        "sentence_transformers",
        "sklearn",
        "spacy",
    ),
    *("spark", "statsmodels", "tensorflow", "transformers", "xgboost"),
)

_MODULE_OF = {name: f"trackway.sdk.{module}" for module, names in _NAMES.items() for name in names.split()}
_MODULE_OF |= {"MlflowException": "trackway.exceptions", "TrackwayError": "trackway.exceptions"}
_MODULE_OF["run"] = "trackway.projects"
_MODULE_OF["sweep"] = "trackway.projects.sweeps"


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _MODULE_OF:
        value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    elif name == "__version__":
        value = importlib.import_module("importlib.metadata").version(__name__)
    elif name in _LIBRARIES:
        value = importlib.import_module("trackway.sdk.libraries").Library(name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


class _Libraries:
    """Finds ``trackway.sklearn`` and its like, so that ``import trackway.sklearn`` is a statement too."""

    @staticmethod
    def find_spec(name: str, _path: Any = None, _target: Any = None) -> Any:
        package, _, library = name.partition(".")
        if package != __name__ or library not in _LIBRARIES:
            return None
        return importlib.import_module("importlib.machinery").ModuleSpec(name, _Libraries)

    @staticmethod
    def create_module(spec: Any) -> Any:
        return __getattr__(spec.name.partition(".")[2])

    @staticmethod
    def exec_module(_module: Any) -> None:
        """It is whole already."""


sys.meta_path.append(_Libraries)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF, *_MODULES, *_LIBRARIES})
