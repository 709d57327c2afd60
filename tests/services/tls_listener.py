"""A listener that speaks TLS and nothing else."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

TIMEOUT_S = 30


@contextmanager
def run_listener(context: ssl.SSLContext) -> Iterator[int]:
    """Accept connections, tell each as JSON what its certificate says, and close, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        secure.sendall(json.dumps(secure.getpeercert()).encode())
                except OSError:
                    connection.close()

        thread = Thread(target=work, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(TIMEOUT_S)
