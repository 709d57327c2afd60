"""Checkpoints that training left in a folder, as records of models whose files stay where they are."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from trackway.base.errors import InvalidInput
from trackway.sdk.context import STACK
from trackway.sdk.entities import LoggedModel
from trackway.sdk.mlflow_client import MlflowClient
from trackway.sdk.queries import PAGE, create_external_model

PLACE = "original_artifact_path"
"""Tag of a record: where the checkpoint is."""
_log = logging.getLogger("trackway.models")


def import_checkpoints(
    checkpoint_path: str | os.PathLike[str],
    source_run_id: str | None = None,
    model_prefix: str | None = None,
    overwrite_checkpoints: bool = False,
) -> list[LoggedModel]:
    """Make a record for each file and folder of checkpoints, and return the records in the order of their names.

    The checkpoints stay where they are; the tag ``original_artifact_path`` of a record says where. One whose name a
    record cannot have is left out, which the log says.

    checkpoint_path:       the folder that they are in
    source_run_id:         the run that made them; the active one when left out
    model_prefix:          put before their names
    overwrite_checkpoints: make a new record where the run has one of the name, which goes to the trash
    raises:                InvalidInput without a run or a folder, NotFound
    """
    run_id = source_run_id or (STACK.runs[-1].run_id if STACK.runs else None)
    if run_id is None:
        raise InvalidInput("Checkpoints are of a run, and none is active", hint="give source_run_id, or start one")
    folder = Path(checkpoint_path).absolute()
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder", hint="give the one that the checkpoints are in")
    client = MlflowClient()
    experiment_id = client.get_run(run_id).info.experiment_id
    known = _list_models(client, experiment_id, run_id)
    imported: list[LoggedModel] = []
    for place in sorted(folder.iterdir()):
        name = f"{model_prefix or ''}{place.name}"
        before = known.get(name, [])
        if before and not overwrite_checkpoints:
            imported += before
            continue
        try:
            imported.append(create_external_model(name, run_id, {PLACE: str(place)}, experiment_id=experiment_id))
        except InvalidInput as error:
            _log.warning("Left out the checkpoint %s: %s", place, error)
            continue
        for model in before:
            client.delete_logged_model(model.model_id)
    return imported


def _list_models(client: MlflowClient, experiment_id: str, run_id: str) -> dict[str, list[LoggedModel]]:
    found: dict[str, list[LoggedModel]] = {}
    token: str | None = None
    while True:
        page = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'", None, PAGE, None, token)
        for model in page:
            found.setdefault(model.name, []).append(model)
        token = page.token
        if token is None:
            return found
