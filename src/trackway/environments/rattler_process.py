"""A program of its own: make an environment of conda's packages with py-rattler, as standard input says.

It imports nothing of this package. It ends without the interpreter's own clean-up, in which py-rattler aborts.
Scripts of packages are not run.

input: JSON of ``channels``, ``packages`` and ``prefix``
exit:  0, or 1 with the reason on standard error
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

DEFAULTS = ["main", "r"]
"""What conda means by ``defaults``, which is no channel."""


async def make(channels: list[str], packages: list[str], prefix: str) -> None:
    """Choose versions and link them into a folder; both raise what says why not."""
    import rattler

    known: list[Any] = [place for name in channels for place in (DEFAULTS if name == "defaults" else [name])]
    machine: Any = rattler.VirtualPackage.detect()
    records = await rattler.solve(known, list(packages), virtual_packages=machine)
    await rattler.install(records, prefix, show_progress=False, execute_link_scripts=False)


def main() -> int:
    """Do what standard input says, and return the status to exit with."""
    asked = json.load(sys.stdin)
    try:
        asyncio.run(make(asked["channels"], asked["packages"], asked["prefix"]))
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets its words
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
