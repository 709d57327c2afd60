"""What the services know of a store: jobs in transactions, and the tables' verbs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from trackway.api.calls import EVERYTHING, Sight
from trackway.api.experiments import Experiment, PurgeReport
from trackway.api.lineage import LineageNode, PortfolioEntry
from trackway.api.logged_models import DatasetRef, LoggedMetric, LoggedModel, ModelStatus
from trackway.api.query import Expression, OrderTerm
from trackway.api.registry import (
    ModelVersion,
    RegisteredModel,
    Stage,
)
from trackway.api.runs import (
    DatasetInput,
    DatasetSummary,
    ModelOutput,
    ParamRevision,
    Run,
    RunStatus,
    Series,
    TreeNode,
)
from trackway.api.structs import View
from trackway.store.access import Access
from trackway.store.columns import RunColumns, ValueColumn
from trackway.store.endpoints import Endpoints
from trackway.store.erasure import Erasure
from trackway.store.files import Files
from trackway.store.holds import Holds
from trackway.store.housekeeping import Housekeeping
from trackway.store.idempotency import IdempotencyKeys
from trackway.store.links import Links, Neighbour
from trackway.store.outbox import Webhooks
from trackway.store.overviews import Overviews
from trackway.store.paging import Page as Page
from trackway.store.provisioning import Provisioning
from trackway.store.quotas import Quotas
from trackway.store.reviews import Reviews
from trackway.store.signatures import Signatures
from trackway.store.timetable import Schedules
from trackway.store.trash import Trash
from trackway.store.watching import Told, Watch
from trackway.store.workspaces import Workspaces

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class ExperimentRow(NamedTuple):
    """A new experiment; ``number`` None for the next free one."""

    workspace: str
    name: str
    artifact_location: str
    created_ms: int
    updated_ms: int
    number: int | None = None


class ExperimentRef(NamedTuple):
    """Where an experiment is, without its tags."""

    number: int
    artifact_location: str
    live: bool


class RunRef(NamedTuple):
    """Where a run is, without its data."""

    pk: int
    run_id: str
    experiment: int
    experiment_live: bool
    live: bool
    status: RunStatus
    name: str
    artifact_uri: str
    parent_run_id: str | None


class LostRun(NamedTuple):
    """A run whose client fell silent."""

    workspace: str
    run_id: str
    experiment: int
    name: str


class RunRow(NamedTuple):
    """A new run. Times are 0 or more, so that the difference of any two fits 64 bits."""

    workspace: str
    run_id: str
    experiment: int
    name: str
    status: RunStatus
    user: str
    start_ms: int
    artifact_uri: str
    parent_run_id: str | None
    external_key: str | None
    lease_ms: int | None
    lease_until_ms: int | None


class Search(NamedTuple):
    """A parsed search; parents and linked runs are told of in ``sight`` alone, if that is given."""

    expression: Expression | None
    order: tuple[OrderTerm, ...]
    view: View
    sight: frozenset[int] | None = None


class Experiments(Protocol):
    """Experiments and their tags."""

    def create(self, row: ExperimentRow) -> Experiment | None: ...
    def get(self, workspace: str, number: int) -> Experiment | None: ...
    def ref(self, workspace: str, number: int) -> ExperimentRef | None: ...
    def find(self, workspace: str, name: str, view: View) -> Experiment | None: ...
    def search(
        self, workspace: str, search: Search, page: Page, among: Collection[int] | None = None
    ) -> tuple[list[Experiment], Sequence[object] | None]:
        """Search; ``among`` some numbers, at the cost of these alone."""

    def rename(self, number: int, name: str, now_ms: int) -> None: ...
    def set_tags(self, number: int, tags: Mapping[str, str]) -> None: ...
    def delete_tag(self, number: int, key: str) -> bool: ...
    def delete(self, number: int, now_ms: int) -> None: ...
    def restore(self, number: int, now_ms: int, all_runs: bool) -> None: ...
    def has_tag(self, number: int, key: str, value: str) -> bool: ...
    def list_trash(self, workspace: str, before_ms: int) -> list[int]: ...
    def purge(self, number: int) -> None: ...


class Runs(Protocol):
    """Runs and all that hangs on them but points and files.

    Searches look at some experiments, or at all of the workspace (None). Of a frozenset, they look at nothing else, not
    even in passing: it is what a caller may see.
    """

    def create(self, row: RunRow, tags: Mapping[str, str]) -> None: ...
    def ref(self, workspace: str, run_id: str) -> RunRef | None: ...
    def find_home(self, workspace: str, run_id: str) -> int | None:
        """Return the number of the experiment that a run is in.

        A writer may get the one that it was in, and begins its transaction anew when that is another one now.
        """

    def find(self, workspace: str, external_key: str) -> RunRef | None: ...
    def get(self, pk: int) -> Run: ...
    def get_many(self, workspace: str, run_ids: Sequence[str]) -> list[Run]: ...
    def search(
        self, workspace: str, experiments: Collection[int] | None, search: Search, page: Page
    ) -> tuple[list[Run], Sequence[object] | None]: ...
    def read_attributes(
        self, workspace: str, experiments: Collection[int] | None, search: Search, limit: int
    ) -> RunColumns:
        """Search, and return the attributes of all found runs, up to ``limit``, in order."""

    def read_ids(
        self, workspace: str, experiments: Collection[int] | None, search: Search, limit: int
    ) -> Sequence[str]:
        """Search, and return the ids of all found runs, up to ``limit``, in order."""

    def count(self, workspace: str, experiments: Collection[int] | None, search: Search, limit: int) -> int:
        """Count found runs, up to ``limit``."""

    def read_values(self, runs: RunColumns) -> Iterator[ValueColumn]:
        """Yield the values of runs: metrics, params, then tags, each ordered by key.

        raises: TooLarge when the params or tags have more than 1 GiB
        """

    def touch(self, workspace: str, run_id: str, now_ms: int, lease_ms: int | None, points: int = 0) -> RunRef | None:
        """Count a change: raise the version, renew the lease (bringing a LOST run back), and say where the run is.

        points: so many are to be appended; now and then the run is queued for gathering them
        """

    def update(self, pk: int, fields: Mapping[str, object]) -> None: ...
    def advance_session(self, pk: int, session_id: str, first: int, last: int) -> tuple[bool, int]: ...
    def add_params(self, ref: RunRef, params: Mapping[str, str]) -> dict[str, str]:
        """Add new params; return those that are there with another value (key to old value).

        When there are any, the caller must fail, which undoes what was added.
        """

    def set_tags(self, ref: RunRef, tags: Mapping[str, str]) -> None: ...
    def delete_tag(self, pk: int, key: str) -> bool: ...
    def correct_param(self, ref: RunRef, key: str, value: str, by: ParamRevision) -> bool: ...
    def list_param_history(self, pk: int) -> list[ParamRevision]: ...
    def add_datasets(self, ref: RunRef, inputs: Iterable[DatasetInput]) -> None: ...
    def add_models(self, pk: int, inputs: Iterable[str], outputs: Iterable[ModelOutput]) -> None: ...
    def set_environment(self, pk: int, digest: str, data: bytes) -> None: ...
    def get_environment(self, pk: int) -> tuple[str, bytes] | None: ...
    def list_datasets(self, workspace: str, experiments: Collection[int], limit: int) -> list[DatasetSummary]: ...
    def move(self, refs: Sequence[RunRef], experiment: int) -> None: ...
    def delete(self, pk: int, now_ms: int) -> None: ...
    def restore(self, pk: int) -> None: ...
    def list_descendants(
        self, workspace: str, run_id: str, depth: int, limit: int, among: Collection[int] | None = None
    ) -> list[TreeNode]:
        """Return a run and its descendants, parents first; ``among`` those of some experiments."""

    def has_expired_leases(self, now_ms: int) -> bool: ...
    def expire_leases(self, now_ms: int) -> list[LostRun]:
        """Mark runs as LOST whose lease ended, and return them."""

    def list_trash(self, workspace: str, before_ms: int, limit: int) -> list[RunRef]: ...
    def list_experiment(self, experiment: int, after: int, limit: int) -> list[RunRef]: ...
    def purge(self, pk: int) -> PurgeReport: ...
    def measure(self, pk: int) -> PurgeReport: ...


Judge = Callable[[RunRef | None], object]


class Metrics(Protocol):
    """Series of points as columns."""

    def append(self, ref: RunRef, series: Sequence[Series]) -> None:
        """Add points to series of one run that was touched; each key at most once."""

    def log(self, workspace: str, run_id: str, now_ms: int, series: Sequence[Series], judge: Judge) -> None:
        """Touch a run and add points to its series, as the only thing that a job writes.

        ``judge`` is told where the run is, None when there is none; it is to raise when the run is not live, as nothing
        has been written then. It may be called as late as before the commit, so that nobody waits for it in between.
        """

    def find(self, workspace: str, run_id: str, key: str) -> tuple[int, int] | None:
        """Return a run's ``pk`` and the number of points that a series of it received; None without any."""

    def read(self, pk: int, key: str, after: int = 0) -> list[bytes]:
        """Return the chunks of a series in order of arrival, from the one on with the point behind ``after`` points.

        It may begin with earlier ones, as the caller knows by counting what came in all.
        """

    def read_heads(self, pk: int, key: str, min_step: int, max_step: int) -> list[tuple[int, bytes]]:
        """Return (first, beginning) of the chunks that may have such steps, in order of arrival.

        ``first`` is the number of points received before the chunk. The beginning of a chunk with a preview ends behind
        that, any other is whole: see ``store.chunks.split_chunk``.
        """

    def read_some(self, pk: int, key: str, firsts: Sequence[int]) -> list[bytes]:
        """Return the sealed chunks that begin behind so many points, in order of arrival."""

    def count(self, pk: int, key: str) -> int: ...
    def queue_run(self, pk: int) -> None:
        """Queue a run that ended, as no more points are expected: it is gathered, and its series sealed."""

    def list_ungathered(self, limit: int) -> list[int]: ...
    def gather(self, pk: int) -> bool:
        """Sort some of a run's arrivals into chunks of its series; True when there are more."""

    def list_unsealed(self, limit: int) -> list[int]: ...
    def seal(self, series: int) -> int: ...


