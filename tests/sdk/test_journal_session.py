from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.sdk.journals import leave_dead_session, list_files, read_all, run_in_child, write_sample
from trackway.base.errors import Conflict, NotFound, Unavailable
from trackway.sdk import journal as journal_module
from trackway.sdk.journal import REFUSED, Journal
from trackway.sdk.journal_delivery import Delivery, is_live
from trackway.sdk.journal_format import Kind, SessionFile, read_acked, read_session, write_session
from trackway.sdk.journal_reader import JournalReader
from trackway.sdk.journal_session import find_sessions


def test_sessions_are_listed_oldest_first_with_what_is_known_of_them(tmp_path: Path) -> None:
    assert find_sessions(tmp_path / "none") == []
    dead = leave_dead_session(tmp_path)
    closed = Journal.create(tmp_path)
    write_sample(closed)
    closed.acknowledge(4)
    closed.close()
    live = Journal.create(tmp_path, {"uri": "http://127.0.0.1:5000"})
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").write_text("")
    for order, directory in enumerate((dead, Path(closed.directory), Path(live.directory))):
        write_session(str(directory), read_session(str(directory))._replace(created_ms=order))

    found = find_sessions(tmp_path)
    assert [Path(info.directory) for info in found] == [dead, Path(closed.directory), Path(live.directory)]
    assert [info.live for info in found] == [False, False, True]
    assert [info.session.closed_ms is not None for info in found] == [False, True, False]
    assert [(info.last_seq, info.acked, info.pending_records) for info in found] == [(10, 0, 10), (10, 4, 6), (0, 0, 0)]
    sizes = [sum(file.stat().st_size for file in list_files(info.directory)) for info in found]
    assert [info.pending_bytes for info in found] == [sizes[0], sizes[1], 0]
    assert [info.problem for info in found] == ["", "", ""]
    assert found[2].session.info == {"uri": "http://127.0.0.1:5000"}
    assert found[2].session.pid == os.getpid()
    assert found[2].session.host == os.uname().nodename


def test_a_session_that_cannot_be_read_is_listed_with_its_problem(tmp_path: Path) -> None:
    first, second = leave_dead_session(tmp_path), leave_dead_session(tmp_path)
    (first / "session.json").write_text(json.dumps({"format": 9}))
    (second / "session.json").write_bytes(b"\x00\xff")
    problems = {info.directory: (info.problem, info.pending_records) for info in find_sessions(tmp_path)}
    assert problems[str(first)][0].startswith(f"The journal in {first} has format 9")
    # Without its file a session is still delivered: its directory has its name.
    assert problems[str(second)] == ("", 10)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"session_id": 5, "pid": "x", "info": [], "last_seq": "9"}', "[" * 100_000, '{"format": null}'],
)
def test_a_damaged_session_file_gives_defaults_and_the_directorys_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "session.json").write_text(text)
    assert read_session(str(tmp_path)) == SessionFile(tmp_path.name, 0, 0, "", {}, None, None)


def test_a_dead_session_is_adopted_delivered_piece_by_piece_and_then_removed(tmp_path: Path) -> None:
    directory = leave_dead_session(tmp_path)
    with Delivery.adopt(directory) as delivery:
        assert delivery.acked == 0
        with pytest.raises(Conflict, match="being delivered by another process"):
            Delivery.adopt(directory)
        delivery.acknowledge(6)
    assert directory.exists()

    delivery = Delivery.adopt(directory)
    assert delivery.acked == 6
    with JournalReader(directory, delivery.acked) as reader:
        batch = reader.read_batch()
        assert (batch.total, batch.at_end) == (4, True)
    delivery.acknowledge(batch.end.seq)
    assert delivery.close(end_seq=batch.end.seq) is True
    assert not directory.exists()
    assert delivery.close() is False
    with pytest.raises(NotFound):
        Delivery.adopt(directory)


def test_a_dead_session_is_kept_while_anything_is_not_acknowledged(tmp_path: Path) -> None:
    directory = leave_dead_session(tmp_path)
    delivery = Delivery.adopt(directory)
    delivery.acknowledge(9)
    assert delivery.close(end_seq=10) is False
    assert len(read_all(directory, read_acked(str(directory), directory.name))[0]) == 1


def test_a_session_of_another_host_is_removed_only_when_it_was_closed(tmp_path: Path) -> None:
    directory = leave_dead_session(tmp_path)
    session = read_session(str(directory))
    write_session(str(directory), session._replace(host="another"))
    delivery = Delivery.adopt(directory)
    delivery.acknowledge(10)
    assert delivery.close(end_seq=10) is False
    write_session(str(directory), session._replace(host="another", closed_ms=1, last_seq=10))
    assert Delivery.adopt(directory).close() is True


