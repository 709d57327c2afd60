"""The scoring server, built from settings: one process, or several on one port."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
from importlib.metadata import version as installed_version
from multiprocessing.connection import Connection
from typing import NoReturn

import uvicorn

from trackway.base.errors import Conflict, InvalidInput, TrackwayError
from trackway.base.ids import new_id
from trackway.environments import hold_environment
from trackway.http.draining import DrainingServer, configure
from trackway.http.guard import is_loopback
from trackway.sdk.connection import close_transports
from trackway.sdk.model_environments import make_environment
from trackway.sdk.model_files import fetch_model
from trackway.serving.announcer import Announcer
from trackway.serving.app import build_app
from trackway.serving.batcher import Batcher
from trackway.serving.deployment import Deployment
from trackway.serving.settings import SETTINGS, ServingSettings
from trackway.serving.supervisor import Supervisor, Told
from trackway.wiring.processes import end_with_parent, start_log

_log = logging.getLogger("trackway.serving")
SLACK_S = 5.0
"""What a worker may take to end beside what it waits for."""


def serve(settings: ServingSettings) -> None:
    """Serve a model until a signal ends it.

    raises: InvalidInput for what cannot be served safely; Conflict for a port that is taken; what loading raises
    """
    if not is_loopback(settings.host) and not settings.insecure_open:
        raise InvalidInput(
            f"Refusing to listen on {settings.host}: everybody who can reach it could use the model",
            hint="listen on 127.0.0.1 behind a proxy that signs people in, or give --insecure-open",
        )
    Announcer(settings, "")  # refuses what cannot be announced before anything is loaded
    _begin_log(settings)
    if settings.env_manager != "local":
        _serve_elsewhere(settings)
    with _bind(settings.host, settings.port) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        server_id = new_id()
        _log.info("Listening on http://%s:%d; the model is loaded first", host, listener.getsockname()[1])
        if settings.workers == 1:
            _serve(settings, listener, server_id)
            return
        last_wish_s = settings.drain_s + settings.grace_s + SLACK_S
        Supervisor(_work, (settings, listener, server_id), settings.workers, last_wish_s).keep()


def _serve_elsewhere(settings: ServingSettings) -> NoReturn:
    """Become a server in an environment made for the model; what it serves later has to do with that one.

    raises: InvalidInput, NotSupported when the environment cannot be made
    """
    folder = fetch_model(settings.model)
    _log.info("Making the environment of %s with %s, or finding it", settings.model, settings.env_manager)
    python = make_environment(settings.env_manager, folder, trust=settings.trust)
    hold_environment(python)
    _log.info("The environment is %s", python.parent.parent)
    close_transports()
    given = {setting.variable: str(getattr(settings, setting.name)) for setting in SETTINGS}
    variables = {**os.environ, **given, "TRACKWAY_SERVE_ENV_MANAGER": "local"}
    for name in ("PYTHONPATH", "PYTHONHOME"):
        variables.pop(name, None)
    os.execve(python, [str(python), "-m", "trackway", "models", "serve"], variables)  # noqa: S606 - no shell is there


def _work(settings: ServingSettings, listener: socket.socket, server_id: str, tells: Connection) -> None:
    """Serve in a worker process; say once that it does, or why not."""
    _begin_log(settings)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal, which the parent passes on as SIGTERM
    end_with_parent()
    try:
        _serve(settings, listener, server_id, tells)
    except TrackwayError as error:
        tells.send((error.code, error.message, error.hint))
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - whatever a library raises while it loads a model
        tells.send(("internal", f"{type(error).__name__}: {error}", ""))
        sys.exit(1)


def _serve(settings: ServingSettings, listener: socket.socket, server_id: str, tells: Connection | None = None) -> None:
    batcher = Batcher(settings.threads, settings.max_waiting, settings.max_batch)
    announcer = Announcer(settings, server_id)
    deployment = Deployment(settings, batcher.forget, announcer.tell)
    deployment.load()
    app = build_app(deployment, batcher, settings, installed_version("trackway"))
    config = uvicorn.Config(**configure(app, settings.host, settings.port, settings.grace_s))
    if tells is not None:
        told: Told = None
        tells.send(told)

    def begin_drain() -> None:
        deployment.close()
        announcer.end()

    try:
        DrainingServer(config, begin_drain, settings.drain_s).run([listener])
    finally:
        announcer.close()
        close_transports()


def _bind(host: str, port: int) -> socket.socket:
    """Take a port, before the model is loaded.

    raises: Conflict when another has it, InvalidInput for an address that this machine does not have
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"Port {port} of {host} is taken", hint="give another with -p") from None
        raise InvalidInput(f"Cannot listen on {host}:{port}: {error.strerror or error}") from None
    except OverflowError:
        listener.close()
        raise InvalidInput(f"{port} is no port", hint="0 to 65535") from None
    listener.set_inheritable(True)
    return listener


def _begin_log(settings: ServingSettings) -> None:
    start_log(access_log=settings.access_log)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # what it says is said here, in fewer lines
