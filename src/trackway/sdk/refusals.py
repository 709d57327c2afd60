"""What a store refused for good: kept as lines of JSON beside the journals, for its owner to look at."""

from __future__ import annotations

import base64
import json
import os
import struct
from contextlib import suppress
from typing import Any

import msgspec

from trackway.api.runs import Ingest
from trackway.base.clock import now_ms
from trackway.base.errors import TrackwayError
from trackway.sdk.journal_reader import Record

FOLDER = "refused"


class Refusals:
    """The refused records of one session, in ``refused/<session id>.jsonl`` beside its directory.

    Each line is an object: ``time_ms``, ``error`` (code, message), ``run_id``, and either ``ingest`` (points as lists)
    or ``kind`` and ``payload`` (base64). Staged files lie beside it under their own names. When the disk is full, all
    of it is only counted.
    """

    def __init__(self, directory: str, session_id: str) -> None:
        self.count = 0
        self._directory = directory
        self._folder = os.path.join(os.path.dirname(directory), FOLDER)
        self._path = os.path.join(self._folder, f"{session_id}.jsonl")

    def keep(self, request: Ingest, error: TrackwayError) -> None:
        """Keep an ``Ingest``."""
        self.count += sum(len(series.values) // 8 for series in request.series)
        self.count += len(request.params) + len(request.tags) + len(request.datasets) + len(request.model_metrics)
        self.count += len(request.model_inputs) + len(request.model_outputs)
        ingest = {name: value for name, value in msgspec.to_builtins(request).items() if value and name != "run_id"}
        ingest["series"] = [
            {
                "key": series.key,
                "steps": _unpack(series.steps, "q"),
                "times_ms": _unpack(series.times_ms, "q"),
                "values": _unpack(series.values, "d"),
            }
            for series in request.series
        ]
        self._append({"run_id": request.run_id, "ingest": ingest}, error)

    def keep_record(self, record: Record, run_id: str, error: TrackwayError) -> None:
        """Keep a record as it is."""
        self.count += 1
        payload = base64.b64encode(record.payload).decode()
        self._append({"run_id": run_id, "kind": record.kind, "payload": payload}, error)

    def keep_file(self, name: str) -> None:
        """Keep a staged file."""
        with suppress(OSError):
            os.makedirs(self._folder, exist_ok=True)
            os.replace(os.path.join(self._directory, name), os.path.join(self._folder, name))

    def _append(self, what: dict[str, Any], error: TrackwayError) -> None:
        line = {"time_ms": now_ms(), "error": {"code": error.code, "message": error.message}, **what}
        with suppress(OSError):
            os.makedirs(self._folder, exist_ok=True)
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _unpack(column: bytes, kind: str) -> list[float]:
    return list(struct.unpack(f"<{len(column) // 8}{kind}", column))
