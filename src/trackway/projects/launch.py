"""Launches of projects: from an address to a run that goes on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from trackway.api.runs import TAG_PROGRAM
from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.base.ids import is_id
from trackway.environments.kept import hold_environment
from trackway.projects.backends import (
    Asked,
    Backend,
    Job,
    PreviewingBackend,
    RemoteBackend,
    Stream,
    Surroundings,
)
from trackway.projects.checkouts import Checkout, fetch
from trackway.projects.commands import build_command
from trackway.projects.environments import Need, Versions, make_surroundings
from trackway.projects.local import JOBS
from trackway.projects.parameters import Values, resolve_values
from trackway.projects.plugins import find_backend
from trackway.projects.recording import LaunchRecord, Recorder, RunChoice, mask_config
from trackway.projects.running import ProjectRun, wait_for
from trackway.projects.specification import MAIN, EntryPoint, Specification, read_specification
from trackway.sdk import secrets, settings
from trackway.sdk.client import Client
from trackway.sdk.connection import get_tracking_uri, is_local
from trackway.sdk.context import active_run, get_chosen
from trackway.sdk.environment import CONTEXT, Look, add_context
from trackway.sdk.session import get_session

KNOWN_S: Final = 10.0
"""How long the store may take to know of a run before its program starts all the same."""
DRY_RUN: Final = "dry-run"
"""Stands for the run where none is made."""
CONFIG_BYTES: Final = 2**20
SEED: Final = "PYTHONHASHSEED"
_LAST_SEED: Final = 2**32 - 1
_VERSION = re.compile(r"^version(?:_info)?\s*=\s*(\S+)", re.MULTILINE)


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch is to have as an earlier run had it.

    command:   words to run in the place of an entry point's; none for an entry point
    versions:  of its environment; None for what the project asks for now
    variables: that change how it computes
    """

    command: tuple[str, ...] = ()
    versions: Versions | None = None
    variables: Mapping[str, str] = {}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be launched; see ``run``.

    echo: where this process shows what the program writes, beside keeping it
    """

    uri: str
    entry_point: str = MAIN
    version: str = ""
    parameters: Mapping[str, Any] = {}
    docker_args: Mapping[str, Any] = {}
    choice: RunChoice = RunChoice()
    backend: str = "local"
    backend_config: Mapping[str, Any] = {}
    storage_dir: str = ""
    env_manager: str = ""
    build_image: bool = False
    echo: Literal["both", "stderr", ""] = "both"
    again: Again = Again()


class Plan(NamedTuple):
    """All that a launch needs, before anything is started or recorded.

    seeds: variables and parameters that make chance repeatable
    """

    request: Request
    checkout: Checkout
    specification: Specification
    entry: EntryPoint
    values: Values
    command: list[str]
    surroundings: Surroundings
    seeds: dict[str, str]


def run(
    uri: str | os.PathLike[str],
    entry_point: str = MAIN,
    version: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = "local",
    backend_config: Mapping[str, Any] | str | None = None,
    storage_dir: str | None = None,
    synchronous: bool = True,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,
) -> ProjectRun:
    """Run a project, and return the run that it is.

    uri:            a folder, the address of a git repository, or a zip archive; ``#`` and a path for a folder within
    entry_point:    of its MLproject, or the path of a .py, .sh or .R file
    version:        branch, tag or commit of a repository
    parameters:     by name; those that the entry point does not declare are appended as ``--name value``
    docker_args:    options of ``docker run``, for a project in a container
    backend_config: a dictionary, or the path of a file of JSON
    storage_dir:    folder for what parameters of the type path are fetched into; a temporary one when left out
    synchronous:    wait until it has ended. Otherwise this process waits at its own end, and ends the project when it
                    is interrupted
    run_id:         a run that is there and is to be this one
    env_manager:    uv, conda, docker or local; None for what fits the project
    build_image:    build an image with the project in it from its docker_env, instead of mounting the project
    raises:         ExecutionFailed when it did not end well; InvalidInput, NotFound, NotSupported, Unavailable before
                    anything was started
    """
    request = Request(
        uri=os.fspath(uri),
        entry_point=entry_point,
        version=version or "",
        parameters=parameters or {},
        docker_args=docker_args or {},
        choice=RunChoice(
            run_id=run_id or "",
            experiment_id=experiment_id or "",
            experiment_name=experiment_name or "",
            name=run_name or "",
        ),
        backend=backend,
        backend_config=read_config(backend_config),
        storage_dir=storage_dir or "",
        env_manager=env_manager or "",
        build_image=build_image,
    )
    started = launch(request)
    if synchronous:
        wait_for(started)
    else:  # so that others can ask for the run, and nothing is begun as late as at this process's end
        get_session(get_tracking_uri()).flush(KNOWN_S)
    return started


def launch(request: Request, checkout: Checkout | None = None) -> ProjectRun:
    """Start a project, and return at once.

    checkout: its files, when they are here already; they are removed when it has ended, or cannot be started
    raises:   as ``run``
    """
    try:
        settings.check()
        choice = _choose_run(request.choice)
        backend = find_backend(request.backend)
        backend.check(request.backend_config)
        checkout = checkout or fetch(request.uri, request.version)
        return _start(_plan(request, checkout, backend), choice, backend)
    except BaseException:
        if checkout is not None:
            checkout.remove()
        raise


def preview(request: Request) -> str:
    """Return what a launch would carry out or hand over, as text; nothing is started or recorded.

    An environment of this machine is made, as the text names it; no image is built.

    raises: as ``launch``; NotSupported for a backend that cannot tell
    """
    settings.check()
    choice = _choose_run(request.choice)
    backend = find_backend(request.backend)
    backend.check(request.backend_config)
    if not isinstance(backend, PreviewingBackend):
        raise NotSupported(f"The backend {request.backend!r} does not say beforehand what it does")
    checkout = fetch(request.uri, request.version)
    try:
        plan = _plan(request, checkout, backend, dry=True)
        return backend.preview(_make_job(plan, choice.run_id or DRY_RUN, choice))
    finally:
        checkout.remove()


def read_config(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return a backend's configuration: a dictionary, or what a file of JSON or YAML says.

    raises: InvalidInput, NotFound
    """
    if not isinstance(given, str):
        return dict(given or {})
    path = Path(given)
    inline = given.lstrip().startswith("{")
    if not inline and not path.is_file():
        raise NotFound(f"There is no file {given[:200]!r} of a backend's configuration", hint="a file of JSON or YAML")
    data = given.encode() if inline else path.read_bytes()[: CONFIG_BYTES + 1]
    try:
        if not inline and path.suffix in (".yaml", ".yml"):
            return msgspec.convert(msgspec.yaml.decode(data), dict[str, Any])
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(f"The backend's configuration cannot be read: {error}", hint="an object of keys") from None


