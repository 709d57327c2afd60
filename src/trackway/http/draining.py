"""A server that ends without losing a request: its clients are told to go before its door is closed."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import uvicorn

from trackway.http.messages import END
from trackway.http.protocol import BoundedProtocol

BACKLOG: Final = 2_048
"""Connections that may wait to be taken."""
_LOOK_S: Final = 0.02
_log = logging.getLogger("trackway.http")


class DrainingProtocol(BoundedProtocol):
    """Once the server drains, each answer says that it is the last one of its connection."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if getattr(self.server_state, "is_draining", False) and self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """End the connection with its answer; one that goes on for as long as somebody listens is told to end."""
        cycle: Any = self.cycle
        end = cycle.scope.get(END) if cycle is not None else None
        super().shutdown()
        if end is not None:
            end()


class DrainingServer(uvicorn.Server):
    """Uvicorn's server with a time between the signal and the closed door.

    begin_drain: called when the signal came, so that readiness says no from then on
    drain_s:     for so long new connections are still answered, and idle ones kept: a load balancer looks in
                 intervals, and a client may have sent what is not here yet
    """

    def __init__(self, config: uvicorn.Config, begin_drain: Callable[[], None], drain_s: float) -> None:
        super().__init__(config)
        self._begin_drain = begin_drain
        self._drain_s = drain_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as a signal's handler is called
        """Stop in order, which is no failure; at a second signal, of whichever kind, without waiting."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("Stopping; new connections are answered for %g s more", self._drain_s)
        state: Any = self.server_state
        state.is_draining = True
        self._begin_drain()
        end = time.monotonic() + self._drain_s
        while time.monotonic() < end and not self.force_exit:
            await asyncio.sleep(_LOOK_S)
        await super().shutdown(sockets)
        _log.info("Stopped")


def configure(app: Any, host: str, port: int, grace_s: float) -> dict[str, Any]:
    """Return what uvicorn is told by every server of this package.

    grace_s: how long open requests may go on once the door is closed
    """
    return {
        "app": app,
        "host": host,
        "port": port,
        "loop": "uvloop" if sys.platform != "win32" else "asyncio",
        "http": DrainingProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": grace_s,
        "timeout_keep_alive": 75,
        "backlog": BACKLOG,
    }
