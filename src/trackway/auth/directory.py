"""Sign-in by an LDAP directory: somebody is searched there, and the password tried by binding as them.

Sources: RFC 4511 (protocol), RFC 4513 (a bind without a password signs nobody in), RFC 4515 (filters, whose values are
escaped). ldap3 speaks the protocol; certificates and host names are checked by Python's ssl.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from trackway.api import limits
from trackway.auth.external import External
from trackway.base.errors import InvalidInput, NotSupported, Unavailable

log = logging.getLogger("trackway.auth")
CONNECT_S = 5.0
ANSWER_S = 10
GROUPS = 1_000
"""Most groups of one person that are looked at."""
_REFUSALS: Final = frozenset((19, 32, 34, 48, 49, 50, 53))
"""Results of a bind that say something of who binds: a locked, missing or expired account, a wrong password."""
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PLACE = re.compile(r"\{(name|dn)\}")
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


class DirectorySettings(NamedTuple):
    """What the operator says.

    servers:       ``ldaps://host`` or ``ldap://host``, which is encrypted by StartTLS but on this machine; in order
    authorities:   PEM file of who may have signed their certificates; empty for those that this machine trusts
    bind_dn:       as whom people are searched; empty for nobody
    base:          where people are
    person_filter: who may sign in; ``{name}`` stands for what was typed
    name_attribute, id_attribute: the user's name here; what nobody else will ever have
    group_base, group_filter: where groups are, and which are somebody's; ``{dn}`` and ``{name}`` stand for the person's
    with_groups:   whether groups are searched
    """

    servers: tuple[str, ...]
    authorities: str
    bind_dn: str
    bind_password: str
    base: str
    person_filter: str
    name_attribute: str
    id_attribute: str
    group_base: str
    group_filter: str
    with_groups: bool


class _Person(NamedTuple):
    dn: str
    name: str
    subject: str


class Directory:
    """Asks a directory. Its methods wait for the network: call them on a thread.

    raises: InvalidInput for settings that cannot be right, NotSupported without ldap3
    """

    def __init__(self, settings: DirectorySettings) -> None:
        _check(settings)
        self.settings = settings
        self._ldap3 = _import_ldap3()
        self._check_filters()

    def authenticate(self, name: str, password: str) -> External | None:
        """Return who has a name and password there; None for nobody.

        The directory is asked the same for a name that it does not know, so that time tells nothing.

        raises: Unavailable when it does not answer, or does not let this server search
        """
        if not password or "\x00" in password or len(password) > limits.PASSWORD_CHARS:
            return None
        with self._connect(self.settings.bind_dn, self.settings.bind_password) as connection:
            person = self._search(connection, self._fill(self.settings.person_filter, name=name))
            passed = self._try_bind(person.dn if person else f"cn={_NOBODY},{self.settings.base}", password)
            return self._describe(connection, person) if person and passed else None

    @contextmanager
    def open(self) -> Iterator[DirectorySession]:
        """Open a connection to find many people again.

        raises: Unavailable when the directory does not answer, or does not show the place where people are
        """
        with self._connect(self.settings.bind_dn, self.settings.bind_password) as connection:
            base = self.settings.base
            if not self._ask(connection, base, "(objectClass=*)", self._ldap3.BASE, ["objectClass"]):
                raise Unavailable(f"The directory does not show {base!r} to this server", hint="give --ldap-bind-dn")
            yield DirectorySession(self, connection)

    def find(self, connection: Any, subject: str) -> External | None:
        """Return somebody who may sign in, by what nobody else has; None for nobody."""
        raw = bytes.fromhex(subject[4:]) if subject.startswith("hex:") else subject.encode()
        value = self._ldap3.utils.conv.escape_bytes(raw)
        anybody = self.settings.person_filter.replace("{name}", "*")
        person = self._search(connection, f"(&({self.settings.id_attribute}={value}){anybody})")
        return self._describe(connection, person) if person else None

    def _describe(self, connection: Any, person: _Person) -> External:
        settings, groups = self.settings, frozenset[str]()
        if settings.with_groups:
            wanted = self._fill(settings.group_filter, dn=person.dn, name=person.name)
            found = self._ask(connection, settings.group_base, wanted, self._ldap3.SUBTREE, ["cn"], GROUPS)
            groups = frozenset(text for entry in found if (text := _first(entry, "cn")))
        return External("ldap", settings.base, person.subject, person.name, groups)

    def _search(self, connection: Any, person_filter: str) -> _Person | None:
        settings = self.settings
        attributes = [settings.name_attribute, settings.id_attribute]
        found = self._ask(connection, settings.base, person_filter, self._ldap3.SUBTREE, attributes, 2)
        if len(found) != 1:
            if found:
                log.warning("The directory has more than one entry for one name: nobody is signed in by it")
            return None
        name, subject = (_first(found[0], attribute) for attribute in attributes)
        if not name or not subject:
            log.warning("An entry of the directory lacks %s: nobody is signed in by it", " or ".join(attributes))
            return None
        return _Person(found[0]["dn"], name, subject)

    def _ask(
        self, connection: Any, base: str, wanted: str, scope: str, attributes: list[str], most: int = 1
    ) -> list[dict[str, Any]]:
        """Return entries; references to other servers are left alone."""
        ldap = self._ldap3
        try:
            connection.search(base, wanted, scope, attributes=attributes, size_limit=most, time_limit=ANSWER_S)
        except ldap.core.exceptions.LDAPException as error:
            raise _away(error) from error
        code = connection.result["result"]
        if code not in (0, 4, 10, 32):  # success, more than was asked for, a reference to elsewhere, no such place
            raise Unavailable(f"The directory refused a search: {connection.result['description']}")
        return [entry for entry in connection.response or () if entry.get("type") == "searchResEntry"]

    def _try_bind(self, dn: str, password: str) -> bool:
        with self._reach(dn, password) as connection:
            return self._bind(connection)

    @contextmanager
    def _connect(self, dn: str, password: str) -> Iterator[Any]:
        """Open a connection as this server."""
        with self._reach(dn, password) as connection:
            if not self._bind(connection):
                raise Unavailable("The directory does not let this server in", hint="see --ldap-bind-dn")
            yield connection

    @contextmanager
    def _reach(self, dn: str, password: str) -> Iterator[Any]:
        """Open an encrypted connection to the first server that answers."""
        errors: list[Exception] = []
        for address in self.settings.servers:
            connection = self._make_connection(address, dn, password)
            try:
                connection.open(read_server_info=False)
                if address.startswith("ldap:") and urlsplit(address).hostname not in _LOCAL:
                    connection.start_tls(read_server_info=False)
            except (self._ldap3.core.exceptions.LDAPException, OSError) as error:
                errors.append(error)
                if connection.socket is not None:  # which ldap3 leaves open
                    connection.socket.close()
                continue
            try:
                yield connection
            finally:
                with suppress(self._ldap3.core.exceptions.LDAPException, OSError):
                    connection.unbind()
            return
        raise _away(errors[-1])

    def _make_connection(self, address: str, dn: str, password: str) -> Any:
        ldap, parts = self._ldap3, urlsplit(address)
        secure = parts.scheme == "ldaps"
        tls = ldap.Tls(validate=ssl.CERT_REQUIRED)
        tls.wrap_socket = _Wrapping(self.settings.authorities)  # its own check of host names is older than Python's
        server = ldap.Server(
            parts.hostname, parts.port or (636 if secure else 389), use_ssl=secure, tls=tls, get_info=ldap.NONE,
            connect_timeout=CONNECT_S,
        )  # fmt: skip
        who = {"user": dn, "password": password, "authentication": ldap.SIMPLE} if dn else {}
        return ldap.Connection(
            server, **who, auto_referrals=False, receive_timeout=ANSWER_S, read_only=True, check_names=False
        )

    def _bind(self, connection: Any) -> bool:
        try:
            connection.bind(read_server_info=False)
        except self._ldap3.core.exceptions.LDAPException as error:
            raise _away(error) from error
        code: int = connection.result["result"]
        if code and code not in _REFUSALS:
            raise Unavailable(f"The directory could not tell who signs in: {connection.result['description']}")
        return code == 0

    def _fill(self, template: str, **values: str) -> str:
        """Put values into a filter, so that nothing in them counts as a part of it (RFC 4515, section 3)."""
        escape = self._ldap3.utils.conv.escape_filter_chars
        return _PLACE.sub(lambda found: escape(values.get(found[1], found[0])), template)

    def _check_filters(self) -> None:
        parse, errors = self._ldap3.operation.search.parse_filter, self._ldap3.core.exceptions
        for setting, template in (
            ("ldap_filter", self.settings.person_filter),
            ("ldap_group_filter", self.settings.group_filter),
        ):
            try:
                parse(self._fill(template, name="x", dn="cn=x"), None, False, False, None, False)
            except (errors.LDAPException, IndexError) as error:
                raise InvalidInput(f"Invalid {setting}: {error}", hint="write it like (uid={name})") from None


class DirectorySession:
    """See ``federation.Lookup``."""

    def __init__(self, directory: Directory, connection: Any) -> None:
        self._directory = directory
        self._connection = connection

    def find(self, subject: str) -> External | None:
        """Return somebody who may sign in, as they are now; None for nobody."""
        return self._directory.find(self._connection, subject)


class _Wrapping:
    """Encrypts a connection's socket, and checks whose certificate it is."""

    def __init__(self, authorities: str) -> None:
        self._authorities = authorities

    def __call__(self, connection: Any, do_handshake: bool = True) -> None:  # noqa: ARG002 - as ldap3 calls it
        context = ssl.create_default_context(cafile=self._authorities or None)
        connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)


