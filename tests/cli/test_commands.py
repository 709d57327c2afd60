"""The commands, driven as a person drives them, on a store in a folder of the test's own."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import platform
import pty
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from pathlib import Path

import click
import pyarrow.parquet as parquet
import pytest

import trackway as tw
from tests.cli.driving import Trackway, read
from tests.services.trackway_server import run_trackway
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.runs import CreateRun
from trackway.base import errors
from trackway.cli.main import COMMANDS, cli, get_exit_status
from trackway.sdk.connection import close_transports


@pytest.fixture
def run_id(trackway: Trackway) -> str:
    """Log a run with a little of everything."""
    client = tw.MlflowClient()
    made = client.create_run(client.create_experiment("prices"), run_name="first")
    number = str(made.info.run_id)
    client.log_param(number, "alpha", "0.1")
    for step in range(3):
        client.log_metric(number, "rmse", 1.0 - step / 10, timestamp=1_000 + step, step=step)
    client.log_text(number, "hello", "notes/a.txt")
    client.log_text(number, "x" * 100_000, "big.txt")
    return number


def test_runs_are_linked_and_the_links_taken_back(trackway: Trackway, run_id: str) -> None:
    later = tw.MlflowClient().create_run("0", run_name="second").info.run_id
    assert trackway("runs", "link", later, "retry_of", run_id).exit_code == 0
    assert trackway("runs", "link", later, "uses", run_id).exit_code == 0
    [link, _] = read(trackway("runs", "links", run_id, "--json"))["later"]
    assert (link["kind"], link["run_id"], link["name"], link["status"]) == ("retry_of", later, "second", "RUNNING")
    table = trackway("runs", "links", later).output
    assert [line.split()[:3] for line in table.splitlines()[2:]] == [
        [later, kind, run_id] for kind in ("retry_of", "uses")
    ]
    cut = trackway("runs", "links", later, "--limit", "1")
    assert "There are more than 1" in cut.output
    assert "retry of" in trackway("models", "lineage", "run", later).output
    assert trackway("runs", "link", later, "retry_of", run_id, "--remove").exit_code == 0
    assert [one["kind"] for one in read(trackway("runs", "links", later, "--json"))["earlier"]] == ["uses"]
    for refused in ((later, "retry_of", run_id, "--remove"), (later, "uses", later), (later, "owns", run_id)):
        assert trackway("runs", "link", *refused).exit_code != 0


def test_experiments_are_created_renamed_tagged_deleted_restored_and_purged(trackway: Trackway) -> None:
    number = read(trackway("experiments", "create", "a", "--json"))["experiment_id"]
    assert trackway("experiments", "rename", "a", "b").exit_code == 0
    assert trackway("experiments", "tag", "b", "owner", "me").exit_code == 0
    assert read(trackway("experiments", "get", "b", "--json"))["tags"] == {"owner": "me"}
    assert trackway("experiments", "delete", number).exit_code == 0
    assert [row["experiment_id"] for row in read(trackway("experiments", "list", "--view", "deleted", "--json"))] == [
        number
    ]
    assert trackway("experiments", "restore", number).exit_code == 0
    assert trackway("experiments", "delete", "b").exit_code == 0
    assert read(trackway("experiments", "purge", number, "--dry-run", "--json"))["experiments"] == 1
    assert trackway("experiments", "purge", number).exit_code == 1, "nobody said yes"
    assert "Removed 1 experiment," in trackway("experiments", "purge", number, "--yes").output
    assert isinstance(trackway("experiments", "get", number).exception, errors.NotFound)


def test_runs_are_found_shown_and_their_metrics_printed(trackway: Trackway, run_id: str) -> None:
    [found] = read(trackway("runs", "list", "-x", "prices", "--filter", "metrics.rmse < 0.9", "--json"))
    assert (found["run_id"], found["params"], found["metrics"]) == (run_id, {"alpha": "0.1"}, {"rmse": 0.8})
    table = trackway("runs", "list").output
    assert {"alpha", "rmse", run_id, "0.8"} <= set(table.split())
    assert trackway("runs", "metrics", run_id, "rmse").output.splitlines() == [
        "step,time_ms,value",
        "0,1000,1.0",
        "1,1001,0.9",
        "2,1002,0.8",
    ]
    assert "alpha: 0.1" in trackway("runs", "get", run_id).output
    assert run_id in trackway("runs", "tree", run_id).output
    assert "(20" in trackway("runs", "get", run_id).output, "a time for people"


def test_runs_are_compared_by_what_differs_in_them(trackway: Trackway, run_id: str) -> None:
    client = tw.MlflowClient()
    other = str(client.create_run("0", run_name="second", tags={"team": "a"}).info.run_id)
    client.log_param(other, "alpha", "0.1")
    client.log_param(other, "depth", "3")
    client.log_metric(other, "rmse", 0.5)
    told = {row["field"]: row["values"] for row in read(trackway("runs", "compare", run_id, other, "--json"))}
    assert told["params.depth"] == {run_id: None, other: "3"}
    assert told["metrics.rmse"] == {run_id: 0.8, other: 0.5}
    assert told["tags.team"] == {run_id: None, other: "a"}
    assert "params.alpha" not in told
    table = trackway("runs", "compare", run_id, other).output
    assert table.splitlines()[0].split() == ["field", "first", "second"]
    assert "params.alpha" in trackway("runs", "compare", run_id, other, "--all").output
    refused = trackway("runs", "compare", run_id, run_id)
    assert refused.exit_code == 2
    assert "two runs or more" in refused.output


def test_runs_of_one_name_are_compared_by_their_ids(trackway: Trackway) -> None:
    client = tw.MlflowClient()
    ids = [str(client.create_run("0", run_name="same").info.run_id) for _ in range(2)]
    assert trackway("runs", "compare", *ids).output == "They differ in nothing.\n"
    client.log_param(ids[0], "alpha", "1")
    assert trackway("runs", "compare", *ids).output.splitlines()[0].split() == ["field", *ids]


def test_found_runs_are_written_as_a_table(trackway: Trackway, run_id: str, tmp_path: Path) -> None:
    hostile = tw.MlflowClient().create_run("0", run_name='=cmd|" /C calc"').info.run_id
    for key, value in (("note", "@SUM(A1)"), ("shift", "-1.5e3"), ("a key", "ü,\n")):
        tw.MlflowClient().log_param(hostile, key, value)
    assert "Wrote 2 runs" in trackway("runs", "table", "all.csv", "--order", "start_time ASC").output
    first, second = csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8")))
    assert (first["run_id"], first["params.alpha"], first["metrics.rmse"]) == (run_id, "0.1", "0.8")
    assert (second["run_id"], second["run_name"], second["metrics.rmse"]) == (hostile, '\'=cmd|" /C calc"', "")
    assert (second["params.note"], second["params.shift"], second["params.a key"]) == ("'@SUM(A1)", "-1.5e3", "ü,\n")
    datetime.datetime.fromisoformat(first["start_time"])
    printed = trackway("runs", "table", "-", "-x", "prices").output
    assert [row["run_name"] for row in csv.DictReader(io.StringIO(printed))] == ["first"]
    assert read(trackway("runs", "table", "some.parquet", "--filter", "params.alpha = '0.1'", "--json"))["rows"] == 1
    assert parquet.read_table(tmp_path / "some.parquet").column("metrics.rmse").to_pylist() == [0.8]
    assert "may be more" in trackway("runs", "table", "one.arrow", "--limit", "1").output
    assert isinstance(trackway("runs", "table", "runs.xls").exception, errors.InvalidInput)
    assert {file.name for file in tmp_path.iterdir() if file.is_file()} == {"all.csv", "some.parquet", "one.arrow"}


def test_a_run_is_renamed_and_ended(trackway: Trackway, run_id: str) -> None:
    assert trackway("runs", "rename", run_id, "second").exit_code == 0
    assert isinstance(trackway("runs", "rename", run_id, "").exception, errors.InvalidInput)
    assert read(trackway("runs", "get", run_id, "--json"))["status"] == "RUNNING"
    assert trackway("runs", "end", run_id, "--status", "KILLED").exit_code == 0
    ended = read(trackway("runs", "get", run_id, "--json"))
    assert (ended["name"], ended["status"]) == ("second", "KILLED")
    assert trackway("runs", "end", run_id).exit_code == 0
    again = read(trackway("runs", "get", run_id, "--json"))
    assert (again["status"], again["end_ms"]) == ("FINISHED", ended["end_ms"])
    assert trackway("runs", "end", run_id, "--status", "RUNNING").exit_code == 2


def test_a_tree_is_set_in_and_is_deleted_restored_and_purged_whole(trackway: Trackway, run_id: str) -> None:
    with tw.start_run() as parent, tw.start_run(nested=True) as child:
        pass
    tw.flush()
    assert f"· {child.run_id}" in trackway("runs", "tree", parent.run_id).output
    assert "Moved 2 runs" in trackway("runs", "delete", parent.run_id, child.run_id, "--children").output
    assert "Brought 2 runs" in trackway("runs", "restore", parent.run_id, "--children").output
    assert "Moved 1 run " in trackway("runs", "delete", child.run_id).output
    trackway("runs", "delete", parent.run_id, "--children")
    assert read(trackway("runs", "purge", parent.run_id, "--children", "--yes", "--json"))["runs"] == 2
    assert [row["run_id"] for row in read(trackway("runs", "list", "--view", "all", "--json"))] == [run_id]


def test_a_param_is_corrected_and_its_old_value_stays_visible(trackway: Trackway, run_id: str) -> None:
    assert trackway("runs", "correct-param", run_id, "alpha", "0.2", "--reason", "typo").exit_code == 0
    [revision] = read(trackway("runs", "params-history", run_id, "--json"))
    assert (revision["value"], revision["reason"]) == ("0.1", "typo")


def test_what_a_run_was_executed_with_and_on_what_is_shown(trackway: Trackway, run_id: str) -> None:
    with tw.start_run() as run:
        tw.log_input(tw.data.from_numpy([[1.0, 2.0]], name="rooms"), context="training")
    found = read(trackway("runs", "get", run.run_id, "--json"))
    assert [(one["name"], one["context"]) for one in found["datasets"]] == [("rooms", "training")]
    assert "name rooms, digest " in trackway("runs", "get", run.run_id).output
    environment = read(trackway("runs", "environment", run.run_id, "--json"))
    assert (environment["python"], "click" in environment["packages"]) == (platform.python_version(), True)
    assert f"python: {platform.python_version()}" in trackway("runs", "environment", run.run_id).output
    assert isinstance(trackway("runs", "environment", run_id).exception, errors.NotFound)


def test_a_run_whose_process_fell_silent_is_shown_as_lost(trackway: Trackway) -> None:
    made = tw.Client().call(ops.CREATE_RUN, CreateRun(experiment_id="0", start_ms=1, lease_ms=1))
    close_transports()
    time.sleep(0.01)  # its lease ends
    assert read(trackway("runs", "get", made.run_id, "--json"))["status"] == "LOST"


def test_runs_are_moved_deleted_restored_and_purged(trackway: Trackway, run_id: str) -> None:
    read(trackway("experiments", "create", "other", "--json"))
    assert trackway("runs", "move", run_id, "--to", "other").exit_code == 0
    assert [row["run_id"] for row in read(trackway("runs", "list", "-x", "other", "--json"))] == [run_id]
    assert trackway("runs", "delete", run_id).exit_code == 0
    assert trackway("runs", "restore", run_id).exit_code == 0
    assert trackway("runs", "delete", run_id).exit_code == 0
    dry = read(trackway("gc", "--dry-run", "--json"))
    assert (dry["runs"], dry["points"], dry["files"]) == (1, 3, 2)
    assert "Removed 0 experiments, 1 run," in trackway("gc", "--yes").output
    assert read(trackway("runs", "list", "--view", "all", "--json")) == []


def test_artifacts_are_listed_fetched_stored_and_deleted(trackway: Trackway, run_id: str, tmp_path: Path) -> None:
    assert {row["path"] for row in read(trackway("artifacts", "list", run_id, "-r", "--json"))} == {
        "big.txt",
        "notes/a.txt",
    }
    assert trackway("artifacts", "download", run_id, "--to", "out").exit_code == 0
    assert (tmp_path / "out/notes/a.txt").read_text() == "hello"
    assert (tmp_path / "out/big.txt").read_text() == "x" * 100_000
    assert trackway("artifacts", "upload", run_id, "out/notes", "--to", "again").exit_code == 0
    assert trackway("artifacts", "download", run_id, "again/a.txt", "--to", "one").exit_code == 0
    assert (tmp_path / "one/again/a.txt").read_text() == "hello"
    assert read(trackway("artifacts", "delete", run_id, "again", "--json"))["files"] == 1
    for option, left in (("--dry-run", 2), ("--yes", 0)):
        gone = read(trackway("artifacts", "delete", run_id, option, "--json"))
        assert (gone["files"], gone["size_bytes"]) == (2, 100_005)
        assert len(read(trackway("artifacts", "list", run_id, "-r", "--json"))) == left
    assert "Delete all files" in trackway("artifacts", "delete", run_id).output
    assert read(trackway("runs", "get", run_id, "--json"))["params"] == {"alpha": "0.1"}
    missing = trackway("artifacts", "download", run_id, "nope").exception
    assert isinstance(missing, errors.NotFound)


def test_doctor_finds_a_sound_store_sound_and_a_missing_index_missing(trackway: Trackway, run_id: str) -> None:
    verdicts = {row["what"]: row["verdict"] for row in read(trackway("doctor", "--json"))}
    assert set(verdicts.values()) == {"ok"}
    assert {"store", "default experiment", "schema", "indexes", "size", "write-ahead log", "disk"} <= set(verdicts)
    assert {"artifacts", "clock", "audit log", "trash", "limits", "journals"} <= set(verdicts)
    close_transports()
    change_database(Path("tracks/trackway.db"), "DROP INDEX ix_series_value")
    result = trackway("doctor")
    assert result.exit_code == 1
    assert "ix_series_value" in result.output
    close_transports()
    assert "Created ix_series_value." in trackway("db", "repair").output
    assert "No index is missing." in trackway("db", "repair").output
    assert trackway("doctor").exit_code == 0


def test_doctor_tells_of_an_audit_log_that_was_changed(trackway: Trackway) -> None:
    trackway("experiments", "create", "prices")
    trackway("experiments", "delete", "prices")
    close_transports()
    change_database(
        Path("tracks/trackway.db"), "UPDATE audit SET actor = 'user:eve' WHERE operation = 'experiments.delete'"
    )
    result = trackway("doctor", "--json")
    [found] = [row for row in json.loads(result.output) if row["what"] == "audit log"]
    assert (result.exit_code, found["verdict"]) == (1, "fail")
    assert "entry 2" in found["found"].lower()


NEVER_MS = 9_000_000_000_000
"""A time that is to come: a job's that is not done again meanwhile."""


