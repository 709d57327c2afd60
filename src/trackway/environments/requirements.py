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


def get_name(line: str) -> str:
    """Return the name of the package that a requirement asks for, as indexes have it."""
    return re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0].lower().replace("_", "-")
