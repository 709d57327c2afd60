"""What is sent of a project's requirements, made an environment by Ray's own maker of them, every night."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.projects.folders import MakeProject
from trackway.projects.launch import Request, preview


@pytest.mark.ray
def test_ray_makes_an_environment_of_what_a_project_requires(
    uv: Path, wheels: Path, make_project: MakeProject, tmp_path: Path
) -> None:
    from ray._private.runtime_env.pip import PipProcessor
    from ray.runtime_env import RuntimeEnv

    project = make_project(requirements__txt="tiny<2", main__py="import tiny")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    asked = Request(uri=str(project), entry_point="main.py", backend="ray", backend_config={"env": offline})
    sent = json.loads(preview(asked))["runtime_env"]
    assert any(line.startswith("tiny==1.0 --hash=sha256:") for line in sent["pip"]["packages"])

    async def make() -> None:
        await PipProcessor(str(tmp_path / "made"), RuntimeEnv(pip=sent["pip"], env_vars=sent["env_vars"]))

    asyncio.run(make())
    command = [str(tmp_path / "made" / "virtualenv" / "bin" / "python"), "-c", "import ray, tiny; print(tiny.VALUE)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "tiny 1.0\n"
