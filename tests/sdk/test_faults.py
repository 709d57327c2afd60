"""The store is away, slow, broken or lying, or the disk is full: training goes on, and what was logged arrives."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import trackway as tw
from tests.sdk.fake import FakeStore, open_fake
from tests.sdk.scripted import Answer, answer, drip, refusal, run_scripted
from tests.services.waiting import Stopwatch
from trackway.base import errors as e
from trackway.sdk import context
from trackway.sdk.session import get_session
from trackway.sdk.sync import sync


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield url


@contextmanager
def no_such_host() -> Iterator[str]:
    yield "http://nowhere.invalid:5000"


@contextmanager
def no_tls() -> Iterator[str]:
    with run_scripted(b"this is no TLS\r\n\r\n") as server:
        yield server.url.replace("http:", "https:")


def answering(*answers: Answer):  # type: ignore[no-untyped-def]
    @contextmanager
    def run() -> Iterator[str]:
        with run_scripted(*answers) as server:
            yield server.url

    return run


FAULTS = {
    "refused": closed_port,
    "black hole": black_hole,
    "no such host": no_such_host,
    "no TLS": no_tls,
    "500": answering(refusal(500, "internal")),
    "503 for an hour": answering(refusal(503, "unavailable", retry_after_s=3600)),
    "fifty bytes a second": answering(drip(answer(200, b"\x80"), 0.02)),
    "another server": answering(answer(404, b"<html>", "text/html")),
    "cut answers": answering(answer(200, b"\x80" * 50)[:-20]),
    "no credential": answering(refusal(401, "unauthenticated")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_training_goes_on_whatever_the_store_does_and_all_of_it_arrives_later(
    tracked: Path, monkeypatch: pytest.MonkeyPatch, fault: object
) -> None:
    monkeypatch.setenv("TRACKWAY_FINISH_S", "0.3")
    monkeypatch.setattr("trackway.sdk.experiments.START_S", 0.1)
    monkeypatch.setattr("trackway.sdk.transport.CONNECT_S", 0.5)
    monkeypatch.setattr("trackway.sdk.transport.IDLE_S", 0.5)
    with fault() as url:  # type: ignore[operator]
        tw.set_tracking_uri(url)
        if fault not in (FAULTS["another server"], FAULTS["no credential"]):
            tw.set_experiment("prices")
        watch = Stopwatch()
        durations = []
        with tw.start_run() as run:
            tw.log_params({"a": 1})
            for step in range(2_000):
                begun = time.perf_counter()
                tw.log_metric("m", 1.0, step=step)
                durations.append(time.perf_counter() - begun)
            tw.log_text("x" * 100_000, "large.txt")
        assert watch.read_s() < 20
        assert sorted(durations)[1_000] < 0.002, "half of the calls took longer than any network round trip"
        status = tw.status()
        assert status.pending > 2_000
        get_session(url).close(0.1)
    (session,) = sync(tracked / "journal", f"fake://{tracked}")
    assert (session.problem, session.refused, session.removed) == ("", 0, True)
    store = open_fake(f"fake://{tracked}")
    assert store.runs[run.run_id].status == "FINISHED"
    assert [point[0] for point in store.points[run.run_id, "m"]] == list(range(2_000))
    assert [len(data) for data in store.files.values()] == [100_000]


def test_a_store_that_comes_back_gets_everything_in_order_while_training_goes_on(store: FakeStore) -> None:
    away = threading.Event()
    away.set()

    def fail(name: str, request: object) -> None:
        if away.is_set():
            raise e.Unavailable("away", retry_after_s=0.05)

    store.faults = fail
    with tw.start_run() as run:
        for step in range(100):
            tw.log_metric("m", 1.0, step=step)
        assert not tw.flush(0.3)
        assert tw.status().failing_s > 0
        assert "away" in tw.status().last_error
        assert store.runs == {}
        away.clear()
        tw.log_metric("m", 1.0, step=100)
        assert tw.flush(10)
        assert [point[0] for point in store.points[run.run_id, "m"]] == list(range(101))
        assert tw.status().failing_s == 0


def test_ends_of_runs_do_not_wait_again_and_again_for_a_store_that_is_gone(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_FINISH_S", "0.5")
    store.faults = lambda name, request: (_ for _ in ()).throw(e.Unavailable("gone"))
    with tw.start_run():
        pass
    time.sleep(0.2)
    watch = Stopwatch()
    for _ in range(5):
        with tw.start_run():
            pass
    assert watch.read_s() < 5.5


def test_without_room_for_a_journal_the_first_run_says_so(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(blocked / "journal"))
    monkeypatch.setattr("tempfile.tempdir", str(blocked))
    with pytest.raises(e.Unavailable, match="journal"):
        tw.start_run()
    tw.log_metric("m", 1.0)
    assert tw.status().problems["log_metric"] == 1


def test_a_journal_that_cannot_be_where_it_should_is_elsewhere(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(blocked / "journal"))
    (tmp_path / "spare").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spare"))
    with tw.start_run() as run:
        tw.log_metric("m", 1.0)
        assert tw.status().journal.startswith(str(tmp_path / "spare"))
    assert (run.run_id, "m") in store.points


def test_a_full_disk_stops_nothing_and_what_fitted_is_kept(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with tw.start_run() as run:
        tw.log_metric("m", 0.0, step=0)
        with monkeypatch.context() as full:
            full.setattr("os.write", refuse)
            full.setattr("trackway.sdk.session._write", refuse)
            for step in range(1, 1_000):
                tw.log_metric("m", 1.0, step=step)
            tw.log_param("p", 1)
            tw.log_text("x" * 1_000_000, "large.txt")
        tw.log_metric("m", 2.0, step=1_000)
        assert tw.status().dropped >= 1_000
        assert tw.status().problems.keys() == {"journal refused", "log_text"}
    assert [point[0] for point in store.points[run.run_id, "m"]] == [0, 1_000]
    assert store.runs[run.run_id].status == "FINISHED"
    assert len([record for record in caplog.records if "No space left" in record.message]) == 2


def test_files_beyond_the_quota_are_a_problem_and_small_things_go_on(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKWAY_STAGED_BYTES", "300000")
    monkeypatch.setenv("TRACKWAY_FINISH_S", "0.1")
    (tmp_path / "f.bin").write_bytes(b"x" * 200_000)
    store.faults = lambda name, request: (_ for _ in ()).throw(e.Unavailable("away", retry_after_s=0.05))
    with tw.start_run() as run:
        tw.log_artifact("f.bin", "a")
        tw.log_artifact("f.bin", "b")
        tw.log_metric("m", 1.0)
        assert tw.status().problems["log_artifact"] == 1
        store.faults = lambda name, request: None
        assert tw.flush(10)
        tw.log_artifact("f.bin", "c")
    assert sorted(store.files) == [f"0/{run.run_id}/artifacts/{folder}/f.bin" for folder in "ac"]


def test_logging_from_many_threads_loses_nothing(store: FakeStore) -> None:
    with tw.start_run() as run:

        def log(number: int) -> None:
            for step in range(500):
                tw.log_metric(f"m{number}", step, step=step, run_id=run.run_id)

        threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all([point[0] for point in store.points[run.run_id, f"m{n}"]] == list(range(500)) for n in range(8))


def test_no_thread_of_ours_outlives_its_session(store: FakeStore) -> None:
    before = threading.enumerate()  # of stores that other tests share
    with tw.start_run():
        pass
    for session in [get_session(tw.get_tracking_uri())]:
        session.close(5)

    def find_ours() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name.startswith("trackway") and t not in before]

    deadline = time.monotonic() + 5
    while find_ours() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert find_ours() == []
    assert context.active_run() is None
