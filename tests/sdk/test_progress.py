"""What somebody who waits for a long transfer sees."""

from __future__ import annotations

import io
import sys

import pytest

from trackway.sdk import progress
from trackway.sdk.progress import SHOWN_BYTES, Progress, WatchedSource
from trackway.sdk.sources import BytesSource


class Terminal(io.StringIO):
    """A standard error stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Become a process whose errors go to a terminal; no fixture, as pytest sets the stream before the test's body."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "REFRESH_S", 0.0)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return stream


def move(total_bytes: int | None, size_bytes: int, *, muted: bool = False) -> None:
    with Progress("Fetching", total_bytes, muted=muted) as bar:
        for _ in bar.watch([bytes(size_bytes // 4)] * 4):
            pass


def test_a_long_transfer_is_one_line_that_ends_when_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    move(4 * SHOWN_BYTES, 4 * SHOWN_BYTES)
    first, *_, last = terminal.getvalue().removesuffix("\n").split("\r")[1:]
    assert first.startswith("Fetching: 33.6 MB of 134.2 MB, ")
    assert last.startswith("Fetching: 134.2 MB of 134.2 MB, ")
    assert terminal.getvalue().count("\n") == 1


def test_a_file_of_unknown_size_says_what_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    move(None, 2 * SHOWN_BYTES)
    assert "Fetching: 67.1 MB, " in terminal.getvalue()


@pytest.mark.parametrize("size_bytes", [0, 4, SHOWN_BYTES - 4])
def test_a_short_transfer_says_nothing(monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
    terminal = open_terminal(monkeypatch)
    move(size_bytes, size_bytes)
    move(None, size_bytes)
    assert terminal.getvalue() == ""


def test_it_is_silent_when_told_and_when_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    move(2 * SHOWN_BYTES, 2 * SHOWN_BYTES, muted=True)
    with monkeypatch.context() as patch:
        patch.setenv("TRACKWAY_PROGRESS", "false")
        move(2 * SHOWN_BYTES, 2 * SHOWN_BYTES)
    assert terminal.getvalue() == ""
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    move(2 * SHOWN_BYTES, 2 * SHOWN_BYTES)
    assert file.getvalue() == ""


def test_bytes_that_are_sent_again_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with Progress("Sending", 2 * SHOWN_BYTES) as bar:
        for _ in range(2):
            source = bar.watch_source(BytesSource(bytes(SHOWN_BYTES)))
            for _again in range(3):
                assert sum(len(chunk) for chunk in source) == SHOWN_BYTES == source.size_bytes
    assert "67.1 MB of 67.1 MB" in terminal.getvalue()
    assert "100.7 MB" not in terminal.getvalue()


def test_pieces_of_a_source_tell_positions_in_the_whole() -> None:
    told: list[int] = []
    source = WatchedSource(BytesSource(b"abcdefghij"), told.append)
    assert b"".join(source.cut(2, 6).cut(1, 3)) == b"def"
    assert told == [6]