class ModelRef(NamedTuple):
    """Where a logged model is, without its data."""

    pk: int
    artifact_uri: str
    experiment: int


class LoggedModels(Protocol):
    """Records of logged models."""

    def create(self, workspace: str, model: LoggedModel) -> None: ...
    def get(self, workspace: str, model_id: str, deleted: bool) -> LoggedModel | None: ...
    def update(self, workspace: str, model_id: str, status: ModelStatus, message: str | None, now_ms: int) -> None: ...
    def delete(self, workspace: str, model_id: str, now_ms: int) -> None: ...
    def list_trash(self, workspace: str, before_ms: int, limit: int) -> list[ModelRef]: ...
    def list_experiment(self, experiment: int, after: int, limit: int) -> list[ModelRef]: ...
    def purge(self, pk: int) -> None: ...
    def set_tags(self, workspace: str, model_id: str, tags: Mapping[str, str]) -> None: ...
    def delete_tag(self, workspace: str, model_id: str, key: str) -> bool: ...
    def add_params(self, workspace: str, model_id: str, params: Mapping[str, str]) -> None: ...
    def add_metric(self, workspace: str, metric: LoggedMetric) -> bool: ...
    def search(
        self,
        workspace: str,
        experiments: Collection[int],
        search: Search,
        datasets: Sequence[DatasetRef],
        order_datasets: Sequence[DatasetRef | None],
        page: Page,
    ) -> tuple[list[LoggedModel], Sequence[object] | None]: ...


