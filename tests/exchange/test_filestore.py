from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.exchange.folders import RUN, write_experiment, write_run, write_text
from trackway.api import operations as ops
from trackway.api.artifacts import ListFiles
from trackway.api.limits import PARAM_VALUE_CHARS
from trackway.api.registry import VersionName
from trackway.api.runs import GetRun, Run
from trackway.base.errors import InvalidInput, NotFound, NotSupported, TrackwayError
from trackway.exchange.importer import import_history
from trackway.exchange.points import read_history
from trackway.exchange.report import Report
from trackway.exchange.sources import open_history
from trackway.sdk.transport import Transport


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mlruns"


def run_import(store: Transport, source: Path | str, artifacts: Path | None = None) -> Report:
    report = Report()
    with closing(open_history(str(source), artifacts, report.note)) as history:
        import_history(store, history, report)
    return report


def read_run(store: Transport, run_id: str = RUN) -> Run:
    return store.call(ops.GET_RUN, GetRun(run_id=run_id))


def list_files(store: Transport, run: Run) -> list[str]:
    folder = run.artifact_uri.removeprefix("mlflow-artifacts:/")
    files = store.call(ops.LIST_FILES, ListFiles(folder=folder, recursive=True)).files
    return [file.path.removeprefix(f"{folder}/") for file in files]


@pytest.mark.parametrize(
    "data, points, bad",
    [
        (b"1 0.5 3\n2 0.25 4\n", [(3, 1, 0.5), (4, 2, 0.25)], 0),
        (b"1 0.5\n", [(0, 1, 0.5)], 0),  # before steps
        (b"0.5\n", [(0, 0, 0.5)], 0),  # before times
        (b"1 0.5 3 run name digest\n", [(3, 1, 0.5)], 0),
        (b"1 0.5\n2 0.25 4 5\n", [(0, 1, 0.5), (4, 2, 0.25)], 0),  # as many fields as two lines of three
        (b"1 0.5 3", [(3, 1, 0.5)], 0),
        (b"1 0.5 3\n1 oops 3\n\n2 0.5 x\n", [(3, 1, 0.5)], 2),
        (b"1 0.5 9007199254740993\n", [(9007199254740993, 1, 0.5)], 0),
        (b"1 0.5 99999999999999999999\n", [], 1),
        (b"1 1e-320 -3\n1 -inf 4\n", [(4, 1, float("-inf")), (-3, 1, 1e-320)], 0),
        (b"\xff\xfe\n", [], 1),
        (b"", [], 0),
    ],
)
def test_lines_of_every_version_are_read(
    store: Transport, root: Path, data: bytes, points: list[tuple[int, int, float]], bad: int
) -> None:
    write_text(write_run(write_experiment(root)), "metrics", "m", data)
    report = run_import(store, root)
    found = read_history(store, RUN, "m")
    rows = zip(found.steps.tolist(), found.times_ms.tolist(), found.values.tolist(), strict=True)
    assert sorted(rows) == sorted(points)
    assert list(report.left_out) == ([f"{bad} of its lines cannot be read"] if bad else [])


def test_a_line_that_is_being_written_waits_for_the_next_import(store: Transport, root: Path) -> None:
    run = write_run(write_experiment(root), status=1, end_time=None)
    write_text(run, "metrics", "m", b"1 0.5 3\n2 0.2")
    run_import(store, root)
    assert read_run(store).metrics["m"].count == 1
    write_text(run, "metrics", "m", b"1 0.5 3\n2 0.25 4\n")
    assert run_import(store, root).added.points == 1
    assert read_run(store).metrics["m"].last_value == 0.25


def test_what_cannot_be_read_or_kept_is_told_and_the_rest_arrives(store: Transport, root: Path) -> None:
    experiment = write_experiment(root)
    run = write_run(experiment)
    write_text(run, "params", "fine", "1")
    write_text(run, "params", "huge", "x" * (PARAM_VALUE_CHARS + 1))
    write_text(run, "params", "bad\nkey", "1")
    write_text(run, "tags", "nul", "a\x00b")
    write_text(run, "metrics", "b@d", b"1 2 3\n")
    write_text(run, "metrics", "good", b"1 2 3\n")
    write_text(run, "artifacts", "a\\b", b"x")
    write_text(run, "artifacts", "c.txt", b"x")
    write_run(experiment, "broken").joinpath("meta.yaml").write_text("a: [")
    write_run(experiment, "binary")
    write_text(experiment / "binary", "tags", "t", b"\xff\xfe")
    write_run(experiment, "not an id", run_id="../../etc")
    write_experiment(root, "8", "empty").joinpath("meta.yaml").write_text("")
    report = run_import(store, root)
    left = "\n".join(f"{one.examples}: {why}" for why, one in report.left_out.items())
    for what in ("huge", "bad\\\\nkey", "nul", "b@d", "a\\\\\\\\b", "broken", "binary", "../../etc", "experiment 8"):
        assert what in left, what
    found = read_run(store)
    assert (found.params, list(found.metrics), found.status) == ({"fine": "1"}, ["good"], "FINISHED")
    assert list_files(store, found) == ["c.txt"]


