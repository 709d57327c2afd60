"""A run as the records of W&B's log tell it, from one log or, when it was resumed, from several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from trackway.api.limits import INT64_MAX
from trackway.api.runs import RunStatus
from trackway.base.clock import now_ms
from trackway.base.errors import Corrupt
from trackway.exchange.history import Problem
from trackway.exchange.protobuf import collect, read_fields, read_messages
from trackway.exchange.wandb_log import Entry, read_log
from trackway.exchange.wandb_values import MOST_KEYS, Tree, parse_json, parse_number, put, read_item, remove

HISTORY, SUMMARY, CONFIG, STATS, ARTIFACT, METRIC, OUTPUT = 2, 3, 5, 7, 8, 12, 13
RUN, EXIT, ENVIRONMENT = 17, 18, 26
"""Numbers of the fields of a record, which say what it is."""
SILENT_MS = 3_600_000
"""A run that has not ended counts as lost when it logged nothing for so long; system metrics come every 15 s."""
_STOPPED = (255, 130, 137, 143)
"""Exit codes of who was told to stop: W&B's own for Ctrl-C, then SIGINT, SIGKILL and SIGTERM as shells have them."""
_MOST_TAGS = 1_000


class Facts(msgspec.Struct):
    """What is known of a run without its points.

    exit_code: None until it ends
    artifacts: how many of W&B's it made
    keys:      how many config and summary have had
    """

    project: str = ""
    run_id: str = ""
    entity: str = ""
    name: str = ""
    notes: str = ""
    tags: list[str] = []
    group: str = ""
    job_type: str = ""
    sweep: str = ""
    host: str = ""
    remote: str = ""
    commit: str = ""
    start_ms: int = 0
    last_ms: int = 0
    exit_code: int | None = None
    artifacts: int = 0
    keys: int = 0
    config: Tree = {}
    summary: Tree = {}
    axes: dict[str, str] = {}
    machine: dict[str, Any] = {}

    @property
    def status(self) -> RunStatus:
        """How far the run is."""
        if self.exit_code is None:
            return "LOST" if now_ms() - self.last_ms > SILENT_MS else "RUNNING"
        if self.exit_code == 0:
            return "FINISHED"
        return "KILLED" if self.exit_code in _STOPPED or self.exit_code < 0 else "FAILED"


def read_identity(path: Path) -> Facts | None:
    """Return what a log says of its run at the beginning; None when it does not say yet which run it is.

    raises: Corrupt, OSError
    """
    for entry in read_log(path, lambda *_: None):
        for number, value in read_fields(entry.data):
            if number == RUN and isinstance(value, bytes):
                facts = Facts()
                _add_run(facts, value)
                return facts
    return None


def read_facts(paths: Sequence[Path], problem: Problem) -> Facts:
    """Return what all logs of a run say, the later ones last.

    raises: Corrupt, OSError
    """
    facts = Facts()
    for path in paths:
        facts.exit_code = None
        latest: dict[int, Entry] = {}
        for entry in read_log(path, problem):
            with telling(path, entry, problem):
                number, value = read_record(entry.data)
                if number in _ADD:
                    _ADD[number](facts, value)
                elif number in (HISTORY, STATS, OUTPUT):
                    latest[number] = Entry(entry.offset, value)
        for number, entry in latest.items():
            with telling(path, entry, lambda *_: None):  # told where their points are read
                facts.last_ms = max(facts.last_ms, _read_time_of(number, entry.data))
    facts.last_ms = max(facts.last_ms, facts.start_ms)
    return facts


def read_record(data: bytes) -> tuple[int, bytes]:
    """Return what a record is, by its number, and the message that it holds.

    raises: Corrupt
    """
    for number, value in read_fields(data):
        if number in _KINDS and isinstance(value, bytes):
            return number, value
    return 0, b""


@contextmanager
def telling(path: Path, entry: Entry, problem: Problem) -> Iterator[None]:
    """Tell of a record that cannot be read, and go on behind it."""
    try:
        yield
    except (Corrupt, UnicodeDecodeError) as error:
        problem(f"{path} at byte {entry.offset} ({error})", "a record cannot be read")


