from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.sdk.fake import FakeStore
from trackway.api import operations as ops
from trackway.api.runs import CreateRun, UpdateRun
from trackway.base import errors as e
from trackway.sdk import records
from trackway.sdk.journal import Journal
from trackway.sdk.journal_format import Kind
from trackway.sdk.patience import Stopped
from trackway.sdk.problems import Problems
from trackway.sdk.records import Artifact, encode_artifact, encode_call, encode_ingest
from trackway.sdk.sender import Sender


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.create(tmp_path / "journal")
    yield journal
    journal.close()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def create(journal: Journal, run_id: str = "r") -> None:
    journal.append(Kind.CREATE_RUN, encode_call(ops.CREATE_RUN, CreateRun(run_id=run_id, if_exists="return")))


def log_params(journal: Journal, params: dict[str, str], run_id: str = "r") -> None:
    journal.append(Kind.PARAMS, encode_ingest(run_id, params=params))


def finish(journal: Journal, run_id: str = "r") -> None:
    journal.append(Kind.FINISH, encode_call(ops.UPDATE_RUN, UpdateRun(run_id=run_id, status="FINISHED", end_ms=9)))


class Delivery:
    """A sender as its thread would run it, and what it noted."""

    def __init__(self, journal: Journal, store: FakeStore, **options: Any) -> None:
        self.problems = Problems()
        self.sender = Sender(journal, lambda: store, self.problems, **options)

    def run(self) -> None:
        while self.sender.deliver_next():
            pass


def deliver(journal: Journal, store: FakeStore, **options: Any) -> Delivery:
    delivery = Delivery(journal, store, **options)
    delivery.run()
    return delivery


def read_refused(journal: Journal) -> list[dict[str, Any]]:
    path = Path(journal.directory).parent / "refused" / f"{journal.session_id}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_run_arrives_whole_and_in_few_requests(journal: Journal, store: FakeStore) -> None:
    create(journal)
    log_params(journal, {"lr": "0.1"})
    for step in range(1_000):
        journal.log_point("r", "loss", step, step * 10, step / 3)
        journal.log_point("r", "acc", step, step * 10, -0.0)
    journal.append(Kind.TAGS, encode_ingest("r", tags={"t": "v"}))
    finish(journal)
    delivery = deliver(journal, store)
    assert store.points["r", "loss"] == [(step, step * 10, step / 3) for step in range(1_000)]
    assert len(store.points["r", "acc"]) == 1_000
    run = store.runs["r"]
    assert (run.params, run.tags, run.status, run.end_ms) == ({"lr": "0.1"}, {"t": "v"}, "FINISHED", 9)
    assert store.names() == ["runs.create", "runs.ingest", "runs.update"]
    assert journal.status().pending_records == 0
    assert delivery.problems.counts == {}


def test_points_of_several_runs_go_to_their_runs(journal: Journal, store: FakeStore) -> None:
    for run_id in ("a", "b"):
        create(journal, run_id)
    for step in range(10):
        journal.log_point("ab"[step % 2], "m", step, 0, step)
    deliver(journal, store)
    assert [step for step, _, _ in store.points["a", "m"]] == [0, 2, 4, 6, 8]
    assert [step for step, _, _ in store.points["b", "m"]] == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("error", [e.Unavailable, e.RateLimited, e.TrackwayError, e.Unauthenticated, e.NotSupported])
def test_what_is_not_the_datas_fault_is_waited_out(
    journal: Journal, store: FakeStore, error: type[e.TrackwayError]
) -> None:
    create(journal)
    log_params(journal, {"a": "1"})
    left = [3]

    def fail(name: str, request: object) -> None:
        if left[0]:
            left[0] -= 1
            raise error("not now", retry_after_s=0.0)

    store.faults = fail
    delivery = Delivery(journal, store)
    delivery.sender._patience.rest = lambda timeout_s: None  # type: ignore[method-assign]
    delivery.run()
    assert store.runs["r"].params == {"a": "1"}
    assert list(delivery.problems.counts.values()) == [3]
    assert delivery.sender.failing_since_s is None


def test_an_answer_that_is_lost_changes_nothing(journal: Journal, store: FakeStore) -> None:
    create(journal)
    for step in range(100):
        journal.log_point("r", "m", step, 0, step)
    finish(journal)
    lost: set[str] = set()

    def lose(name: str, request: object) -> None:
        if name.endswith(":answered") and name not in lost:
            lost.add(name)
            raise e.Unavailable("cut", retry_after_s=0.0)

    store.faults = lose
    deliver(journal, store)
    assert len(store.points["r", "m"]) == 100
    assert lost == {"runs.create:answered", "runs.ingest:answered", "runs.update:answered"}


