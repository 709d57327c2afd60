"""Where a version's model is: what a client may say, and what becomes of it. Nothing of it is ever opened."""

from __future__ import annotations

from typing import NamedTuple

from trackway.api import limits
from trackway.api.calls import Call
from trackway.api.registry import TAG_PROMPT, CreateModelVersion, ModelVersion
from trackway.artifacts.location import check_location
from trackway.artifacts.paths import check_artifact_path
from trackway.base.errors import InvalidInput, NotFound
from trackway.registry.lookup import LATEST, find_alias, find_model, find_version, read_stage
from trackway.store.base import Transaction

MODELS = "models:/"
_RUNS = "runs:/"
_PLACEHOLDERS = frozenset(("dummy-source", "prompt-template"))
"""What clients send for prompts, which have no files; they name nothing."""
_NEEDS_OWNER = ("", "file", "mlflow-artifacts")
"""Schemes whose locations must be below those of the run or logged model that the version is said to come from."""


class Source(NamedTuple):
    """A source as it is kept; ``origin`` is the number in the store of the version that it is a copy of."""

    source: str
    location: str
    run_id: str
    model_id: str
    origin: int | None = None


def resolve_source(tx: Transaction, call: Call, q: CreateModelVersion) -> Source:
    """Return what is kept of where a new version's model is.

    raises: InvalidInput when the source has no known form or is none of the run's or logged model's that is named,
            NotFound for a logged model or version that is not there
    """
    source = q.source
    if not 0 < len(source) <= limits.LOCATION_CHARS:
        raise _invalid(f"it must have 1 to {limits.LOCATION_CHARS:,} characters")
    if q.tags.get(TAG_PROMPT) == "true":
        if source not in _PLACEHOLDERS:
            raise _invalid(f"a prompt has no files; send {' or '.join(sorted(_PLACEHOLDERS))}")
        return Source(source, source, q.run_id, q.model_id)
    if source.startswith(MODELS) and not _is_model_id(source.removeprefix(MODELS)):
        return _resolve_version(tx, call, q)
    roots = []
    run_id = q.run_id
    if q.model_id:
        model = tx.logged_models.get(call.workspace, q.model_id, deleted=False)
        if model is None:
            raise NotFound(f"Logged model {q.model_id[:80]!r} not found")
        roots.append(model.artifact_uri)
        run_id = run_id or model.source_run_id
    if source.startswith(MODELS):
        if source.removeprefix(MODELS) != q.model_id:
            raise _invalid("the model_id request parameter must identify the model that it names")
        return Source(source, roots[0], run_id, q.model_id)
    if source.startswith(_RUNS):
        named, _, path = source.removeprefix(_RUNS).partition("/")
        if not named or named != q.run_id:
            raise _invalid("the run_id request parameter must identify the run that it names")
        _check_path(path)
    else:
        run = tx.runs.ref(call.workspace, q.run_id) if q.run_id else None
        _check_place(source, [*roots, run.artifact_uri] if run else roots)
    return Source(source, source, run_id, q.model_id)


def _resolve_version(tx: Transaction, call: Call, q: CreateModelVersion) -> Source:
    """Resolve ``models:/name/<number, stage or latest>`` and ``models:/name@alias``."""
    rest = q.source.removeprefix(MODELS)
    name, slash, text = rest.partition("/")
    if not slash:
        name, at, text = rest.rpartition("@")
        if not at:
            raise _invalid("it names no version, stage, alias or logged model")
    found = _find_named(tx, call, name, text, is_alias=not slash)
    if q.run_id not in ("", found.run_id) or q.model_id not in ("", found.model_id):
        raise _invalid("the run_id and model_id request parameters must match the version that it names")
    origin = find_version(tx, call, found.name, found.version).pk
    return Source(f"{MODELS}{found.name}/{found.version}", found.location, found.run_id, found.model_id, origin)


def _find_named(tx: Transaction, call: Call, name: str, text: str, is_alias: bool) -> ModelVersion:
    model = find_model(tx, call, name)
    if is_alias or text.lower() == LATEST:
        return find_alias(tx, model, text)
    if text.isascii() and text.isdigit():
        return tx.registry.get_version(find_version(tx, call, name, int(text[:20])).pk)
    stage = read_stage(text)
    latest = tx.registry.list_latest(model.pk, [stage]) if stage else []
    if not latest:
        raise NotFound(f"Registered model {name[:80]!r} has no version {text[:80]!r}")
    return latest[0]


def _check_place(source: str, roots: list[str]) -> None:
    for root in roots:
        if source.rstrip("/") == root.rstrip("/"):
            return
        if source.startswith(f"{root.rstrip('/')}/"):
            _check_path(source[len(root.rstrip("/")) + 1 :])
            return
    try:
        check_location(source)
    except InvalidInput as error:
        raise _invalid(error.message.removeprefix("Invalid artifact location: ")) from None
    scheme = source.partition(":")[0] if ":" in source.partition("/")[0] else ""
    if scheme in _NEEDS_OWNER:
        raise _invalid("it must be inside the artifacts of the run_id or model_id that the request names")


def _check_path(path: str) -> None:
    if path.rstrip("/"):
        check_artifact_path(path.rstrip("/"))


def _is_model_id(text: str) -> bool:
    return text.startswith("m-") and "/" not in text and "@" not in text


def _invalid(fault: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid model version source: {fault}",
        hint="runs:/<run_id>/path, models:/<model_id>, models:/name/3, models:/name@alias, a place in a bucket,"
        " or one below the run's or model's artifacts",
    )
