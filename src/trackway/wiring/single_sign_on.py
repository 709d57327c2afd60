"""Single sign-on, built from settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from trackway.auth.external import GroupMapping
from trackway.auth.federation import Federation
from trackway.auth.oidc import OidcClient, OidcSettings
from trackway.base.errors import InvalidInput
from trackway.base.settings import Settings
from trackway.server.gate import Gate
from trackway.server.single_sign_on import CALLBACK, SingleSignOnRoutes
from trackway.store.base import Store
from trackway.wiring.federation import read_mapping, read_secret


def make_single_sign_on(settings: Settings, store: Store, gate: Gate) -> SingleSignOnRoutes | None:
    """Return the routes of single sign-on; None when no provider is named.

    raises: InvalidInput for settings that cannot be right
    """
    if not settings.oidc_issuer:
        return None
    return SingleSignOnRoutes(OidcClient(read_oidc(settings)), Federation(store, _read_mapping(settings)), gate)


def check_single_sign_on(settings: Settings) -> None:
    """Refuse settings that cannot be right.

    raises: InvalidInput; NotSupported when what it needs is not installed
    """
    if settings.oidc_issuer:
        OidcClient(read_oidc(settings))
        _read_mapping(settings)


def read_oidc(settings: Settings, environment: Mapping[str, str] = os.environ) -> OidcSettings:
    """Return what the settings say of the provider.

    raises: InvalidInput
    """
    public = urlsplit(settings.public_url)
    if not settings.auth or public.scheme not in ("https", "http") or not public.netloc:
        raise InvalidInput(
            "Single sign-on needs access control, and the address by which browsers reach this server",
            hint="give --auth and --public-url https://trackway.example.org",
        )
    secret = read_secret("TRACKWAY_OIDC_CLIENT_SECRET", settings.oidc_client_secret_file, environment)
    return OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret,
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
    )


def _read_mapping(settings: Settings) -> GroupMapping:
    return read_mapping("oidc_teams", settings.oidc_teams, settings.oidc_admins)
