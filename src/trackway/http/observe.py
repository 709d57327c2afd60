"""What the server tells of itself: an access log, and counts and times for Prometheus."""

from __future__ import annotations

import logging
import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from trackway.http.messages import HttpRequest

access = logging.getLogger("trackway.access")
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class _Counts:
    """Requests of one route and status: a histogram of seconds (the last slot is above all buckets), and bytes sent."""

    __slots__ = ("buckets", "sent_bytes", "total_s")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BUCKETS_S) + 1)
        self.total_s = 0.0
        self.sent_bytes = 0


class Gauge(NamedTuple):
    """A value for each of several things, which ``label`` names."""

    name: str
    text: str
    label: str
    values: Mapping[str, float]


class Observer:
    """Counts requests by route (never by path, whose number has no bound) and status.

    worker: which of several processes this is: a label of everything, as each answers for itself when it is asked
    """

    def __init__(self, version: str, worker: str = "") -> None:
        self._counts: dict[tuple[str, str, int], _Counts] = {}
        self._version = version
        self._worker = worker
        self._started_s = time.time()
        self._read: list[tuple[str, str, str, Callable[[], float]]] = []

    def add(self, name: str, kind: str, text: str, read: Callable[[], float]) -> None:
        """Show a value that is read when asked for; ``kind`` is counter or gauge."""
        self._read.append((name, kind, text, read))

    def observe(
        self, request: HttpRequest, route: str, request_id: str, status: int, sent_bytes: int, took_s: float
    ) -> None:
        """Note one request that was answered; its route is empty where there was none."""
        key = (request.method, route, status)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = _Counts()
        counts.buckets[bisect_left(_BUCKETS_S, took_s)] += 1
        counts.total_s += took_s
        counts.sent_bytes += sent_bytes
        if access.isEnabledFor(logging.INFO):
            path, took_ms = request.raw_path.decode("latin-1"), took_s * 1000
            access.info("%s %s %d %d B %.1f ms %s", request.method, path, status, sent_bytes, took_ms, request_id)

    def render(self, gauges: Iterable[Gauge] = ()) -> str:
        """Return everything in the text format of Prometheus 0.0.4, with gauges that are not of this process alone."""
        lines = _head("trackway_request_seconds", "histogram", "Time to answer, by route and status.")
        for (method, path, status), counts in sorted(self._counts.items()):
            total = 0
            for bound, count in zip((*map(str, _BUCKETS_S), "+Inf"), counts.buckets, strict=True):
                total += count
                labels = self._label(method=method, route=path, status=str(status), le=bound)
                lines.append(f"trackway_request_seconds_bucket{labels} {total}")
            labels = self._label(method=method, route=path, status=str(status))
            lines.append(f"trackway_request_seconds_sum{labels} {counts.total_s:.6f}")
            lines.append(f"trackway_request_seconds_count{labels} {total}")
        lines += _head("trackway_sent_bytes_total", "counter", "Bytes of bodies sent.")
        for (method, path, status), counts in sorted(self._counts.items()):
            labels = self._label(method=method, route=path, status=str(status))
            lines.append(f"trackway_sent_bytes_total{labels} {counts.sent_bytes}")
        lines += _head("trackway_build_info", "gauge", "The version that serves.")
        lines.append(f"trackway_build_info{self._label(version=self._version)} 1")
        read = [(name, kind, text, read()) for name, kind, text, read in self._read]
        for name, kind, text, value in [*self._describe_process(), *read]:
            lines += [*_head(name, kind, text), f"{name}{self._label()} {value}"]
        for name, text, label, values in gauges:
            lines += _head(name, "gauge", text)
            lines += [f"{name}{self._label(**{label: one})} {value}" for one, value in values.items()]
        return "\n".join(lines) + "\n"

    def _describe_process(self) -> list[tuple[str, str, str, float]]:
        """Return name, kind, meaning and value of what is asked of every process, under its usual names."""
        found: list[tuple[str, str, str, float]] = [
            ("process_start_time_seconds", "gauge", "When the process began to serve, since 1970.", self._started_s),
            ("process_cpu_seconds_total", "counter", "Processor time.", time.process_time()),
        ]
        with suppress(OSError):  # where there is no /proc
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            held = pages * os.sysconf("SC_PAGE_SIZE")
            found.append(("process_resident_memory_bytes", "gauge", "Memory that is held.", held))
            found.append(("process_open_fds", "gauge", "Files and connections.", len(os.listdir("/proc/self/fd"))))
        return found

    def _label(self, **labels: str) -> str:
        if self._worker:
            labels["worker"] = self._worker
        inner = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
        return f"{{{inner}}}" if inner else ""


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