def _plan(request: Request, checkout: Checkout, backend: Backend, *, dry: bool = False) -> Plan:
    again = request.again
    if again.command:
        specification, entry = Specification(checkout.folder), EntryPoint("")
        values, command = Values({}, {}, {}, {}), list(again.command)
    else:
        specification = read_specification(checkout.folder)
        entry = specification.get_entry_point(request.entry_point)
        storage = Path(request.storage_dir) if request.storage_dir else checkout.scratch / "storage"
        values = resolve_values(entry, request.parameters, checkout.folder, storage)
        command = build_command(entry, values.declared, values.extra)
    need = Need(request.env_manager, request.docker_args, request.build_image and not dry, again.versions)
    if isinstance(backend, RemoteBackend):
        asked = Asked(specification=specification, entry=entry, need=need, config=request.backend_config, dry=dry)
        surroundings = backend.surround(asked)
    else:
        surroundings = make_surroundings(specification, entry, need)
    seeds = _find_seeds(values, again.variables.get(SEED) or os.environ.get(SEED, ""))
    return Plan(request, checkout, specification, entry, values, command, surroundings, seeds)


def _start(plan: Plan, choice: RunChoice, backend: Backend) -> ProjectRun:
    request, surroundings = plan.request, plan.surroundings
    session = get_session(get_tracking_uri())
    recorder = Recorder(session, choice)
    record = _make_record(plan)
    recorder.begin(choice, record, plan.values.list_all())
    known = choice
    if not is_local(session.uri) and session.flush(KNOWN_S):  # clients of MLflow ask for the run at once
        found = Client(session.uri).get_run(recorder.run_id)
        known = msgspec.structs.replace(choice, experiment_id=found.experiment_id, experiment_name="")
    job = _make_job(plan, recorder.run_id, known)

    def take(stream: Stream, data: bytes) -> None:
        recorder.output.write(stream, data)
        if request.echo:
            _show("stderr" if request.echo == "stderr" else stream, data)

    held = hold_environment(surroundings.python) if surroundings.digest and surroundings.python else None
    started = ProjectRun(recorder, plan.checkout, held, surroundings.python)

    def describe() -> None:
        look = Look(
            folder=job.folder,
            command=job.command,
            variables={**os.environ, **surroundings.variables, **job.variables},
            python=_find_python_version(surroundings),
            packages=_find_packages(surroundings),
        )
        recorder.describe(record, surroundings.lock, plan.values.inputs, look)

    started.begin(lambda: backend.submit(job, take), describe)
    return started


