"""What an import does in a store that holds something already, and when it breaks off."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.exchange.facts import Facts, differ, read_store
from tests.exchange.folders import RUN, write_experiment, write_run, write_text
from tests.exchange.interrupted import Interrupted
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.errors import InvalidInput, Unavailable
from trackway.exchange.history import PastPoints
from trackway.exchange.importer import import_history
from trackway.exchange.points import read_history
from trackway.exchange.rehearsal import Rehearsal
from trackway.exchange.report import Report
from trackway.exchange.runs import TAG_IMPORTED
from trackway.exchange.sources import open_history
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local

OTHER = "f" * 32


def run_import(store: Transport, root: Path | str, *names: str) -> Report:
    report = Report()
    with closing(open_history(str(root), None, report.note)) as history:
        import_history(store, history, report, names)
    return report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A history with two experiments, one of them in the trash, and runs with something of everything."""
    root = tmp_path / "mlruns"
    experiment = write_experiment(root)
    write_text(experiment, "tags", "owner", "ada")
    run = write_run(experiment)
    for step in range(3):
        write_text(run, "metrics", f"m{step}", b"".join(b"%d 0.5 %d\n" % (i, i) for i in range(4)))
    write_text(run, "params", "alpha", "1")
    write_text(run, "tags", "mlflow.note.content", "hello")
    write_text(run, "artifacts", "a/b.txt", b"x")
    write_text(run, "artifacts", "c.bin", b"y" * 100_000)
    write_text(experiment / "datasets", "d1", "meta.yaml", "name: d\ndigest: '1'\nsource_type: local\nsource: x\n")
    write_text(run / "inputs", "i1", "meta.yaml", "source_type: DATASET\nsource_id: d1\ntags: {k: v}\n")
    write_text(
        experiment / "models",
        "m-1",
        "meta.yaml",
        f"name: forest\nstatus: 2\ncreation_timestamp: 5\nlast_updated_timestamp: 6\nsource_run_id: {RUN}\n",
    )
    write_text(experiment / "models" / "m-1", "metrics", "acc", f"1 0.5 2 {RUN}\n2 0.75 3 {RUN} my data d1\n")
    write_text(experiment / "models" / "m-1", "artifacts", "MLmodel", b"x")
    write_run(experiment, OTHER, lifecycle_stage="deleted", deleted_time=3_000)
    trash = write_experiment(root / ".trash", "8", "old", lifecycle_stage="deleted", last_update_time=9)
    write_run(trash, "e" * 32)
    return root


def test_an_import_that_breaks_off_anywhere_is_finished_by_the_next(root: Path, tmp_path: Path) -> None:
    for late in (False, True):
        whole = open_local(str(tmp_path / f"whole-{late}"))
        counter = Interrupted(whole, 1_000, late)
        run_import(counter, root)
        expected = read_store(whole)
        whole.close()
        calls = 1_000 - counter.left
        assert calls >= 20
        for broken in range(calls):
            found = _import_in_two(root, tmp_path / f"{late}-{broken}", broken, late)
            assert differ(found, expected) == [], (late, broken)


def _import_in_two(root: Path, folder: Path, broken: int, late: bool) -> Facts:
    store = open_local(str(folder))
    try:
        with pytest.raises(Unavailable, match="Interrupted"):
            run_import(Interrupted(store, broken, late), root)
        unfinished = [run for run in _list_runs(store) if run.status == "RUNNING"]
        assert len(unfinished) < 2  # the one that was at work
        report = run_import(store, root)
        assert report.left_out == {}
        return read_store(store)
    finally:
        store.close()
        shutil.rmtree(folder)


def _list_runs(store: Transport) -> list[r.Run]:
    return store.call(ops.SEARCH_RUNS, r.SearchRuns(view="all")).runs


def test_a_rehearsal_counts_and_writes_nothing(store: Transport, root: Path) -> None:
    before = read_store(store)
    rehearsed = run_import(Rehearsal(store), root)
    assert read_store(store) == before
    done = run_import(store, root)
    assert rehearsed.added == done.added
    assert run_import(Rehearsal(store), root).added.runs == 0