def test_links_are_not_followed(store: Transport, root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    run = write_run(write_experiment(root))
    write_text(run, "artifacts", "kept.txt", b"x")
    for kind in ("artifacts", "params", "tags", "metrics"):
        (run / kind).mkdir(exist_ok=True)
        (run / kind / "link").symlink_to(secret)
    (run / "artifacts" / "folder").symlink_to(tmp_path)
    (run / "artifacts" / "round").symlink_to("round")
    os.mkfifo(run / "artifacts" / "pipe")
    report = run_import(store, root)
    found = read_run(store)
    assert list_files(store, found) == ["kept.txt"]
    assert "link" not in {**found.params, **found.tags, **found.metrics}
    assert report.left_out["it is a symbolic link, which is not followed"].count == 3


@pytest.mark.parametrize(
    "location", ["{secret}", "file://{secret}", "{secret}/../{secret}", "/", "", "mlflow-artifacts:/../x"]
)
def test_a_location_that_is_not_the_runs_own_is_not_opened(
    store: Transport, root: Path, tmp_path: Path, location: str
) -> None:
    secret = tmp_path / "home"
    write_text(secret, "artifacts", "key.pem", b"secret")
    write_run(write_experiment(root), artifact_uri=location.format(secret=secret / "artifacts"))
    report = run_import(store, root)
    assert list_files(store, read_run(store)) == []
    assert bool(report.left_out) == bool(location)


@pytest.mark.parametrize(
    "location, place",
    [
        ("mlflow-artifacts:/deep/7/{run}/artifacts", "deep/7/{run}/artifacts"),
        ("s3://bucket/7/{run}/artifacts", "7/{run}/artifacts"),
    ],
)
def test_artifacts_are_found_below_the_root_that_is_given(
    store: Transport, root: Path, tmp_path: Path, location: str, place: str
) -> None:
    write_run(write_experiment(root), artifact_uri=location.format(run=RUN))
    report = run_import(store, root)
    assert "--artifacts" in next(iter(report.left_out))
    write_text(tmp_path / "copy", place.format(run=RUN), "a.txt", b"x")
    assert run_import(store, root, tmp_path / "copy").added.files == 1
    assert list_files(store, read_run(store)) == ["a.txt"]


def test_a_moved_folder_still_has_its_artifacts(store: Transport, root: Path, tmp_path: Path) -> None:
    run = write_run(write_experiment(root), artifact_uri=f"/elsewhere/mlruns/7/{RUN}/artifacts")
    write_text(run, "artifacts", "a.txt", b"x")
    root.rename(tmp_path / "moved")
    assert run_import(store, tmp_path / "moved").added.files == 1


def test_files_of_an_experiment_with_a_place_of_its_own_come_along(
    store: Transport, root: Path, tmp_path: Path
) -> None:
    run = write_run(write_experiment(root), artifact_uri=f"file://{tmp_path}/own%20place/{RUN}/artifacts")
    (run / "artifacts").mkdir()  # as the file store makes one beside every run
    write_text(tmp_path / "own place" / RUN, "artifacts", "a.txt", b"x")
    report = run_import(store, root)
    assert (list_files(store, read_run(store)), report.left_out) == (["a.txt"], {})


@pytest.mark.parametrize(
    "place, told", [("/gone/own/{run}/artifacts", True), ("/gone/mlruns/7/{run}/artifacts", False)]
)
def test_a_place_that_is_not_on_this_machine_is_told_unless_the_folder_has_moved(
    store: Transport, root: Path, place: str, told: int
) -> None:
    run = write_run(write_experiment(root), artifact_uri=place.format(run=RUN))
    (run / "artifacts").mkdir()
    report = run_import(store, root)
    assert any("not on this machine" in why for why in report.left_out) == told


def test_registered_models_come_along(store: Transport, root: Path) -> None:
    write_run(write_experiment(root))
    write_text(root, "models/churn", "meta.yaml", b"name: churn\ncreation_timestamp: 1\n")
    version = b"version: 1\nsource: s3://bucket/model\ncurrent_stage: Staging\ncreation_timestamp: 2\n"
    write_text(root, "models/churn", "version-1/meta.yaml", version)
    report = run_import(store, root)
    assert (report.added.registered, report.added.versions, report.left_out) == (1, 1, {})
    assert store.call(ops.GET_MODEL_VERSION, VersionName(name="churn", version=1)).stage == "Staging"


def test_fields_of_the_first_versions_become_tags(store: Transport, root: Path) -> None:
    write_run(write_experiment(root), source_name="train.py", entry_point_name="main", source_version="abc")
    run_import(store, root)
    tags = read_run(store).tags
    assert tags["mlflow.source.name"] == "train.py"
    assert tags["mlflow.project.entryPoint"] == "main"
    assert tags["mlflow.source.git.commit"] == "abc"


@pytest.mark.parametrize(
    "source, error",
    [
        ("nothing-here", NotFound),
        ("empty", InvalidInput),
        ("text.txt", InvalidInput),
        ("sqlite:///text.txt", InvalidInput),
        ("postgresql://host/db", NotSupported),
        ("mysql+pymysql://host/db", NotSupported),
        ("s3://bucket/mlruns", NotSupported),
        ("file://host/mlruns", InvalidInput),
        ("sqlite://mlflow.db", InvalidInput),
    ],
)
def test_a_source_that_is_none_is_refused(
    store: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: type[TrackwayError]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    with pytest.raises(error) as caught:
        run_import(store, source)
    assert caught.value.hint


@pytest.mark.parametrize("address", ["{root}", "file:{root}", "file://{root}", "file:{relative}", "{parent}"])
def test_a_folder_is_found_under_each_of_its_addresses(
    store: Transport, root: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    write_run(write_experiment(root))
    monkeypatch.chdir(root.parent)
    source = address.format(root=root, relative=root.name, parent=root.parent)
    assert run_import(store, source).added.runs == 1
