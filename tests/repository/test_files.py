"""What must not be in any file of the repository."""

from __future__ import annotations

import json
import re

import pytest

from tests.repository.source import ROOT, list_files

FORBIDDEN = {
    "the host name of a package registry": r"""(?ix)
        \b (?: pypi | pythonhosted | npmjs | yarnpkg | crates | conda | anaconda | maven | pytorch | rubygems
             | (?: deb | security ) \. debian | proxy \. golang )
        \. (?: org | com | io | net )\b """,
    "a path of one machine": r"/opt/(?:pypi|wheels)|/work/(?:main|shared)|/root/\.|/home/\w+/|/Users/\w+/",
    "the address of an index or of links": r"(?m)^\s*(?:-i|--index-url|--extra-index-url|-f|--find-links)\s",
}
EVERYWHERE_BUT_HERE = "tests/repository/test_files.py"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    holding = [
        f"{name}: {match[0]}"
        for name in list_files()
        if name != EVERYWHERE_BUT_HERE
        for match in pattern.finditer((ROOT / name).read_bytes().decode("utf-8", errors="replace"))
    ]
    assert holding == []


def test_no_lock_file_names_where_a_package_came_from() -> None:
    names = list_files()
    assert [name for name in names if name.endswith("uv.lock")] == []
    for name in names:
        if name.endswith("package-lock.json"):
            packages = json.loads((ROOT / name).read_text(encoding="utf-8"))["packages"]
            assert [path for path, package in packages.items() if "resolved" in package] == []
