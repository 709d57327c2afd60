"""The backend that submits a job to a cluster of Ray, through its API of jobs.

The project's folder is the job's working directory, which Ray's client packs and sends. What a project requires becomes
the job's runtime environment. The client is imported here alone.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from trackway.base.errors import InvalidInput, NotSupported, Unavailable
from trackway.projects.backends import Asked, Job, JobStatus, Outcome, Sink, Surroundings, WatchedHandle
from trackway.projects.environments import describe_surroundings
from trackway.projects.remote import STORE_VARIABLES, check_store, read_forwarded, read_options
from trackway.sdk import secrets
from trackway.sdk.problems import PROBLEMS

ADDRESS: Final = "http://127.0.0.1:8265"
"""Where Ray serves its API of jobs on the machine that its head is on."""
ADDRESS_VARIABLES: Final = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""Where Ray's own command line finds that address."""
HEADERS_VARIABLE: Final = "RAY_JOB_HEADERS"
"""Headers of requests as an object of JSON, as for Ray's own command line."""
SILENCE_S: Final = 600.0
"""How long the cluster may be away before a job is given up."""
DRAIN_S: Final = 30.0
"""How long what a job wrote last is waited for."""
AGAIN_S: Final = 1.0
_SCHEMES: Final = ("http://", "https://")
_STATES: Final[Mapping[str, JobStatus]] = {"PENDING": "PENDING", "RUNNING": "RUNNING"}
_OPENING: Final = "Running entrypoint for job "
"""How the line begins that Ray writes before what a job writes, with the whole command in it."""
_PREFACE = re.compile(r"(\d{4}-\d\d-\d\d [\d:,]+\t[A-Z]+ job_\w+\.py.*\n)*")
_RUNNER: Final = (
    "import base64,json,os,sys;"
    "os.environ.update(json.loads(base64.b64decode(os.environ.pop('TRACKWAY_VARIABLES'))));"
    "os.execvp(sys.argv[1],sys.argv[1:])"
)
"""Sets variables and becomes a command: Ray puts other variables where it finds a ``$`` in one."""
T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of the backend; all of it is optional.

    address:      of the API of jobs; as ``http://head:8265``; else what ``RAY_API_SERVER_ADDRESS`` or
                  ``RAY_ADDRESS`` says, else port 8265 of this machine
    num_cpus, num_gpus, memory, resources: that Ray keeps for the command itself, beside what its tasks ask for
    runtime_env:  as Ray has it, beside what the project says
    env:          variables by name
    forward:      names of variables of this machine that the job gets: whoever may see Ray's jobs may see them
    metadata:     of the job, as texts by name
    tracking_uri: the store's address as the cluster knows it, when it is another than here
    poll_s:       how often the cluster is asked
    """

    address: str = ""
    num_cpus: float | None = None
    num_gpus: float | None = None
    memory: int | None = None
    resources: dict[str, float] | None = None
    runtime_env: dict[str, Any] = {}
    env: dict[str, str | int | float] = {}
    forward: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    tracking_uri: str = ""
    poll_s: float = 1.0

    def get_address(self) -> str:
        """Return the address of the API of jobs."""
        named = (os.environ.get(name, "") for name in ADDRESS_VARIABLES)
        # RAY_ADDRESS is also where drivers find the cluster, which is no HTTP.
        return self.address or next((one for one in named if one.startswith(_SCHEMES)), ADDRESS)


class RayBackend:
    """Runs jobs on Ray; see ``Options`` for its configuration."""

    name = "ray"

    def check(self, config: Mapping[str, Any]) -> None:
        _read_options(config)
        _import_client()

    def surround(self, asked: Asked) -> Surroundings:
        options = _read_options(asked.config)
        if asked.need.docker_args or asked.need.build_image:
            raise InvalidInput("Ray starts no containers", hint="leave -A and --build-image out")
        elsewhere = urlsplit(options.get_address()).hostname not in ("127.0.0.1", "localhost", "::1", None)
        if elsewhere:
            check_store(options.tracking_uri)
        if not asked.dry:
            _connect(options)  # that there is a cluster is known before anything is made
        return describe_surroundings(asked.specification, asked.entry, asked.need)

    def preview(self, job: Job) -> str:
        request = _make_request(job, _read_options(job.config))
        variables = request["runtime_env"]["env_vars"]
        masked = {name: secrets.mask_value(name, value) for name, value in variables.items()}
        request["runtime_env"] = {**request["runtime_env"], "env_vars": masked}
        request["entrypoint"] = shlex.join(secrets.mask_command(job.command))
        return msgspec.json.format(msgspec.json.encode(request), indent=2).decode() + "\n"

    def submit(self, job: Job, sink: Sink) -> RayHandle:
        options = _read_options(job.config)
        client = _connect(options)
        request = _make_request(job, options)
        job_id = str(_ask(lambda: client.submit_job(**request)))
        return RayHandle(client, job_id, request["entrypoint"], sink, options.poll_s)


class RayHandle(WatchedHandle):
    """A job that Ray has; see ``backends.Handle``."""

    def __init__(self, client: Any, job_id: str, entrypoint: str, sink: Sink, poll_s: float) -> None:
        super().__init__()
        self.job_id = job_id
        self._opening = f"{_OPENING}{job_id}: {entrypoint}\n"
        self._client = client
        self._sink = sink
        self._poll_s = poll_s
        self._cancelled = threading.Event()
        self._over = threading.Event()
        self._read_chars = 0
        self._reader = threading.Thread(target=self._read_log, name="trackway-ray-log", daemon=True)
        self._reader.start()
        threading.Thread(target=self._follow, name="trackway-ray", daemon=True).start()

    def _stop(self) -> None:
        _ask(lambda: self._client.stop_job(self.job_id))
        self._cancelled.set()

    def _follow(self) -> None:
        """Ask how the job is going until it has ended."""
        known_s = time.monotonic()
        outcome = None
        while outcome is None:
            try:
                found = _ask(lambda: self._client.get_job_info(self.job_id))
                known_s = time.monotonic()
                outcome = _tell(found, cancelled=self._cancelled.is_set())
                self._status = _STATES.get(found.status.value, self._status)
            except Unavailable as error:
                if time.monotonic() - known_s > SILENCE_S:
                    outcome = Outcome("FAILED", None, f"it was lost sight of, and may go on. {error}")
            if outcome is None:
                time.sleep(min(self._poll_s, AGAIN_S) if self._cancelled.is_set() else self._poll_s)
        self._over.set()
        self._reader.join(DRAIN_S)
        self._conclude(outcome)

    def _read_log(self) -> None:
        """Hand on what the job writes, both streams as standard output, over breaks of the connection."""
        while True:
            was_over = self._over.is_set()
            try:
                asyncio.run(self._tail())
            except Exception as error:  # noqa: BLE001 - the thread's edge: a job does not end because its log is not read
                PROBLEMS.note("log of Ray", f"The log of {self.job_id} broke off: {type(error).__name__}: {error}")
            if was_over:
                return
            self._over.wait(AGAIN_S)

    async def _tail(self) -> None:
        """Hand on what is new of the log, which comes from its beginning each time, without what Ray says before it."""
        at = 0
        first: str | None = ""
        async for text in self._client.tail_job_logs(self.job_id):
            if first is not None:
                first += text
                begun = _find_beginning(first, self._opening)
                if begun is None:
                    continue
                text, at, first = first[begun:], 0, None
            new = text[max(0, self._read_chars - at) :]
            at += len(text)
            if new:
                self._read_chars = at
                self._sink("stdout", new.encode("utf-8", "surrogateescape"))


def _read_options(config: Mapping[str, Any]) -> Options:
    """Check a configuration.

    raises: InvalidInput
    """
    options = read_options(config, Options, "ray")
    if not 0.01 <= options.poll_s <= SILENCE_S:
        raise InvalidInput(f"poll_s is {options.poll_s}", hint=f"a number of seconds up to {SILENCE_S:.0f}")
    if options.address and not options.address.startswith(_SCHEMES):
        raise InvalidInput(f"{options.address[:200]!r} is no address of the API of jobs", hint="as http://head:8265")
    if "working_dir" in options.runtime_env:
        raise InvalidInput("The working directory is the project's folder", hint="leave working_dir out")
    if not isinstance(options.runtime_env.get("env_vars", {}), dict):
        raise InvalidInput("env_vars of runtime_env is no object", hint="variables by name")
    return options


def _import_client() -> Any:
    """Return the class of Ray's client.

    raises: NotSupported when it is not installed
    """
    try:
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise NotSupported("Ray needs its client", hint="pip install 'trackway[ray]'") from error
    return JobSubmissionClient


def _connect(options: Options) -> Any:
    """Return a client.

    raises: InvalidInput for headers that cannot be read; Unavailable when nothing answers
    """
    given = os.environ.get(HEADERS_VARIABLE, "")
    try:
        headers = msgspec.json.decode(given, type=dict[str, str]) if given else None
    except msgspec.MsgspecError:
        raise InvalidInput(f"{HEADERS_VARIABLE} is no object of JSON with texts") from None
    client = _import_client()
    return _ask(lambda: client(options.get_address(), headers=headers))


def _ask(question: Callable[[], T]) -> T:
    """Ask Ray's client.

    raises: Unavailable with its words
    """
    try:
        return question()
    except (RuntimeError, OSError, ValueError) as error:  # connections, and what its server refuses
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        raise Unavailable(
            f"Ray says: {' '.join(lines[-1:])[:1_000]}", hint="see whether `ray job list` works there"
        ) from error


def _make_request(job: Job, options: Options) -> dict[str, Any]:
    """Return what Ray's client submits.

    raises: InvalidInput for a variable that is to be handed on and is not set
    """
    variables = {**job.surroundings.variables, **options.runtime_env.get("env_vars", {}), **job.variables}
    variables |= {name: str(value) for name, value in options.env.items()}
    if options.tracking_uri:
        variables |= dict.fromkeys(STORE_VARIABLES, options.tracking_uri)
    variables |= read_forwarded(options.forward)
    command = list(job.command)
    odd = {name: value for name, value in variables.items() if "$" in value}
    if odd:
        variables = {name: value for name, value in variables.items() if name not in odd}
        variables["TRACKWAY_VARIABLES"] = base64.b64encode(msgspec.json.encode(odd)).decode()
        command = ["python", "-c", _RUNNER, *command]
    environment: dict[str, Any] = {**options.runtime_env, "working_dir": str(job.folder), "env_vars": variables}
    if job.surroundings.lock and not {"pip", "uv", "conda"} & set(options.runtime_env):
        environment["pip"] = {"packages": _list_packages(job.surroundings.lock), "pip_check": False}
    request = {
        "entrypoint": shlex.join(command),
        "runtime_env": environment,
        "metadata": {"trackway.run": job.run_id, **options.metadata},
        "entrypoint_num_cpus": options.num_cpus,
        "entrypoint_num_gpus": options.num_gpus,
        "entrypoint_memory": options.memory,
        "entrypoint_resources": options.resources,
    }
    return {name: value for name, value in request.items() if value is not None}


def _list_packages(lock: str) -> list[str]:
    """Return the lines of a file of requirements, those that go on joined."""
    lines = (line.strip() for line in lock.replace("\\\n", " ").splitlines())
    return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]


def _find_beginning(text: str, opening: str) -> int | None:
    """Return where what a job writes begins in its log; None while that is not known yet."""
    preface = _PREFACE.match(text)
    assert preface is not None
    rest = text[preface.end() :]
    if rest.startswith(opening):
        return preface.end() + len(opening)
    return None if opening.startswith(rest) else preface.end()


def _tell(found: Any, *, cancelled: bool) -> Outcome | None:
    """Return how a job ended; None when it has not."""
    state, code = found.status.value, found.driver_exit_code
    if state in _STATES:
        return None
    if state == "SUCCEEDED":
        return Outcome("FINISHED", 0)
    if state == "STOPPED":
        return Outcome("KILLED", code, "it was cancelled" if cancelled else "it was stopped in Ray")
    if code:
        return Outcome("FAILED", code, f"its command ended with status {code}")
    return Outcome("FAILED", None, f"Ray says: {(found.message or 'it failed')[:1_000]}")
