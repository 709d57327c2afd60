from __future__ import annotations

import ast
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.repository.source import list_package, parse

HEAVY = """
    alembic asyncio email nanoarrow numpy obstore pandas pcodec pyarrow sqlalchemy tabulate urllib3 uvicorn yaml
""".split()
LAYERS = """
    artifacts cli dispatch environments exchange http jobs models registry rules sdk server serving store tracking
    wiring
""".split()
PLATFORM = "artifacts dispatch jobs registry rules store tracking wiring nanoarrow numpy pcodec".split()
IMPORT_PEAK_MB = 40


def _all_but(*needed: str) -> list[str]:
    """Return the heavy libraries, and the package's layers, that are not named."""
    return [*(set(HEAVY) - {*needed}), *(f"trackway.{layer}" for layer in set(LAYERS) - {*needed})]


STARTS = {
    "import trackway": ("import trackway", [*_all_but(), "trackway.api", "trackway.base", "msgspec"]),
    "a run on a server": (
        """
import trackway as tw
from trackway.sdk.connection import get_transport
tw.log_metric, tw.start_run, tw.set_experiment
get_transport("http://127.0.0.1:1")
""",
        _all_but("sdk", "urllib3", "email"),
    ),
    "a run in a folder": (
        """
import trackway as tw
tw.set_experiment("x")
with tw.start_run():
    tw.log_metric("loss", 1.0)
""",
        [*_all_but("sdk", *PLATFORM, "email"), "trackway.wiring.server"],
    ),
    "trackway --help": (
        """
from trackway.cli.main import cli
cli.main(["--help"], standalone_mode=False)
""",
        [*_all_but("cli"), "trackway.api", "trackway.cli.output", "msgspec", "importlib.metadata"],
    ),
    "trackway runs list": (
        """
from trackway.cli.main import cli
cli.main(["runs", "list", "--uri", "tracks"], standalone_mode=False)
""",
        [*_all_but("cli", "sdk", *PLATFORM), "trackway.wiring.server", "importlib.metadata"],
    ),
    "trackway server": (
        """
from trackway.base.settings import read_settings
from trackway.cli.main import cli
from trackway.wiring.server import build_app
cli.get_command(None, "server")
for _ in range(2):  # on a new database, and on one of this version
    build_app(read_settings({}))
""",
        _all_but("cli", "http", "server", *PLATFORM, "asyncio", "email", "uvicorn"),
    ),
}
"""What is started: a script, and what it must not have imported at its end."""


def test_no_function_imports_a_module_of_the_package() -> None:
    hidden = [
        f"{name}: {ast.unparse(statement)}"
        for name in list_package()
        for function in ast.walk(parse(name))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(function)
        if _imports_own(statement)
    ]
    assert hidden == []


def test_no_modules_import_one_another_in_a_ring() -> None:
    graph = grimp.build_graph("trackway", exclude_type_checking_imports=True, cache_dir=None)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("what", STARTS)
def test_what_starts_imports_nothing_that_it_does_not_need(what: str, tmp_path: Path) -> None:
    script, unneeded = STARTS[what]
    modules, _ = _start(script, tmp_path)
    found = [name for name in modules for other in unneeded if name == other or name.startswith(f"{other}.")]
    assert found == []


LAUNCH = "from trackway.cli.main import cli; cli.main(['run', '--help'], standalone_mode=False)"
LAUNCH_MODULES = 290
"""As many are there before a project starts, those of click, PyYAML and msgspec among them."""


def test_a_project_waits_for_nothing_that_its_start_does_not_need(tmp_path: Path) -> None:
    modules, _ = _start(LAUNCH, tmp_path)
    unneeded = {*HEAVY, "dataclasses", "difflib", "http", "ssl", "tomllib", "urllib.request", "zipfile"} - {"yaml"}
    assert unneeded.isdisjoint(modules)
    assert len(modules) <= LAUNCH_MODULES


def test_import_of_the_package_takes_little_memory(tmp_path: Path) -> None:
    _, peak_kib = _start("import trackway", tmp_path)
    assert peak_kib * 1024 < IMPORT_PEAK_MB * 1_000_000


def _start(script: str, folder: Path) -> tuple[list[str], int]:
    """Run a script in a process of its own, and return the modules that it has imported and its most memory."""
    told = """
import json, re, sys
with open("/proc/self/status") as status:
    peak_kib = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
print()
print(json.dumps([sorted(sys.modules), peak_kib]))
"""
    command = [sys.executable, "-c", f"{script}\n{told}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    modules, peak_kib = json.loads(printed.splitlines()[-1])
    return modules, peak_kib


def _imports_own(statement: ast.AST) -> bool:
    match statement:
        case ast.Import(names=names):
            return any(alias.name.partition(".")[0] == "trackway" for alias in names)
        case ast.ImportFrom(module=module, level=level):
            return level > 0 or (module or "").partition(".")[0] == "trackway"
    return False
