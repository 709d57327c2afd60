"""Runs: one execution each, with params, metrics, tags, datasets, models and environment."""

from __future__ import annotations

from typing import Literal

import msgspec

from trackway.api.structs import Grammar, Lifecycle, Request, Response, View

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", "LOST"]
TERMINAL: frozenset[RunStatus] = frozenset(("FINISHED", "FAILED", "KILLED", "LOST"))

TAG_NAME = "mlflow.runName"
TAG_NOTE = "mlflow.note.content"
TAG_PARENT = "mlflow.parentRunId"
TAG_USER = "mlflow.user"
TAG_SOURCE_NAME = "mlflow.source.name"
TAG_SOURCE_TYPE = "mlflow.source.type"
TAG_ENTRY_POINT = "mlflow.project.entryPoint"
TAG_GIT_COMMIT = "mlflow.source.git.commit"
TAG_GIT_BRANCH = "mlflow.source.git.branch"
TAG_GIT_REMOTE = "mlflow.source.git.repoURL"
TAG_GIT_DIRTY = "trackway.source.git.dirty"
TAG_COMMAND = "trackway.source.command"
TAG_HOST = "trackway.host"
TAG_PROGRAM = "trackway.program"
"""Of all runs that one execution of a program opened: an id of that."""
TAG_CONTEXT = "mlflow.data.context"


class MetricSummary(Response, frozen=True, kw_only=True, array_like=True):
    """What is known of one series without reading its points.

    ``last_*`` is the point with the greatest (step, time, value), NaN counting as a little less than 0: it does not
    matter which arrives last. Min and max leave NaN out and are None when every value is NaN; of equal ones they have
    the least step. ``count`` is the number of points received.
    """

    last_step: int
    last_time_ms: int
    last_value: float
    min_value: float | None
    min_step: int | None
    max_value: float | None
    max_step: int | None
    count: int
    nan_count: int


class Dataset(Response, frozen=True, kw_only=True):
    """A data set by name and digest; schema and profile are JSON texts."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Response, frozen=True, kw_only=True):
    """A data set as a run used it; the tag ``mlflow.data.context`` says for what (training, validation, ...)."""

    dataset: Dataset
    tags: dict[str, str] = {}


class ModelOutput(Response, frozen=True, kw_only=True):
    """A model that a run made, at a step."""

    model_id: str
    step: int = 0


class Run(Response, frozen=True, kw_only=True, weakref=True):
    """One execution and all that is known of it but its points and files.

    ``version`` grows with every change of the run, so that a reader may keep what it made of one version.
    """

    run_id: str
    experiment_id: str
    name: str
    status: RunStatus
    user: str
    start_ms: int
    end_ms: int | None
    lifecycle: Lifecycle
    artifact_uri: str
    version: int
    parent_run_id: str | None = None
    external_key: str | None = None
    deleted_ms: int | None = None
    lease_until_ms: int | None = None
    environment_digest: str | None = None
    params: dict[str, str] = {}
    metrics: dict[str, MetricSummary] = {}
    tags: dict[str, str] = {}
    inputs: list[DatasetInput] = []
    model_inputs: list[str] = []
    model_outputs: list[ModelOutput] = []


class CreateRun(Request, frozen=True, kw_only=True):
    """Start a run.

    experiment_id:   empty for the default experiment, unless ``experiment_name`` is given
    experiment_name: the live experiment of that name, created when there is none
    run_id:          chosen by the client (1 to 64 letters, digits, ``_``, ``-``), or empty for one of the server's
    external_key:    unique in the workspace; with ``if_exists="return"`` this creates or resumes
    if_exists:       ``return`` answers the run that is there, so that a retry is safe
    lease_ms:        the run is LOST when nothing is heard of it for so long; None or 0 for no lease
    """

    experiment_id: str = ""
    experiment_name: str = ""
    run_id: str = ""
    external_key: str = ""
    name: str = ""
    user: str = ""
    start_ms: int | None = None
    status: RunStatus = "RUNNING"
    parent_run_id: str = ""
    tags: dict[str, str] = {}
    if_exists: Literal["error", "return"] = "error"
    lease_ms: int | None = None


class GetRun(Request, frozen=True, kw_only=True):
    """Get a run by id or by its external key, in the trash or not."""

    run_id: str = ""
    external_key: str = ""


class UpdateRun(Request, frozen=True, kw_only=True):
    """Change status, end time, name or lease of a live run; what is None stays. ``lease_ms=0`` ends the lease."""

    run_id: str
    status: RunStatus | None = None
    end_ms: int | None = None
    name: str | None = None
    lease_ms: int | None = None


class SearchRuns(Request, frozen=True, kw_only=True):
    """Search runs of some experiments, or of all (``experiment_ids=None``); default order newest start first."""

    experiment_ids: list[str] | None = None
    filter: str = ""
    order_by: list[str] = []
    view: View = "active"
    limit: int = 1_000
    page_token: str = ""
    grammar: Grammar = "trackway"


class GetRuns(Request, frozen=True, kw_only=True):
    """Get up to 1,000 runs by their ids, in the trash or not; one that is not there is left out."""

    run_ids: list[str]


class RunList(Response, frozen=True, kw_only=True):
    """Runs in the order in which they were asked for."""

    runs: list[Run]


class RunPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    runs: list[Run]
    next_page_token: str = ""


class RunTable(Response, frozen=True, kw_only=True):
    """Found runs as an Arrow IPC stream: one row a run, one column an attribute, metric, param or tag."""

    arrow: bytes
    rows: int


class GetRunTable(Request, frozen=True, kw_only=True):
    """Search runs and return all of them, up to ``limit``, as columns."""

    experiment_ids: list[str] | None = None
    filter: str = ""
    order_by: list[str] = []
    view: View = "active"
    limit: int = 100_000


class RunId(Request, frozen=True, kw_only=True):
    """Name one run."""

    run_id: str


class DeleteRun(Request, frozen=True, kw_only=True):
    """Move a run to the trash; ``deleted_ms`` only for imports, when that was."""

    run_id: str
    deleted_ms: int | None = None


class MoveRuns(Request, frozen=True, kw_only=True):
    """Move runs, with their descendants, to another live experiment."""

    run_ids: list[str]
    experiment_id: str


class PurgeRuns(Request, frozen=True, kw_only=True):
    """Remove runs of the trash for good, with points and files; ``dry_run`` only counts."""

    run_ids: list[str]
    dry_run: bool = False


class GetRunTree(Request, frozen=True, kw_only=True):
    """Get the descendants of a run to a depth, or (``root=True``) of its topmost ancestor."""

    run_id: str
    depth: int = 100
    root: bool = False


class TreeNode(Response, frozen=True, kw_only=True):
    """A run in a tree, without its data."""

    run_id: str
    parent_run_id: str | None
    depth: int
    name: str
    status: RunStatus
    start_ms: int
    lifecycle: Lifecycle


class RunTree(Response, frozen=True, kw_only=True):
    """A run and its descendants, parents before children; ``truncated`` when there are more than the limit."""

    nodes: list[TreeNode]
    truncated: bool = False


class Series(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Points of one metric as columns of little-endian numbers: int64 steps, int64 ms, float64 values, all (n,)."""

    key: str
    steps: bytes
    times_ms: bytes
    values: bytes


