"""Where projects come from: a local folder, a git repository or a zip archive, named by an address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from trackway.artifacts.paths import check_artifact_path
from trackway.base.errors import InvalidInput

_SCP = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!//)[^\s:][^\s]*")
"""The short form of ssh, as git@host:group/name.git."""
_GIT_SCHEMES: Final = ("https", "http", "ssh", "file")
_HOST = re.compile(r"(?:[^@/\s]*@)?[A-Za-z0-9\[][A-Za-z0-9.:\[\]_-]*")
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@#=-]{0,249}")


class Source(msgspec.Struct, frozen=True):
    """What an address names.

    address:      a path, or what git or a web server is asked for
    subdirectory: of the project within it
    """

    kind: Literal["folder", "git", "zip"]
    address: str
    subdirectory: str = ""


def parse_source(uri: str) -> Source:
    """Return what an address names.

    uri:    a local path; ``file://``; ``https://``, ``ssh://`` and ``file://`` of a repository, with ``git+`` before it
            or not; ``git@host:path``; any of them with ``#subdirectory``; a ``.zip``, local or ``http(s)://``
    raises: InvalidInput
    """
    text, sign, subdirectory = uri.partition("#")
    if not text or text.startswith("-") or any(ord(character) < 32 or character == "\x7f" for character in uri):
        raise InvalidInput(f"{uri[:200]!r} is no address of a project", hint="a folder, a repository, or a zip archive")
    if sign:
        subdirectory = _check_subdirectory(subdirectory)
    is_git = text.startswith("git+")
    address = text.removeprefix("git+")
    scheme, there, _ = address.partition("://")
    if not there and is_git:
        raise InvalidInput(f"{uri[:200]!r} is no address of a repository", hint="as git+https://host/name.git")
    if there:
        return _parse_address(address, scheme.lower(), subdirectory, is_git=is_git)
    local = Path(address).expanduser()
    if _SCP.fullmatch(address) and not local.exists():
        return Source("git", address, subdirectory)
    return Source("zip" if _is_zip(address) and not local.is_dir() else "folder", str(local.absolute()), subdirectory)


def check_version(version: str) -> str:
    """Return a branch, tag or commit, as git may be asked for it.

    raises: InvalidInput
    """
    if not _VERSION.fullmatch(version) or ".." in version or version.endswith((".lock", "/", ".")) or "//" in version:
        raise InvalidInput(f"{version[:100]!r} is no branch, tag or commit", hint="letters, digits and . _ / - + @")
    return version


def _parse_address(address: str, scheme: str, subdirectory: str, *, is_git: bool) -> Source:
    if scheme not in _GIT_SCHEMES:
        raise InvalidInput(
            f"Projects are not fetched by {scheme[:40]}://",
            hint=f"by {', '.join(_GIT_SCHEMES)}, with git+ for a repository",
        )
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise InvalidInput(f"{address[:200]!r} is no address: {error}") from None
    if scheme == "file":
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost") or not path.startswith("/") or "\0" in path:
            raise InvalidInput(f"{address[:200]!r} names no file of this machine", hint="as file:///data/project")
        if is_git:
            return Source("git", f"file://{path}", subdirectory)
        return Source("zip" if _is_zip(path) and not Path(path).is_dir() else "folder", path, subdirectory)
    if not _HOST.fullmatch(parts.netloc) or parts.path in ("", "/"):
        raise InvalidInput(f"{address[:200]!r} names no repository of a host", hint="as https://host/group/name.git")
    if scheme in ("http", "https") and not is_git and _is_zip(parts.path):
        return Source("zip", address, subdirectory)
    return Source("git", address, subdirectory)


def _check_subdirectory(text: str) -> str:
    text = text.removeprefix("subdirectory=")
    try:
        return check_artifact_path(text.strip("/"))
    except InvalidInput as error:
        raise InvalidInput(f"The subdirectory {text[:200]!r} is not taken: {error.message}", hint=error.hint) from None


def _is_zip(path: str) -> bool:
    return path.lower().endswith(".zip")
