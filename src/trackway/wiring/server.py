"""The server's application, built from settings."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version as installed_version
from typing import cast, get_args
from urllib.parse import urlsplit

from trackway.api.jobs import Job
from trackway.artifacts.roots import check_root
from trackway.auth.reads import SensitiveReads
from trackway.auth.requests import RequestCounts
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.base.settings import Settings, read_settings
from trackway.http.certificates import CertificateName
from trackway.http.encryption import ClientCertificates, Encryption
from trackway.http.guard import Guard, is_loopback
from trackway.http.lanes import Lanes
from trackway.http.observe import Observer
from trackway.http.peers import Proxies
from trackway.http.turns import TurnLimits
from trackway.server import native, pages, static
from trackway.server.bridge import Callers
from trackway.server.calls import Route
from trackway.server.changes import Changes
from trackway.server.events import EventRoutes
from trackway.server.files import FileRoutes
from trackway.server.gate import Gate, Words
from trackway.server.mlflow.errors import encode_error as encode_mlflow_error
from trackway.server.mlflow.routes import list_routes as list_mlflow_routes
from trackway.server.scim.errors import encode_error as encode_scim_error
from trackway.server.scim.resources import load_resources
from trackway.server.scim.routes import ScimRoutes
from trackway.server.sign_in import SignInRoutes
from trackway.server.single_sign_on import START
from trackway.server.uploads import DirectTransfers, Uploads
from trackway.server.workspaces import WorkspaceApp
from trackway.store.workspaces import DEFAULT
from trackway.wiring.directory import make_directory
from trackway.wiring.memory import FreedMemory
from trackway.wiring.platform import Entrance, Platform
from trackway.wiring.processes import end_with_parent, start_log
from trackway.wiring.single_sign_on import check_single_sign_on, make_single_sign_on

VERSION = installed_version("trackway")
log = logging.getLogger("trackway.server")


def build_app(settings: Settings) -> WorkspaceApp:
    """Build the server's application."""
    memory = FreedMemory()  # before there are threads
    platform = _open_platform(settings)
    several = settings.workers > 1 and not settings.store.startswith("sqlite:")
    observer = Observer(VERSION, worker=str(os.getpid()) if several else "")

    changes = Changes(platform.store)
    gate = _make_gate(settings, platform)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        platform.store.lend_loop(asyncio.get_running_loop())
        changes.open()
        memory.start()
        worker = platform.start_jobs() if settings.jobs else None
        if settings.jobs:
            platform.courier.start()
        try:
            yield
        finally:
            changes.close()
            memory.close()
            if gate is not None:
                gate.close()
            if worker is not None:
                platform.courier.close()
                worker.close()
            platform.close()

    def ready() -> str:
        try:
            platform.store.read(lambda tx: tx.housekeeping.get_retention("default"))
        except TrackwayError as error:
            if error.public_message:
                log.error("not ready: %s", error)
            return error.public_message or str(error)
        return ""

    uploads = Uploads(platform.blobs)
    direct = DirectTransfers(platform.blobs, uploads, settings.direct_transfers)
    files = FileRoutes(platform.blobs, uploads)
    routes = [
        *native.list_routes(),
        *files.list_routes(),
        *list_mlflow_routes(files, direct),
        *pages.list_routes(VERSION, ready, observer, partial(_list_jobs, platform)),
        *static.list_routes(),
        *_make_events(settings, platform, changes).list_routes(),
    ]
    public = urlsplit(settings.public_url).netloc
    hosts = [host for host in (settings.host, public, *settings.allowed_hosts.split(",")) if host]
    if gate is not None:
        routes += _list_doors(settings, platform, gate)
    lanes = _make_lanes(settings, observer, gate)
    guard = Guard(hosts, secure=bool(settings.tls_cert), lanes=lanes, gate=gate)
    errors = {"": native.encode_error, "/scim/": encode_scim_error}
    errors |= dict.fromkeys(("/api/2.0/", "/api/3.0/", "/ajax-api/"), encode_mlflow_error)
    callers = Callers(platform.dispatch, changes, home="" if gate else DEFAULT.name)
    return WorkspaceApp(callers, routes, errors, guard, observer, lifespan())


