"""What an MLproject says, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects.folders import MakeProject
from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.projects.specification import DockerEnvironment, Parameter, read_specification

WHOLE = """
name: prices
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      data: path
      alpha: {type: float, default: 0.10}
      flag: {type: string, default: true}
      rows: {type: int, default: 10}
      place: {type: uri, default: "s3://bucket/x"}
      needed:
    command: "python train.py {data} --alpha {alpha}"
  check:
    command: python check.py
"""


def test_a_whole_file_is_read(make_project: MakeProject) -> None:
    folder = make_project(MLproject=WHOLE, python_env__yaml="python: '3.11'")
    found = read_specification(folder)
    assert (found.name, found.python_file) == ("prices", "python_env.yaml")
    assert found.get_entry_point("main").parameters == (
        Parameter("data", "path"),
        Parameter("alpha", "float", "0.1"),
        Parameter("flag", "string", "True"),  # what MLflow hands over
        Parameter("rows", "int", "10"),
        Parameter("place", "uri", "s3://bucket/x"),
        Parameter("needed"),
    )
    assert found.get_entry_point("check").command == "python check.py"


@pytest.mark.parametrize("name", ["MLproject", "mlproject", "MLPROJECT"])
def test_the_files_name_may_be_in_any_case(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("name: x")
    assert read_specification(tmp_path).name == "x"


def test_an_image_is_read_with_what_it_is_started_with(make_project: MakeProject) -> None:
    text = "docker_env: {image: base, volumes: ['/a:/b:ro'], environment: [HOME, [GREETING, hello]]}"
    docker = read_specification(make_project(MLproject=text)).docker
    assert docker == DockerEnvironment("base", ("/a:/b:ro",), (("HOME", None), ("GREETING", "hello")))


def test_scripts_are_entry_points_without_being_named(make_project: MakeProject) -> None:
    found = read_specification(make_project(a__py="", b__sh="", c__R="", d__txt=""))
    for name in ("a.py", "b.sh", "c.R"):
        assert found.get_entry_point(name).script == name
    for name in ("d.txt", "e.py", "../a.py", "main", "/etc/x.py"):
        with pytest.raises(NotFound):
            found.get_entry_point(name)


MISTAKES = {
    "unknown key": (
        "name: x\nentry_pints: {}\n",
        "MLproject:2:1: 'entry_pints' is no key",
        "did you mean 'entry_points'",
    ),
    "unknown key of an entry point": ("entry_points:\n  main:\n    cmd: x\n", ":3:5: 'cmd'", "command"),
    "unknown key of a parameter": (
        "entry_points:\n  main:\n    command: x\n    parameters:\n      a: {typ: float}\n",
        ":5:11: 'typ'",
        "type",
    ),
    "no command": (
        "entry_points:\n  main:\n    parameters: {a: float}\n",
        ":3:5: the entry point 'main' has no command",
        "",
    ),
    "command of nothing": ("entry_points:\n  main:\n    command: ''\n", ":3:14: the command of 'main' is empty", ""),
    "command that is a list": ("entry_points:\n  main:\n    command: [a]\n", ":3:14: 'command' must be a text", ""),
    "entry point that is a text": (
        "entry_points:\n  main: python x.py\n",
        ":2:9: the entry point 'main'",
        "command: ...",
    ),
    "entry points in a list": ("entry_points:\n  - main\n", ":2:3: 'entry_points' must have keys", ""),
    "key twice": ("name: a\nname: b\n", ":2:1: 'name' is there twice", "line 1"),
    "entry point twice": ("entry_points:\n  a: {command: x}\n  a: {command: y}\n", ":3:3: 'a' is there twice", ""),
    "two environments": (
        "conda_env: a.yaml\npython_env: b.yaml\n",
        ":2:13: There are both conda_env and python_env",
        "",
    ),
    "file that is not there": ("python_env: env.yaml\n", ":1:13: there is no file 'env.yaml'", ""),
    "file outside": ("python_env: ../env.yaml\n", ":1:13: '../env.yaml' leads out of the project", ""),
    "absolute file": ("conda_env: /etc/hostname\n", ":1:12: '/etc/hostname' leads out", ""),
    "unknown type": (
        "entry_points:\n  main:\n    command: x\n    parameters:\n      a: flaot\n",
        ":5:10: 'flaot' is no type",
        "float",
    ),
    "parameter's name": (
        "entry_points:\n  main:\n    command: x\n    parameters:\n      'a b': float\n",
        ":5:14: 'a b' is no name",
        "",
    ),
    "list as a default": (
        "entry_points:\n  main:\n    command: x\n    parameters:\n      a: {default: [1]}\n",
        ":5:20: 'default' must be a text",
        "",
    ),
    "no image": ("docker_env: {volumes: []}\n", ":1:13: docker_env has no image", "image: NAME"),
    "volumes of a text": ("docker_env: {image: a, volumes: x}\n", ":1:33: 'volumes' must be a list", ""),
    "variable of three": ("docker_env: {image: a, environment: [[A, b, c]]}\n", ":1:38: a variable is a name", ""),
    "variable's name": ("docker_env: {image: a, environment: ['A B']}\n", ":1:38: 'A B' is no name of a variable", ""),
    "no YAML": ("name: [a\nb: c\n", "MLproject:2:2", ""),
    "tab": ("entry_points:\n\tmain: x\n", "MLproject:2:1", ""),
    "text alone": ("hello", ":1:1: the file must have keys", ""),
    "empty": ("", ":1:1: the file is empty", ""),
    "merge key": ("a: &x {b: 1}\n<<: *x\n", "'a' is no key", ""),
    "control character": ("name: a\x07b\n", ":1:8: the character", ""),
    "object": ("name: !!python/object/apply:os.system [id]\n", ":1:7: 'name' must be a text", ""),
    "deep": ("name: " + "[" * 60 + "]" * 60 + "\n", "more than 50 levels", ""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_line_and_column(make_project: MakeProject, mistake: str) -> None:
    text, message, hint = MISTAKES[mistake]
    with pytest.raises(InvalidInput) as caught:
        read_specification(make_project(MLproject=text))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_bytes_that_are_no_text_are_told_by_their_place(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_bytes(b"name: x\ny: \xff\n")
    with pytest.raises(InvalidInput, match="MLproject:2:4: this is no UTF-8"):
        read_specification(tmp_path)


def test_two_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("name: x")
    (tmp_path / "mlproject").write_text("name: y")
    with pytest.raises(InvalidInput, match="There are both"):
        read_specification(tmp_path)


def test_a_job_of_databricks_is_told_from_a_mistake(make_project: MakeProject) -> None:
    with pytest.raises(NotSupported, match="Databricks"):
        read_specification(make_project(MLproject="databricks_spark_job: {python_file: a.py}"))


def test_a_link_that_leads_out_is_no_environment_of_the_project(make_project: MakeProject, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("python: '3.11'")
    folder = make_project(MLproject="python_env: env.yaml")
    (folder / "env.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(InvalidInput, match="leads out of the project"):
        read_specification(folder)