def test_a_closed_session_whose_end_cannot_be_read_does_not_stay_for_ever(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    write_sample(journal)
    journal.close()
    (file,) = list_files(journal.directory)
    os.truncate(file, file.stat().st_size - 3)
    delivery = Delivery.adopt(journal.directory)
    with JournalReader(journal.directory) as reader:
        end_seq = reader.read_batch().end.seq
    delivery.acknowledge(end_seq)
    assert delivery.close(end_seq) is True


def test_a_writer_that_delivers_itself_lets_nobody_else_deliver(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    with pytest.raises(Conflict, match=f"its writer is process {os.getpid()}"):
        Delivery.adopt(journal.directory)


def test_a_session_that_goes_on_may_be_delivered_by_another_process_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 400)
    journal = Journal.create(tmp_path, deliver=False)
    for step in range(30):
        journal.log_point("run", "loss", step, 0, 0.0)
    delivered: list[int] = []
    for _ in range(2):
        delivery = Delivery.adopt(journal.directory)
        with JournalReader(journal.directory, delivery.acked) as reader:
            batch = reader.read_batch()
        delivered.append(batch.total)
        delivery.acknowledge(batch.end.seq)
        assert delivery.close(batch.end.seq) is False
    assert delivered == [30, 0]
    assert is_live(journal.directory)
    assert len(list_files(journal.directory)) == 1
    status = journal.status()
    assert (status.pending_records, status.acked) == (0, status.appended)
    assert journal.log_point("run", "loss", 30, 0, 0.0) == status.appended + 1


def test_space_that_another_process_frees_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 1_000)
    monkeypatch.setattr(journal_module, "_RECOUNT_S", 0.0)
    journal = Journal.create(tmp_path, quota_bytes=5_000, deliver=False)
    while journal.log_point("run", "loss", 0, 0, 0.0) != REFUSED:
        pass
    appended = journal.status().appended
    with Delivery.adopt(journal.directory) as delivery:
        delivery.acknowledge(appended)
    assert journal.log_point("run", "loss", 1, 0, 0.0) > appended


def test_a_session_is_closed_by_its_writer_after_others_delivered_it_and_removed_by_the_next(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, deliver=False)
    write_sample(journal)
    with Delivery.adopt(journal.directory) as delivery:
        delivery.acknowledge(10)
    journal.close()
    assert Delivery.adopt(journal.directory).close() is True


def test_a_copy_under_another_name_is_read_and_delivered_alone(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "here")
    written = write_sample(journal)
    copy = tmp_path / "elsewhere" / "copy of it"
    shutil.copytree(journal.directory, copy)
    journal.append(Kind.TAGS, b"later")
    assert read_all(copy) == (written, [])
    (info,) = find_sessions(copy.parent)
    assert (info.session.session_id, info.live, info.pending_records) == (journal.session_id, False, 10)
    with Delivery.adopt(copy) as delivery:
        delivery.acknowledge(10)
    assert journal.status().acked == 0
    for name in ("session.json", "acked", "00000001.seg"):
        assert str(tmp_path).encode() not in (copy / name).read_bytes()


def test_a_session_that_cannot_be_written_is_not_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = leave_dead_session(tmp_path)

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unavailable, match=r"Cannot note in .* what was delivered: Permission denied"):
        Delivery.adopt(directory)


def test_an_acknowledgement_that_cannot_be_noted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = Delivery.adopt(leave_dead_session(tmp_path))

    def fail(fd: int, data: bytes, offset: int) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            delivery.acknowledge(10)
    assert delivery.acked == 0
    delivery.close()


def test_damage_to_the_noted_number_never_makes_it_greater(tmp_path: Path) -> None:
    directory = leave_dead_session(tmp_path)
    with Delivery.adopt(directory) as delivery:
        delivery.acknowledge(4)
        delivery.acknowledge(7)
    file = directory / "acked"
    data = bytearray(file.read_bytes())
    assert len(data) == 24
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        data[bit // 8] ^= 1 << bit % 8
        assert read_acked(str(directory), directory.name) in (4, 7)
    for cut in range(24):
        file.write_bytes(data[:cut])
        assert read_acked(str(directory), directory.name) in (0, 4, 7)
    file.unlink()
    assert read_acked(str(directory), directory.name) == 0


def test_files_that_are_not_the_journals_own_are_never_removed(tmp_path: Path) -> None:
    directory = leave_dead_session(tmp_path)
    (directory / "notes.txt").write_text("mine")
    delivery = Delivery.adopt(directory)
    delivery.acknowledge(10)
    with pytest.raises(Unavailable, match="holds files that are not the journal's"):
        delivery.close(end_seq=10)
    assert (directory / "notes.txt").read_text() == "mine"
    assert [info.pending_records for info in find_sessions(tmp_path)] == [0]
    (directory / "notes.txt").unlink()
    assert Delivery.adopt(directory).close(end_seq=10) is True


def test_locks_are_not_asked_of_a_file_system_that_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    journal = Journal.create(tmp_path)
    written = write_sample(journal)
    assert is_live(journal.directory)
    journal.acknowledge(10)
    assert read_all(journal.directory)[0] == written
    assert journal.close() is True


def test_the_lock_of_a_session_is_held_as_long_as_its_writer_lives(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    assert is_live(journal.directory)
    assert run_in_child(lambda: None) == 0
    assert is_live(journal.directory)
    journal.close()
    assert not is_live(journal.directory)
