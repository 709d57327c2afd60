"""The server's settings: one table drives the environment, the command line and the docs page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from trackway.base.addresses import sqlite_path
from trackway.base.errors import InvalidInput


class Setting(msgspec.Struct, frozen=True):
    """One setting. ``name`` is its field in ``Settings``; the variable is ``TRACKWAY_<NAME>``, the option ``--<name>``."""

    name: str
    type: type
    default: Any
    unit: str
    help: str
    prefix: str = "TRACKWAY_"

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return f"{self.prefix}{self.name.upper()}"

    @property
    def option(self) -> str:
        """Name of the command line's option."""
        return f"--{self.name.replace('_', '-')}"


SETTINGS = (
    Setting("host", str, "127.0.0.1", "", "address to listen on"),
    Setting("port", int, 5000, "", "port to listen on"),
    Setting("store", str, "sqlite:///tracks/trackway.db", "", "database: sqlite:////abs/file.db or postgresql://user@host/db"),
    Setting("artifacts", str, "", "", "where files are kept: a folder, s3://bucket/prefix, gs://, az://; without it the folder artifacts beside a SQLite file"),
    Setting("direct_transfers", bool, False, "", "clients of MLflow send and fetch large files at the object store itself, by signed addresses"),
    Setting("workers", int, 1, "", "processes (PostgreSQL only; SQLite is served by one)"),
    Setting("allowed_hosts", str, "", "", "names that Host and Origin may have, divided by commas; * for any"),
    Setting("auth", bool, False, "", "demand that everybody signs in, and let them do what their roles permit"),
    Setting("audit_reads", str, "audit,tokens,users,secrets,artifacts", "", "reads that leave an entry in the audit log, once an hour for each caller and object (with --auth)"),
    Setting("behind_proxy", str, "", "", "networks of proxies in front that speak TLS, whose X-Forwarded-For counts: 10.1.2.3,10.2.0.0/16"),
    Setting("auth_header", str, "", "", "header in which the proxy of --behind-proxy says who it has signed in: X-Forwarded-User"),
    Setting("public_url", str, "", "", "address by which browsers reach this server, one of its allowed hosts: https://trackway.example.org"),
    Setting("oidc_issuer", str, "", "", "address of an OpenID provider where people sign in (needs --auth and --public-url)"),
    Setting("oidc_client_id", str, "trackway", "", "what this server is called there"),
    Setting("oidc_client_secret_file", str, "", "", "file with this server's secret there, unless TRACKWAY_OIDC_CLIENT_SECRET has it"),
    Setting("oidc_scopes", str, "openid profile email", "", "what is asked for"),
    Setting("oidc_name_claim", str, "preferred_username", "", "what is the user's name here"),
    Setting("oidc_teams", str, "", "", "groups of the provider and the teams that their members are in, of the default workspace or another: ds-vision=vision,ds-ops=lab/ops"),
    Setting("oidc_admins", str, "", "", "group of the provider whose members, and nobody else of them, are administrators"),
    Setting("ldap_url", str, "", "", "LDAP servers that are asked in turn where people sign in: ldaps://a.example.org,ldap://b.example.org (by StartTLS)"),
    Setting("ldap_ca", str, "", "", "PEM file of who may have signed their certificates, unless this machine trusts them"),
    Setting("ldap_bind_dn", str, "", "", "as whom this server searches there; anonymously without"),
    Setting("ldap_password_file", str, "", "", "file with the password for that, unless TRACKWAY_LDAP_PASSWORD has it"),
    Setting("ldap_base", str, "", "", "where people are: ou=people,dc=example,dc=org"),
    Setting("ldap_filter", str, "(uid={name})", "", "who may sign in; {name} stands for what was typed"),
    Setting("ldap_name", str, "uid", "", "attribute that is the user's name here"),
    Setting("ldap_id", str, "entryUUID", "", "attribute that nobody else will ever have (objectGUID of Active Directory)"),
    Setting("ldap_group_base", str, "", "", "where groups are, when elsewhere than people"),
    Setting("ldap_group_filter", str, "(|(member={dn})(uniqueMember={dn})(memberUid={name}))", "", "which groups are somebody's"),
    Setting("ldap_teams", str, "", "", "groups by their cn, and the teams that their members are in: ds-vision=vision,ds-ops=lab/ops"),
    Setting("ldap_admins", str, "", "", "group whose members, and nobody else of the directory, are administrators"),
    Setting("scim", bool, False, "", "let a directory of identities keep people and teams up here by SCIM 2.0 (needs --auth)"),
    Setting("insecure_open", bool, False, "", "serve other machines though everybody who reaches the port may do everything"),
    Setting("tls_cert", str, "", "", "PEM file with the server's certificate, and those that it was signed with; read again when it changes"),
    Setting("tls_key", str, "", "", "PEM file with its key, when that is a file of its own"),
    Setting("tls_client_ca", str, "", "", "PEM file of who signs certificates of clients, by which people and service accounts sign in (needs --auth)"),
    Setting("tls_client_crl", str, "", "", "PEM file with the list of revoked certificates of each of them; read again when it changes"),
    Setting("tls_client_required", bool, False, "", "let nobody connect without such a certificate"),
    Setting("tls_client_name", str, "cn", "", "what of a client's certificate is the user's name: cn, or email, uri or dns of its alternative names"),
    Setting("active", int, 128, "", "requests answered at once; more wait, and callers have turns (0: no limit; none on loopback without --behind-proxy)"),
    Setting("caller_active", int, 32, "", "requests of one caller answered at once (0: no limit; none on loopback without --behind-proxy)"),
    Setting("caller_rate", int, 0, "1/s", "requests a second of one caller, ten seconds' worth at once (0: no limit)"),
    Setting("access_log", bool, False, "", "log each request"),
    Setting("jobs", bool, True, "", "do the background work (sealing, leases, retention, webhooks) in this server"),
    Setting("master_key_file", str, "", "", "file with the key that seals secrets, unless TRACKWAY_MASTER_KEY has it; one beside a SQLite file without either"),
    Setting("webhook_networks", str, "", "", "networks that webhooks may lead to beside public addresses, also by http: 10.1.0.0/16,127.0.0.1"),
)  # fmt: skip


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The server's settings, read once."""

    host: str
    port: int
    store: str
    artifacts: str
    direct_transfers: bool
    workers: int
    allowed_hosts: str
    auth: bool
    audit_reads: str
    behind_proxy: str
    auth_header: str
    public_url: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret_file: str
    oidc_scopes: str
    oidc_name_claim: str
    oidc_teams: str
    oidc_admins: str
    ldap_url: str
    ldap_ca: str
    ldap_bind_dn: str
    ldap_password_file: str
    ldap_base: str
    ldap_filter: str
    ldap_name: str
    ldap_id: str
    ldap_group_base: str
    ldap_group_filter: str
    ldap_teams: str
    ldap_admins: str
    scim: bool
    insecure_open: bool
    tls_cert: str
    tls_key: str
    tls_client_ca: str
    tls_client_crl: str
    tls_client_required: bool
    tls_client_name: str
    active: int
    caller_active: int
    caller_rate: int
    access_log: bool
    jobs: bool
    master_key_file: str
    webhook_networks: str


