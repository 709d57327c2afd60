"""What a writer keeps in memory of tables that hardly ever change is never older than what is there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from trackway.api.webhooks import EventKind, Webhook
from trackway.base.errors import Conflict
from trackway.store.base import ExperimentRef, Transaction
from trackway.store.sql.store import SqlStore
from trackway.store.sql.transaction import SqlTransaction
from trackway.testing.store.space import Space

KIND: EventKind = "run.created"


@pytest.fixture(params=["sqlite", "postgresql"])
def spaces(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Space, Space]]:
    """Two stores on one database, as of a server and a command line, and one workspace."""
    is_sqlite = request.param == "sqlite"
    uri = f"sqlite:///{tmp_path}/t.db" if is_sqlite else request.getfixturevalue("postgres_database")
    stores = [SqlStore(uri) for _ in range(2)]
    ours, theirs = map(Space, stores)
    theirs.workspace = ours.workspace
    yield ours, theirs
    for store in stores:
        store.close()


def subscribe(tx: Transaction, workspace: str) -> None:
    webhook = Webhook(
        webhook_id="w",
        name="w",
        description="",
        url="https://a.example",
        events=[KIND],
        enabled=True,
        signed=False,
        created_by="",
        created_ms=1,
        updated_ms=1,
    )
    tx.webhooks.create(workspace, webhook, "")


def look(space: Space, number: int) -> tuple[ExperimentRef | None, bool]:
    """Read what a new run needs, in a writer's transaction."""
    found: tuple[ExperimentRef | None, bool] = space.write(
        lambda tx: (tx.experiments.ref(space.workspace, number), tx.webhooks.is_wanted(space.workspace, (KIND,)))
    )
    return found


def test_what_others_change_is_seen(spaces: tuple[Space, Space]) -> None:
    ours, theirs = spaces
    number = ours.make_experiment()
    for _ in range(2):
        ref, wanted = look(ours, number)
        assert ref is not None
        assert (ref.live, wanted) == (True, False)
    theirs.write(lambda tx: tx.experiments.delete(number, 5))
    theirs.write(lambda tx: subscribe(tx, theirs.workspace))
    ref, wanted = look(ours, number)
    assert ref is not None
    assert (ref.live, wanted) == (False, True)


def test_what_the_writer_changes_itself_is_seen_at_once(spaces: tuple[Space, Space]) -> None:
    ours, _ = spaces
    number = ours.make_experiment()

    def work(tx: Transaction) -> tuple[bool, bool]:
        before = tx.webhooks.is_wanted(ours.workspace, (KIND,))
        subscribe(tx, ours.workspace)
        assert tx.experiments.ref(ours.workspace, number)
        tx.experiments.delete(number, 5)
        ref = tx.experiments.ref(ours.workspace, number)
        assert ref is not None
        assert not ref.live
        return before, tx.webhooks.is_wanted(ours.workspace, (KIND,))

    assert ours.write(work) == (False, True)


def test_what_was_undone_is_forgotten(spaces: tuple[Space, Space]) -> None:
    ours, _ = spaces

    def fail(tx: Transaction) -> None:
        subscribe(tx, ours.workspace)
        assert tx.webhooks.is_wanted(ours.workspace, (KIND,))
        raise Conflict("No")

    with pytest.raises(Conflict):
        ours.write(fail)
    assert look(ours, 0)[1] is False


def test_only_the_first_look_costs_statements(spaces: tuple[Space, Space]) -> None:
    ours, _ = spaces
    number = ours.make_experiment()
    look(ours, number)

    def count(tx: SqlTransaction) -> list[int]:
        counts = [tx.db.statements]
        for _ in range(3):
            tx.experiments.ref(ours.workspace, number)
            tx.webhooks.is_wanted(ours.workspace, (KIND,))
            counts.append(tx.db.statements)
        return [after - before for before, after in pairwise(counts)]

    # Whether anybody has written is asked once a transaction: by SQLite's writer at first, by PostgreSQL's at last.
    assert ours.write(count) in ([1, 0, 0], [0, 0, 0])  # type: ignore[arg-type]
