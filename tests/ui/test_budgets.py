"""What the first page costs to fetch, and all of the UI to carry."""

from __future__ import annotations

import re

from trackway.server.static import FOLDER

FIRST_LOAD_BYTES = 100_000
ALL_BYTES = 1_500_000


def size_of(name: str) -> int:
    """Return the bytes of a file as they are sent with gzip."""
    packed = FOLDER / f"{name}.gz"
    return (packed if packed.exists() else FOLDER / name).stat().st_size


def test_the_first_load_is_small() -> None:
    document = (FOLDER / "index.html").read_text(encoding="utf-8")
    names = re.findall(r'(?:src|href)="/([^"]+)"', document)
    pages = [path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("assets/*") if path.suffix in (".js", ".css")]
    first = {"index.html", *names, *(name for name in pages if re.match(r"assets/(experiments|runs|load)", name))}
    assert any(name.startswith("assets/runs") for name in first)
    assert sum(map(size_of, first)) <= FIRST_LOAD_BYTES


def test_all_that_is_built_fits_its_budget() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= ALL_BYTES
