"""Writes what W&B's client leaves, by hand: folders of runs with their logs."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HEADER = b":W&B\xe1\xbe\x00"
BLOCK_BYTES = 32_768
RUN = "k3x9a2b1"
START_MS = 1_700_000_000_123


def message(*fields: tuple[int, bytes | str | int]) -> bytes:
    """Return a message of fields: texts, bytes, and whole numbers from 0."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts += [varint(number << 3), varint(value)]
        else:
            data = value.encode() if isinstance(value, str) else value
            parts += [varint(number << 3 | 2), varint(len(data)), data]
    return b"".join(parts)


def varint(value: int) -> bytes:
    """Return a number as seven bits a byte; a negative one as its 64 bits."""
    value %= 1 << 64
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def pack(records: list[bytes]) -> bytes:
    """Return a log of records."""
    out = bytearray(HEADER)
    for record in records:
        start = 0
        while not start or start < len(record):
            room = BLOCK_BYTES - len(out) % BLOCK_BYTES - 7
            if room <= 0:
                out += bytes(room + 7)
                continue
            piece, last = record[start : start + room], start + room >= len(record)
            kind = (4 if start else 1) if last else (3 if start else 2)
            out += struct.pack("<IHB", zlib.crc32(piece, zlib.crc32(bytes([kind]))), len(piece), kind) + piece
            start += room
    return bytes(out)


def time(time_ms: int) -> bytes:
    """Return a time stamp."""
    return message((1, time_ms // 1_000), (2, time_ms % 1_000 * 1_000_000))


def items(values: Mapping[str, Any], *path: str) -> list[bytes]:
    """Return items as the client writes them, objects within objects by keys in pieces."""
    found = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found += items(value, *path, key)
        else:
            pieces: list[tuple[int, bytes | str | int]] = [(2, piece) for piece in (*path, key)]
            found.append(message(*pieces, (16, json.dumps(value))))
    return found


def run(config: Mapping[str, Any] | None = None, run_id: str = RUN, project: str = "prices", **texts: str) -> bytes:
    """Return the record of a run."""
    numbers = {"entity": 2, "group": 6, "job_type": 7, "name": 8, "notes": 9, "tag": 10, "sweep": 12, "host": 13}
    update = [(1, message((1, key), (16, json.dumps(value)))) for key, value in (config or {}).items()]
    fields = [(numbers[name], text) for name, text in texts.items()]
    return message(
        (17, message((1, run_id), (3, project), (4, message(*update)), *fields, (17, time(START_MS)))), (1, 2)
    )


def row(step: int, **values: Any) -> bytes:
    """Return the record of what was logged together, a second a step."""
    stamp = {"_timestamp": (START_MS + 1_000 * step) / 1_000, "_step": step, "_runtime": step}
    return message((2, message(*((1, item) for item in items(values | stamp)), (2, message((1, step))))))


def config(**values: Any) -> bytes:
    """Return the record of a change of the config."""
    return message((5, message(*((1, message((1, key), (16, json.dumps(value)))) for key, value in values.items()))))


def summary(**values: Any) -> bytes:
    """Return the record of a change of the summary."""
    return message((3, message(*((1, item) for item in items(values)))))


def sample(second: int, **values: float) -> bytes:
    """Return the record of a sample of the machine; ``__`` stands for a dot."""
    found = [(3, message((1, key.replace("__", ".")), (16, json.dumps(value)))) for key, value in values.items()]
    return message((7, message((2, time(START_MS + 1_000 * second)), *found)))


def axis(key: str, step_metric: str) -> bytes:
    """Return the record of what a metric is drawn over."""
    return message((12, message((2, key), (4, step_metric))))


def environment(**texts: str) -> bytes:
    """Return the record of the machine."""
    numbers = {"os": 1, "python": 2, "args": 5, "program": 6, "host": 12, "username": 13}
    git = message((1, "https://ada:pa55word@example.com/prices.git"), (2, "c0ffee"))
    return message((26, message(*((numbers[name], text) for name, text in texts.items()), (9, git))))


def ended(exit_code: int = 0) -> bytes:
    """Return the record of a run's end."""
    return message((18, message((1, exit_code), (2, 1))))


def write_run(
    root: Path,
    records: list[bytes] | bytes,
    run_id: str = RUN,
    date: str = "20231114_221320",
    kind: str = "offline-run",
) -> Path:
    """Write the folder of a run with its log, which may be given as it is."""
    folder = root / f"{kind}-{date}-{run_id}"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    log = records if isinstance(records, bytes) else pack(records)
    (folder / f"run-{run_id}.wandb").write_bytes(log)
    return folder
