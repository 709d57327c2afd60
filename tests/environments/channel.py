"""A channel of conda's packages in a folder: a Python that is this one, and small packages."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
VERSION = ".".join(map(str, sys.version_info[:3]))


def write_channel(folder: Path) -> str:
    """Write a channel and return its address.

    It has ``python`` in the version that runs, ``greeting`` 1.0 and 2.0, which is a module of Python's and says its
    version, ``pip``, which is empty, and ``speech``, which depends on ``greeting`` before 2.
    """
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    python: dict[str, str | Path] = {
        "bin/python": base,
        "pyvenv.cfg": f"home = {base.parent}\ninclude-system-site-packages = false\n",
        f"{LIBRARY}/README.txt": "packages\n",
    }
    packages = [
        _write_package(folder, "python", VERSION, python, noarch="generic"),
        _write_package(folder, "pip", "26.0", {"site-packages/pip.txt": "no program\n"}, ["python"]),
        *(
            _write_package(
                folder, "greeting", version, {"site-packages/greeting.py": f"VERSION = {version!r}\n"}, ["python"]
            )
            for version in ("1.0", "2.0")
        ),
        _write_package(
            folder, "speech", "1.0", {"site-packages/speech.py": "import greeting\n"}, ["python", "greeting <2"]
        ),
    ]
    (folder / "noarch" / "repodata.json").write_text(
        json.dumps({"info": {"subdir": "noarch"}, "packages": dict(packages), "packages.conda": {}})
    )
    return folder.absolute().as_uri()


def _write_package(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str | Path],
    depends: list[str] | None = None,
    noarch: str = "python",
) -> tuple[str, dict[str, Any]]:
    index = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": depends or [],
        "subdir": "noarch",
        "noarch": noarch,
    }
    paths = []
    for path, content in files.items():
        data = b"" if isinstance(content, Path) else content.encode()
        kind = "softlink" if isinstance(content, Path) else "hardlink"
        told = {
            "_path": path,
            "path_type": kind,
            "size_in_bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        paths.append(told)
    described: dict[str, str | Path] = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
        "info/files": "\n".join(files),
        "info/link.json": json.dumps({"noarch": {"type": noarch}, "package_metadata_version": 1}),
    }
    place = folder / "noarch" / f"{name}-{version}-0.tar.bz2"
    place.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place, "w:bz2") as archive:
        for path, content in {**described, **files}.items():
            member = tarfile.TarInfo(path)
            if isinstance(content, Path):
                member.type, member.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(member)
            else:
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content.encode()))
    data = place.read_bytes()
    digests = {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
    return place.name, {**index, **digests, "size": len(data)}