def read_settings(given: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the server's settings: those given (None is not given), else the environment's, else defaults.

    raises: InvalidInput naming the variable whose value cannot be read, or without a place for artifacts
    """
    values = read_values(SETTINGS, given, environment)
    if given.get("artifacts") is None and "TRACKWAY_ARTIFACTS" not in environment:
        values["artifacts"] = place_artifacts(values["store"])
    return Settings(**values)


def place_artifacts(store: str) -> str:
    """Return where a database's files are kept unless somebody says otherwise: beside a SQLite file.

    raises: InvalidInput for PostgreSQL, as a folder of one server would be no place that its others know
    """
    if store.startswith(("postgresql:", "postgres:")):
        raise InvalidInput(
            "A PostgreSQL store needs a place for artifacts",
            hint="give --artifacts or set TRACKWAY_ARTIFACTS: s3://bucket/prefix, or a folder that all its servers share",
        )
    return str(sqlite_path(store).with_name("artifacts")) if store.startswith("sqlite:") else ""  # refused as a store


def read_values(
    table: Iterable[Setting], given: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Return the values of a table's settings by name; see ``read_settings``."""
    values: dict[str, Any] = {}
    for setting in table:
        value = given.get(setting.name)
        if value is None:
            value = environment.get(setting.variable, setting.default)
        try:
            values[setting.name] = msgspec.convert(value, setting.type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidInput(
                f"{setting.variable} is {str(value)[:80]!r}", hint=f"it must be {setting.type.__name__}: {setting.help}"
            ) from error
    return values
