"""A run's data: whether they are what they were, before anything is run with them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trackway.api import operations as ops
from trackway.api.logged_models import GetLoggedModel
from trackway.api.runs import TAG_CONTEXT, Dataset, Run
from trackway.artifacts.content import digest_file
from trackway.base.errors import InvalidInput, NotFound
from trackway.projects.parameters import resolve_values
from trackway.projects.recording import CONTEXT, digest_input
from trackway.projects.reproduction.code import Code
from trackway.projects.reproduction.recipe import Recipe
from trackway.projects.reproduction.report import Finding, Gap
from trackway.projects.specification import read_specification
from trackway.sdk.client import Client

_SHA256: Final = re.compile(r"sha256:[0-9a-f]{64}")


def find_values(recipe: Recipe, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a project's parameters as they are to be given again.

    given: other places of inputs, by parameter
    """
    record = recipe.record
    assert record is not None
    known = record.given if record.given is not None else {**record.parameters, **record.extra}
    return {**known, **{name: path for name, path in given.items() if name in record.inputs}}


def check_names(recipe: Recipe, given: Mapping[str, str]) -> None:
    """Refuse other places of what is no input of the run.

    raises: InvalidInput
    """
    known = {*_list_datasets(recipe), *(recipe.record.inputs if recipe.record is not None else ())}
    if unknown := sorted(set(given) - known):
        raise InvalidInput(
            f"{unknown[0][:100]!r} is no input of the run", hint=f"they are {', '.join(sorted(known)) or 'none'}"
        )


def check_inputs(client: Client, recipe: Recipe, code: Code, given: Mapping[str, str]) -> list[Gap]:
    """Return what of a run's data is not there, or not what it was; fetches what is elsewhere.

    given: other places of inputs, by their names

    Data below the work tree that git does not know are linked into the code that was brought here.

    raises: what fetching a project's parameters raises
    """
    gaps: list[Gap] = []
    if recipe.is_project:
        gaps += _check_values(recipe, code, given)
    for dataset in _list_datasets(recipe).values():
        gaps += _check_dataset(recipe, code, dataset, given.get(dataset.name, ""))
    for model_id in recipe.run.model_inputs:
        try:
            client.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id))
        except NotFound:
            gaps.append(Gap(f"the model {model_id}, which it read, is not in the store", "restore it"))
    return gaps


def compare_datasets(was: Run, now: Run) -> list[Finding]:
    """Return how the data sets that two runs logged compare, by name and use."""
    before, after = _by_use(was), _by_use(now)
    findings = []
    for key, digests in before.items():
        found = after.get(key, ())
        name = f"{key[0]} ({key[1]})" if key[1] else key[0]
        same = sorted(found) == sorted(digests)
        findings.append(
            Finding(
                kind="data",
                name=name,
                result="identical" if same else "different",
                was=", ".join(sorted(digests)),
                now=", ".join(sorted(found)),
                reason="" if same else "other data" if found else "was not logged again",
            )
        )
    return findings


def _list_datasets(recipe: Recipe) -> dict[str, Dataset]:
    """Return the data sets that the program logged, by name."""
    return {one.dataset.name: one.dataset for one in recipe.run.inputs if one.tags.get(TAG_CONTEXT) != CONTEXT}


def _by_use(run: Run) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for one in run.inputs:
        use = one.tags.get(TAG_CONTEXT, "")
        if use != CONTEXT:  # digests of a project's inputs are checked before it runs
            found.setdefault((one.dataset.name, use), []).append(one.dataset.digest)
    return found


def _check_values(recipe: Recipe, code: Code, given: Mapping[str, str]) -> list[Gap]:
    """Check the inputs of a project's parameters, fetching them as its launch will."""
    record, folder = recipe.record, code.checkout.folder
    assert record is not None
    entry = read_specification(folder).get_entry_point(record.entry_point)
    gaps = []
    try:
        values = resolve_values(entry, find_values(recipe, given), folder, code.checkout.scratch / "inputs")
    except NotFound as error:
        return [Gap(error.message, "put it back, or name another place of it with --input NAME=PATH")]
    for name, digest in record.inputs.items():
        found = digest_input(values.inputs[name]) if name in values.inputs else ""
        if found != digest:
            place = values.inputs.get(name, name)
            gaps.append(
                Gap(
                    f"the data of {name!r}, {place}, are not those of then: {found or 'nothing'}, not {digest}",
                    f"name another place of them with --input {name}=PATH",
                )
            )
    return gaps


def _check_dataset(recipe: Recipe, code: Code, dataset: Dataset, given: str) -> list[Gap]:
    """Check a data set that was logged with a local file as its source; any other shows when it is logged again."""
    source = _find_local(dataset)
    if source is None or recipe.environment is None:
        return []
    was = Path(os.path.normpath(Path(recipe.environment.working_dir) / source))
    within = code.find(was)
    place = Path(given).absolute() if given else within if within is not None and within.exists() else was
    if not place.exists():
        return [
            Gap(f"the data set {dataset.name!r} is not at {place}", f"--input {dataset.name}=PATH for another place")
        ]
    if _SHA256.fullmatch(dataset.digest) and place.is_file() and f"sha256:{digest_file(place)}" != dataset.digest:
        return [Gap(f"the data set {dataset.name!r}, {place}, is not what it was", "put back what it was")]
    if within is not None and not within.exists():
        within.parent.mkdir(parents=True, exist_ok=True)
        within.symlink_to(place)
    elif given and place != was:
        return [Gap(f"the data set {dataset.name!r} is read from {was}, by its program", "put it there")]
    return []


def _find_local(dataset: Dataset) -> str | None:
    """Return the path of a data set's source, when that is a file or folder of a machine."""
    if dataset.source_type != "local":
        return None
    try:
        facts = json.loads(dataset.source)
    except ValueError:
        return None
    path = facts.get("uri") if isinstance(facts, dict) else None
    return path.removeprefix("file://") if isinstance(path, str) and path and "\0" not in path else None
