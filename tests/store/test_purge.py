"""A purge leaves nothing behind: compared table by table, and byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trackway.api.artifacts import Multipart, StoredFile
from trackway.api.logged_models import LoggedMetric
from trackway.api.runs import Dataset, DatasetInput, ModelOutput, ParamRevision
from trackway.base.ids import new_id
from trackway.store.base import RunRef, Transaction
from trackway.store.sql.schema import metadata
from trackway.store.sql.store import SqlStore
from trackway.testing.store.logged_models import make_model
from trackway.testing.store.metrics import seal
from trackway.testing.store.space import Space, make_series

CANARY = "canary-3f1c"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """A store of this test's own."""
    uri = f"sqlite:///{tmp_path}/t.db" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    store = SqlStore(uri)
    yield store
    store.close()


def dump(store: SqlStore) -> dict[str, list[Any]]:
    """Return the rows of every table."""
    db = store._connect()
    try:
        return {
            name: sorted(map(repr, db.all(f"SELECT * FROM {name}"))) for name in (*metadata.tables, "alembic_version")
        }
    finally:
        db.close()


def fill_run(space: Space, experiment: int, mark: str) -> RunRef:
    """Make a run with everything that a run can have, each thing carrying a mark."""
    ref = space.make_run(experiment, {f"{mark}-t": mark}, name=mark, user=mark, external_key=new_id())

    def work(tx: Transaction) -> None:
        tx.runs.advance_session(ref.pk, f"{mark}-session", 1, 2)
        tx.runs.add_params(ref, {f"{mark}-p": mark, "long": mark * 10_000})
        by = ParamRevision(key=f"{mark}-p", value="", replaced_ms=1, actor=mark, reason=mark)
        tx.runs.correct_param(ref, f"{mark}-p", f"{mark}-2", by)
        tx.runs.set_tags(ref, {"note": mark * 10_000})
        dataset = Dataset(name=mark, digest="1", source=mark, schema=mark * 2_000, profile=mark * 2_000)
        tx.runs.add_datasets(ref, [DatasetInput(dataset=dataset, tags={mark: mark})])
        tx.runs.add_models(ref.pk, [f"{mark}-m"], [ModelOutput(model_id=f"{mark}-m", step=1)])
        tx.runs.set_environment(ref.pk, f"sha256:{mark}", mark.encode() * 5_000)
        for n in range(40):
            tx.metrics.append(ref, [make_series(f"{mark}-loss", [(n, n, float(n))] * 50)])
        tx.metrics.queue_run(ref.pk)

    space.write(work)
    seal(space)
    space.log(ref, **{f"{mark}-loss": [(99, 99, 1.0)]})
    space.write(lambda tx: tx.metrics.queue_run(ref.pk))
    return ref


def test_a_purged_run_leaves_no_row_in_any_table(store: SqlStore) -> None:
    space = Space(store)
    experiment = space.make_experiment()
    fill_run(space, experiment, "kept")
    seal(space)
    before = dump(store)
    ref = fill_run(space, experiment, CANARY)
    assert any(CANARY in repr(rows) for rows in dump(store).values())
    space.write(lambda tx: tx.runs.purge(ref.pk))
    after = dump(store)
    for table, rows in before.items():
        assert after[table] == rows, table


def test_what_two_runs_share_goes_with_the_last_of_them(store: SqlStore) -> None:
    space = Space(store)
    experiment = space.make_experiment()
    before = dump(store)
    first, second = fill_run(space, experiment, "shared"), fill_run(space, experiment, "shared")
    space.write(lambda tx: tx.runs.purge(first.pk))
    assert len(space.run(second).inputs) == 1
    assert space.read(lambda tx: tx.runs.get_environment(second.pk)) is not None
    space.write(lambda tx: tx.runs.purge(second.pk))
    after = dump(store)
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}


def test_a_purged_experiment_and_model_leave_no_row_in_any_table(store: SqlStore) -> None:
    space = Space(store)
    before = dump(store)
    experiment = space.make_experiment(CANARY)
    space.write(lambda tx: tx.experiments.set_tags(experiment, {CANARY: CANARY}))
    model = make_model(space, experiment, name=CANARY, params={CANARY: "1"}, tags={CANARY: "1"})
    metric = LoggedMetric(model_id=model.model_id, key=CANARY, value=1.0, time_ms=1, run_id=CANARY, dataset_name=CANARY)
    space.write(lambda tx: tx.logged_models.add_metric(space.workspace, metric))
    [ref] = space.read(lambda tx: tx.logged_models.list_experiment(experiment, 0, 10))
    space.write(lambda tx: tx.logged_models.delete(space.workspace, model.model_id, 5))
    assert space.read(lambda tx: tx.logged_models.list_trash(space.workspace, 5, 10)) == [ref]
    space.write(lambda tx: tx.logged_models.purge(ref.pk))
    space.write(lambda tx: tx.experiments.purge(experiment))
    assert dump(store) == before


def test_a_deleted_file_leaves_only_the_name_of_its_blob_until_that_is_forgotten(store: SqlStore) -> None:
    space = Space(store)
    before = dump(store)
    inline = StoredFile(path="r/a", size_bytes=1, sha256="", modified_ms=1, blob_key=None, data=CANARY.encode())
    stored = StoredFile(path="r/b", size_bytes=1, sha256="", modified_ms=1, blob_key="w/1", data=None)
    upload = Multipart(upload_id=new_id(), path="r/c", blob_key="w/2", store_upload_id="s", created_ms=1)
    for file in (inline, stored):
        space.write(lambda tx, file=file: tx.files.put(space.workspace, file))
    space.write(lambda tx: tx.files.create_upload(space.workspace, "", upload))
    space.write(lambda tx: tx.files.delete(space.workspace, "r", 5))
    space.write(lambda tx: tx.files.delete_upload(space.workspace, upload.upload_id))
    space.write(lambda tx: tx.files.forget_blobs(["w/1"]))
    assert dump(store) == before


def test_a_purge_leaves_no_byte_in_the_files_of_sqlite(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/t.db")
    space = Space(store)
    experiment = space.make_experiment()
    fill_run(space, experiment, "kept")
    ref = fill_run(space, experiment, CANARY)
    space.write(lambda tx: tx.runs.set_tags(ref, {"note": "short"}))  # frees the long value's pages
    store.reclaim()
    assert CANARY.encode() in (tmp_path / "t.db").read_bytes()
    space.write(lambda tx: tx.runs.purge(ref.pk))
    store.reclaim()
    for file in tmp_path.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file.name
    store.close()