def test_ids_and_times_are_kept_where_they_are_free(store: Transport, root: Path) -> None:
    run_import(store, root)
    experiment = store.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id="7"))
    assert (experiment.name, experiment.created_ms, experiment.tags["owner"]) == ("odd", 5, "ada")
    old = store.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id="8"))
    assert (old.name, old.lifecycle, old.updated_ms) == ("old", "deleted", 9)
    deleted = store.call(ops.GET_RUN, r.GetRun(run_id=OTHER))
    assert (deleted.lifecycle, deleted.deleted_ms, deleted.status) == ("deleted", 3_000, "FINISHED")
    assert store.call(ops.GET_RUN, r.GetRun(run_id=RUN)).tags[TAG_IMPORTED] == str(root)


def test_taken_ids_and_names_are_mapped_and_told(store: Transport, root: Path) -> None:
    store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="mine", experiment_id="7"))
    store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="old"))
    named = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="odd"))
    report = run_import(store, root)
    assert {(one.experiment_id, one.became_name) for one in report.mapped} == {("7", "odd"), ("8", "old (8)")}
    run = store.call(ops.GET_RUN, r.GetRun(run_id=RUN))
    assert run.experiment_id == named.experiment_id
    live = store.call(ops.SEARCH_EXPERIMENTS, e.SearchExperiments()).experiments
    assert {one.name for one in live} == {"Default", "mine", "old", "odd"}
    again = run_import(store, root)
    assert (again.added.experiments, again.added.runs, again.added.points, again.added.files) == (0, 0, 0, 0)


def test_what_was_done_here_since_stays(store: Transport, root: Path) -> None:
    run_import(store, root)
    store.call(ops.INGEST, r.Ingest(run_id=RUN, tags={"mlflow.note.content": "edited", "mine": "1"}))
    store.call(ops.UPDATE_EXPERIMENT, e.UpdateExperiment(experiment_id="7", name="renamed"))
    store.call(ops.CORRECT_PARAM, r.CorrectParam(run_id=RUN, key="alpha", value="2"))
    other = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="elsewhere"))
    store.call(ops.MOVE_RUNS, r.MoveRuns(run_ids=[RUN], experiment_id=other.experiment_id))
    report = run_import(store, root)
    run = store.call(ops.GET_RUN, r.GetRun(run_id=RUN))
    assert (run.tags["mlflow.note.content"], run.params["alpha"]) == ("edited", "2")
    assert run.experiment_id == other.experiment_id
    assert report.added.runs == 0
    assert list(report.left_out) == ["it has another value here, which stays"]


def test_what_was_put_in_the_trash_here_stays_there(store: Transport, root: Path) -> None:
    run_import(store, root)
    store.call(ops.DELETE_RUN, r.DeleteRun(run_id=RUN))
    run_import(store, root)
    assert store.call(ops.GET_RUN, r.GetRun(run_id=RUN)).lifecycle == "deleted"
    store.call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id="7"))
    report = run_import(store, root)
    assert report.left_out["it is in the trash here; restore it to import into it"].count == 1


def test_a_run_that_was_not_imported_is_left_alone(store: Transport, root: Path) -> None:
    store.call(ops.CREATE_RUN, r.CreateRun(run_id=RUN, name="mine"))
    report = run_import(store, root)
    run = store.call(ops.GET_RUN, r.GetRun(run_id=RUN))
    assert (run.name, run.params, run.lifecycle) == ("mine", {}, "active")
    assert report.left_out["a run of this id is here that was not imported; it is left as it is"].count == 1


def test_only_the_experiments_that_are_named_come(store: Transport, root: Path) -> None:
    assert run_import(store, root, "odd").added.experiments == 1
    with pytest.raises(InvalidInput, match="'nothing'"):
        run_import(store, root, "odd", "nothing")


def test_a_file_that_changed_is_brought_over_again(store: Transport, root: Path) -> None:
    run_import(store, root)
    write_text(root / "7" / RUN, "artifacts", "a/b.txt", b"z")
    assert run_import(store, root).added.files == 1
    folder = store.call(ops.GET_RUN, r.GetRun(run_id=RUN)).artifact_uri.removeprefix("mlflow-artifacts:/")
    assert b"".join(store.download(f"{folder}/a/b.txt")) == b"z"


