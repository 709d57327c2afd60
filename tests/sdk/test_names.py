"""What ``import trackway`` offers, and that scripts written for MLflow find it."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

import trackway as tw
from trackway import entities, exceptions

DOCUMENTED = {
    "start_run": "run_id experiment_id run_name nested parent_run_id tags description log_system_metrics",
    "end_run": "status",
    "active_run": "",
    "last_active_run": "",
    "get_run": "run_id",
    "get_parent_run": "run_id",
    "delete_run": "run_id",
    "restore_run": "run_id",
    "run": """uri entry_point version parameters docker_args experiment_name experiment_id backend backend_config
        storage_dir synchronous run_id run_name env_manager build_image""",
    "search_runs": "experiment_ids filter_string run_view_type max_results order_by output_format"
    " search_all_experiments experiment_names",
    "set_experiment": "experiment_name experiment_id",
    "create_experiment": "name artifact_location tags",
    "get_experiment": "experiment_id",
    "get_experiment_by_name": "name",
    "delete_experiment": "experiment_id",
    "restore_experiment": "experiment_id",
    "search_experiments": "view_type max_results filter_string order_by",
    "set_experiment_tag": "key value",
    "set_experiment_tags": "tags",
    "delete_experiment_tag": "key",
    "set_tag": "key value synchronous",
    "set_tags": "tags synchronous",
    "delete_tag": "key",
    "log_metric": "key value step synchronous timestamp run_id model_id dataset",
    "log_metrics": "metrics step synchronous run_id timestamp model_id dataset",
    "log_param": "key value synchronous",
    "log_params": "params synchronous run_id",
    "log_artifact": "local_path artifact_path run_id",
    "log_artifacts": "local_dir artifact_path run_id",
    "log_text": "text artifact_file run_id",
    "log_dict": "dictionary artifact_file run_id",
    "log_figure": "figure artifact_file save_kwargs",
    "log_image": "image artifact_file key step timestamp synchronous",
    "log_table": "data artifact_file run_id",
    "load_table": "artifact_file run_ids extra_columns",
    "log_stream": "stream artifact_file run_id",
    "log_input": "dataset context tags model",
    "log_inputs": "datasets contexts tags_list models",
    "log_outputs": "models",
    "get_artifact_uri": "artifact_path",
    "flush_async_logging": "",
    "flush_artifact_async_logging": "",
    "set_tracking_uri": "uri",
    "get_tracking_uri": "",
    "is_tracking_uri_set": "",
    "set_registry_uri": "uri",
    "get_registry_uri": "",
    "enable_system_metrics_logging": "",
    "disable_system_metrics_logging": "",
    "set_system_metrics_node_id": "node_id",
    "set_system_metrics_samples_before_logging": "samples",
    "set_system_metrics_sampling_interval": "interval",
    "create_external_model": "name source_run_id tags params model_type experiment_id",
    "initialize_logged_model": "name source_run_id tags params model_type experiment_id",
    "finalize_logged_model": "model_id status",
    "get_logged_model": "model_id",
    "last_logged_model": "",
    "search_logged_models": "experiment_ids filter_string datasets max_results order_by output_format",
    "set_logged_model_tags": "model_id tags",
    "delete_logged_model_tag": "model_id key",
    "log_model_params": "params model_id",
    "set_active_model": "name model_id",
    "get_active_model_id": "",
    "clear_active_model": "",
    "register_model": "model_uri name await_registration_for tags",
    "search_registered_models": "max_results filter_string order_by",
    "search_model_versions": "max_results filter_string order_by",
    "set_model_version_tag": "name version key value",
}

CLIENT = {
    "create_experiment": "name artifact_location tags",
    "create_logged_model": "experiment_id name source_run_id tags params model_type",
    "create_run": "experiment_id start_time tags run_name",
    "delete_experiment": "experiment_id",
    "delete_experiment_tag": "experiment_id key",
    "delete_logged_model": "model_id",
    "delete_logged_model_tag": "model_id key",
    "delete_run": "run_id",
    "delete_tag": "run_id key",
    "download_artifacts": "run_id path dst_path",
    "finalize_logged_model": "model_id status",
    "get_experiment": "experiment_id",
    "get_experiment_by_name": "name",
    "get_logged_model": "model_id",
    "get_metric_history": "run_id key",
    "get_parent_run": "run_id",
    "get_run": "run_id",
    "list_artifacts": "run_id path",
    "list_logged_model_artifacts": "model_id path",
    "load_table": "experiment_id artifact_file run_ids extra_columns",
    "log_artifact": "run_id local_path artifact_path",
    "log_artifacts": "run_id local_dir artifact_path",
    "log_batch": "run_id metrics params tags synchronous",
    "log_dict": "run_id dictionary artifact_file",
    "log_figure": "run_id figure artifact_file save_kwargs",
    "log_image": "run_id image artifact_file key step timestamp synchronous",
    "log_inputs": "run_id datasets models",
    "log_metric": "run_id key value timestamp step synchronous dataset_name dataset_digest model_id",
    "log_model_artifact": "model_id local_path artifact_path",
    "log_model_artifacts": "model_id local_dir artifact_path",
    "log_model_params": "model_id params",
    "log_outputs": "run_id models",
    "log_param": "run_id key value synchronous",
    "log_stream": "run_id stream artifact_file",
    "log_table": "run_id data artifact_file",
    "log_text": "run_id text artifact_file",
    "rename_experiment": "experiment_id new_name",
    "restore_experiment": "experiment_id",
    "restore_run": "run_id",
    "search_experiments": "view_type max_results filter_string order_by page_token",
    "search_logged_models": "experiment_ids filter_string datasets max_results order_by page_token",
    "search_runs": "experiment_ids filter_string run_view_type max_results order_by page_token",
    "set_experiment_tag": "experiment_id key value",
    "set_logged_model_tags": "model_id tags",
    "set_tag": "run_id key value synchronous",
    "set_terminated": "run_id status end_time",
    "update_run": "run_id status name",
    "copy_model_version": "src_model_uri dst_name",
    "create_model_version": "name source run_id tags run_link description await_creation_for model_id",
    "create_registered_model": "name tags description",
    "delete_model_version": "name version",
    "delete_model_version_tag": "name version key stage",
    "delete_registered_model": "name",
    "delete_registered_model_alias": "name alias",
    "delete_registered_model_tag": "name key",
    "get_latest_versions": "name stages",
    "get_model_version": "name version",
    "get_model_version_by_alias": "name alias",
    "get_model_version_download_uri": "name version",
    "get_model_version_stages": "name version",
    "get_registered_model": "name",
    "rename_registered_model": "name new_name",
    "search_model_versions": "filter_string max_results order_by page_token",
    "search_registered_models": "filter_string max_results order_by page_token",
    "set_model_version_tag": "name version key value stage",
    "set_registered_model_alias": "name alias version",
    "set_registered_model_tag": "name key value",
    "transition_model_version_stage": "name version stage archive_existing_versions",
    "update_model_version": "name version description",
    "update_registered_model": "name description",
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_fluent_call_takes_the_documented_arguments(name: str) -> None:
    parameters = list(inspect.signature(getattr(tw, name)).parameters)
    documented = DOCUMENTED[name].split()
    assert parameters[: len(documented)] == documented


@pytest.mark.parametrize("name", CLIENT)
def test_a_call_of_the_client_takes_the_documented_arguments(name: str) -> None:
    parameters = list(inspect.signature(getattr(tw.MlflowClient, name)).parameters)
    documented = ["self", *CLIENT[name].split()]
    assert parameters[: len(documented)] == documented


def test_every_name_leads_somewhere_and_is_listed() -> None:
    for name in tw._MODULE_OF:
        assert getattr(tw, name).__name__.rpartition(".")[2] in (name, "TrackwayError")
        assert name in dir(tw)


def test_type_checkers_see_the_names_that_there_are() -> None:
    tree = ast.parse(Path(tw.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    declared = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert declared == set(tw._MODULE_OF) | {
        *(
            "artifacts",
            "data",
            "endpoints",
            "entities",
            "exceptions",
            "models",
            "projects",
            "pyfunc",
            "schedules",
            "tracking",
        )
    }


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tw.nothing  # noqa: B018


def test_scripts_for_mlflow_find_their_modules() -> None:
    import trackway as mlflow

    assert mlflow.entities.Metric is entities.Metric
    assert mlflow.exceptions.MlflowException is exceptions.TrackwayError
    assert mlflow.MlflowException is exceptions.TrackwayError
    assert mlflow.exceptions.RestException is exceptions.TrackwayError
    assert callable(mlflow.sklearn.autolog)
    assert callable(mlflow.data.from_pandas)
    mlflow.config.enable_async_logging()
    assert mlflow.tracking.MlflowClient is mlflow.client.MlflowClient is mlflow.MlflowClient
    assert mlflow.tracking.client.MlflowClient is mlflow.MlflowClient
    assert mlflow.tracking.fluent.log_metric is mlflow.log_metric
    assert mlflow.entities.model_registry.ModelVersion is entities.ModelVersion
    assert mlflow.__version__ == installed_version("trackway")
    assert mlflow.tracking.get_tracking_uri is mlflow.get_tracking_uri
    assert mlflow.artifacts.download_artifacts is mlflow.download_artifacts


READING = {
    "download_artifacts": "artifact_uri run_id artifact_path dst_path tracking_uri registry_uri",
    "list_artifacts": "artifact_uri run_id artifact_path tracking_uri",
    "load_text": "artifact_uri",
    "load_dict": "artifact_uri",
    "load_image": "artifact_uri",
}
TRACKING = (
    *("MlflowClient", "get_tracking_uri", "set_tracking_uri", "is_tracking_uri_set"),
    *("get_registry_uri", "set_registry_uri"),
)


def test_packages_of_the_names_that_scripts_know_offer_what_scripts_look_for_there() -> None:
    from trackway import artifacts, tracking
    from trackway.artifacts import load_text
    from trackway.tracking import MlflowClient

    for name, parameters in READING.items():
        assert list(inspect.signature(getattr(artifacts, name)).parameters) == parameters.split()
    for name in TRACKING:
        assert getattr(tracking, name) is getattr(tw, name)
    assert (load_text, MlflowClient) == (artifacts.load_text, tw.MlflowClient)
    for module in (artifacts, tracking):
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            module.nothing  # noqa: B018


def test_the_journal_is_logged_to_without_anything_heavy() -> None:
    """Only delivery needs more, in its own thread: here it never comes to that."""
    script = """
import sys, json
import trackway.sdk.session as session, trackway.sdk.fluent, trackway.sdk.runs
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert {"numpy", "pandas", "sqlalchemy", "urllib3", "starlette", "pyarrow", "http"}.isdisjoint(json.loads(printed))
