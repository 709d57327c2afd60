"""Model cards of folders, logged models and registered versions: what is known of each, and where a card is kept.

A card is ``README.md`` in the folder of a local model, and beside the folder of a logged one. A version has one beside
its own copy of the files; until it is written, that of what was registered counts. It is no part of the model: writing
it anew changes no digest.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import msgspec

from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.artifacts import CARD
from trackway.api.logged_models import GetLoggedModel, LoggedModel
from trackway.api.runs import TAG_CONTEXT, TAG_GIT_COMMIT, TAG_SOURCE_NAME, Run
from trackway.base.errors import InvalidInput, NotFound
from trackway.models.card import MAX_BYTES, NAME, CardFacts, MeasuredMetric, render_card
from trackway.models.environment import CONDA, PYTHON_ENV, REQUIREMENTS, read_environment
from trackway.models.mlmodel import NAME as MLMODEL
from trackway.models.mlmodel import PYFUNC, MlModel, format_time, read_mlmodel
from trackway.sdk.artifacts import find_file, find_local, join_path, resolve_uri
from trackway.sdk.client import Client
from trackway.sdk.locations import SERVED
from trackway.sdk.measurements import measure_model, read_evaluation
from trackway.sdk.model_files import locate_model
from trackway.sdk.sources import BytesSource
from trackway.sdk.versions import MODELS, find_version


class Card(msgspec.Struct, frozen=True):
    """A card as it was written: its text, and where it is."""

    text: str
    place: str


def make_card(model: str | os.PathLike[str], edited: str | os.PathLike[str] | None = None) -> str:
    """Return the card of a model, without writing it.

    model:  a folder, or the address of a logged model or a registered version
    edited: file of a card that a person has worked on; the model's own card when left out
    raises: InvalidInput, NotFound
    """
    return _make(os.fspath(model), edited)[0]


def write_card(model: str | os.PathLike[str], edited: str | os.PathLike[str] | None = None) -> Card:
    """Write the card of a model, or write it anew: what people wrote into it stays.

    model, edited: as for ``make_card``
    """
    uri = os.fspath(model)
    text, folder = _make(uri, edited)
    if (local := find_local(uri)) is not None:
        file = Path(local) / NAME
        draft = file.with_name(f".{NAME}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
        return Card(text, str(file))
    place = _find_place(folder)
    Client().transport.upload(place, BytesSource(text.encode()))
    return Card(text, f"{SERVED}{place}")


def read_card(model: str | os.PathLike[str]) -> str:
    """Return the card that was written for a model.

    raises: NotFound when there is none
    """
    uri = os.fspath(model)
    if (local := find_local(uri)) is not None:
        return _read_text(Path(local) / NAME)
    client = Client()
    card = _find_card(client, uri, locate_model(client, uri))
    if card is None:
        raise NotFound(f"{uri[:200]} has no card", hint="write_card writes one")
    return card


def _make(uri: str, edited: str | os.PathLike[str] | None) -> tuple[str, str]:
    """Return a card, and the folder of the workspace's file tree that the model is in."""
    local = find_local(uri)
    if local is not None:
        folder, facts = "", describe_folder(Path(local), uri)
        before = _read_text(Path(local) / NAME) if (Path(local) / NAME).is_file() else ""
    else:
        client = Client()
        folder = locate_model(client, uri)
        facts = _describe_logged(client, uri, folder)
        before = _find_card(client, uri, folder) or ""
    if edited is not None:
        before = _read_text(Path(edited))
    return render_card(facts, before), folder


def _find_card(client: Client, uri: str, folder: str) -> str | None:
    """Return the card of a model, or that of what a version was registered from; None when there is neither."""
    card = find_file(client, _find_place(folder))
    if card is None and uri.startswith(MODELS) and not uri.startswith(f"{MODELS}m-"):
        location = find_version(client, uri).location
        if location.startswith((SERVED, "runs:/")):
            card = find_file(client, _find_place(join_path(*resolve_uri(client, location))))
    return None if card is None else card.decode("utf-8", "replace")


def _find_place(folder: str) -> str:
    """Return where in the workspace's file tree the card of a model in a folder is."""
    parent, _, name = folder.rpartition("/")
    return f"{parent}/{NAME}" if name == "artifacts" else f"{folder}{CARD}"


def describe_folder(folder: Path, uri: str) -> CardFacts:
    """Return what a model's own files say of it."""
    if not folder.is_dir():
        raise InvalidInput(f"{os.fspath(folder)!r} is no folder of a model")
    mlmodel = read_mlmodel(folder)
    told = str(mlmodel.flavors.get(PYFUNC, {}).get("python_version") or "")
    environment = read_environment(folder, told)
    return CardFacts(
        name=folder.name,
        uri=uri,
        mlmodel=mlmodel,
        about={"Created": mlmodel.created or "", "Model": mlmodel.model_id or mlmodel.model_uuid or ""},
        training={"Run": mlmodel.run_id or ""},
        python=told,
        requirements=() if environment is None else environment.requirements,
    )


