"""The ``steps:`` of an MLproject: which entry points run, with which values, after which others."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from trackway.base.errors import InvalidInput
from trackway.projects.document import Value, read_document
from trackway.projects.specification import Specification

MOST_STEPS: Final = 1_000
KINDS: Final = ("run_id", "params", "metrics", "tags", "artifacts")
"""What of an earlier step a value may name."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_REFERENCE = re.compile(r"\{([^{}]*)\}")
_KEYS: Final = ("name", "entry_point", "parameters", "needs")


class Reference(NamedTuple):
    """What stands between braces in a value: a parameter of the whole (``step`` is empty), or of an earlier step."""

    step: str
    kind: str
    key: str


class Step(msgspec.Struct, frozen=True):
    """One step: an entry point, the values of its parameters as they are written, and the steps that come first."""

    name: str
    entry_point: str
    parameters: Mapping[str, str]
    needs: tuple[str, ...]

    def list_sources(self) -> list[str]:
        """Return the steps whose results its values name."""
        named = [one.step for text in self.parameters.values() for one in list_references(text) if one.step]
        return list(dict.fromkeys(named))


class Graph(msgspec.Struct, frozen=True):
    """Steps in an order in which each comes after what it needs, and the parameters that they have in common."""

    steps: tuple[Step, ...]
    parameters: tuple[str, ...]

    def list_after(self, name: str) -> set[str]:
        """Return the steps that need a step, themselves or through others."""
        found: set[str] = set()
        for step in self.steps:
            if name in step.needs or found & set(step.needs):
                found.add(step.name)
        return found

    def list_before(self, names: Collection[str]) -> set[str]:
        """Return some steps with all that they need."""
        found = set(names)
        for step in reversed(self.steps):
            if step.name in found:
                found.update(step.needs)
        return found


def read_steps(specification: Specification) -> Graph:
    """Read the steps of a project.

    raises: InvalidInput, with line and column, for what is wrong: unknown entry points, needs and references, rings
    """
    if specification.file is None:
        raise InvalidInput("The project has no MLproject file, and so no steps", hint="write one with `steps:`")
    keys = read_document(specification.file).read_mapping()
    if "steps" not in keys:
        raise InvalidInput(f"{specification.file.name} has no steps", hint="write `steps:` with a list below it")
    items = keys["steps"].read_list()
    if not 1 <= len(items) <= MOST_STEPS:
        raise keys["steps"].fail(f"there are {len(items):,} steps", f"1 to {MOST_STEPS:,}")
    found: dict[str, tuple[Step, Value]] = {}
    for item in items:
        step = _read_step(item, specification)
        if step.name in found:
            raise item.fail(
                f"the step {step.name!r} is there twice", f"the first is at line {found[step.name][1].line}"
            )
        found[step.name] = step, item
    for step, item in found.values():
        _check_names(step, item, found)
    names = _sort({name: step.needs for name, (step, _) in found.items()}, keys["steps"])
    common = [
        one.key
        for step, _ in found.values()
        for text in step.parameters.values()
        for one in list_references(text)
        if not one.step
    ]
    return Graph(tuple(found[name][0] for name in names), tuple(dict.fromkeys(common)))


def list_references(text: str) -> list[Reference]:
    """Return what a value names between braces.

    raises: InvalidInput for what cannot be read
    """
    return [read_reference(match[1]) for match in _REFERENCE.finditer(text)]


def read_reference(text: str) -> Reference:
    """Read what stands between braces: ``NAME``, ``STEP.run_id``, or ``STEP.metrics.KEY`` and its like."""
    step, dot, rest = text.partition(".")
    if not dot:
        return Reference("", "params", step)
    kind, dot, key = rest.partition(".")
    if kind not in KINDS or bool(key) == (kind == "run_id") or bool(dot) == (kind == "run_id"):
        raise InvalidInput(
            f"{{{text[:80]}}} names nothing",
            hint="{STEP.run_id}, {STEP.params.NAME}, {STEP.metrics.NAME},"
            " {STEP.tags.NAME}, {STEP.artifacts.PATH}, or {NAME} of a parameter of the whole",
        )
    return Reference(step, kind, key)


def fill(text: str, values: Mapping[Reference, str]) -> str:
    """Return a value with what stands for its references."""
    return _REFERENCE.sub(lambda match: values[read_reference(match[1])], text)


def _read_step(item: Value, specification: Specification) -> Step:
    keys = item.read_mapping(_KEYS)
    if "name" not in keys:
        raise item.fail("the step has no name", "write `name: NAME`")
    name = keys["name"].read_text()
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise keys["name"].fail(f"{name[:100]!r} is no name of a step", "letters, digits, _ and -, a letter first")
    entry_point = keys["entry_point"].read_text() if "entry_point" in keys else name
    try:
        entry = specification.get_entry_point(entry_point)
    except LookupError as error:
        raise (keys.get("entry_point") or keys["name"]).fail(
            str(error).split(" (")[0], getattr(error, "hint", "")
        ) from None
    parameters: dict[str, str] = {}
    needs = [one.read_text() for one in keys["needs"].read_list()] if "needs" in keys else []
    for key, value in keys["parameters"].read_mapping().items() if "parameters" in keys else ():
        parameters[key] = value.read_text()
        try:
            needs += [one.step for one in list_references(parameters[key]) if one.step]
        except InvalidInput as error:
            raise value.fail(error.message, error.hint) from None
    missing = [one.name for one in entry.parameters if one.default is None and one.name not in parameters]
    if missing:
        raise item.fail(f"the step {name!r} gives no value for {', '.join(missing)}", f"{entry_point!r} has no default")
    return Step(name, entry_point, parameters, tuple(dict.fromkeys(needs)))


def _check_names(step: Step, item: Value, known: Collection[str]) -> None:
    for name in step.needs:
        if name not in known:
            raise item.fail(
                f"the step {step.name!r} needs {name[:100]!r}, which is none", f"there are {', '.join(known)}"
            )


def _sort(needs: Mapping[str, Sequence[str]], place: Value) -> list[str]:
    try:
        return list(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        ring = " <- ".join(error.args[1])
        raise place.fail(f"steps need one another in a ring: {ring}", "take one of these needs away") from None


def find_file(folder: Path, path: str) -> Path | None:
    """Return a local file or folder that a value names, below the project or where this process is."""
    for place in (folder / path, Path(path)):
        try:
            if place.exists():
                return place
        except (OSError, ValueError):  # too long, or with signs that no path has
            return None
    return None
