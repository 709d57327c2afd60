"""What scripts read, and change outside of the active run: these calls wait for their answer, and raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from trackway.api.runs import GetRunTable
from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk.client import Client
from trackway.sdk.connection import get_workspace
from trackway.sdk.context import STACK, get_chosen
from trackway.sdk.entities import Experiment, LoggedModel, LoggedModelStatus, PagedList, Run, ViewType, to_run
from trackway.sdk.mlflow_client import MlflowClient
from trackway.sdk.tables import get_model_frame, get_run_frame

if TYPE_CHECKING:
    import pandas

PAGE = 1_000
DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_EXPERIMENT_NAME = "Default"
"""What the experiment of runs without one is called in every workspace."""

_last_model_id: str | None = None


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Create an experiment and return its id; ``set_experiment`` creates and chooses one in one call."""
    return MlflowClient().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """Get an experiment by id, in the trash or not."""
    return MlflowClient().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """Get an experiment by name, in the trash or not; None when there is none."""
    return MlflowClient().get_experiment_by_name(name)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Return the experiments that a filter finds, newest first unless ordered otherwise; all unless limited."""
    client = MlflowClient()
    found: list[Experiment] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        limit = PAGE if max_results is None else min(PAGE, max_results - len(found))
        page = client.search_experiments(view_type, limit, filter_string, order_by, token)
        found += page
        token = page.token
        if token is None:
            break
    return PagedList(found, None)


def delete_experiment(experiment_id: str) -> None:
    """Move an experiment and its runs to the trash."""
    MlflowClient().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Bring an experiment back from the trash, with the runs that went there with it."""
    MlflowClient().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the chosen experiment."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the chosen experiment."""
    MlflowClient().set_experiment_tags(get_experiment_id(), tags)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the chosen experiment."""
    MlflowClient().delete_experiment_tag(get_experiment_id(), key)


def get_experiment_id() -> str:
    """Return the id of the active run's experiment, else of the chosen one.

    raises: NotFound when it was chosen by a name that no experiment has
    """
    if STACK.runs:
        return STACK.runs[-1].info.experiment_id
    chosen = get_chosen()
    if not chosen.name:
        if chosen.experiment_id or get_workspace() in ("", "default"):
            return chosen.experiment_id or DEFAULT_EXPERIMENT_ID
        chosen = chosen._replace(name=DEFAULT_EXPERIMENT_NAME)
    experiment = get_experiment_by_name(chosen.name)
    if experiment is None:
        raise NotFound(f"No experiment is named {chosen.name!r}", hint="choose one with set_experiment")
    return experiment.experiment_id


def get_run(run_id: str) -> Run:
    """Get a run, in the trash or not."""
    return MlflowClient().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """Get the run that a run is nested in; None when there is none."""
    return MlflowClient().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Move a run to the trash."""
    MlflowClient().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Bring a run back from the trash."""
    MlflowClient().restore_run(run_id)


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run] | pandas.DataFrame:
    """Search runs of the chosen experiment, of those named by id or name, or of all.

    output_format: ``pandas`` for a DataFrame (attributes, then ``metrics.x``, ``params.x``, ``tags.x``), or ``list``
    raises:        InvalidInput for a malformed search, or when experiments are named both by id and by name
    """
    if output_format not in ("pandas", "list"):
        raise InvalidInput(f"Invalid output format {output_format!r}", hint="pandas or list")
    ids = None if search_all_experiments else _resolve_experiments(experiment_ids, experiment_names)
    view = ViewType.to_view(run_view_type)
    client = Client()
    order = list(order_by or ())
    if output_format == "pandas":
        request = GetRunTable(
            experiment_ids=ids, filter=filter_string or "", order_by=order, view=view, limit=max_results
        )
        return get_run_frame(client, request)
    found: list[Run] = []
    if max_results > 0:
        for run in client.search_runs(ids, filter_string or "", order, view, min(PAGE, max_results)):
            found.append(to_run(run))
            if len(found) == max_results:
                break
    return PagedList(found, None)


def _resolve_experiments(ids: Sequence[str] | None, names: Sequence[str] | None) -> list[str]:
    if ids and names:
        raise InvalidInput("Experiments are named both by id and by name", hint="give one of the two")
    if names:
        found = [get_experiment_by_name(name) for name in names]
        return [experiment.experiment_id for experiment in found if experiment is not None]
    return [str(one) for one in ids] if ids is not None else [get_experiment_id()]


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Create the record of a model in the chosen experiment; it is PENDING until ``finalize_logged_model``."""
    global _last_model_id
    run_id = source_run_id or (STACK.runs[-1].run_id if STACK.runs else None)
    model = MlflowClient().create_logged_model(
        experiment_id or get_experiment_id(), name, run_id, tags, params, model_type
    )
    _last_model_id = model.model_id
    return model


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Create the record of a model whose files are elsewhere; it is READY at once."""
    model = initialize_logged_model(name, source_run_id, tags, params, model_type, experiment_id)
    return finalize_logged_model(model.model_id, "READY")


def finalize_logged_model(model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
    """Say that a model is READY, or that making it FAILED."""
    return MlflowClient().finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """Get the record of a model."""
    return MlflowClient().get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """Return the record of the model that this process created last; None when it created none."""
    return None if _last_model_id is None else get_logged_model(_last_model_id)


def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> list[LoggedModel] | pandas.DataFrame:
    """Return the models of some experiments, or of the chosen one; all unless limited."""
    ids = _resolve_experiments(experiment_ids, None)
    client = MlflowClient()
    found: list[LoggedModel] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        limit = PAGE if max_results is None else min(PAGE, max_results - len(found))
        page = client.search_logged_models(ids, filter_string, datasets, limit, order_by, token)
        found += page
        token = page.token
        if token is None:
            break
    return get_model_frame(found) if output_format == "pandas" else found


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a model."""
    MlflowClient().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Delete a tag of a model."""
    MlflowClient().delete_logged_model_tag(model_id, key)


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Add params to a model, by default to the active one, else to the one that this process created last."""
    chosen = model_id or STACK.model_id or _last_model_id
    if chosen is None:
        raise InvalidInput("No model was named", hint="give model_id")
    MlflowClient().log_model_params(chosen, params)
