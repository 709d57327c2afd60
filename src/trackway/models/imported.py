"""Which packages a model needs, by what loading it and asking it imports: told by a process of its own.

python -m trackway.models.imported FOLDER FLAVOR OUTPUT TRUST
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

from trackway.base.errors import TrackwayError
from trackway.environments import get_name
from trackway.models.environment import read_environment
from trackway.models.package import load_model

PACKAGE: Final = "trackway"
_SHARED: Final = ("numpy",)
"""Packages that this one needs too, and that count when a model has imported them, and nothing else that needs them."""


def list_imported(recorded: Iterable[str] = ()) -> list[str]:
    """Return the pinned packages that this process has imported, but those that others of them need, and this one's.

    recorded: requirements of packages that count all the same
    """
    packages = metadata.packages_distributions()
    modules = {name.partition(".")[0] for name in sys.modules}
    found = {get_name(one): one for module in modules for one in packages.get(module, ())}
    needed = {one for name in found if name != PACKAGE for one in _list_needs(name)}
    own = _close({PACKAGE}) - {*_SHARED}
    kept = (found.keys() - needed - own) | (found.keys() & {*map(get_name, recorded)} - {PACKAGE})
    return [f"{found[name]}=={metadata.version(found[name])}" for name in sorted(kept)]


def _close(names: set[str]) -> set[str]:
    """Return packages with all that they need, directly or not."""
    seen: set[str] = set()
    while new := names - seen:
        seen |= new
        names = {one for name in new for one in _list_needs(name)}
    return seen


def _list_needs(name: str) -> set[str]:
    try:
        lines = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return set()
    return {get_name(line) for line in lines if "extra ==" not in line}


def _main(folder: str, flavor: str, output: str, trust: str) -> int:
    try:
        model = load_model(folder, flavor=flavor or None, trust=trust == "True")
    except TrackwayError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with contextlib.suppress(Exception):  # an example that the model cannot be asked with tells no more than loading
        model.predict(model.input_example)
    environment = read_environment(Path(folder))
    recorded = () if environment is None else environment.requirements
    Path(output).write_bytes(msgspec.json.encode(list_imported(recorded)))
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
