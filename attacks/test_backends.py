"""Values that would be more than values, on their way through what carries projects out elsewhere."""

from __future__ import annotations

import base64
import io
import json
import shlex
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.projects.kubernetes_rules import check, expand, validate
from trackway.base.errors import InvalidInput
from trackway.projects.backends import Backend, Job, load_backend
from trackway.projects.packing import pack_folder

HOSTILE = [
    "$(TRACKWAY_RUN_ID)",
    "$$(TRACKWAY_RUN_ID)",
    "$TRACKWAY_RUN_ID ${TRACKWAY_RUN_ID}",
    "'; id; '",
    '"; id; "',
    "`id` $(id)",
    "a\nb\n---\nkind: Secret",
    "{{x}} {x} %s %j",
    "--conf spark.driver.extraJavaOptions=-agentlib",
    "\\",
    "",
]
RUN = {"TRACKWAY_RUN_ID": "run-7"}


def make_job(folder: Path, word: str, config: dict[str, object], name: str = "") -> Job:
    variables = {**RUN, "VALUE": word}
    command = ("python", "x.py", word, "end")
    return Job(run_id="run-7", command=command, folder=folder, config=config, variables=variables, name=name)


@pytest.mark.parametrize("word", HOSTILE)
def test_a_word_and_a_variable_of_a_pod_are_what_they_were(tmp_path: Path, word: str) -> None:
    job = make_job(tmp_path, word, {"image": "python:3.11"})
    _, manifest = yaml.safe_load_all(preview("kubernetes", job))
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    assert tuple(expand(one, RUN) for one in container["command"]) == job.command
    values = {one["name"]: expand(one["value"], RUN) for one in container["env"] if "value" in one}
    assert values["VALUE"] == word


@pytest.mark.parametrize("name", ["../../x", "-", "a" * 200, "ü", "x'; id", "A.B_c", "\n"])
def test_a_name_becomes_one_that_a_cluster_takes(tmp_path: Path, name: str) -> None:
    for manifest in yaml.safe_load_all(preview("kubernetes", make_job(tmp_path, "", {"image": "a"}, name))):
        if manifest["kind"] == "Job":
            validate("V1Job", manifest)
            check("jobs", manifest)


@pytest.mark.parametrize("word", HOSTILE)
def test_a_word_of_a_job_of_rays_is_one_for_its_shell(tmp_path: Path, word: str) -> None:
    request = json.loads(preview("ray", make_job(tmp_path, word, {})))
    words = shlex.split(request["entrypoint"])
    assert tuple(words[-4:]) == ("python", "x.py", word, "end")
    variables = request["runtime_env"]["env_vars"]
    assert not any("$" in value for value in variables.values()), "Ray would put others there"
    hidden = json.loads(base64.b64decode(variables.get("TRACKWAY_VARIABLES", "e30=")))
    assert {**variables, **hidden}["VALUE"] == word


@pytest.mark.parametrize("word", HOSTILE)
def test_a_word_behind_spark_submit_is_none_of_its_options(tmp_path: Path, word: str) -> None:
    line = preview("spark", make_job(tmp_path, word, {})).partition("\n")[2]
    words = shlex.split(line)
    program = next(at for at, one in enumerate(words) if one.endswith("spark_command.py"))
    assert words[program + 1 :] == ["python", "x.py", word, "end"]


def test_a_link_that_leads_out_of_a_project_is_sent_as_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "out").symlink_to(tmp_path / "secret")
    with tarfile.open(fileobj=io.BytesIO(pack_folder(tmp_path / "project", 10_000))) as archive:
        (member,) = archive.getmembers()
        assert (member.issym(), member.size) == (True, 0)


def test_a_secret_is_no_part_of_a_configuration() -> None:
    with pytest.raises(InvalidInput, match="a value itself does not belong"):
        load_backend("kubernetes").check({"secrets": {"TOKEN": "hunter2"}})


def preview(name: str, job: Job) -> str:
    backend: Backend = load_backend(name)
    told: str = backend.preview(job)  # type: ignore[attr-defined]
    return told