def read_time(data: bytes) -> int:
    """Return the milliseconds of a time stamp's message; one that is none is 0."""
    fields = collect(data)
    time_ms = fields.get_integer(1) * 1_000 + fields.get_integer(2) // 1_000_000
    return time_ms if 0 <= time_ms <= INT64_MAX else 0


def to_ms(seconds: float | None) -> int:
    """Return the milliseconds of a time in seconds; one that is none is 0."""
    return int(seconds * 1_000) if seconds is not None and 0 <= seconds <= INT64_MAX // 1_000 else 0


def _read_time_of(number: int, data: bytes) -> int:
    """Return when a record of points or output was made."""
    if number != HISTORY:
        return read_time(collect(data).get_bytes(2))
    for path, text in map(read_item, read_messages(data, 1)):
        if path == ("_timestamp",):
            return to_ms(parse_number(text))
    return 0


def _add_run(facts: Facts, data: bytes) -> None:
    fields = collect(data)
    texts = {
        "run_id": 1,
        "entity": 2,
        "project": 3,
        "group": 6,
        "job_type": 7,
        "name": 8,
        "notes": 9,
        "sweep": 12,
        "host": 13,
    }
    for name, number in texts.items():
        setattr(facts, name, fields.get_text(number) or getattr(facts, name))
    tags = [text.decode("utf-8") for text in read_messages(data, 10)]
    facts.tags = tags[:_MOST_TAGS] or facts.tags
    facts.start_ms = facts.start_ms or read_time(fields.get_bytes(17))
    _add_git(facts, fields.get_bytes(21))
    for config in read_messages(data, 4):
        _add_items(facts, facts.config, config)


def _add_git(facts: Facts, data: bytes) -> None:
    fields = collect(data)
    facts.remote = fields.get_text(1) or facts.remote
    facts.commit = fields.get_text(2) or facts.commit


def _add_items(facts: Facts, tree: Tree, data: bytes) -> None:
    """Carry out what a record of config or summary says: new values, then keys that are gone."""
    for path, text in map(read_item, read_messages(data, 1)):
        if facts.keys >= MOST_KEYS:
            raise Corrupt(f"more than {MOST_KEYS} keys in config and summary")
        facts.keys += put(tree, path, parse_json(text))
    for path, _ in map(read_item, read_messages(data, 2)):
        remove(tree, path)


def _add_exit(facts: Facts, data: bytes) -> None:
    facts.exit_code = collect(data).get_integer(1)


def _add_axis(facts: Facts, data: bytes) -> None:
    fields = collect(data)
    key, axis = fields.get_text(1) or fields.get_text(2), fields.get_text(4)
    if key and axis and len(facts.axes) < MOST_KEYS:
        facts.axes[key] = axis


_MACHINE = {
    1: "os",
    2: "python",
    4: "docker",
    6: "program",
    7: "codePath",
    12: "host",
    13: "username",
    14: "executable",
    18: "gpu",
}
"""Texts of an environment's record, by the names that ``wandb-metadata.json`` has for them."""


def _add_environment(facts: Facts, data: bytes) -> None:
    """Add what one of several records of an environment says."""
    fields = collect(data)
    found: Tree = {name: fields.get_text(number) for number, name in _MACHINE.items()}
    found["args"] = [text.decode("utf-8") for text in read_messages(data, 5)]
    found["cpu_count"] = fields.get_integer(16)
    found["cpu"] = collect(fields.get_bytes(22)).get_text(1)
    found["memory_bytes"] = collect(fields.get_bytes(21)).get_integer(1)
    facts.machine.update((name, value) for name, value in found.items() if value)
    _add_git(facts, fields.get_bytes(9))


def _add_artifact(facts: Facts, _data: bytes) -> None:
    facts.artifacts += 1


_ADD: dict[int, Callable[[Facts, bytes], None]] = {
    RUN: _add_run,
    CONFIG: lambda facts, data: _add_items(facts, facts.config, data),
    SUMMARY: lambda facts, data: _add_items(facts, facts.summary, data),
    METRIC: _add_axis,
    EXIT: _add_exit,
    ENVIRONMENT: _add_environment,
    ARTIFACT: _add_artifact,
}
_KINDS = frozenset((*_ADD, HISTORY, STATS, OUTPUT))
