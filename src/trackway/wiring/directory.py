"""A directory of users, built from settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from trackway.auth.authenticator import RECHECK_MS
from trackway.auth.directory import Directory, DirectorySettings
from trackway.auth.external import GroupMapping
from trackway.auth.federation import Federation
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.base.ids import new_id
from trackway.base.settings import Settings
from trackway.jobs.worker import Task
from trackway.wiring.federation import read_mapping, read_secret

log = logging.getLogger("trackway.auth")


def make_directory(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> tuple[Directory, GroupMapping] | None:
    """Return the directory that settings name, and what its groups mean; None without one.

    raises: InvalidInput for settings that cannot be right; NotSupported when what it needs is not installed
    """
    if not settings.ldap_url:
        return None
    if not settings.auth:
        raise InvalidInput("Sign-in by a directory needs access control", hint="give --auth")
    mapping = read_mapping("ldap_teams", settings.ldap_teams, settings.ldap_admins)
    found = DirectorySettings(
        servers=tuple(part.strip() for part in settings.ldap_url.split(",")),
        authorities=settings.ldap_ca,
        bind_dn=settings.ldap_bind_dn,
        bind_password=read_secret("TRACKWAY_LDAP_PASSWORD", settings.ldap_password_file, environment),
        base=settings.ldap_base,
        person_filter=settings.ldap_filter,
        name_attribute=settings.ldap_name,
        id_attribute=settings.ldap_id,
        group_base=settings.ldap_group_base or settings.ldap_base,
        group_filter=settings.ldap_group_filter,
        with_groups=bool(mapping.teams or mapping.admins),
    )
    return Directory(found), mapping


def make_task(directory: Directory, federation: Federation) -> Task:
    """Return what brings those who came from the directory up to what it says."""

    def follow() -> bool:
        try:
            with directory.open() as session:
                changed = federation.follow(directory.settings.base, session, new_id())
        except TrackwayError as error:  # other background work goes on while the directory is away
            log.warning("Users are not compared with the directory: %s", error)
        else:
            log.debug("Users were compared with the directory; %d had changed", changed)
        return False

    return Task("directory", RECHECK_MS / 1000, follow)
