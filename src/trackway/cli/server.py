"""Starting the server."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
from types import FrameType
from typing import Any

import click
import uvicorn

from trackway.base.addresses import hide_credentials
from trackway.base.errors import InvalidInput
from trackway.base.settings import SETTINGS, Settings, read_settings
from trackway.http.draining import BACKLOG, configure
from trackway.http.encryption import Encryption
from trackway.wiring.processes import start_log
from trackway.wiring.server import VERSION, build_app, check_settings

GRACE_S = 3
"""How long open requests may go on after SIGTERM."""
log = logging.getLogger("trackway.server")


class Server(uvicorn.Server):
    """Says where it serves, once it does, and when it stops."""

    def __init__(self, settings: Settings, app: Any) -> None:
        super().__init__(_config(settings, app))
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            _tell(self._settings, sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as a signal's handler is called
        """Stop in order, which is no failure; at a second Ctrl-C, without waiting."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("Stopping; requests that are being answered have %d s", GRACE_S)
        await super().shutdown(sockets)
        log.info("Stopped")


def serve(given: dict[str, Any]) -> None:
    """Serve until a signal ends it.

    raises: InvalidInput for settings that cannot be served safely, Unavailable when the store cannot be opened
    """
    settings = read_settings(given)
    check_settings(settings)
    start_log(access_log=settings.access_log)
    workers = settings.workers
    if workers > 1 and settings.store.startswith("sqlite:"):
        log.warning("SQLite has one writer: serving with one process instead of %d; use PostgreSQL for more", workers)
        workers = 1
    sockets = listen(settings.host, settings.port)
    if workers == 1:
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it says what Server says, in more lines
        Server(settings, build_app(settings)).run(sockets)
        return
    for one in sockets:  # the port is free: the workers' parent opens it for them
        one.close()
    for setting in SETTINGS:
        os.environ[setting.variable] = str(getattr(settings, setting.name))
    config = _config(settings, "trackway.wiring.server:build_app_from_environment", factory=True, workers=workers)
    _tell(settings, settings.port)
    uvicorn.run(**config)


def listen(host: str, port: int) -> list[socket.socket]:
    """Open the addresses of a host; of those of a name, the ones that this machine has.

    raises: InvalidInput when there is none that can be listened on
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InvalidInput(
            f"There is no address {host!r}: {error.strerror}", hint="give an address with --host"
        ) from error
    opened: list[socket.socket] = []
    for family, _, _, _, address in found:
        try:
            opened.append(socket.create_server(address, family=family, backlog=BACKLOG))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                continue
            for one in opened:
                one.close()
            hint = "stop what uses it, or give another --port" if error.errno == errno.EADDRINUSE else ""
            raise InvalidInput(
                f"Port {port} of {host} cannot be opened: {os.strerror(error.errno or 0)}", hint=hint
            ) from error
    if not opened:
        raise InvalidInput(f"This machine has no address {host}", hint="give another --host")
    return opened


def _tell(settings: Settings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    store, artifacts = hide_credentials(settings.store), hide_credentials(settings.artifacts)
    scheme = "https" if settings.tls_cert else "http"
    log.info("Trackway %s serves %s://%s:%d (store %s, artifacts %s)", VERSION, scheme, host, port, store, artifacts)


def _make_command() -> click.Command:
    options = [
        click.Option(
            [setting.option, setting.name],
            type=setting.type,
            is_flag=setting.type is bool and not setting.default,
            default=None,
            help=f"{setting.help} [{setting.variable}; default: {setting.default}]",
        )
        for setting in SETTINGS
    ]
    return click.Command("server", params=list(options), callback=_serve, help="Start the tracking server.")


def _serve(**given: Any) -> None:
    serve({name: value for name, value in given.items() if value is not None})


def _config(settings: Settings, app: Any, **more: Any) -> Any:
    options = configure(app, settings.host, settings.port, GRACE_S) | more
    if settings.tls_cert:
        options["ssl_context_factory"] = Encryption(settings.tls_cert, settings.tls_key)
    return options if more else uvicorn.Config(**options)


server = _make_command()