class RegisteredRef(NamedTuple):
    """Where a registered model is, without its versions; ``policy`` is JSON."""

    pk: int
    name: str
    policy: str


class VersionRef(NamedTuple):
    """Where a version is: its own number in the store, and its model's."""

    pk: int
    model_pk: int
    version: int


class VersionRow(NamedTuple):
    """What is kept of a new version beside what is shown of it.

    external_key: empty for none
    origin:       number in the store of the version that it is a copy of
    content_path: folder of its own copy of its files in the file tree, which nothing changes; empty without one
    """

    external_key: str
    origin: int | None
    content_path: str


class Viewpoint(NamedTuple):
    """From where lineage is looked at: a workspace, a time, and what is seen."""

    workspace: str
    now_ms: int
    sees: Sight = EVERYTHING


class Registry(Protocol):
    """Registered models and their versions."""

    def create(self, workspace: str, model: RegisteredModel) -> int | None:
        """Insert a model with its tags and return its number; None when the name is taken."""

    def ref(self, workspace: str, name: str) -> RegisteredRef | None: ...
    def get(self, pk: int) -> RegisteredModel: ...
    def search(
        self, workspace: str, search: Search, page: Page, among: Collection[int] | None = None
    ) -> tuple[list[RegisteredModel], Sequence[object] | None]: ...
    def update(self, pk: int, fields: Mapping[str, object]) -> None:
        """Set columns: name, description, owner, policy, updated_ms."""

    def rename(self, model: RegisteredRef, name: str, now_ms: int) -> bool:
        """Give a model another name, which counts as a change of its versions; False when the name is taken."""

    def delete(self, pk: int) -> None: ...
    def set_tags(self, pk: int, tags: Mapping[str, str]) -> None: ...
    def delete_tag(self, pk: int, key: str) -> bool: ...
    def set_alias(self, version: VersionRef, alias: str, now_ms: int, actor: str) -> None: ...
    def delete_alias(self, pk: int, alias: str) -> bool: ...
    def find_alias(self, pk: int, alias: str) -> int | None:
        """Return the number in the store of the version that an alias stands for; the newest for ``latest``."""

    def create_version(self, workspace: str, pk: int, version: ModelVersion, row: VersionRow) -> int:
        """Insert a version and return its number in the store; ``version.version`` 0 for the next number."""

    def find_frozen(self, workspace: str, above: Sequence[str], below: str) -> tuple[str, int] | None:
        """Return name and number of a version whose files are in one of some folders, or at or below a path."""

    def version_ref(self, workspace: str, name: str, version: int) -> VersionRef | None: ...
    def find_external_version(self, pk: int, key: str) -> int | None: ...
    def get_version(self, pk: int) -> ModelVersion: ...
    def list_latest(self, pk: int, stages: Sequence[Stage]) -> list[ModelVersion]: ...
    def list_stage(self, pk: int, stage: Stage) -> list[VersionRef]: ...
    def search_versions(
        self, workspace: str, search: Search, page: Page, among: Collection[int] | None = None
    ) -> tuple[list[ModelVersion], Sequence[object] | None]: ...
    def update_version(self, pk: int, fields: Mapping[str, object]) -> None: ...
    def delete_version(self, pk: int) -> None: ...
    def list_content(self, model_pk: int, pk: int | None) -> list[str]:
        """Return the folders of the files of one version, or of all versions of a model."""

    def set_version_tags(self, pk: int, tags: Mapping[str, str]) -> None: ...
    def delete_version_tag(self, pk: int, key: str) -> bool: ...
    def list_portfolio(
        self, workspace: str, stage: Stage, alias: str, page: Page, sees: Sight = EVERYTHING
    ) -> tuple[list[PortfolioEntry], Sequence[object] | None]: ...
    def list_neighbours(self, view: Viewpoint, node: LineageNode, downstream: bool, limit: int) -> list[Neighbour]:
        """Return what came of something, or what it came from, one step away, and is seen."""


