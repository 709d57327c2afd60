"""The ``steps:`` of an MLproject: what they say, and each mistake by its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackway.base.errors import InvalidInput
from trackway.projects.specification import read_specification
from trackway.projects.steps.graph import Graph, read_steps

HEAD = """\
name: p
entry_points:
  prepare:
    command: "true"
  train:
    parameters: {data: string, alpha: {type: float, default: 1}}
    command: "echo {data} {alpha}"
steps:
"""
PREPARE = "  - name: prepare\n"


def read(folder: Path, steps: str) -> Graph:
    (folder / "MLproject").write_text(HEAD + steps)
    return read_steps(read_specification(folder))


def test_steps_come_after_what_they_need_and_name(tmp_path: Path) -> None:
    graph = read(
        tmp_path,
        "  - name: last\n    entry_point: train\n    needs: [two]\n    parameters: {data: '{rows} {one.run_id}'}\n"
        "  - {name: two, entry_point: train, parameters: {data: '{prepare.artifacts.a/b.csv}'}}\n"
        "  - {name: one, entry_point: train, parameters: {data: x, alpha: 2}, needs: [prepare]}\n" + PREPARE,
    )
    order = [step.name for step in graph.steps]
    assert order.index("prepare") < min(order.index("one"), order.index("two"))
    assert order[-1] == "last"
    assert next(step for step in graph.steps if step.name == "last").needs == ("two", "one")
    assert graph.parameters == ("rows",)
    assert graph.list_after("prepare") == {"one", "two", "last"}
    assert graph.list_before(["two"]) == {"two", "prepare"}


@pytest.mark.parametrize(
    ("steps", "place", "told"),
    [
        ("  - nam: prepare\n", "9:5", "'nam' is no key"),
        ("  - entry_point: prepare\n", "9:5", "the step has no name"),
        ("  - name: 'a b'\n    entry_point: prepare\n", "9:11", "no name of a step"),
        ("  - name: x.y\n    entry_point: prepare\n", "9:11", "no name of a step"),
        ("  - name: other\n", "9:11", "no entry point 'other'"),
        ("  - name: a\n    entry_point: other\n", "10:18", "no entry point 'other'"),
        (PREPARE + PREPARE, "10:5", "'prepare' is there twice"),
        ("  - name: prepare\n    needs: [other]\n", "9:5", "needs 'other', which is none"),
        ("  - name: prepare\n    needs: other\n", "10:12", "must be a list"),
        ("  - name: train\n", "9:5", "gives no value for data"),
        ("  - name: train\n    parameters: {data: '{other.run_id}'}\n", "9:5", "needs 'other', which is none"),
        ("  - name: train\n    parameters: {data: '{prepare.metric.x}'}\n", "10:24", "names nothing"),
        ("  - name: train\n    parameters: {data: '{prepare.run_id.x}'}\n", "10:24", "names nothing"),
        ("  - name: train\n    parameters: {data: '{prepare.metrics.}'}\n", "10:24", "names nothing"),
        ("  - name: train\n    parameters: {data: [1]}\n", "10:24", "must be a text"),
        (
            "  - {name: a, entry_point: prepare, needs: [b]}\n  - {name: b, entry_point: prepare, needs: [a]}\n",
            "9:3",
            "in a ring: a <- b <- a",
        ),
        ("  - {name: prepare, needs: [prepare]}\n", "9:3", "in a ring: prepare <- prepare"),
        ("  []\n", "9:3", "there are 0 steps"),
        ("  prepare: 1\n", "9:3", "must be a list"),
    ],
)
def test_a_mistake_is_told_by_its_place(tmp_path: Path, steps: str, place: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(tmp_path, steps)
    assert refusal.value.message.startswith(f"MLproject:{place}: ")
    assert told in refusal.value.message


def test_a_project_without_steps_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no MLproject file"):
        read_steps(read_specification(tmp_path))
    (tmp_path / "MLproject").write_text("name: p\n")
    with pytest.raises(InvalidInput, match="MLproject has no steps"):
        read_steps(read_specification(tmp_path))
