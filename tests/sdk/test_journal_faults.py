"""The journal where things go wrong: full disks, dying processes, forks, signals, many threads."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.sdk.journals import list_files, read_all, run_in_child, write_sample
from trackway.sdk import journal as journal_module
from trackway.sdk.journal import REFUSED, Journal
from trackway.sdk.journal_delivery import Delivery, is_live
from trackway.sdk.journal_format import Kind

NO_SPACE = OSError(28, "No space left on device")


class FailingDisk:
    """Stands in for ``os.write``: write number ``fail_at`` takes ``taken_bytes`` bytes and then fails or is short."""

    def __init__(self, fail_at: int, taken_bytes: int, error: OSError | None) -> None:
        self.fail_at, self.taken_bytes, self.error = fail_at, taken_bytes, error
        self.writes = 0
        self.real = os.write

    def __call__(self, fd: int, data: bytes) -> int:
        self.writes += 1
        if self.writes != self.fail_at:
            return self.real(fd, data)
        part = data[: min(self.taken_bytes, len(data) - 1)]
        taken = self.real(fd, part) if part else 0
        if self.error is not None:
            raise self.error
        return taken


def log_all(journal: Journal) -> dict[int, int]:
    """Log 30 points of two series and two records; return the steps of those that were kept, by number."""
    kept: dict[int, int] = {}
    for step in range(30):
        seq = journal.log_point("run", "loss" if step % 2 else "accuracy", step, 0, 0.0)
        if seq != REFUSED:
            kept[seq] = step
        if step in (10, 20):
            journal.append(Kind.TAGS, b"x" * 30)
    return kept


def read_steps(journal: Journal) -> dict[int, object]:
    entries, _ = read_all(journal.directory)
    return {seq: entry[2] for seq, entry in entries.items() if len(entry) == 5}


@pytest.mark.parametrize("taken_bytes", [0, 1, 17, 47])
@pytest.mark.parametrize("error", [NO_SPACE, None], ids=["error", "short"])
def test_whichever_write_fails_all_that_was_kept_is_read_and_nothing_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_bytes: int, error: OSError | None
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 700)
    n = 0
    while True:
        n += 1
        journal = Journal.create(tmp_path)
        disk = FailingDisk(n, taken_bytes, error)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", disk)
            kept = log_all(journal)
        assert read_steps(journal) == kept
        entries, damages = read_all(journal.directory)
        status = journal.status()
        assert damages == []
        assert status.write_errors == (disk.writes >= n)
        assert len(kept) >= 29
        assert status.appended == max(entries)
        journal.close()
        if disk.writes < n:
            break
    assert n > 35


@pytest.mark.parametrize("taken_bytes", [1, 30])
def test_when_the_torn_record_cannot_be_cut_off_readers_step_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_bytes: int
) -> None:
    def fail(fd: int, size_bytes: int) -> None:
        raise OSError(5, "Input/output error")

    for n in range(2, 30):
        journal = Journal.create(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", FailingDisk(n, taken_bytes, NO_SPACE))
            patch.setattr(os, "ftruncate", fail)
            kept = log_all(journal)
        damages = read_all(journal.directory)[1]
        assert read_steps(journal) == kept
        assert [(damage.size_bytes, damage.lost_records) for damage in damages] == [(taken_bytes, 0)]
        assert len(list_files(journal.directory)) == 2
        journal.close()


def test_while_the_disk_is_full_points_are_refused_and_logging_resumes_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path)
    written = write_sample(journal)

    def full(fd: int, data: bytes) -> int:
        raise NO_SPACE

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert [journal.log_point("run", "loss", step, 0, 0.0) for step in range(5)] == [REFUSED] * 5
        assert journal.append(Kind.FINISH, b"") == REFUSED
    status = journal.status()
    assert (status.write_errors, status.last_problem) == (6, "write: No space left on device")
    assert journal.log_point("run", "loss", 6, 0, 0.0) == status.appended + 1
    assert {**written, **read_all(journal.directory)[0]} == read_all(journal.directory)[0]


def test_without_a_handle_for_a_new_segment_the_old_one_grows_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 500)
    journal = Journal.create(tmp_path)
    real = os.open

    def fail(path: str, flags: int, mode: int = 0o777) -> int:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        kept = [journal.log_point("run", "loss", step, 0, 0.0) for step in range(30)]
    assert REFUSED not in kept
    assert len(list_files(journal.directory)) == 1
    assert os.open is real
    journal.log_point("run", "loss", 30, 0, 0.0)
    assert len(list_files(journal.directory)) == 2
    assert list(read_steps(journal).values()) == list(range(31))
    assert read_all(journal.directory)[1] == []


def test_threads_share_one_unbroken_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 100_000)
    journal = Journal.create(tmp_path)
    kept: list[dict[int, tuple[str, int]]] = [{} for _ in range(8)]

    def log(number: int) -> None:
        for step in range(2_000):
            key = f"{number}.{step % 3}"
            kept[number][journal.log_point("run", key, step, 0, 0.0)] = (key, step)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {seq: entry for part in kept for seq, entry in part.items()}
    assert len(expected) == 16_000
    entries, damages = read_all(journal.directory)
    assert damages == []
    assert {seq: (entry[1], entry[2]) for seq, entry in entries.items()} == expected


def test_a_forked_child_writes_nothing_into_its_parents_journal_and_may_begin_its_own(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    written = write_sample(journal)

    def work() -> None:
        assert journal.is_owner is False
        assert journal.log_point("run", "loss", 9, 0, 0.0) == REFUSED
        assert journal.append(Kind.FINISH, b"") == REFUSED
        assert journal.sync() is True
        assert journal.close() is False
        own = Journal.create(tmp_path)
        assert own.is_owner
        assert own.session_id != journal.session_id
        assert own.log_point("run", "loss", 0, 0, 0.0) == 2

    assert run_in_child(work) == 0
    assert journal.is_owner
    seq = journal.log_point("run", "loss", 2, 0, 0.0)
    entries, damages = read_all(journal.directory)
    assert damages == []
    assert {seq: entry for seq, entry in entries.items() if seq in written} == written
    assert list(entries)[-1] == seq
    assert len(list(tmp_path.iterdir())) == 2


def test_a_child_that_was_forked_while_another_thread_was_logging_is_not_stuck(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    stop = threading.Event()

    def log() -> None:
        while not stop.is_set():
            journal.log_point("run", "loss", 0, 0, 0.0)

    thread = threading.Thread(target=log)
    thread.start()
    try:
        statuses = [run_in_child(lambda: journal.log_point("run", "loss", 0, 0, 0.0)) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert statuses == [0] * 5
    assert read_all(journal.directory)[1] == []


def test_a_parent_that_dies_is_known_to_be_dead_though_its_child_lives(tmp_path: Path) -> None:
    code = """
        import os, sys
        from trackway.sdk.journal import Journal
        journal = Journal.create(sys.argv[1])
        forked, told = os.pipe()
        if os.fork() == 0:
            os.write(told, b".")
            sys.stdin.read()
            os._exit(0)
        os.read(forked, 1)
        print(journal.directory, flush=True)
        os._exit(0)
    """
    with start_python(code, tmp_path) as process:
        assert process.stdout is not None
        directory = process.stdout.readline().strip()
        assert process.wait(30) == 0
        assert not is_live(directory)
        Delivery.adopt(directory).close()


def start_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("seed", range(5))
def test_kill_9_loses_nothing_that_was_logged(tmp_path: Path, seed: int) -> None:
    code = """
        import os, sys
        from trackway.sdk import journal as module
        module.SEGMENT_BYTES = 20_000
        journal = module.Journal.create(sys.argv[1])
        step = 0
        while True:
            seq = journal.log_point("run", f"m{step % 3}", step, 0, 0.5)
            os.write(1, seq.to_bytes(4, "little") + step.to_bytes(4, "little"))
            step += 1
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        noted = process.stdout.read(8)
        threading.Timer(random.Random(seed).uniform(0.01, 0.3), process.kill).start()
        noted += process.stdout.read()
    noted = noted[: len(noted) - len(noted) % 8]
    logged = {
        int.from_bytes(noted[at : at + 4], "little"): int.from_bytes(noted[at + 4 : at + 8], "little")
        for at in range(0, len(noted), 8)
    }
    (directory,) = tmp_path.iterdir()
    assert not is_live(str(directory))
    entries, damages = read_all(directory)
    assert damages == []
    steps = {seq: entry[2] for seq, entry in entries.items()}
    assert logged.items() <= steps.items()
    assert len(steps) <= len(logged) + 1