def _describe_logged(client: Client, uri: str, folder: str) -> CardFacts:
    with tempfile.TemporaryDirectory(prefix="trackway-card-") as place:
        for name in (MLMODEL, REQUIREMENTS, CONDA, PYTHON_ENV):
            if (data := find_file(client, join_path(folder, name))) is not None:
                (Path(place) / name).write_bytes(data)
        facts = describe_folder(Path(place), uri)
    version, record = _find_records(client, uri, facts.mlmodel)
    run_id = (version.run_id if version is not None else "") or facts.mlmodel.run_id or ""
    run = _find_run(client, run_id)
    metrics, task = _find_metrics(client, record, run)
    return msgspec.structs.replace(
        facts,
        name=version.name if version is not None else (record.name if record is not None else "") or "model",
        description=_find_description(client, version),
        task=task,
        about={**_describe_version(client, version), **facts.about},
        datasets=[] if run is None else _list_datasets(run),
        training=facts.training if run is None else _describe_run(run),
        params={**({} if run is None else run.params), **({} if record is None else record.params)},
        metrics=metrics,
        lineage=_list_lineage(client, version, record),
    )


def _find_records(client: Client, uri: str, mlmodel: MlModel) -> tuple[g.ModelVersion | None, LoggedModel | None]:
    """Return the version that an address names, and the record of the logged model behind it."""
    named = uri.startswith(MODELS) and not uri.startswith(f"{MODELS}m-")
    version = find_version(client, uri) if named else None
    model_id = (version.model_id if version is not None else "") or mlmodel.model_id
    try:
        record = client.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id)) if model_id else None
    except NotFound:
        record = None
    return version, record


def _find_run(client: Client, run_id: str) -> Run | None:
    try:
        return client.get_run(run_id) if run_id else None
    except NotFound:  # a model may come from another store
        return None


def _find_description(client: Client, version: g.ModelVersion | None) -> str:
    if version is None:
        return ""
    model = client.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=version.name))
    return " ".join(text for text in (model.description, version.description) if text)


def _describe_version(client: Client, version: g.ModelVersion | None) -> dict[str, str]:
    if version is None:
        return {}
    model = client.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=version.name))
    return {
        "Version": str(version.version),
        "Stage": "" if version.stage == "None" else version.stage,
        "Aliases": ", ".join(version.aliases),
        "Owner": model.owner,
        "Registered by": version.user,
        "Signed by": ", ".join(version.signed_by),
        "Evaluated by": version.evaluated_by,
        "Copied from": version.copied_from,
    }


def _describe_run(run: Run) -> dict[str, str]:
    ended = "" if run.end_ms is None else f"{(run.end_ms - run.start_ms) / 1000:.1f} s"
    return {
        "Run": f"{run.name} ({run.run_id})",
        "By": run.user,
        "Started": format_time(run.start_ms),
        "Took": ended,
        "Source": run.tags.get(TAG_SOURCE_NAME, ""),
        "Commit": run.tags.get(TAG_GIT_COMMIT, ""),
    }


def _list_datasets(run: Run) -> list[tuple[str, str, str, str]]:
    found = []
    for used in run.inputs:
        try:
            profile = json.loads(used.dataset.profile or "{}")
        except ValueError:
            profile = {}
        rows = profile.get("num_rows", "") if isinstance(profile, dict) else ""
        found.append((used.tags.get(TAG_CONTEXT, ""), used.dataset.name, used.dataset.digest, str(rows)))
    return found


def _find_metrics(client: Client, record: LoggedModel | None, run: Run | None) -> tuple[list[MeasuredMetric], str]:
    """Return the metrics of the logged model, or else of its run, with the intervals of evaluations; and the task."""
    task = "" if record is None else record.model_type
    if record is None or not record.metrics:
        summaries = {} if run is None else run.metrics
        return [MeasuredMetric(key, one.last_value) for key, one in summaries.items()], task
    told = (read_evaluation(client, run_id) for run_id in {point.run_id for point in record.metrics})
    task = task or next((str(one["model_type"]) for one in told if one.get("model_type")), "")
    found = [MeasuredMetric(m.key, m.value, m.dataset, m.low, m.high) for m in measure_model(client, record)]
    return found, task


def _list_lineage(client: Client, version: g.ModelVersion | None, record: LoggedModel | None) -> list[str]:
    if version is not None:
        request = n.GetLineage(kind="version", id=f"{version.name}/{version.version}")
    elif record is not None:
        request = n.GetLineage(kind="model", id=record.model_id)
    else:
        return []
    lineage = client.call(ops.GET_LINEAGE, request)
    # Where a version is served changes, and its card does not.
    made = [node for node in lineage.nodes[1:] if node.kind != "endpoint"]
    return [f"{node.kind} {node.id} {node.digest}".strip() for node in made]


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise NotFound(f"There is no file {os.fspath(path)!r}")
    if path.stat().st_size > MAX_BYTES:
        raise InvalidInput(f"{path.name!r} is larger than {MAX_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name!r} is no text in UTF-8") from None