def test_doctor_tells_of_a_job_that_failed_the_last_time(trackway: Trackway) -> None:
    trackway("experiments", "create", "prices")
    close_transports()
    change_database(
        Path("tracks/trackway.db"),
        "INSERT INTO jobs (name, interval_ms, began_ms, ended_ms, times, failures, error, error_ms) VALUES"
        f" ('audit', 1, {NEVER_MS}, {NEVER_MS}, 1, 1, 'it broke', {NEVER_MS}),"
        f" ('blobs', 1, 1, {NEVER_MS}, 2, 1, 'x', 1)"
        " ON CONFLICT (name) DO UPDATE SET ended_ms = excluded.ended_ms, error = excluded.error,"
        " error_ms = excluded.error_ms",
    )
    result = trackway("doctor", "--json")
    found = {row["what"]: row for row in json.loads(result.output)}
    assert (result.exit_code, found["job audit"]["verdict"], found["job audit"]["found"]) == (1, "fail", "it broke")
    assert "job blobs" not in found


def test_doctor_asks_a_server_for_its_schema_and_indexes(trackway: Trackway, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    with run_trackway(folder) as port:
        uri = f"http://127.0.0.1:{port}"
        found = {row["what"]: row for row in read(trackway("doctor", "--uri", uri, "--json"))}
        assert found["schema"]["found"] != "none"
        assert (found["indexes"]["verdict"], found["size"]["verdict"]) == ("ok", "ok")
        change_database(folder / "t.db", "DROP INDEX ix_series_value")
        result = trackway("doctor", "--uri", uri)
        assert result.exit_code == 1
        assert "ix_series_value" in result.output


def test_a_server_tells_its_limits_and_doctor_says_which_are_others(
    trackway: Trackway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    with run_trackway(folder, "--caller-rate", "500") as port:
        uri = f"http://127.0.0.1:{port}"
        told = read(trackway("limits", "--uri", uri, "--json"))
        assert (told["key_chars"], told["caller_requests_per_s"]) == (limits.KEY_CHARS, 500)
        assert "active_requests" not in told, "there is none on loopback"
        assert read(trackway("limits", "PARAM_value", "--uri", uri, "--json")) == {"param_value_chars": 65_536}
        assert "65,536" in trackway("limits", "param_value", "--uri", uri).output
        assert isinstance(trackway("limits", "nope", "--uri", uri).exception, errors.NotFound)
        monkeypatch.setattr(limits, "KEY_CHARS", 100)
        [found] = [
            row for row in json.loads(trackway("doctor", "--uri", uri, "--json").output) if row["what"] == "limits"
        ]
        assert (found["verdict"], found["found"]) == ("warn", "the server has others: key_chars 250, here 100")


def test_doctor_warns_of_a_default_experiment_in_the_trash(trackway: Trackway) -> None:
    assert trackway("experiments", "delete", "0").exit_code == 0
    result = trackway("doctor", "--json")
    assert result.exit_code == 0
    [found] = [row for row in json.loads(result.output) if row["what"] == "default experiment"]
    assert (found["verdict"], found["do"]) == ("warn", "trackway experiments restore 0")


def test_a_folder_of_artifacts_is_fetched_as_an_archive(trackway: Trackway, run_id: str, tmp_path: Path) -> None:
    assert trackway("artifacts", "zip", run_id, "--to", "all.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert {name: len(archive.read(name)) for name in archive.namelist()} == {"big.txt": 100_000, "notes/a.txt": 5}
    assert trackway("artifacts", "zip", run_id, "notes", "--to", "notes.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "notes.zip") as archive:
        assert archive.namelist() == ["a.txt"]
    assert isinstance(trackway("artifacts", "zip", run_id, "nope", "--to", "x.zip").exception, errors.NotFound)
    assert sorted(tmp_path.glob("*.zip*")) == [tmp_path / "all.zip", tmp_path / "notes.zip"]


def test_points_of_ended_runs_are_sealed_when_asked_for(trackway: Trackway) -> None:
    client = tw.MlflowClient()
    number = str(client.create_run("0").info.run_id)
    for step in range(20):
        client.log_metric(number, "m", step / 7, timestamp=1_000 + step, step=step)
    client.set_terminated(number)
    close_transports()
    assert trackway("db", "seal").exit_code == 0
    with closing(sqlite3.connect("tracks/trackway.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM seal_queue").fetchone() == (0,)
        assert connection.execute("SELECT COUNT(*) FROM sealed_chunks").fetchone() == (1,)
    assert len(trackway("runs", "metrics", number, "m").output.splitlines()) == 21


@pytest.mark.parametrize("arguments", [(), ("--older-than", "0s"), ("--older-than", "0d", "--json")])
def test_all_of_the_trash_goes_only_when_somebody_said_yes(
    trackway: Trackway, run_id: str, arguments: tuple[str, ...]
) -> None:
    assert trackway("runs", "delete", run_id).exit_code == 0
    refused = trackway("gc", *arguments).exception
    assert isinstance(refused, errors.InvalidInput)
    assert "--yes" in refused.hint
    assert len(read(trackway("runs", "list", "--view", "deleted", "--json"))) == 1


@pytest.mark.parametrize("answer, left", [("n", 1), ("y", 0)])
def test_at_a_terminal_a_clean_up_says_what_goes_and_asks(
    trackway: Trackway, run_id: str, answer: str, left: int
) -> None:
    assert trackway("runs", "delete", run_id).exit_code == 0
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [str(Path(sys.executable).with_name("trackway")), "gc"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert "Would remove 0 experiments, 1 run, 0 models, 3 points, 2 files" in done.stdout
    assert "Remove it for good? [y/N]" in done.stdout + done.stderr
    assert len(read(trackway("runs", "list", "--view", "deleted", "--json"))) == left


def test_a_clean_up_removes_more_than_one_call_does(trackway: Trackway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.tracking.retention.PURGED_AT_ONCE", 2)
    client = tw.MlflowClient()
    for _ in range(5):
        client.delete_run(client.create_run("0").info.run_id)
    assert read(trackway("gc", "--yes", "--json"))["runs"] == 5
    assert read(trackway("runs", "list", "--view", "deleted", "--json")) == []


def change_database(path: Path, sql: str) -> None:
    """Do what nobody does by this program: take an index away that searches need, or change what was written."""
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


def test_a_database_is_shown_upgraded_backed_up_and_compacted(trackway: Trackway, run_id: str, tmp_path: Path) -> None:
    assert "newest" in trackway("db", "version").output
    assert trackway("db", "upgrade").exit_code == 0
    assert trackway("db", "backup", "copy.db").exit_code == 0
    assert isinstance(trackway("db", "backup", "copy.db").exception, errors.InvalidInput)
    assert trackway("db", "compact").exit_code == 0
    (tmp_path / "restored").mkdir()
    (tmp_path / "copy.db").rename(tmp_path / "restored/trackway.db")
    [found] = read(trackway("runs", "list", "--uri", "restored", "--json"))
    assert found["run_id"] == run_id


def test_an_invitation_is_a_link_to_the_server_that_made_it(trackway: Trackway, trackway_port: int) -> None:
    server = f"http://me:hidden@127.0.0.1:{trackway_port}"
    told = trackway("users", "create", "bob", "--uri", server).output
    assert f" http://127.0.0.1:{trackway_port}/join#twi_" in told
    assert "hidden" not in told
    assert " <address of the server>/join#twi_" in trackway("users", "create", "bob").output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_sourced(trackway: Trackway, shell: str) -> None:
    assert "_TRACKWAY_COMPLETE" in trackway("completion", shell).output


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1 day", "1y"])
def test_an_age_that_cannot_be_read_is_refused(trackway: Trackway, text: str) -> None:
    assert isinstance(trackway("gc", "--older-than", text).exception, errors.InvalidInput)


@pytest.mark.parametrize(
    "error, status",
    [
        (errors.NotFound("x"), 3),
        (errors.AlreadyExists("x"), 4),
        (errors.Unavailable("x"), 5),
        (errors.InvalidInput("x"), 1),
        (errors.Corrupt("x"), 1),
    ],
)
def test_the_exit_status_says_of_what_kind_an_error_is(error: errors.TrackwayError, status: int) -> None:
    assert get_exit_status(error) == status


def test_an_error_is_one_line_and_a_hint_without_a_traceback(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("trackway")), "runs", "get", "nope", "--uri", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: Run 'nope' not found\n"


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    context = click.Context(cli)
    for name, place in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        text = " ".join((command.help or "").split())
        assert text.startswith(place.help.removesuffix(".")), name


def test_a_store_that_nobody_named_is_said_to_be_new_once(
    trackway: Trackway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKWAY_TRACKING_URI")
    first, second = trackway("runs", "list", "--json"), trackway("runs", "list", "--json")
    assert f"There was no store here: {tmp_path / 'tracks'} is new." in first.stderr
    assert (first.stdout, second.stdout, second.stderr) == ("[]\n", "[]\n", "")
    assert trackway("runs", "list", "--uri", str(tmp_path / "named")).stderr == ""
