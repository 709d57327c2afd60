"""The messages of MLflow's REST interface, as far as they are read."""

from __future__ import annotations

import msgspec


class Wire(msgspec.Struct, frozen=True):
    """A message of the protocol: numbers may be texts, and what is empty is left out."""


class Failure(Wire, frozen=True):
    """What is told of a request that failed."""

    message: str


class Pair(Wire, frozen=True):
    """A tag or a param."""

    key: str
    value: str = ""


class Experiment(Wire, frozen=True):
    """An experiment."""

    experiment_id: str
    name: str = ""
    lifecycle_stage: str = "active"
    creation_time: int = 0
    last_update_time: int = 0
    tags: list[Pair] = []


class Experiments(Wire, frozen=True):
    """A page of experiments."""

    experiments: list[Experiment] = []
    next_page_token: str = ""


class RunInfo(Wire, frozen=True):
    """What a run is, without its data."""

    run_id: str = ""
    run_uuid: str = ""
    run_name: str = ""
    user_id: str = ""
    status: str = "FINISHED"
    start_time: int = 0
    end_time: int | None = None
    lifecycle_stage: str = "active"


class Metric(Wire, frozen=True):
    """A point, of a run or of a model."""

    key: str = ""
    value: float = 0.0
    timestamp: int = 0
    step: int = 0
    run_id: str = ""
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Data(Wire, frozen=True):
    """The data of a run or of a model."""

    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class Dataset(Wire, frozen=True):
    """A data set."""

    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Wire, frozen=True):
    """A data set as a run used it."""

    dataset: Dataset = Dataset()
    tags: list[Pair] = []


class ModelLink(Wire, frozen=True):
    """A model that a run took or made."""

    model_id: str
    step: int = 0


class Inputs(Wire, frozen=True):
    """What a run took."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelLink] = []


class Outputs(Wire, frozen=True):
    """What a run made."""

    model_outputs: list[ModelLink] = []


class Run(Wire, frozen=True):
    """A run."""

    info: RunInfo
    data: Data = Data()
    inputs: Inputs = Inputs()
    outputs: Outputs = Outputs()


class OneRun(Wire, frozen=True):
    """The answer to a request for one run."""

    run: Run


class Runs(Wire, frozen=True):
    """A page of runs."""

    runs: list[Run] = []
    next_page_token: str = ""


class Metrics(Wire, frozen=True):
    """A page of a metric's points."""

    metrics: list[Metric] = []
    next_page_token: str = ""


class File(Wire, frozen=True):
    """A file or a folder."""

    path: str
    is_dir: bool = False
    file_size: int = 0


class Files(Wire, frozen=True):
    """The contents of a folder."""

    files: list[File] = []


class ModelInfo(Wire, frozen=True):
    """What a logged model is, without its data."""

    model_id: str
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    status: str = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    status_message: str | None = None
    creation_timestamp_ms: int = 0
    last_updated_timestamp_ms: int = 0
    tags: list[Pair] = []


class Model(Wire, frozen=True):
    """A logged model."""

    info: ModelInfo
    data: Data = Data()


class Models(Wire, frozen=True):
    """A page of logged models."""

    models: list[Model] = []
    next_page_token: str = ""


class Alias(Wire, frozen=True):
    """A name that stands for a version; numbers may come as text."""

    alias: str
    version: int


class Version(Wire, frozen=True):
    """A version of a registered model."""

    name: str
    version: int
    source: str = ""
    run_id: str = ""
    model_id: str | None = None
    run_link: str = ""
    description: str = ""
    user_id: str = ""
    current_stage: str = "None"
    status: str = "READY"
    status_message: str = ""
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    tags: list[Pair] = []


class Versions(Wire, frozen=True):
    """A page of versions."""

    model_versions: list[Version] = []
    next_page_token: str = ""


class Registered(Wire, frozen=True):
    """A registered model."""

    name: str
    description: str = ""
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    tags: list[Pair] = []
    aliases: list[Alias] = []


class OneRegistered(Wire, frozen=True):
    """The answer to a request for one registered model."""

    registered_model: Registered


class RegisteredPage(Wire, frozen=True):
    """A page of registered models."""

    registered_models: list[Registered] = []
    next_page_token: str = ""


class DownloadUri(Wire, frozen=True):
    """Where a version's model is."""

    artifact_uri: str = ""