@pytest.mark.parametrize("seed", range(20))
def test_a_journal_delivered_again_from_anywhere_in_other_batches_never_doubles(
    journal: Journal, store: FakeStore, seed: int
) -> None:
    chance = random.Random(seed)
    for run_id in ("a", "b"):
        create(journal, run_id)
    for number in range(60):
        run_id = chance.choice("ab")
        match chance.randrange(4):
            case 0:
                log_params(journal, {f"p{number}": str(number)}, run_id)
            case 1:
                journal.append(Kind.UPDATE_RUN, encode_call(ops.UPDATE_RUN, UpdateRun(run_id=run_id, name=str(number))))
            case _:
                journal.log_point(run_id, chance.choice("mn"), number, 0, number)
    # A process that died after any number of requests, each time with other batches.
    for _ in range(8):
        budget = [chance.randrange(1, 12)]

        def fail(name: str, request: object, budget: list[int] = budget) -> None:
            budget[0] -= 1
            if budget[0] < 0:
                raise e.Unavailable("died", retry_after_s=60.0)

        store.faults = fail
        delivery = Delivery(journal, store, patience_s=0.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trackway.sdk.sender.BATCH_RECORDS", chance.randrange(1, 40))
            patch.setattr(journal, "acknowledge", lambda seq: None)
            with pytest.raises(Stopped):
                delivery.run()
    store.faults = lambda name, request: None
    deliver(journal, store)
    points = sorted(step for series in store.points.values() for step, _, _ in series)
    params = sorted(int(value) for run in store.runs.values() for value in run.params.values())
    expected = Expected(journal)
    assert (points, params) == (expected.points, expected.params)


class Expected:
    def __init__(self, journal: Journal) -> None:
        whole = FakeStore()
        deliver(journal, whole)
        self.points = sorted(step for series in whole.points.values() for step, _, _ in series)
        self.params = sorted(int(value) for run in whole.runs.values() for value in run.params.values())


@pytest.mark.parametrize("place", [0, 1, 499, 500, 998, 999])
def test_a_conflicting_param_does_not_take_a_thousand_points_with_it(
    journal: Journal, store: FakeStore, place: int
) -> None:
    create(journal)
    log_params(journal, {"lr": "0.1"})
    for step in range(1_000):
        if step == place:
            log_params(journal, {"lr": "0.2"})
        journal.log_point("r", "m", step, 0, step)
    delivery = deliver(journal, store)
    assert [step for step, _, _ in store.points["r", "m"]] == list(range(1_000))
    assert store.runs["r"].params == {"lr": "0.1"}
    assert delivery.problems.counts == {"refused conflict": 1}
    assert delivery.sender.refused == 1
    (line,) = read_refused(journal)
    assert line["ingest"]["params"] == {"lr": "0.2"}
    assert line["error"]["code"] == "conflict"


def test_a_point_that_is_refused_is_kept_and_the_others_arrive(journal: Journal, store: FakeStore) -> None:
    create(journal)
    for step in range(50):
        journal.log_point("r", "good", step, 0, step)
        if step == 20:
            journal.log_point("r", "b$d", 7, 8, float("inf"))
    delivery = deliver(journal, store)
    assert len(store.points["r", "good"]) == 50
    assert delivery.problems.counts == {"refused invalid_input": 1}
    (line,) = read_refused(journal)
    assert line["ingest"]["series"] == [{"key": "b$d", "steps": [7], "times_ms": [8], "values": [float("inf")]}]


def test_a_run_in_the_trash_refuses_all_at_once(journal: Journal, store: FakeStore) -> None:
    create(journal)
    deliver(journal, store)
    store.runs["r"] = msgspec.structs.replace(store.runs["r"], lifecycle="deleted")
    create(journal, "other")
    for step in range(500):
        journal.log_point("r", "m", step, 0, step)
        journal.log_point("other", "m", step, 0, step)
    before = len(store.calls)
    delivery = deliver(journal, store, after_seq=1)
    assert len(store.points["other", "m"]) == 500
    assert delivery.sender.refused == 500
    assert len(store.calls) - before < 8


def test_records_that_make_no_sense_are_kept_and_passed_by(journal: Journal, store: FakeStore) -> None:
    create(journal)
    for kind in (Kind.CREATE_RUN, Kind.PARAMS, Kind.ARTIFACT, Kind.FINISH):
        journal.append(kind, b"\xc1 no msgpack")
    journal.append(Kind.UPDATE_RUN, msgspec.msgpack.encode(("experiments.purge", {"experiment_ids": ["0"]})))
    log_params(journal, {"a": "1"})
    delivery = deliver(journal, store)
    assert store.runs["r"].params == {"a": "1"}
    assert delivery.sender.refused == 5
    assert "experiments.purge" not in store.names()


def test_artifacts_arrive_from_the_record_and_from_the_staged_file(journal: Journal, store: FakeStore) -> None:
    create(journal)
    staged = Path(journal.directory) / f"1{records.STAGED}"
    staged.write_bytes(b"x" * 3_000_000)
    large = Artifact(run_id="r", path="models/m.bin", staged=staged.name, size_bytes=3_000_000)
    journal.append(Kind.ARTIFACT, encode_artifact(Artifact(run_id="r", path="a.txt", data=b"text")))
    journal.append(Kind.ARTIFACT, encode_artifact(large))
    deliver(journal, store)
    assert store.files["0/r/artifacts/a.txt"] == b"text"
    assert len(store.files["0/r/artifacts/models/m.bin"]) == 3_000_000
    assert not staged.exists()


@pytest.mark.parametrize("name", ["1.staged", "../../secret", "/etc/hostname"])
def test_a_staged_file_that_is_gone_or_elsewhere_is_refused(journal: Journal, store: FakeStore, name: str) -> None:
    (Path(journal.directory).parent.parent / "secret").write_bytes(b"s")
    create(journal)
    journal.append(Kind.ARTIFACT, encode_artifact(Artifact(run_id="r", path="f", staged=name, size_bytes=1)))
    assert deliver(journal, store).sender.refused == 1
    assert store.files == {}


def test_a_staged_file_that_is_refused_is_kept(journal: Journal, store: FakeStore) -> None:
    Path(journal.directory, "1.staged").write_bytes(b"abc")
    artifact = Artifact(run_id="nobody", path="f", staged="1.staged", size_bytes=3)
    journal.append(Kind.ARTIFACT, encode_artifact(artifact))
    delivery = Delivery(journal, store)
    delivery.sender._known.add("nobody")
    delivery.run()
    assert delivery.sender.refused == 1
    assert (Path(journal.directory).parent / "refused" / "1.staged").read_bytes() == b"abc"


def test_a_session_that_closes_before_its_files_are_sent_keeps_them(journal: Journal, store: FakeStore) -> None:
    tried = threading.Event()

    def fail(name: str, request: object) -> None:
        if name == "upload":
            tried.set()
            raise e.Unavailable("away")

    store.faults = fail
    create(journal)
    Path(journal.directory, "1.staged").write_bytes(b"abc")
    artifact = Artifact(run_id="r", path="f", staged="1.staged", size_bytes=3)
    journal.append(Kind.ARTIFACT, encode_artifact(artifact))
    delivery = deliver(journal, store, leases={})
    assert tried.wait(5)
    delivery.sender.stop()
    delivery.sender.close()
    store.faults = lambda name, request: None
    deliver(journal, store, after_seq=1)
    assert store.files == {"0/r/artifacts/f": b"abc"}


def test_a_staged_file_that_a_power_cut_shortened_is_not_taken_for_whole(journal: Journal, store: FakeStore) -> None:
    create(journal)
    Path(journal.directory, "1.staged").write_bytes(b"abc")
    journal.append(Kind.ARTIFACT, encode_artifact(Artifact(run_id="r", path="f", staged="1.staged", size_bytes=5)))
    assert deliver(journal, store).sender.refused == 1


def test_leases_are_renewed_and_a_refusing_run_is_asked_no_more(journal: Journal, store: FakeStore) -> None:
    create(journal)
    leases = {"r": 5_000, "gone": 5_000}
    delivery = deliver(journal, store, leases=leases)
    delivery.sender._known.add("gone")
    delivery.sender.renew_leases()
    assert store.calls[-2][1].lease_ms == 5_000
    assert leases == {"r": 5_000}


def test_a_run_that_another_process_creates_is_waited_for(journal: Journal, store: FakeStore) -> None:
    journal.log_point("theirs", "m", 0, 0, 1.0)
    delivery = Delivery(journal, store)

    def create_meanwhile(timeout_s: float) -> None:
        store.call(ops.CREATE_RUN, CreateRun(run_id="theirs"))

    delivery.sender._patience.rest = create_meanwhile  # type: ignore[method-assign]
    delivery.run()
    assert len(store.points["theirs", "m"]) == 1


def test_a_sender_stops_in_the_middle_of_its_trouble_and_loses_nothing(journal: Journal, store: FakeStore) -> None:
    create(journal)
    tried = threading.Event()

    def refuse(name: str, request: object) -> None:
        tried.set()
        raise e.Unavailable("away")

    store.faults = refuse
    delivery = Delivery(journal, store)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            delivery.run()
        except Stopped as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert tried.wait(5)
    delivery.sender.stop()
    thread.join(5)
    assert len(ended) == 1
    store.faults = lambda name, request: None
    deliver(journal, store)
    assert "r" in store.runs


def test_a_store_that_cannot_be_opened_yet_is_tried_again(journal: Journal, store: FakeStore) -> None:
    create(journal)
    attempts: list[int] = []

    def open_late() -> FakeStore:
        attempts.append(1)
        if len(attempts) < 3:
            raise e.Unavailable("locked", retry_after_s=0.0)
        return store

    sender = Sender(journal, open_late, Problems())
    assert sender.deliver_next() == 1
    assert "r" in store.runs


def test_a_bug_in_the_way_does_not_skip_records(journal: Journal, store: FakeStore) -> None:
    create(journal)
    fault: Callable[[str, object], None] = lambda name, request: (_ for _ in ()).throw(ZeroDivisionError())  # noqa: E731
    store.faults = fault
    delivery = Delivery(journal, store)
    with pytest.raises(ZeroDivisionError):
        delivery.run()
    store.faults = lambda name, request: None
    delivery.run()
    assert "r" in store.runs


def test_a_file_on_its_way_keeps_nothing_waiting_and_counts_when_it_has_arrived(
    journal: Journal, store: FakeStore
) -> None:
    arriving = threading.Event()

    def hold(name: str, request: object) -> None:
        if name == "upload":
            assert arriving.wait(10)

    store.faults = hold
    create(journal)
    for path in ("first", "second"):
        journal.append(Kind.ARTIFACT, encode_artifact(Artifact(run_id="r", path=path, data=b"x")))
    journal.log_point("r", "m", 0, 0, 1.0)
    finish(journal)
    delivery = deliver(journal, store, leases={})
    assert len(store.points["r", "m"]) == 1
    assert store.runs["r"].status == "FINISHED"
    assert (store.files, delivery.sender.delivered_seq) == ({}, 1)
    arriving.set()
    deadline = time.monotonic() + 10
    while delivery.sender.delivered_seq < journal.status().appended and time.monotonic() < deadline:
        delivery.sender.rest(0.05)
        delivery.run()
    assert list(store.files) == ["0/r/artifacts/first", "0/r/artifacts/second"]
    assert journal.status().pending_records == 0
    delivery.sender.stop()
    delivery.sender.close()


def test_a_fault_behind_an_upload_is_tried_again(
    journal: Journal, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.sdk.uploads._TROUBLE_S", 0.01)
    failures = [ZeroDivisionError(), e.Unavailable("away", retry_after_s=0.01)]

    def fail(name: str, request: object) -> None:
        if name == "upload" and failures:
            raise failures.pop(0)

    store.faults = fail
    create(journal)
    journal.append(Kind.ARTIFACT, encode_artifact(Artifact(run_id="r", path="f", data=b"x")))
    delivery = deliver(journal, store, leases={})
    deadline = time.monotonic() + 10
    while not store.files and time.monotonic() < deadline:
        delivery.sender.rest(0.05)
    assert list(store.files) == ["0/r/artifacts/f"]
    assert delivery.problems.counts == {"upload failed": 1, "delivery unavailable": 1}
    delivery.sender.stop()
    delivery.sender.close()


def test_nothing_is_left_of_a_session_that_was_delivered(journal: Journal, store: FakeStore) -> None:
    create(journal)
    Path(journal.directory, "9.staged").write_bytes(b"left behind by a crash")
    delivery = deliver(journal, store)
    delivery.sender.close()
    assert journal.close()
    assert not os.path.exists(journal.directory)
