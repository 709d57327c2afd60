"""A launch as a run: what is known before it starts, what it writes, and how it ended.

Everything goes through the journal, so that a launch neither waits for its store nor fails with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.api import operations as ops
from trackway.api.runs import (
    TAG_COMMAND,
    TAG_CONTEXT,
    TAG_ENTRY_POINT,
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REMOTE,
    TAG_NAME,
    TAG_PARENT,
    TAG_PROGRAM,
    TAG_SOURCE_NAME,
    TAG_SOURCE_TYPE,
    TAG_USER,
    TERMINAL,
    CreateRun,
    Dataset,
    DatasetInput,
    GetRun,
    LogEnvironment,
    RunStatus,
    UpdateRun,
)
from trackway.artifacts.content import digest_content, digest_file, digest_folder
from trackway.base.clock import now_ms
from trackway.base.errors import TrackwayError
from trackway.base.ids import new_id
from trackway.base.names import new_name
from trackway.projects.backends import Outcome
from trackway.projects.output import Output
from trackway.sdk import environment, secrets, settings
from trackway.sdk.connection import open_transport
from trackway.sdk.journal_format import Kind
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.records import encode_call, encode_ingest
from trackway.sdk.session import LEASE_MS, Session

TAG_BACKEND: Final = "mlflow.project.backend"
TAG_ENVIRONMENT: Final = "mlflow.project.env"
TAG_VERSION: Final = "mlflow.project.version"
TAG_DIGEST: Final = "trackway.project.environment"
TAG_EXIT: Final = "trackway.project.exitCode"
TAG_REASON: Final = "trackway.project.reason"
RECORD: Final = "project/launch.json"
LOCK: Final = "project/environment.lock"
CONTEXT: Final = "project input"
AWAY_S: Final = 1.0
"""How long a store that is away is waited for at the end, once more."""
STATUS_S: Final = 5.0
"""How long the store is asked for what the program made of its run."""


class LaunchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch was made of, as the file ``project/launch.json`` of its run has it: enough to launch it again.

    uri:         of the project, without credentials
    version:     as it was asked for
    commit:      of the repository that the project is in; empty when it is in none
    archive:     digest of the archive that it was in
    dirty:       whether tracked files differ from the commit; the difference is in the run's environment
    entry_point: empty for a command that is no project's
    parameters:  of the entry point, given and by default; ``extra`` were appended to the command
    given:       parameters as they were given; local paths among them are absolute
    command:     as it was run, secrets masked
    environment: digest of what defines it, by its manager
    docker_args: options of a container, secrets masked
    seeds:       variables and parameters that were set to make chance repeatable
    inputs:      digest of each local file or folder that a parameter names
    """

    uri: str
    subdirectory: str = ""
    version: str = ""
    commit: str = ""
    branch: str = ""
    remote: str = ""
    archive: str = ""
    dirty: bool = False
    entry_point: str
    parameters: Mapping[str, str] = {}
    extra: Mapping[str, str] = {}
    given: Mapping[str, str] | None = None
    command: tuple[str, ...] = ()
    manager: str = "local"
    environment: str = ""
    image: str = ""
    docker_args: Mapping[str, Any] = {}
    seeds: Mapping[str, str] = {}
    inputs: Mapping[str, str] = {}
    backend: str = "local"
    backend_config: Mapping[str, Any] = {}


class RunChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which run a launch is to be: a new one of an experiment, which gets ``tags``, or one that is there."""

    run_id: str = ""
    experiment_id: str = ""
    experiment_name: str = ""
    name: str = ""
    parent_run_id: str = ""
    tags: Mapping[str, str] = {}


class Recorder:
    """Writes one launch into its run; any thread may call."""

    def __init__(self, session: Session, choice: RunChoice) -> None:
        self._session = session
        self.run_id = choice.run_id or new_id()
        self._background: list[threading.Thread] = []
        self.output = Output(self._store)

    def begin(self, choice: RunChoice, record: LaunchRecord, params: Mapping[str, str]) -> None:
        """Create or resume the run, and say what is launched.

        raises: Unavailable when there is no place for a journal
        """
        tags = {**_list_tags(record), TAG_PROGRAM: self.run_id, **choice.tags}
        if choice.run_id:
            request: Any = UpdateRun(run_id=self.run_id, status="RUNNING", name=choice.name or None, lease_ms=LEASE_MS)
            self._session.append(Kind.UPDATE_RUN, encode_call(ops.UPDATE_RUN, request))
        else:
            tags[TAG_NAME] = choice.name or settings.get("TRACKWAY_RUN_NAME") or new_name()
            tags |= {TAG_PARENT: choice.parent_run_id} if choice.parent_run_id else {}
            request = CreateRun(
                run_id=self.run_id,
                experiment_id=choice.experiment_id,
                experiment_name=choice.experiment_name,
                name=tags[TAG_NAME],
                user=tags.get(TAG_USER, ""),
                start_ms=now_ms(),
                parent_run_id=choice.parent_run_id,
                tags=tags,
                if_exists="return",
                lease_ms=LEASE_MS,
            )
            self._session.append(Kind.CREATE_RUN, encode_call(ops.CREATE_RUN, request))
        self._session.hold_lease(self.run_id)
        if params:
            self._session.append(Kind.PARAMS, encode_ingest(self.run_id, params=dict(params)))
        if choice.run_id:
            self._session.append(Kind.TAGS, encode_ingest(self.run_id, tags=tags))

    def describe(self, record: LaunchRecord, lock: str, inputs: Mapping[str, Path], look: environment.Look) -> None:
        """Write down, in the background, what takes a while to find out: digests of inputs, packages, hardware, git."""

        def work() -> None:
            if lock:
                self._store(LOCK, lock.encode())
            known = environment.capture_environment(look)
            request = LogEnvironment(run_id=self.run_id, environment=known)
            self._session.append(Kind.UPDATE_RUN, encode_call(ops.LOG_ENVIRONMENT, request))
            dirty = known.git is not None and known.git.dirty
            if dirty:
                self._session.append(Kind.TAGS, encode_ingest(self.run_id, tags={TAG_GIT_DIRTY: "true"}))
            full = msgspec.structs.replace(record, dirty=dirty)
            self._store(RECORD, _encode(full))
            digests = {name: digest for name, path in inputs.items() if (digest := digest_input(path))}
            if digests:
                self._store(RECORD, _encode(msgspec.structs.replace(full, inputs=digests)))
                datasets = [_to_dataset(name, inputs[name], digest) for name, digest in digests.items()]
                self._session.append(Kind.INPUTS, encode_ingest(self.run_id, datasets=datasets))

        self._background.append(_start("description", work))

    def end(self, outcome: Outcome) -> RunStatus:
        """Write the rest, and how it ended; return the run's status.

        It is the outcome's, but a run that its program ended itself as failed or killed stays so.
        """
        self.output.end()
        for thread in self._background:
            thread.join()
        status: RunStatus = "FAILED"
        if outcome.status in TERMINAL:
            status = outcome.status  # the states of a job that has ended are states of runs
        wait_s = settings.get_number("TRACKWAY_FINISH_S")
        is_there = self._session.flush(wait_s)
        known = self._read_status() if is_there else None
        if status == "FINISHED" and known in ("FAILED", "KILLED"):
            status = known
        tags = {} if outcome.exit_code is None else {TAG_EXIT: str(outcome.exit_code)}
        tags |= {TAG_REASON: outcome.reason} if outcome.reason else {}
        if tags:
            self._session.append(Kind.TAGS, encode_ingest(self.run_id, tags=tags))
        self._session.end_lease(self.run_id)
        request = UpdateRun(run_id=self.run_id, status=status, end_ms=now_ms(), lease_ms=0)
        self._session.append(Kind.FINISH, encode_call(ops.UPDATE_RUN, request))
        if not self._session.flush(wait_s if is_there else AWAY_S):
            PROBLEMS.note("finish", f"Run {self.run_id} ended before all of it was delivered; the rest follows")
        return status

    def _read_status(self) -> RunStatus | None:
        try:
            transport = open_transport(self._session.uri, STATUS_S)
            return transport.call(ops.GET_RUN, GetRun(run_id=self.run_id)).status
        except TrackwayError:  # the store is away: what is in the journal says enough
            return None

    def _store(self, path: str, data: bytes) -> None:
        try:
            self._session.log_bytes(self.run_id, path, data)
        except (TrackwayError, OSError) as error:
            PROBLEMS.note("project output", f"{path} of run {self.run_id} could not be kept: {error}")


def _list_tags(record: LaunchRecord) -> dict[str, str]:
    """Return the tags that say what was launched, under the names that MLflow has for them where it has one."""
    source = f"{record.uri}#{record.subdirectory}" if record.subdirectory else record.uri
    tags = environment.source_tags()
    for name in (TAG_GIT_COMMIT, TAG_GIT_BRANCH):
        tags.pop(name, None)
    tags |= {
        TAG_SOURCE_NAME: source,
        TAG_SOURCE_TYPE: "PROJECT",
        TAG_ENTRY_POINT: record.entry_point,
        TAG_BACKEND: record.backend,
        TAG_ENVIRONMENT: record.manager,
        TAG_COMMAND: " ".join(record.command),
        TAG_GIT_COMMIT: record.commit,
        TAG_GIT_BRANCH: record.branch,
        TAG_GIT_REMOTE: record.remote,
        TAG_VERSION: record.version,
        TAG_DIGEST: record.environment,
        "mlflow.docker.image.uri": record.image,
    }
    return {key: value for key, value in tags.items() if value}


def mask_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a backend's configuration without what looks like a secret."""
    return {
        name: mask_config(value)
        if isinstance(value, Mapping)
        else secrets.mask_value(name, value)
        if isinstance(value, str)
        else value
        for name, value in config.items()
    }


def digest_input(path: Path) -> str:
    """Return the digest of a file or folder; nothing when it cannot be read."""
    try:
        if path.is_dir():
            return digest_content(digest_folder(path).items())
        return f"sha256:{digest_file(path)}" if path.is_file() else ""
    except OSError as error:
        PROBLEMS.note("project input", f"{path} could not be read for its digest: {error.strerror}")
        return ""


def _to_dataset(name: str, path: Path, digest: str) -> DatasetInput:
    dataset = Dataset(name=name, digest=digest, source_type="local", source=str(path))
    return DatasetInput(dataset=dataset, tags={TAG_CONTEXT: CONTEXT})


def _encode(record: LaunchRecord) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2)


def _start(name: str, target: Callable[[], None]) -> threading.Thread:
    def guard() -> None:
        try:
            target()
        except Exception as error:  # noqa: BLE001 - the thread's edge: a job does not end because it is not described
            PROBLEMS.note(f"project {name}", f"The {name} of a project's run is not complete: {error!r}")

    thread = threading.Thread(target=guard, name=f"trackway-{name}", daemon=True)
    thread.start()
    return thread
