"""The log of a container, followed over breaks of the connection without a line lost or told twice."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Final

from trackway.base.errors import NotFound, TrackwayError
from trackway.projects.backends import Sink
from trackway.projects.kubernetes.cluster import Cluster

AGAIN_S: Final = 1.0
_TIME = re.compile(rb"(?P<seconds>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.?\d*(?P<zone>Z|[+-]\d\d:\d\d) ")


class LogReader:
    """Hands on what a container writes, both streams as standard output, by a thread of its own.

    ended: set when the container has ended, so that a log that breaks off is not asked for for ever
    """

    def __init__(self, cluster: Cluster, path: str, container: str, sink: Sink, ended: threading.Event) -> None:
        self._cluster = cluster
        self._path = path
        self._container = container
        self._sink = sink
        self._ended = ended
        self._last = b""
        self._thread = threading.Thread(target=self._follow, name="trackway-kubernetes-log", daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until all of it was handed on."""
        self._thread.join(timeout_s)

    def _follow(self) -> None:
        while True:
            was_ended = self._ended.is_set()
            try:
                for line in self._read():
                    self._sink("stdout", line)
                if was_ended:
                    return
            except NotFound:
                return  # the pod is gone
            except TrackwayError:
                if was_ended:
                    return
            self._ended.wait(AGAIN_S)

    def _read(self) -> Iterator[bytes]:
        """Yield the lines that have not been handed on yet, without the time before each.

        The API takes a time in whole seconds, so that some lines come again; a line's own time has nanoseconds.
        """
        query = {"container": self._container, "follow": "true", "timestamps": "true"}
        known = _TIME.match(self._last)
        if known:
            query["sinceTime"] = (known["seconds"] + known["zone"]).decode()
        rest, told = b"", self._last
        for data in self._cluster.stream(self._path, **query):
            *lines, rest = (rest + data).split(b"\n")
            yield from (text for line in lines if (text := self._take(line + b"\n", told)))
        if rest and (text := self._take(rest, told)):
            yield text

    def _take(self, line: bytes, told: bytes) -> bytes:
        """Return a line's text; nothing when it has been handed on before."""
        found = _TIME.match(line)
        if found is None:
            return line  # what the cluster itself has to say
        if found[0] <= told:
            return b""
        self._last = found[0]
        return line[found.end() :]