@pytest.mark.parametrize("inner_key", ["loss", "new"])
def test_a_call_that_is_interrupted_by_another_one_keeps_both(tmp_path: Path, inner_key: str) -> None:
    journal = Journal.create(tmp_path)
    journal.log_point("run", "loss", 0, 0, 0.0)
    inner: list[int] = []

    class Interrupting:
        def __index__(self) -> int:
            if not inner:
                inner.append(journal.log_point("run", inner_key, 5, 0, 0.0))
            return 6

    outer = journal.log_point("run", "loss", Interrupting(), 0, 0.0)  # type: ignore[arg-type]
    steps = read_steps(journal)
    assert (steps[inner[0]], steps[outer]) == (5, 6)
    assert read_all(journal.directory)[1] == []


@pytest.fixture
def ticking() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Run a function from a signal handler every 200 us or so, wherever the main thread is."""

    def start(work: Callable[[], None]) -> None:
        def handle(number: int, frame: FrameType | None) -> None:
            work()

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)

    before = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_handler_may_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ticking: Callable[[Callable[[], None]], None]
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 2_000)
    journal = Journal.create(tmp_path)
    kept: dict[int, tuple[str, int]] = {}
    ticks = 0

    def log_tick() -> None:
        nonlocal ticks
        ticks += 1
        number, key = ticks, f"tick{ticks % 5}"
        kept[journal.log_point("run", key, number, 0, 0.0)] = (key, number)

    ticking(log_tick)
    end_s = time.monotonic() + 0.5
    step = 0
    while time.monotonic() < end_s:
        step += 1
        kept[journal.log_point("run", f"loss{step % 5}", step, 0, 0.0)] = (f"loss{step % 5}", step)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert ticks > 20
    refused = kept.pop(REFUSED, None)
    assert (refused is None) == (journal.status().dropped == 0)
    entries, damages = read_all(journal.directory)
    assert damages == []
    assert {seq: (entry[1], entry[2]) for seq, entry in entries.items()} == kept


def test_an_exception_out_of_a_signal_handler_leaves_the_journal_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ticking: Callable[[Callable[[], None]], None]
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 2_000)
    journal = Journal.create(tmp_path)
    kept: dict[int, int] = {}
    armed = False

    def interrupt() -> None:
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    ticking(interrupt)
    end_s = time.monotonic() + 0.5
    step = interrupted = 0
    while time.monotonic() < end_s:
        step += 1
        try:
            armed = True
            seq = journal.log_point("run", f"loss{step % 5}", step, 0, 0.0)
            armed = False
            kept[seq] = step
        except KeyboardInterrupt:
            interrupted += 1
    armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert interrupted > 20
    assert REFUSED not in kept
    entries, damages = read_all(journal.directory)
    assert damages == []
    steps = {seq: entry[2] for seq, entry in entries.items()}
    assert kept.items() <= steps.items()
    assert len(steps) <= len(kept) + interrupted