def _open_platform(settings: Settings) -> Platform:
    return Platform(
        settings.store,
        settings.artifacts,
        settings.webhook_networks,
        settings.master_key_file,
        auth=settings.auth,
        entrance=Entrance(
            make_directory(settings),
            RequestCounts(settings.workers),
            SensitiveReads(settings.audit_reads),
            _list_limits(settings),
        ),
    )


def _list_jobs(platform: Platform) -> list[Job]:
    """Return how the background work of all replicas went; nothing while the store is away, of which /ready tells."""
    try:
        return platform.store.read(lambda tx: tx.housekeeping.list_jobs())
    except TrackwayError:
        return []


def _make_gate(settings: Settings, platform: Platform) -> Gate | None:
    """Return what lets requests in; None where everybody may do everything."""
    if platform.authenticator is None:
        return None
    certificate = cast(CertificateName, settings.tls_client_name) if settings.tls_client_ca else None
    words = Words(Proxies(settings.behind_proxy), settings.auth_header, certificate)
    return Gate(platform.authenticator, words, platform.requests, asks=bool(settings.ldap_url))


def _make_events(settings: Settings, platform: Platform, changes: Changes) -> EventRoutes:
    find_rights = platform.authenticator.find_rights if platform.authenticator else None
    return EventRoutes(changes, Proxies(settings.behind_proxy).find_address, find_rights)


def _list_doors(settings: Settings, platform: Platform, gate: Gate) -> list[Route]:
    """Return the routes by which people come in, and those by which a directory says who they are."""
    assert platform.authenticator is not None
    single = make_single_sign_on(settings, platform.store, gate)
    routes = SignInRoutes(platform.authenticator, gate, START if single else "").list_routes()
    if single is not None:
        routes += single.list_routes()
    if settings.scim:
        routes += ScimRoutes(Proxies(settings.behind_proxy), settings.public_url).list_routes()
    return routes


def make_encryption(settings: Settings) -> Encryption:
    """Return what makes the server's TLS context."""
    clients = None
    if settings.tls_client_ca:
        clients = ClientCertificates(settings.tls_client_ca, settings.tls_client_required, settings.tls_client_crl)
    return Encryption(settings.tls_cert, settings.tls_key, clients)


def _make_turn_limits(settings: Settings) -> TurnLimits:
    if is_loopback(settings.host) and not settings.behind_proxy:
        return TurnLimits(caller_rate=settings.caller_rate)
    return TurnLimits(settings.active, settings.caller_active, settings.caller_rate)


def _list_limits(settings: Settings) -> dict[str, int]:
    """Return what clients are told of the turns of callers."""
    turns = _make_turn_limits(settings)
    told = {
        "active_requests": turns.active,
        "caller_active_requests": turns.caller_active,
        "caller_requests_per_s": turns.caller_rate,
    }
    return {name: most for name, most in told.items() if most}


def _make_lanes(settings: Settings, observer: Observer, gate: Gate | None) -> Lanes | None:
    """Return where requests wait for their turn; None on a server that one person has for himself."""
    limits = _make_turn_limits(settings)
    if limits == TurnLimits():
        return None
    proxies = Proxies(settings.behind_proxy)
    lanes = Lanes(limits, proxies) if gate is None else Lanes(limits, proxies, gate.identify)
    for name, text, read in lanes.list_gauges():
        observer.add(name, "gauge", text, read)
    return lanes


