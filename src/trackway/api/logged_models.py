"""Logged models: a model's record beside the run that made it (its files and flavors are another matter)."""

from __future__ import annotations

from typing import Literal

from trackway.api.runs import ModelMetric
from trackway.api.structs import Grammar, Lifecycle, Request, Response, View

ModelStatus = Literal["UNSPECIFIED", "PENDING", "READY", "UPLOAD_FAILED"]


class LoggedMetric(ModelMetric, frozen=True, kw_only=True):
    """A metric point of a logged model, and the run that logged it."""

    run_id: str = ""


class LoggedModel(Response, frozen=True, kw_only=True):
    """A model that was logged, ready or not."""

    model_id: str
    experiment_id: str
    name: str
    model_type: str
    source_run_id: str
    artifact_uri: str
    status: ModelStatus
    status_message: str | None
    created_ms: int
    updated_ms: int
    lifecycle: Lifecycle = "active"
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[LoggedMetric] = []


class CreateLoggedModel(Request, frozen=True, kw_only=True):
    """Create the record of a model; ``model_id`` only to keep an id (imports, retries), ``created_ms`` for imports."""

    experiment_id: str
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    model_id: str = ""
    created_ms: int | None = None


class GetLoggedModel(Request, frozen=True, kw_only=True):
    """Get a model's record; one in the trash only on request."""

    model_id: str
    allow_deleted: bool = False


class UpdateLoggedModel(Request, frozen=True, kw_only=True):
    """Set a model's status; ``updated_ms`` only for imports, when that was."""

    model_id: str
    status: ModelStatus
    status_message: str | None = None
    updated_ms: int | None = None


class DeleteLoggedModel(Request, frozen=True, kw_only=True):
    """Move a model's record to the trash; ``deleted_ms`` only for imports, when that was."""

    model_id: str
    deleted_ms: int | None = None


class SetLoggedModelTags(Request, frozen=True, kw_only=True):
    """Set or replace tags of a model."""

    model_id: str
    tags: dict[str, str]


class DeleteLoggedModelTag(Request, frozen=True, kw_only=True):
    """Delete one tag of a model."""

    model_id: str
    key: str


class LogModelParams(Request, frozen=True, kw_only=True):
    """Add params to a model; a key that is there already is refused."""

    model_id: str
    params: dict[str, str]


class DatasetRef(Request, frozen=True, kw_only=True):
    """A data set by name, and by digest when given."""

    name: str
    digest: str | None = None


class ModelOrder(Request, frozen=True, kw_only=True):
    """One term of an order; a metric may be tied to a data set."""

    field: str
    ascending: bool = True
    dataset: DatasetRef | None = None


class SearchLoggedModels(Request, frozen=True, kw_only=True):
    """Search models of experiments, the live ones unless ``view`` says otherwise.

    Metric filters may be restricted to data sets.
    """

    experiment_ids: list[str]
    filter: str = ""
    datasets: list[DatasetRef] = []
    order_by: list[ModelOrder] = []
    limit: int = 100
    page_token: str = ""
    grammar: Grammar = "mlflow"
    view: View = "active"


class LoggedModelPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    models: list[LoggedModel]
    next_page_token: str = ""
