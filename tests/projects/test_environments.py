"""The environment that a project says it needs: what defines it, and real ones, made by uv of a wheel of the test's."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import trackway as tw
from tests.projects.conftest import UV
from tests.projects.folders import MakeProject, read_run, read_run_file
from trackway.api import operations as ops
from trackway.api.runs import RunId
from trackway.base.errors import InvalidInput, NotSupported
from trackway.environments.uv import choose_python, get_python
from trackway.projects import run
from trackway.projects.environments import Need, find_definition, make_surroundings
from trackway.projects.specification import EntryPoint, read_specification

TOLD = "import tiny, sys; print(tiny.VALUE, sys.prefix)"


def define(folder: Path, manager: str = "", entry: EntryPoint | None = None):  # type: ignore[no-untyped-def]
    specification = read_specification(folder)
    return find_definition(specification, entry or EntryPoint("main", command="python train.py"), manager)


INLINE = "# /// script\n# requires-python = '>=3.9'\n# dependencies = ['tiny>1']\n# ///\n"
DEFINITIONS = {
    "requirements.txt": {"requirements__txt": "tiny==1.0  # why\n\n"},
    "python_env.yaml": {"python_env__yaml": "dependencies: ['-r more.txt']", "more__txt": "tiny==1.0"},
    "conda.yaml of Python's packages alone": {"conda__yaml": "dependencies: [python=3.11, pip, {pip: [tiny==1.0]}]"},
    "pyproject.toml": {"pyproject__toml": "[project]\nname = 'p'\nversion = '1'\ndependencies = ['tiny==1.0']\n"},
    "within the script": {"train__py": INLINE.replace("tiny>1", "tiny==1.0") + TOLD},
    "MLproject": {
        "MLproject": "python_env: e.yaml\nentry_points: {main: {command: python train.py}}",
        "e__yaml": "dependencies: [tiny==1.0]",
    },
}


@pytest.mark.parametrize("what", DEFINITIONS)
def test_a_project_runs_with_the_packages_that_it_names(uv: Path, make_project: MakeProject, what: str) -> None:
    folder = make_project(**{"train__py": TOLD, **DEFINITIONS[what]})
    entry = "main" if what == "MLproject" else "train.py"
    done = run(str(folder), entry)
    assert read_run_file(done.run_id, "logs/stdout.log").startswith("tiny 1.0 ")
    found = read_run(done.run_id)
    assert found.tags["mlflow.project.env"] == "uv"
    assert found.tags["trackway.project.environment"] in read_run_file(done.run_id, "logs/stdout.log")
    assert "tiny==1.0 \\\n    --hash=sha256:" in read_run_file(done.run_id, "project/environment.lock")
    environment = tw.Client().call(ops.GET_ENVIRONMENT, RunId(run_id=done.run_id)).environment
    assert environment is not None
    assert environment.packages == {"tiny": "1.0"}
    assert environment.python == sys.version.split()[0]
    calls = uv.read_text().count("\n")
    monitored = run(str(folder), entry, synchronous=False)
    assert monitored.wait()
    assert uv.read_text().count("\n") == calls, "uv is not called for an environment that is there"


def test_a_lock_of_the_projects_own_counts(uv: Path, make_project: MakeProject) -> None:
    text = "[project]\nname = 'p'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['tiny']\n"
    folder = make_project(pyproject__toml=text, train__py=TOLD)
    subprocess.run([UV / "uv", "lock", "--quiet", "--upgrade-package", "tiny<2"], cwd=folder, check=False)
    (folder / "pyproject.toml").write_text(text.replace("['tiny']", "['tiny<2']"))
    subprocess.run([UV / "uv", "lock", "--quiet"], cwd=folder, check=True)
    before = (folder / "uv.lock").read_bytes()
    done = run(str(folder), "train.py")
    assert read_run_file(done.run_id, "logs/stdout.log").startswith("tiny 1.0 ")
    assert (folder / "uv.lock").read_bytes() == before


def test_without_a_lock_nothing_is_written_into_the_project(uv: Path, make_project: MakeProject) -> None:
    text = "[project]\nname = 'p'\nversion = '1'\ndependencies = ['tiny']\n"
    folder = make_project(pyproject__toml=text, train__py=f"import own; {TOLD}")
    (folder / "src").mkdir()
    (folder / "src" / "own.py").write_text("")
    assert run(str(folder), "train.py").wait()
    assert {path.name for path in folder.iterdir()} <= {"pyproject.toml", "train.py", "src", "__pycache__"}


def test_an_environment_is_made_once_however_many_ask(uv: Path, make_project: MakeProject) -> None:
    folder = make_project(requirements__txt="tiny", train__py=TOLD)
    specification, entry = read_specification(folder), EntryPoint("train.py", script="train.py")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: make_surroundings(specification, entry, Need()), range(4)))
    assert len({one.digest for one in made}) == 1
    assert [line.split()[0] for line in uv.read_text().splitlines()] == ["pip", "venv", "pip"]
    (folder / "requirements.txt").write_text("tiny<2")
    assert make_surroundings(specification, entry, Need()).digest != made[0].digest


def test_this_package_is_there_when_it_is_asked_for(make_project: MakeProject, store: Path) -> None:
    folder = make_project(requirements__txt="trackway\nnumpy>=1")
    definition = define(folder)
    assert (definition.wanted.package, definition.wanted.requirements) == (True, ("numpy>=1",))
    assert not define(make_project(requirements__txt="numpy")).wanted.package


def test_options_and_addresses_are_taken_from_a_project(make_project: MakeProject) -> None:
    folder = make_project(
        requirements__txt="--pre\n-f links\n--extra-index-url=https://h.org/simple\n"
        "x @ git+https://h.org/x.git@v1\ny==1 --hash=sha256:00\n"
    )
    wanted = define(folder).wanted
    assert wanted.requirements == ("x @ git+https://h.org/x.git@v1", "y==1")
    assert wanted.options == (
        *("--prerelease", "allow", "--find-links", str(folder / "links")),
        *("--extra-index-url", "https://h.org/simple"),
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"requirements__txt": "-e ."}, "no option that requirements of a project may hold"),
        ({"requirements__txt": "./lib"}, "is a path"),
        ({"requirements__txt": "file:///lib"}, "is a path"),
        ({"requirements__txt": "-r ../other.txt"}, "names no file of the project"),
        ({"requirements__txt": "-r requirements.txt"}, "20 files at most"),
        ({"requirements__txt": "-c constraints.txt"}, "Constraints are not taken"),
        ({"python_env__yaml": "dependencies: tiny"}, "python_env.yaml:1:15: 'dependencies' must be a list"),
        ({"python_env__yaml": "dependancies: []"}, "python_env.yaml:1:1: 'dependancies' is no key"),
        ({"python_env__yaml": "python: three"}, "no version of Python"),
        ({"train__py": "# /// script\n# dependencies = [\n# ///\n"}, "the metadata in train.py cannot be read"),
        ({"train__py": "# /// script\n# dependencies = 'tiny'\n# ///\n"}, "dependencies must be a list of texts"),
        ({"pyproject__toml": "[project"}, "pyproject.toml cannot be read"),
        ({"requirements__txt": "no-such-package"}, "no-such-package"),
    ],
)
def test_a_mistake_in_what_defines_an_environment_is_told(
    uv: Path, make_project: MakeProject, files: dict[str, str], said: str
) -> None:
    folder = make_project(**{"train__py": "", **files})
    with pytest.raises(InvalidInput) as caught:
        run(str(folder), "train.py")
    assert said in str(caught.value)


def test_a_project_that_names_nothing_runs_in_this_environment(make_project: MakeProject, store: Path) -> None:
    folder = make_project(train__py="import trackway, sys; print(sys.prefix)", pyproject__toml="[tool.x]\n")
    done = run(str(folder), "train.py")
    assert read_run_file(done.run_id, "logs/stdout.log").strip() == sys.prefix
    assert read_run(done.run_id).tags["mlflow.project.env"] == "local"


@pytest.mark.parametrize("manager", ["local", "none"])
def test_this_environment_can_be_asked_for(make_project: MakeProject, store: Path, manager: str) -> None:
    folder = make_project(requirements__txt="no-such-package", train__py="")
    assert run(str(folder), "train.py", env_manager=manager).wait()


def test_conda_is_asked_for_what_only_conda_has(make_project: MakeProject) -> None:
    folder = make_project(conda__yaml="channels: [c]\ndependencies: [python=3.11, cudnn, {pip: [trackway, tiny]}]")
    definition = define(folder)
    assert definition.manager == "conda"
    assert definition.conda.packages == ("python=3.11", "cudnn")
    assert (definition.conda.requirements, definition.conda.package) == (("tiny",), True)
    with pytest.raises(InvalidInput, match="uv cannot install 'cudnn'"):
        define(folder, "uv")
    with pytest.raises(InvalidInput, match=r"The project has no conda\.yaml"):
        define(make_project(requirements__txt="tiny"), "conda")


def test_without_uv_or_conda_it_says_what_to_do(
    make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: "")
    with pytest.raises(NotSupported, match="There is no uv"):
        run(str(make_project(requirements__txt="tiny", train__py="")), "train.py")
    monkeypatch.setattr("trackway.environments.conda.find_conda", lambda: "")
    monkeypatch.setattr("trackway.environments.conda.find_spec", lambda _: None)
    with pytest.raises(NotSupported, match="conda"):
        run(str(make_project(conda__yaml="dependencies: [cudnn]", train__py="")), "train.py")


@pytest.mark.parametrize(
    ("wanted", "here"),
    [
        ("", True),
        (".".join(map(str, sys.version_info[:2])), True),
        (">=3.8", True),
        (">=3.8,<4", True),
        ("~=3.0", True),
        ("!=3.1.*", True),
        ("==2.7", False),
        ("<3.5", False),
        (">3.90", False),
        ("2.7", False),
    ],
)
def test_the_python_that_runs_is_taken_where_it_will_do(wanted: str, here: bool) -> None:
    assert (choose_python(wanted) == get_python()) == here
