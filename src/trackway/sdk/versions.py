"""What the addresses of models stand for: ``models:/name/3``, ``models:/name@alias``, ``runs:/id/path`` and others."""

from __future__ import annotations

from typing import Protocol, TypeVar

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.artifacts import ListFiles
from trackway.api.logged_models import GetLoggedModel
from trackway.api.operations import Operation
from trackway.api.runs import GetRun
from trackway.api.structs import Request, Response
from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk.locations import SERVED, get_folder

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)
MODELS = "models:/"


class Registry(Protocol):
    """Whatever carries out operations: a client, or a way to a store."""

    def call(self, operation: Operation[Q, S], request: Q, /) -> S:
        """Carry out an operation and wait."""


def find_version(registry: Registry, model_uri: str) -> g.ModelVersion:
    """Find what ``models:/name/<number, stage or latest>`` or ``models:/name@alias`` stands for.

    raises: InvalidInput for an address of another form, NotFound
    """
    rest = model_uri.removeprefix(MODELS)
    name, slash, text = rest.partition("/")
    if not slash:
        name, at, text = rest.rpartition("@")
        if not at:
            raise InvalidInput(f"{model_uri[:80]!r} names no version", hint="models:/name/3, or models:/name@alias")
    if not slash or text.lower() == "latest":
        return registry.call(ops.GET_VERSION_BY_ALIAS, g.Alias(name=name, alias=text))
    if text.isascii() and text.isdigit():
        return registry.call(ops.GET_MODEL_VERSION, g.VersionName(name=name, version=int(text)))
    latest = registry.call(ops.GET_LATEST_VERSIONS, g.GetLatestVersions(name=name, stages=[read_stage(text)])).versions
    if not latest:
        raise NotFound(f"No version of {name!r} is in stage {text!r}")
    return latest[0]


def find_source(registry: Registry, uri: str) -> tuple[str, str, str]:
    """Return what to register for an address, and the run and logged model that it comes from (empty for none).

    uri:     ``runs:/<run_id>/path``, where the path may be the name of a model that the run logged;
             ``models:/<model_id>``; an address of a version; or a place, which is taken as it is
    raises:  InvalidInput; NotFound, also for a path at which the run has neither a model nor files
    """
    if uri.startswith(MODELS):
        model_id = uri.removeprefix(MODELS)
        if model_id.startswith("m-") and "/" not in model_id and "@" not in model_id:
            return uri, "", model_id
        version = find_version(registry, uri)
        return f"{MODELS}{version.name}/{version.version}", "", ""
    if not uri.startswith("runs:/"):
        return uri, "", ""
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    run = registry.call(ops.GET_RUN, GetRun(run_id=run_id))
    for output in run.model_outputs:  # a model that the run logged by name, and not as files of its own
        try:
            model = registry.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=output.model_id))
        except NotFound:
            continue
        if model.name == path:
            return f"{MODELS}{model.model_id}", run_id, model.model_id
    source = f"{run.artifact_uri.rstrip('/')}/{path}".rstrip("/")
    if source.startswith(SERVED):  # of what is kept elsewhere nothing is known
        folder = ListFiles(folder=get_folder(source), limit=1)
        if not registry.call(ops.LIST_FILES, folder).files:
            lacking = f"Run {run_id} has neither a model nor files at {path[:200]!r}"
            raise NotFound(lacking, hint="log_model returns a model's address")
    return source, run_id, ""


def read_stage(text: str) -> g.Stage:
    """Return the stage that a text in any case names.

    raises: InvalidInput
    """
    for stage in g.STAGES:
        if stage.lower() == text.lower():
            return stage
    raise InvalidInput(f"Invalid Model Version stage: {text[:40]}. Value must be one of {', '.join(g.STAGES)}.")
