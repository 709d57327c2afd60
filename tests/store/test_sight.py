"""What may not be seen costs nothing: the steps of SQLite's machine for searches of a hundredth of all runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trackway.rules.grammar import EXPERIMENTS, RUNS, parse_filter, parse_order
from trackway.store.base import Page, Search
from trackway.store.sql.store import SqlStore

SEEN = 10
RUNS_EACH = 100
HIDDEN = {"few": 10, "many": 990}
"""Hidden experiments, of as many runs each as those that are seen: with many, a hundredth of 100,000 runs is seen."""
QUESTIONS = [
    ("", []),
    ("", ["attributes.run_name"]),
    ("", ["metrics.loss DESC"]),
    ("metrics.loss > 0.5", []),
    ("params.lr = '0.1'", []),
    ("tags.team = 'a' AND metrics.loss < 0.9", ["metrics.loss"]),
    ("attributes.status = 'FAILED'", []),
]


def build(path: Any, hidden: int) -> SqlStore:
    """Make a store in which the seen experiments are the oldest, so that an order by time begins with hidden ones."""
    store = SqlStore(f"sqlite:///{path}")
    total = SEEN + hidden

    def fill(tx: Any) -> None:
        db = tx.db
        db.many(
            "INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms)"
            " VALUES (?, 'w', ?, '', ?, ?)",
            [(e, f"e{e}", e, e) for e in range(1, total + 1)],
        )
        numbers = [(e, (e - 1) * RUNS_EACH + n) for e in range(1, total + 1) for n in range(1, RUNS_EACH + 1)]
        db.many(
            "INSERT INTO runs (pk, workspace, run_id, experiment_pk, name, status, user_name, start_ms, artifact_uri,"
            " version, arrived) VALUES (?, 'w', ?, ?, ?, 'FINISHED', '', ?, '', 1, 0)",
            [(pk, f"r{pk}", e, f"n{pk % 97}", pk) for e, pk in numbers],
        )
        db.many(
            "INSERT INTO series (run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
            " min_value, max_value, open_chunks, gathered) VALUES (?, 'loss', ?, 1, 0, 0, 0, ?, 0, 1, 0, 0)",
            [(pk, e, pk % 101 / 101) for e, pk in numbers],
        )
        for table, key, value in (("params", "lr", "0.1"), ("tags", "team", "a")):
            db.many(
                f"INSERT INTO {table} (run_pk, key, experiment_pk, value) VALUES (?, ?, ?, ?)",
                [(pk, key, e, value if pk % 7 else "other") for e, pk in numbers],
            )

    store.write(fill)
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SqlStore]]:
    folder = tmp_path_factory.mktemp("sight")
    made = {name: build(folder / f"{name}.db", hidden) for name, hidden in HIDDEN.items()}
    yield made
    for store in made.values():
        store.close()


@pytest.mark.parametrize(("filter_", "order"), QUESTIONS, ids=[f"{f} {' '.join(o)}" for f, o in QUESTIONS])
def test_a_search_of_what_is_seen_takes_no_more_steps_however_much_is_hidden(
    stores: dict[str, SqlStore], filter_: str, order: list[str]
) -> None:
    search = Search(parse_filter(filter_, RUNS), parse_order(order, RUNS), "active")
    steps = {}
    found = {}
    seen = frozenset(range(1, SEEN + 1))
    for name, store in stores.items():
        steps[name], (runs, _) = _measure(store, lambda tx: tx.runs.search("w", seen, search, Page(50)))
        found[name] = [run.run_id for run in runs]
        assert all(int(run.experiment_id) <= SEEN for run in runs)
    assert found["few"] == found["many"]
    assert steps["many"] <= steps["few"] * 1.3 + 20, steps


def test_a_search_of_experiments_takes_no_more_steps_however_many_are_hidden(stores: dict[str, SqlStore]) -> None:
    seen = frozenset(range(1, SEEN + 1))
    for filter_, order in (("", []), ("name LIKE 'e%'", []), ("", ["name"])):
        search = Search(parse_filter(filter_, EXPERIMENTS), parse_order(order, EXPERIMENTS), "active")
        steps = {}
        for name, store in stores.items():
            steps[name], (found, _) = _measure(
                store, lambda tx, s=search: tx.experiments.search("w", s, Page(50), seen)
            )
            assert len(found) == SEEN
        assert steps["many"] <= steps["few"] * 1.3 + 20, steps


def _measure(store: SqlStore, work: Any) -> tuple[int, Any]:
    """Return how many hundreds of steps a reading job took, and what it returned."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def job(tx: Any) -> Any:
        tx.db.raw.set_progress_handler(count, 100)
        try:
            return work(tx)
        finally:
            tx.db.raw.set_progress_handler(None, 100)

    result = store.read(job)
    return steps, result
