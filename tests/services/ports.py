from __future__ import annotations

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Return different loopback TCP ports that nobody listens on now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on now."""
    return free_ports(1)[0]
