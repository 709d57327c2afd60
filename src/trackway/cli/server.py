"""Starting the server."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import webbrowser
from collections.abc import Callable
from threading import Thread
from types import FrameType
from typing import Any

import click
import uvicorn

from trackway.base.addresses import hide_credentials
from trackway.base.errors import InvalidInput
from trackway.base.settings import SETTINGS, Setting, Settings, read_settings
from trackway.http.draining import BACKLOG, configure
from trackway.http.guard import is_loopback
from trackway.wiring.processes import start_log
from trackway.wiring.server import VERSION, build_app, check_settings, make_encryption, open_access

Begun = Callable[[int], object]
"""Called with the port once it is served."""
GRACE_S = 3
"""How long open requests may go on after SIGTERM."""
log = logging.getLogger("trackway.server")


class Server(uvicorn.Server):
    """Says where it serves, once it does, and when it stops; and once how the first administrator comes in."""

    def __init__(self, settings: Settings, app: Any, setup: str, begun: Begun | None) -> None:
        super().__init__(_config(settings, app))
        self._settings = settings
        self._setup = setup
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            port = sockets[0].getsockname()[1]
            _tell(self._settings, port, self._setup)
            if self._begun is not None:
                self._begun(port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as a signal's handler is called
        """Stop in order, which is no failure; at a second Ctrl-C, without waiting."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("Stopping; requests that are being answered have %d s", GRACE_S)
        await super().shutdown(sockets)
        log.info("Stopped")


def serve(given: dict[str, Any], begun: Begun | None = None) -> None:
    """Serve until a signal ends it; ``begun`` is called by one process alone, not by several workers.

    raises: InvalidInput for settings that cannot be served safely, Unavailable when the store cannot be opened
    """
    settings = read_settings(given)
    check_settings(settings)
    start_log(access_log=settings.access_log)
    setup = open_access(settings) if settings.auth else ""
    workers = settings.workers
    if workers > 1 and settings.store.startswith("sqlite:"):
        log.warning("SQLite has one writer: serving with one process instead of %d; use PostgreSQL for more", workers)
        workers = 1
    sockets = listen(settings.host, settings.port)
    if workers == 1:
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it says what Server says, in more lines
        Server(settings, build_app(settings), setup, begun).run(sockets)
        return
    for one in sockets:  # the port is free: the workers' parent opens it for them
        one.close()
    for setting in SETTINGS:
        os.environ[setting.variable] = str(getattr(settings, setting.name))
    config = _config(settings, "trackway.wiring.server:build_app_from_environment", factory=True, workers=workers)
    _tell(settings, settings.port, setup)
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


def _tell(settings: Settings, port: int, setup: str) -> None:
    address = _write_address(settings, settings.host, port)
    store, artifacts = hide_credentials(settings.store), hide_credentials(settings.artifacts)
    if setup:
        click.echo(f"Nobody can sign in yet. Set the server up, once: {address}/set-up#{setup}", err=True)
    log.info("Trackway %s serves %s (store %s, artifacts %s)", VERSION, address, store, artifacts)


def _list_options() -> list[click.Parameter]:
    return [
        click.Option(
            [setting.option, setting.name],
            type=setting.type,
            is_flag=setting.type is bool and not setting.default,
            default=None,
            help=_describe(setting),
        )
        for setting in SETTINGS
    ]


def _describe(setting: Setting) -> str:
    default = "" if setting.default == "" else f"; default: {setting.default}"
    return f"{setting.help} [{setting.variable}{default}]"


def _serve(**given: Any) -> None:
    serve({name: value for name, value in given.items() if value is not None})


def _show(browser: bool, **given: Any) -> None:
    asked = {name: value for name, value in given.items() if value is not None}
    settings = read_settings(asked)
    shown = settings.host if is_loopback(settings.host) else "127.0.0.1"

    def open_browser(port: int) -> None:  # in a thread, as a browser in the terminal ends when its reader ends it
        Thread(target=webbrowser.open, args=(_write_address(settings, shown, port),), daemon=True).start()

    serve(asked, open_browser if browser else None)


def _write_address(settings: Settings, host: str, port: int) -> str:
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _config(settings: Settings, app: Any, **more: Any) -> Any:
    options = configure(app, settings.host, settings.port, GRACE_S) | more
    if settings.tls_cert:
        options["ssl_context_factory"] = make_encryption(settings)
    return options if more else uvicorn.Config(**options)


server = click.Command("server", params=_list_options(), callback=_serve, help="Start the tracking server.")
ui = click.Command(
    "ui",
    params=[
        click.Option(["--browser/--no-browser"], default=True, help="Open a browser once the pages are served."),
        *_list_options(),
    ],
    callback=_show,
    help="Start the server, and show its pages in a browser.",
)