def open_access(settings: Settings, environment: Mapping[str, str] = os.environ) -> str:
    """Make sure that somebody can sign in: return the secret of a set-up link when nobody can yet, else nothing.

    The first administrator may come from the environment: TRACKWAY_ADMIN_USERNAME and TRACKWAY_ADMIN_PASSWORD, or
    MLflow's names for them.

    raises: InvalidInput for a password that may be none
    """
    platform = Platform(settings.store, settings.artifacts, auth=True)
    try:
        assert platform.authenticator is not None
        name, password = (_read_admin(environment, what) for what in ("USERNAME", "PASSWORD"))
        if password:
            platform.authenticator.create_administrator(name or "admin", password)
        return platform.authenticator.make_setup_link()
    finally:
        platform.close()


def _read_admin(environment: Mapping[str, str], what: str) -> str:
    return environment.get(f"TRACKWAY_ADMIN_{what}") or environment.get(f"MLFLOW_AUTH_ADMIN_{what}", "")


def build_app_from_environment() -> WorkspaceApp:
    """Build the application of one of several worker processes."""
    settings = read_settings({})
    start_log(access_log=settings.access_log)
    end_with_parent()
    return build_app(settings)


def check_settings(settings: Settings) -> None:
    """Refuse settings that would lose data or open the door.

    raises: InvalidInput
    """
    _check_exposure(settings)
    for name in ("active", "caller_active", "caller_rate"):
        if getattr(settings, name) < 0:
            raise InvalidInput(f"Invalid {name} {getattr(settings, name)}", hint="give 1 or more, or 0 for no limit")
    Proxies(settings.behind_proxy)
    SensitiveReads(settings.audit_reads)
    if settings.tls_key and not settings.tls_cert:
        raise InvalidInput("There is a key of TLS and no certificate", hint="give --tls-cert too")
    if settings.tls_client_ca and not (settings.tls_cert and settings.auth):
        raise InvalidInput(
            "Certificates of clients need TLS of this server's own, and access control",
            hint="give --tls-cert and --auth; behind a proxy that speaks TLS, see --auth-header",
        )
    if (settings.tls_client_required or settings.tls_client_crl) and not settings.tls_client_ca:
        what = "required" if settings.tls_client_required else "revoked"
        raise InvalidInput(f"Whose certificates are {what} is not said", hint="give --tls-client-ca")
    if settings.tls_client_name not in get_args(CertificateName):
        hint = f"one of {', '.join(get_args(CertificateName))}"
        raise InvalidInput(f"Invalid tls_client_name {settings.tls_client_name[:40]!r}", hint=hint)
    if settings.tls_cert:
        make_encryption(settings)()
    if settings.auth_header and not (settings.auth and settings.behind_proxy):
        raise InvalidInput(
            "A header says who calls only when a proxy sets it",
            hint="give --auth, and the address of the proxy with --behind-proxy",
        )
    check_single_sign_on(settings)
    if settings.scim:
        if not settings.auth:
            raise InvalidInput("SCIM needs access control", hint="give --auth")
        load_resources()
    make_directory(settings)
    if not 0 <= settings.port <= 65_535:
        raise InvalidInput(f"Invalid port {settings.port}", hint="give 1 to 65535, or 0 for any that is free")
    if settings.workers < 1:
        raise InvalidInput(f"Invalid number of workers {settings.workers}", hint="give 1 or more")
    check_root(settings.artifacts)
    if settings.artifacts.startswith("memory:") and settings.workers > 1:
        raise InvalidInput("Artifacts in memory cannot be shared by several workers", hint="name a folder or a bucket")


def _check_exposure(settings: Settings) -> None:
    """Refuse to serve other machines unless people sign in, and what they send cannot be read on its way.

    raises: InvalidInput
    """
    if is_loopback(settings.host) or settings.insecure_open:
        return
    if not settings.auth:
        raise InvalidInput(
            f"Refusing to listen on {settings.host}: everybody who can reach it could do everything",
            hint="have people sign in with --auth; or listen on 127.0.0.1; or give --insecure-open",
        )
    if not settings.tls_cert and not settings.behind_proxy:
        raise InvalidInput(
            f"Refusing to listen on {settings.host} without TLS: passwords could be read on their way",
            hint="give --tls-cert, or name the proxy that speaks TLS with --behind-proxy",
        )
