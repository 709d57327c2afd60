"""A time for the whole of a server's answer: what is sent byte by byte is never silent for long, and never ends."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import urllib3


class Reader(io.RawIOBase):
    """Reads from a socket, waiting for no longer than is left."""

    def __init__(self, raw: Any, sock: Any, limit_s: float) -> None:
        self._raw = raw
        self._sock = sock
        self._limit_s = limit_s
        self._silence_s: float | None = sock.gettimeout()
        self._end_s: float | None = time.monotonic() + limit_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end_s is not None:
            left_s = max(0.001, self._end_s - time.monotonic())
            self._sock.settimeout(left_s if self._silence_s is None else min(left_s, self._silence_s))
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError as error:
            if self._end_s is None or time.monotonic() < self._end_s:
                raise
            raise TimeoutError(f"its answer was not whole after {self._limit_s:g} s") from error
        return count

    def free(self) -> None:
        """Wait from here on for as long as something comes."""
        self._end_s = None
        self._sock.settimeout(self._silence_s)

    def close(self) -> None:
        self._raw.close()
        super().close()


def bound_answers(pools: urllib3.PoolManager, limit_s: float, head_only: bool) -> None:
    """Make connections give an answer up, as one that timed out, that is not whole after a time.

    limit_s:    counted from when the request was sent
    head_only:  the body may take longer, as that of a file may
    """
    import http.client

    import urllib3

    class Answer(http.client.HTTPResponse):
        """An answer that is read in time."""

        def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self._reader = Reader(self.fp.detach(), sock, limit_s)
            self.fp = io.BufferedReader(self._reader)

        def begin(self) -> None:
            super().begin()
            if head_only and not self._reader.closed:
                self._reader.free()

    class Plain(urllib3.connection.HTTPConnection):
        response_class = Answer

    class Secure(urllib3.connection.HTTPSConnection):
        response_class = Answer

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
