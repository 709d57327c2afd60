"""Whatever is asked of MLflow's own server and of ours, the answers say the same, unless a reason is given."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.interop import stories, stories_registry, stories_search
from tests.interop.side_by_side import Pair, Step, run_mlflow
from tests.interop.wander import Walk

STORIES: dict[str, list[Step]] = {
    "experiments": stories.EXPERIMENTS,
    "runs": stories.RUNS,
    "metrics": stories.METRICS,
    "inputs and files": stories.INPUTS,
    "searches": stories_search.SEARCHES,
    "registered models": stories_registry.REGISTERED_MODELS,
    "versions": stories_registry.VERSIONS,
    "logged models": stories_registry.LOGGED_MODELS,
    "protocol": stories_search.PROTOCOL,
}
STEPS = 250


@pytest.fixture(scope="module")
def pair(trackway_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with run_mlflow(tmp_path_factory.mktemp("mlflow")) as port:
        yield Pair(port, trackway_port)


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))
def test_a_story_is_told_alike_by_both_servers(pair: Pair, story: list[Step]) -> None:
    pair.begin(mark=f"s{uuid.uuid4().hex[:12]}")
    faults = [fault for step in story if (fault := pair.take(step))]
    assert not faults, f"{len(faults)} of {len(story)} differ:\n" + "\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_walk_at_random_leads_to_the_same_places(pair: Pair, seed: int) -> None:
    pair.begin(mark=f"w{uuid.uuid4().hex[:12]}")
    walk = Walk(seed)
    steps = [*walk.begin(), *(walk.step() for _ in range(STEPS))]
    faults = [f"{number} {fault}" for number, step in enumerate(steps) if (fault := pair.take(step))]
    assert not faults, f"{len(faults)} of {len(steps)} differ:\n" + "\n".join(faults)
