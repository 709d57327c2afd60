"""Limits of what one answer holds, lowered so that few objects pass them; and no published limit without code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracking.scenarios import Stage
from tests.tracking.scenarios_schedules import new as new_schedule
from tests.tracking.scenarios_webhooks import new
from trackway.api import limits
from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.links import LinkName
from trackway.base.errors import Conflict
from trackway.wiring.platform import Platform

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    platform = Platform(f"sqlite:///{tmp_path}/t.db", "memory://")
    yield Stage(platform.dispatch)
    platform.close()


@pytest.mark.parametrize("runs, shown, truncated", [(9, 9, False), (10, 10, False), (11, 10, True), (100, 10, True)])
def test_a_tree_says_when_it_has_more_runs_than_are_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, runs: int, shown: int, truncated: bool
) -> None:
    monkeypatch.setattr(limits, "TREE_RUNS", 10)
    for _ in range(runs - 2):  # the run and its child are there
        stage.make_run(stage.exp, parent_run_id=stage.run)
    tree = stage.call(ops.GET_RUN_TREE, r.GetRunTree(run_id=stage.run))
    assert (len(tree.nodes), tree.truncated) == (shown, truncated)


@pytest.mark.parametrize("sets, shown, truncated", [(9, 10, False), (10, 10, True), (100, 10, True)])
def test_a_lineage_says_when_it_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, sets: int, shown: int, truncated: bool
) -> None:
    monkeypatch.setattr(limits, "LINEAGE_NODES", 10)
    used = [r.DatasetInput(dataset=r.Dataset(name=f"d{number}", digest="1")) for number in range(sets)]
    stage.call(ops.INGEST, r.Ingest(run_id=stage.run, datasets=used))
    lineage = stage.call(ops.GET_LINEAGE, n.GetLineage(kind="run", id=stage.run, direction="upstream"))
    assert (len(lineage.nodes), lineage.truncated) == (shown, truncated)


def test_what_led_to_a_run_is_shown_before_the_many_that_came_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINEAGE_NODES", 3)
    for _ in range(3):
        later = LinkName(run_id=stage.make_run(stage.exp), kind="uses", earlier_run_id=stage.run)
        stage.call(ops.LINK_RUN, later)
    stage.call(ops.LINK_RUN, LinkName(run_id=stage.run, kind="uses", earlier_run_id=stage.child))
    lineage = stage.call(ops.GET_LINEAGE, n.GetLineage(kind="run", id=stage.run))
    assert lineage.truncated
    assert [node.id for node in lineage.nodes[:2]] == [stage.run, stage.child]


def test_a_workspace_has_so_many_webhooks_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WEBHOOKS", 10)
    for number in range(10):
        stage.call(ops.CREATE_WEBHOOK, new(name=f"ci-{number}"))
    for _ in range(2):
        with pytest.raises(Conflict):
            stage.call(ops.CREATE_WEBHOOK, new(name="ci-10"))


def test_a_workspace_has_so_many_schedules_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SCHEDULES", 3)
    for number in range(3):
        stage.call(ops.CREATE_SCHEDULE, new_schedule(name=f"s{number}"))
    with pytest.raises(Conflict):
        stage.call(ops.CREATE_SCHEDULE, new_schedule(name="s3"))


def list_limits() -> list[str]:
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    return [one.target.id for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]


@pytest.mark.parametrize("name", list_limits())
def test_a_published_limit_is_one_that_the_code_holds(name: str) -> None:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py") if path.name != "limits.py")
    assert any(re.search(rf"\blimits\.{name}\b|\bimport\b.*\b{name}\b", text) for text in texts)