class Transaction(Protocol):
    """All tables, seen in one transaction."""

    @property
    def experiments(self) -> Experiments: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def links(self) -> Links: ...
    @property
    def overviews(self) -> Overviews: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def files(self) -> Files: ...
    @property
    def logged_models(self) -> LoggedModels: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def reviews(self) -> Reviews: ...
    @property
    def signatures(self) -> Signatures: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def endpoints(self) -> Endpoints: ...
    @property
    def access(self) -> Access: ...
    @property
    def quotas(self) -> Quotas: ...
    @property
    def provisioning(self) -> Provisioning: ...
    @property
    def housekeeping(self) -> Housekeeping: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...
    @property
    def trash(self) -> Trash: ...
    @property
    def erasure(self) -> Erasure: ...


class Job(Protocol[T_co]):
    """Work in one transaction. A writing job may be run twice, and acts only through its transaction."""

    def __call__(self, tx: Transaction, /) -> T_co: ...


class Done(Protocol[T_contra]):
    """Told once, on a thread of the store or on the one of the loop that was lent to it: the result, or the error."""

    def __call__(self, result: T_contra | None, error: BaseException | None, /) -> None: ...


class Store(Protocol):
    """A system of record."""

    def submit_write(self, job: Job[T], done: Done[T], key: str = "", brief: bool = False) -> None:
        """Queue a writing job; ``done`` is called after its commit.

        key:   what it changes first (a run's id), so that jobs that share a transaction take their locks in one order
        brief: it takes a fraction of a millisecond, however much the store holds
        """

    def lend_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let brief jobs that are submitted on this thread, a running event loop's, be carried out on it.

        Called once, on that thread; the store is closed there, too.
        """

    def submit_read(self, job: Job[T], done: Done[T], brief: bool = False, light: bool = False) -> None:
        """Queue a reading job, which may be run twice.

        brief: as for a writing job
        light: the same, but for what a database elsewhere does for it
        """

    def write(self, job: Job[T]) -> T:
        """Carry out a writing job and wait for its commit."""

    def read(self, job: Job[T]) -> T:
        """Carry out a reading job on the caller's thread."""

    def watch(self, told: Told) -> Watch:
        """Hear of what other processes say of this store, on a thread of the store's own."""

    def reclaim(self) -> bool:
        """Give some space that deleted rows left back to the file system; tell whether there is more."""

    def vacuum(self) -> None:
        """Have the database know of tables that many rows came to, so that searches need not look at each."""

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
