"""Single sign-on, built from settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from trackway.auth.federation import Federation
from trackway.auth.oidc import OidcClient, OidcSettings
from trackway.auth.users import check_user_name
from trackway.base.errors import InvalidInput
from trackway.base.settings import Settings
from trackway.server.gate import Gate
from trackway.server.single_sign_on import CALLBACK, SingleSignOnRoutes
from trackway.store.base import Store


def make_single_sign_on(settings: Settings, store: Store, gate: Gate) -> SingleSignOnRoutes | None:
    """Return the routes of single sign-on; None when no provider is named.

    raises: InvalidInput for settings that cannot be right
    """
    if not settings.oidc_issuer:
        return None
    found = read_oidc(settings)
    return SingleSignOnRoutes(OidcClient(found), Federation(store, found.teams, found.admins), gate)


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
    secret = environment.get("TRACKWAY_OIDC_CLIENT_SECRET", "")
    if not secret and settings.oidc_client_secret_file:
        try:
            secret = Path(settings.oidc_client_secret_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidInput(
                f"The file {settings.oidc_client_secret_file} cannot be read: {error.strerror}"
            ) from error
    return OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret,
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
        teams=_read_teams(settings.oidc_teams),
        admins=settings.oidc_admins,
    )


def _read_teams(text: str) -> dict[str, str]:
    teams = {}
    for pair in text.split(",") if text else ():
        group, equals, team = pair.strip().rpartition("=")
        if not equals or not group:
            raise InvalidInput(
                f"Invalid oidc_teams: {pair.strip()[:80]!r}", hint="write them like group=team,other=ops"
            )
        check_user_name(team)
        teams[group] = team
    return teams
