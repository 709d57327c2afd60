"""What a requirement may say: a package's name, its versions, and where it is needed."""

from __future__ import annotations

import re
from typing import Final

from trackway.base.errors import InvalidInput

_PLAIN = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*( ?\[[A-Za-z0-9._, -]+\])?"
    r"( ?[<>=!~]=?=? ?[A-Za-z0-9.*+!_-]+( ?, ?[<>=!~]=?=? ?[A-Za-z0-9.*+!_-]+)*)?"
    r"( ?; ?\(?(python_|sys_platform|platform_|os_name|implementation_name)[A-Za-z0-9_ '\"<>=!.()]*)?"
)
"""A package's name, extras, versions, and where it is needed."""
_EXACT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?(==[A-Za-z0-9.!+_-]+| @ (git\+)?https?://[!-~]+)"
    r"( ?; ?[A-Za-z0-9_ '\"<>=!.()]*)?(\s+--hash=[a-z0-9]+:[0-9a-f]+)*"
)
"""A package's exact version, or its address, where it is needed, and digests of its files."""
_LINE_CHARS: Final = 500


def check_requirement(line: str) -> str:
    """Return a requirement that names a package of the index.

    raises: InvalidInput
    """
    if len(line) > _LINE_CHARS or not _PLAIN.fullmatch(line.strip()):
        raise InvalidInput(
            f"The requirement {line[:100]!r} is more than a package's name and version",
            hint="options, addresses and paths are not taken; install it by hand, and use --env-manager local",
        )
    return line.strip()


def check_lock(text: str) -> str:
    """Return a list of exact versions that holds nothing else, though somebody else may have written it.

    raises: InvalidInput for an option, a path, or a package without its version
    """
    lines = text.replace("\\\n", " ").splitlines()
    for line in filter(None, (line.strip() for line in lines if not line.lstrip().startswith("#"))):
        if not _EXACT.fullmatch(line):
            raise InvalidInput(
                f"The list of exact versions holds {line[:100]!r}",
                hint="name==version or name @ https://..., with digests, and nothing else; or use --env-manager local",
            )
    return text


def get_name(line: str) -> str:
    """Return the name of the package that a requirement asks for, as indexes have it."""
    return re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0].lower().replace("_", "-")