def test_points_in_any_order_are_added_once(store: Transport, root: Path) -> None:
    run_import(store, root)
    lines = [b"%d 0.5 %d\n" % (i, i) for i in range(4)]
    more = [b"9 nan 1\n", lines[2], b"0 0.25 0\n", lines[0], lines[3], b"9 nan 1\n", lines[1]]
    write_text(root / "7" / RUN, "metrics", "m0", b"".join(more))
    assert run_import(store, root).added.points == 3  # a point that is there twice counts twice, and is shown once
    assert run_import(store, root).added.points == 0
    assert len(read_history(store, RUN, "m0").values) == 6


def test_a_long_history_of_many_metrics_arrives_in_batches(
    store: Transport, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.exchange.points.BATCH_POINTS", 50)
    run = root / "7" / RUN
    for metric in range(7):
        lines = (b"%d %d %d\n" % (i, i * metric, i) for i in range(33))
        write_text(run, "metrics", f"deep/m{metric}", b"".join(lines))
    run_import(store, root)
    for metric in range(7):
        found: PastPoints = read_history(store, RUN, f"deep/m{metric}")
        assert found.values.tolist() == [i * metric for i in range(33)]


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A database as the first versions made it: no steps, no NaN, no times of experiments."""
    path = tmp_path / "old.db"
    db = sqlite3.connect(path)
    db.executescript(f"""
        CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT,
                                  lifecycle_stage TEXT);
        CREATE TABLE runs (run_uuid TEXT, name TEXT, source_type TEXT, source_name TEXT, entry_point_name TEXT,
                           user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT, source_version TEXT,
                           lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
        CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT);
        CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
        INSERT INTO experiments VALUES (3, 'first', 'x', 'active');
        INSERT INTO runs VALUES ('{RUN}', '', 'LOCAL', 'train.py', '', 'ada', 'FINISHED', 5, 6, '', 'active',
            '/x/{RUN}/artifacts', 3);
        INSERT INTO metrics VALUES ('m', 0.5, 7, '{RUN}');
        INSERT INTO tags VALUES ('k', NULL, '{RUN}');
    """)
    db.commit()
    db.close()
    return path


def test_a_database_of_the_first_versions_is_read(store: Transport, first_version: Path) -> None:
    assert run_import(store, first_version).left_out == {}
    run = store.call(ops.GET_RUN, r.GetRun(run_id=RUN))
    assert (run.name, run.metrics["m"].last_value, run.metrics["m"].last_step) == (RUN, 0.5, 0)
    assert (run.tags["mlflow.source.name"], run.tags["k"]) == ("train.py", "")


def test_a_database_that_is_none_of_mlflows_is_refused(store: Transport, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a database of MLflow's"):
        run_import(store, tmp_path / "tracks" / "trackway.db")
    (tmp_path / "torn.db").write_bytes(b"SQLite format 3\x00" + b"\x00" * 1_000)
    with pytest.raises(Unavailable):
        run_import(store, tmp_path / "torn.db")


def test_a_database_that_is_being_written_to_is_read(store: Transport, first_version: Path) -> None:
    writer = sqlite3.connect(first_version)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO metrics VALUES ('m', 0.25, 8, ?)", (RUN,))
    assert run_import(store, first_version).added.points == 1
    writer.commit()
    writer.close()
    assert run_import(store, first_version).added.points == 1


def test_postgresql_keeps_ids_and_gives_none_twice(
    root: Path, postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_ARTIFACTS", str(tmp_path / "artifacts"))
    write_experiment(root, "1", "small number")
    with closing(open_local(postgres_database)) as store, closing(open_local(str(tmp_path / "local"))) as local:
        for target in (store, local):
            assert run_import(target, root).left_out == {}
            run_import(target, root)
        assert differ(read_store(store), read_store(local)) == []
        made = [store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name=f"new {i}")) for i in range(3)]
        assert {one.experiment_id for one in made} & {"0", "1", "7", "8"} == set()