class ModelMetric(Request, frozen=True, kw_only=True):
    """A point that belongs to a logged model also, perhaps as measured on a data set."""

    model_id: str
    key: str
    value: float
    time_ms: int
    step: int = 0
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Ingest(Request, frozen=True, kw_only=True):
    """Log to one run: all of it or nothing, in one transaction. An empty one renews the run's lease.

    session_id, first, last: sequence numbers of a client's journal covered by this request. A request whose numbers
    were applied before changes nothing; one that overlaps is refused whole, and ``acknowledged`` says where to go on.
    """

    run_id: str
    session_id: str = ""
    first: int = 0
    last: int = 0
    lease_ms: int | None = None
    series: list[Series] = []
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    datasets: list[DatasetInput] = []
    model_inputs: list[str] = []
    model_outputs: list[ModelOutput] = []
    model_metrics: list[ModelMetric] = []


class Ingested(Response, frozen=True, kw_only=True):
    """Whether the request was applied now, and the greatest sequence number known of its session."""

    applied: bool = True
    acknowledged: int = 0


class DeleteRunTag(Request, frozen=True, kw_only=True):
    """Delete one tag of a live run."""

    run_id: str
    key: str


class CorrectParam(Request, frozen=True, kw_only=True):
    """Give a param a new value; the old one stays visible with who, when and why.

    actor: only for imports, by an administrator of the workspace: who it was; and ``replaced_ms``, when
    """

    run_id: str
    key: str
    value: str
    reason: str = ""
    actor: str = ""
    replaced_ms: int | None = None


class ParamRevision(Response, frozen=True, kw_only=True):
    """A value that a param had until it was corrected."""

    key: str
    value: str
    replaced_ms: int
    actor: str
    reason: str


class ParamHistory(Response, frozen=True, kw_only=True):
    """All corrections of a run's params, oldest first."""

    revisions: list[ParamRevision]


class LeftOutFile(Response, frozen=True, kw_only=True):
    """A file of a work tree that neither the commit nor ``GitState.diff`` holds; ``reason`` says why not."""

    path: str
    size_bytes: int = 0
    modified_ns: int = 0
    reason: str = ""


class GitState(Response, frozen=True, kw_only=True):
    """The source's git state; ``diff`` is a patch to the commit, cut at 1 MiB of known files (``diff_truncated``).

    ``diff`` ends with new files, which git did not know. ``left_out`` names up to 100 files that it does not hold, and
    ``left_out_truncated`` says that there were more, or that git could not tell in time. ``dirty`` is about files that
    git knows alone. ``root`` is the folder of the work tree, on the machine that it was on.
    """

    commit: str
    branch: str = ""
    remote: str = ""
    dirty: bool = False
    diff: str = ""
    diff_truncated: bool = False
    root: str = ""
    left_out: list[LeftOutFile] = []
    left_out_truncated: bool = False


class Environment(Response, frozen=True, kw_only=True):
    """What a run was executed with, as data."""

    python: str
    implementation: str
    platform: str
    host: str
    command: list[str] = []
    working_dir: str = ""
    packages: dict[str, str] = {}
    variables: dict[str, str] = {}
    hardware: dict[str, str] = {}
    git: GitState | None = None


class LogEnvironment(Request, frozen=True, kw_only=True):
    """Record a run's environment; equal ones are stored once."""

    run_id: str
    environment: Environment


class RunEnvironment(Response, frozen=True, kw_only=True):
    """A run's environment, or None when it was not recorded."""

    digest: str | None
    environment: Environment | None


class SearchDatasets(Request, frozen=True, kw_only=True):
    """List the data sets that runs of some experiments used."""

    experiment_ids: list[str]
    limit: int = 1_000


class DatasetSummary(Response, frozen=True, kw_only=True):
    """A data set of an experiment in one context of use."""

    experiment_id: str
    name: str
    digest: str
    context: str | None


class DatasetList(Response, frozen=True, kw_only=True):
    """Data sets by name, digest and context."""

    datasets: list[DatasetSummary]