def _check(settings: DirectorySettings) -> None:
    """Refuse settings that cannot be right.

    raises: InvalidInput
    """
    for address in settings.servers:
        parts = urlsplit(address)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise InvalidInput(
                f"Invalid ldap_url {address[:200]!r}", hint="write it like ldaps://directory.example.org"
            )
    if "{name}" not in settings.person_filter:
        raise InvalidInput("ldap_filter says nothing of the name", hint="write it like (uid={name})")
    if not settings.base:
        raise InvalidInput("The directory needs a place to search people in", hint="give --ldap-base dc=example,dc=org")
    if settings.bind_dn and not settings.bind_password:
        raise InvalidInput("There is a bind DN and no password", hint="give --ldap-password-file")
    for attribute in (settings.name_attribute, settings.id_attribute):
        if not _ATTRIBUTE.fullmatch(attribute):
            raise InvalidInput(f"Invalid name of an attribute {attribute[:80]!r}", hint="such as uid or entryUUID")
    if settings.authorities:
        try:
            ssl.create_default_context(cafile=settings.authorities)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput(f"The file {settings.authorities} cannot be used: {error}", hint="give PEM") from error


def _first(entry: dict[str, Any], attribute: str) -> str:
    """Return an attribute's first value as text, or as hexadecimal when it is none."""
    raw = next((values for name, values in entry["raw_attributes"].items() if name.lower() == attribute.lower()), ())
    if not raw:
        return ""
    value: bytes = raw[0]
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return f"hex:{value.hex()}"
    return text if text.isprintable() and not text.startswith("hex:") else f"hex:{value.hex()}"


def _away(error: Exception) -> Unavailable:
    log.warning("The directory does not answer: %s", str(error)[:500])
    return Unavailable("The directory of users does not answer", hint="try again")


def _import_ldap3() -> Any:
    try:
        import ldap3
        import ldap3.operation.search
        import ldap3.utils.conv
    except ImportError as error:
        raise NotSupported("Sign-in by a directory needs ldap3", hint="pip install 'trackway[ldap]'") from error
    return ldap3
