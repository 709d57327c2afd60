"""Programs that stand in for uv and conda: they write down how they are called, and use the packages that are here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

SITE: Final = next(path for path in map(Path, sys.path) if path.name == "site-packages")
UV: Final = f"""#!{sys.executable}
# Does what uv does, as far as it is asked here, with the packages of the environment that runs the tests.
import json, pathlib, subprocess, sys, venv
words = sys.argv[1:]
with open(LOG, "a") as log:
    log.write(json.dumps(words) + "\\n")
def link(place):
    site = next(pathlib.Path(place).glob("lib/python*/site-packages"))
    for path in pathlib.Path({str(SITE)!r}).iterdir():
        if path.name.startswith(("trackway", "_editable", "__editable__", "__pycache__")) or path.suffix == ".pth":
            continue
        if not (site / path.name).exists():
            (site / path.name).symlink_to(path)
if words[:2] == ["pip", "compile"]:
    asked = sys.stdin.read()
    if "no-such-package" in asked:
        sys.exit("no-such-package was not found")
    print(asked)
elif words[:2] == ["pip", "install"]:
    if "no-such-package" in sys.stdin.read():
        sys.exit("no-such-package was not found")
    link(pathlib.Path(words[words.index("--python") + 1]).parent.parent)
elif words[0] == "venv":
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", words[-1]], check=True)
    link(words[-1])
"""
CONDA: Final = f"""#!{sys.executable}
import json, subprocess, sys
words = sys.argv[1:]
with open(LOG, "a") as log:
    log.write(json.dumps(words) + "\\n")
subprocess.run([sys.executable, "-m", "venv", "--without-pip", words[words.index("--prefix") + 1]], check=True)
"""


def write_program(path: Path, text: str) -> Path:
    """Write a stand-in; return the file where it writes down how it is called."""
    log = path.with_name(f"{path.name}-calls")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("LOG", repr(str(log))).replace("\\\\n", "\\n"))
    path.chmod(0o700)
    return log


def read_calls(log: Path) -> list[list[str]]:
    """Return the words of each call, in order."""
    return [json.loads(line) for line in log.read_text().splitlines()]
