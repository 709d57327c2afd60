from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import trackway as tw
from trackway.base import errors as e
from trackway.base.addresses import hide_credentials, sqlite_address
from trackway.sdk import connection
from trackway.sdk.connection import get_journal_root, resolve_uri, set_tracking_uri

KILLED = """
import os, signal
import trackway as tw
with tw.start_run(run_name="killed"):
    tw.log_metric("m", 1.0)
    tw.log_text("x" * 100_000, "f.txt")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_of_tracks_gets_what_a_killed_process_left_for_it(
    tracked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKWAY_JOURNAL_DIR")
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert list((tracked / "tracks" / "journal").iterdir())
    with tw.start_run(run_name="next"):
        pass
    deadline_s = time.monotonic() + 60
    runs = {}
    while "killed" not in runs and time.monotonic() < deadline_s:
        with tw.start_run(run_name="last"):
            tw.log_metric("m", 2.0)
        runs = {run.info.run_name: run for run in tw.search_runs(output_format="list")}
    assert runs.keys() == {"killed", "next", "last"}
    assert runs["killed"].data.metrics == {"m": 1.0}
    assert (
        Path(tw.download_artifacts(run_id=runs["killed"].info.run_id, artifact_path="f.txt")).stat().st_size == 100_000
    )


@pytest.mark.parametrize(
    "uri, resolved",
    [
        ("http://h:5000/", "http://h:5000"),
        ("https://u:p@h/mounted", "https://u:p@h/mounted"),
        ("tracks", "{cwd}/tracks"),
        ("./a/../b", "{cwd}/a/../b"),
        ("/abs/x", "/abs/x"),
        ("file:///abs/a%20b", "/abs/a b"),
        ("file:./mlruns", "{cwd}/mlruns"),
        ("sqlite:///x.db", "sqlite:///{cwd}/x.db"),
        ("sqlite:////abs/x.db", "sqlite:////abs/x.db"),
        ("sqlite:////abs/a%20b%23c.db", "sqlite:////abs/a b%23c.db"),
        ("postgresql://u:p@h/db", "postgresql://u:p@h/db"),
    ],
)
def test_an_address_has_one_form(tracked: Path, uri: str, resolved: str) -> None:
    assert resolve_uri(uri) == resolved.format(cwd=tracked)
    set_tracking_uri(uri)
    assert tw.get_tracking_uri() == resolved.format(cwd=tracked)
    assert tw.is_tracking_uri_set()


def test_without_a_choice_tracks_are_in_the_working_directory(tracked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not tw.is_tracking_uri_set()
    assert tw.get_tracking_uri() == f"{tracked}/tracks"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:1")
    assert tw.get_tracking_uri() == "http://mlflow:1"
    set_tracking_uri(tracked / "chosen")
    assert tw.get_tracking_uri() == f"{tracked}/chosen"
    set_tracking_uri("")
    assert tw.get_tracking_uri() == "http://mlflow:1"


@pytest.mark.parametrize(
    "uri, error",
    [
        ("databricks", e.NotSupported),
        ("databricks://profile", e.NotSupported),
        ("uc:http://h", e.NotSupported),
        ("mysql://u@h/db", e.NotSupported),
        ("gopher://h/x", e.NotSupported),
        ("sqlite:x.db", e.InvalidInput),
        ("sqlite:/x.db", e.InvalidInput),
        ("sqlite://x.db", e.InvalidInput),
        ("sqlite:///", e.InvalidInput),
        ("file://data/x", e.InvalidInput),
    ],
)
def test_an_address_that_means_no_store_is_refused_and_makes_no_file(
    tracked: Path, uri: str, error: type[e.TrackwayError]
) -> None:
    with pytest.raises(error) as caught:
        set_tracking_uri(uri)
    assert "sqlite:///" in caught.value.hint or "file:///" in caught.value.hint
    assert not list(tracked.iterdir())


@pytest.mark.parametrize("folder", ["a b", "50%", "a%20b", "#1", "why?", "é"])
def test_a_store_may_be_in_a_folder_of_any_name(tracked: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tracked / folder
    place.mkdir()
    monkeypatch.chdir(place)
    with tw.start_run(run_name="here"):
        tw.log_text("x" * 100_000, "f.txt")
    for address in (str(place / "tracks"), sqlite_address(place / "tracks" / "trackway.db")):
        set_tracking_uri(address)
        assert [run.info.run_name for run in tw.search_runs(["0"], output_format="list")] == ["here"]
    assert {one.name for one in place.iterdir()} == {"tracks"}
    assert {one.name for one in tracked.iterdir()} == {folder, "journal"}


def test_a_file_is_no_folder_to_log_to(tracked: Path) -> None:
    (tracked / "x.db").touch()
    with pytest.raises(e.InvalidInput) as caught:
        connection.get_transport(resolve_uri("x.db"))
    assert caught.value.hint.endswith(f"sqlite:///{tracked}/x.db")


def test_an_unknown_kind_of_transport_names_the_known_ones(tracked: Path) -> None:
    with pytest.raises(e.InvalidInput, match="known"):
        connection.get_transport("gopher://h/x")


@pytest.mark.parametrize(
    "uri, hidden",
    [
        ("http://u:p@h:5000/x", "http://h:5000/x"),
        ("postgresql://u:p%40@h/db", "postgresql://h/db"),
        ("http://h/a@b", "http://h/a@b"),
        ("/a@b/c", "/a@b/c"),
    ],
)
def test_no_credential_is_written_down(uri: str, hidden: str) -> None:
    assert hide_credentials(uri) == hidden


def test_journals_lie_where_they_last(tracked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_journal_root("http://h") == f"{tracked}/journal"
    monkeypatch.delenv("TRACKWAY_JOURNAL_DIR")
    assert get_journal_root(f"{tracked}/tracks") == f"{tracked}/tracks/journal"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert get_journal_root("http://h") == "/state/trackway/journal"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/nowhere/ann")
    assert get_journal_root("http://h") == "/nowhere/ann/.local/state/trackway/journal"


@pytest.mark.parametrize(
    "name, value", [("TRACKWAY_FINISH_S", "soon"), ("TRACKWAY_FINISH_S", "-1"), ("TRACKWAY_STRICT", "2")]
)
def test_a_malformed_variable_is_told_before_training_begins(
    tracked: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(e.InvalidInput, match=name):
        tw.start_run()


def test_the_registry_is_where_runs_are_tracked(tracked: Path) -> None:
    tw.set_registry_uri(tw.get_tracking_uri())
    assert tw.get_registry_uri() == tw.get_tracking_uri()
    with pytest.raises(e.InvalidInput):
        tw.set_registry_uri("http://elsewhere")