def _choose_run(given: RunChoice) -> RunChoice:
    """Return which run it is to be, with what the surroundings of this call say: the experiment, the parent."""
    if given.run_id and not is_id(given.run_id):
        raise InvalidInput(f"Invalid run id {given.run_id[:80]!r}", hint="1 to 64 letters, digits, '_' or '-'")
    if given.experiment_id and given.experiment_name:
        raise InvalidInput("Name the experiment by name or by id", hint="give one of the two")
    chosen = get_chosen()
    if given.experiment_id or given.experiment_name:
        chosen = chosen._replace(experiment_id=given.experiment_id, name=given.experiment_name)
    active = active_run()
    parent = active.run_id if active is not None else settings.get("TRACKWAY_RUN_ID") if os.environ.get(JOBS) else ""
    return msgspec.structs.replace(
        given, experiment_id=chosen.experiment_id, experiment_name=chosen.name, parent_run_id=parent
    )


def _make_job(plan: Plan, run_id: str, choice: RunChoice) -> Job:
    return Job(
        run_id=run_id,
        entry_point=plan.entry.name,
        name=plan.specification.name,
        command=tuple(plan.command),
        parameters=plan.values.list_all(),
        folder=plan.checkout.folder,
        variables={**plan.request.again.variables, **_list_variables(run_id, choice, plan.seeds)},
        surroundings=plan.surroundings,
        config=plan.request.backend_config,
    )


def _list_variables(run_id: str, choice: RunChoice, seeds: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which the program's own logging finds its run."""
    uri = get_tracking_uri()
    variables = {"TRACKWAY_TRACKING_URI": uri, "PYTHONUNBUFFERED": "1", SEED: seeds[SEED]}
    variables[CONTEXT] = add_context({TAG_PROGRAM: run_id})
    if not is_local(uri):
        variables["MLFLOW_TRACKING_URI"] = uri
    for prefix in ("TRACKWAY", "MLFLOW"):
        variables |= {
            f"{prefix}_RUN_ID": run_id,
            f"{prefix}_EXPERIMENT_ID": choice.experiment_id,
            f"{prefix}_EXPERIMENT_NAME": choice.experiment_name,
        }
    return variables


def _make_record(plan: Plan) -> LaunchRecord:
    request, checkout, surroundings = plan.request, plan.checkout, plan.surroundings
    return LaunchRecord(
        uri=checkout.uri,
        subdirectory=checkout.subdirectory,
        version=request.version,
        commit=checkout.commit,
        branch=checkout.branch,
        remote=checkout.remote,
        archive=checkout.archive,
        entry_point=plan.entry.name,
        parameters=plan.values.declared,
        extra=plan.values.extra,
        given=plan.values.given,
        command=tuple(secrets.mask_command(plan.command)),
        manager=surroundings.manager,
        environment=surroundings.digest,
        image=surroundings.image,
        docker_args=mask_config(request.docker_args),
        seeds=plan.seeds,
        backend=request.backend,
        backend_config=mask_config(request.backend_config),
    )


def _find_seeds(values: Values, wanted: str) -> dict[str, str]:
    """Return the seeds of a launch: that of Python's hashes is the parameter ``seed`` when there is one, else 0.

    wanted: for Python's hashes, whatever the parameters say
    """
    given = {name: value for name, value in values.list_all().items() if name.lower() in ("seed", "random_seed")}
    first = next((value for value in given.values() if value.isascii() and value.isdigit()), "0")
    return {**given, SEED: wanted if wanted.isdigit() else str(min(int(first), _LAST_SEED))}


def _find_python_version(surroundings: Surroundings) -> str:
    """Return the version of the environment's Python, without starting it; nothing where that cannot be told."""
    if surroundings.manager == "local":
        return sys.version.split()[0]
    place = surroundings.python.parent.parent if surroundings.python else Path()
    with_uv = place / "pyvenv.cfg"
    found = _VERSION.search(with_uv.read_text(encoding="utf-8")) if with_uv.is_file() else None
    by_conda = next(iter(place.glob("conda-meta/python-[0-9]*.json")), None) if surroundings.python else None
    return found[1] if found else by_conda.name.split("-")[1] if by_conda else ""


def _find_packages(surroundings: Surroundings) -> Path | None:
    """Return the folder of the environment's packages; None for this process's own, or when there are none."""
    if surroundings.manager == "local" or surroundings.python is None:
        return None
    return next(iter((surroundings.python.parent.parent / "lib").glob("python*/site-packages")), None)


def _show(stream: Stream, data: bytes) -> None:
    """Show what a program writes where this process writes: a notebook has no bytes below its text."""
    target = sys.stdout if stream == "stdout" else sys.stderr
    try:
        buffer = getattr(target, "buffer", None)
        if buffer is not None:
            target.flush()
            buffer.write(data)
            buffer.flush()
        else:
            target.write(data.decode("utf-8", "replace"))
    except (OSError, ValueError):  # nobody reads it any more; the run's files have it
        pass
