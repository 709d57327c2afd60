"""Pipelines of CI: run the project, evaluate, gate, register, ask for the champion's place; for three CI systems."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from trackway.base.errors import AlreadyExists, InvalidInput

_SAFE = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./@:+=,-]*")
"""What names and paths may be made of: in a shell, in YAML and in Groovy each of these means itself."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class PipelineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline does.

    project, entry_point, params: what is run
    artifact:   name under which the run logs its model
    model:      registered model, whose alias ``champion`` is what is in use
    data, targets: file of rows to evaluate on, and its column of what is true
    metric:     which must not be worse than the champion's
    minimum:    least value of it, also for the first; empty for none
    min_change: how much better it must be; negative for how much worse it may be
    branch:     where what passes is registered
    """

    model: str
    data: str
    targets: str
    metric: str
    project: str = "."
    entry_point: str = "main"
    params: tuple[str, ...] = ()
    artifact: str = "model"
    champion: str = "champion"
    minimum: str = ""
    min_change: str = "0"
    experiment: str = "ci"
    branch: str = "main"
    python: str = "3.11"


class Stage(NamedTuple):
    """A part of a pipeline: its title, its commands for a POSIX shell, and whether it is of the main branch alone."""

    name: str
    title: str
    commands: tuple[str, ...]
    main_only: bool = False


def list_stages(how: PipelineOptions) -> list[Stage]:
    """Return what a pipeline does, in order; the first stage sets up, the others share a folder.

    raises: InvalidInput for a name that would mean something else in a shell
    """
    _check(how)
    params = "".join(f" -P {one}" for one in how.params)
    model = f"runs:/$RUN_ID/{how.artifact}"
    run = (
        f"trackway run {how.project} -e {how.entry_point}{params} --experiment-name {how.experiment} --json > run.json"
    )
    on_rows = f"{how.data} --targets {how.targets}"
    read = "RUN_ID=$(python -c \"import json; print(json.load(open('run.json'))['run_id'])\")"
    least = f" --min {how.metric}={how.minimum}" if how.minimum else ""
    gate = (
        f'trackway gate "{model}" --champion models:/{how.model}@{how.champion} --first-passes'
        f" --data {on_rows} --min-change {how.metric}={how.min_change}{least}"
        " --on-interval --junit gate.xml --markdown gate.md"
    )
    version = "VERSION=$(python -c \"import json; print(json.load(open('version.json'))['version'])\")"
    return [
        Stage("setup", "Install", ('pip install "trackway[sklearn]"',)),
        Stage(
            "run",
            "Run the project",
            (run,),
        ),
        Stage(
            "evaluate",
            "Evaluate",
            (
                read,
                f'trackway models evaluate "{model}" {on_rows} --run-id "$RUN_ID" --prefix ci_',
            ),
        ),
        Stage("gate", "Hold it against the champion", (read, gate)),
        Stage(
            "register",
            "Register, and ask for the champion's place",
            (
                read,
                f'trackway models register "{model}" {how.model} --json > version.json',
                version,
                f'trackway models request {how.model} "$VERSION" --alias {how.champion} --comment "$RUN_ID passed"',
            ),
            main_only=True,
        ),
    ]


def write_pipeline(system: str, how: PipelineOptions, folder: Path, overwrite: bool = False) -> Path:
    """Write the file of a pipeline, and return where.

    raises: AlreadyExists when there is one, unless it is to be overwritten
    """
    if system not in SYSTEMS:
        raise InvalidInput(f"There is no CI system {system[:40]!r}", hint=f"one of {', '.join(SYSTEMS)}")
    path, write = SYSTEMS[system]
    place = folder / path
    text = write(how, list_stages(how))
    if place.exists() and not overwrite:
        raise AlreadyExists(f"There is a file {place} already", hint="--force overwrites it")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def _write_github(how: PipelineOptions, stages: list[Stage]) -> str:
    lines = [
        "# Of the repository, set the variable TRACKWAY_TRACKING_URI to the server's address, and the secret",
        "# TRACKWAY_TRACKING_TOKEN to a token of it.",
        "name: model",
        "on:",
        "  push:",
        f"    branches: [{how.branch}]",
        "  pull_request:",
        "permissions:",
        "  contents: read",
        "jobs:",
        "  model:",
        "    runs-on: ubuntu-latest",
        "    env:",
        "      TRACKWAY_TRACKING_URI: ${{ vars.TRACKWAY_TRACKING_URI }}",
        "      TRACKWAY_TRACKING_TOKEN: ${{ secrets.TRACKWAY_TRACKING_TOKEN }}",
        "    steps:",
        "      - uses: actions/checkout@v4",
        "      - uses: actions/setup-python@v5",
        "        with:",
        f'          python-version: "{how.python}"',
    ]
    for stage in stages:
        lines.append(f"      - name: {stage.title}")
        if stage.main_only:
            lines.append(f"        if: github.ref == 'refs/heads/{how.branch}'")
        lines.append("        run: |")
        lines += [f"          {command}" for command in stage.commands]
        if stage.name == "gate":
            lines += ["      - name: Show the gate's report", "        if: always() && hashFiles('gate.md') != ''"]
            lines.append('        run: cat gate.md >> "$GITHUB_STEP_SUMMARY"')
    return "\n".join(lines) + "\n"


def _write_gitlab(how: PipelineOptions, stages: list[Stage]) -> str:
    setup, *rest = stages
    lines = [
        "# Set the CI variables TRACKWAY_TRACKING_URI to the server's address, and TRACKWAY_TRACKING_TOKEN (masked).",
        "default:",
        f"  image: python:{how.python}",
        "  before_script:",
        *(f"    - {command}" for command in setup.commands),
        f"stages: [{', '.join(stage.name for stage in rest)}]",
    ]
    for stage in rest:
        lines += [f"{stage.name}:", f"  stage: {stage.name}", "  script:"]
        lines += ["    - |", *(f"      {command}" for command in stage.commands)]
        if stage.name == "run":
            lines += ["  artifacts:", "    paths: [run.json]"]
        if stage.name == "gate":
            lines += [
                "  artifacts:",
                "    when: always",
                "    paths: [gate.md]",
                "    reports:",
                "      junit: gate.xml",
            ]
        if stage.main_only:
            lines += ["  rules:", f'    - if: $CI_COMMIT_BRANCH == "{how.branch}"']
    return "\n".join(lines) + "\n"


def _write_jenkins(how: PipelineOptions, stages: list[Stage]) -> str:
    lines = [
        "// TRACKWAY_TRACKING_URI is the server's address, the credential trackway-token a token of it.",
        "pipeline {",
        f"  agent {{ docker {{ image 'python:{how.python}' }} }}",
        "  environment { TRACKWAY_TRACKING_TOKEN = credentials('trackway-token') }",
        "  stages {",
    ]
    for stage in stages:
        lines.append(f'    stage("{stage.title}") {{')
        if stage.main_only:
            lines.append(f'      when {{ branch "{how.branch}" }}')
        lines += ["      steps {", "        sh '''"]
        lines += [f"          {command}" for command in ("set -e", *stage.commands)]
        lines += ["        '''", "      }"]
        if stage.name == "gate":
            lines += ["      post { always { junit 'gate.xml' } }"]
        lines.append("    }")
    return "\n".join([*lines, "  }", "}", ""])


SYSTEMS: Final[Mapping[str, tuple[str, Callable[[PipelineOptions, list[Stage]], str]]]] = {
    "github": (".github/workflows/trackway.yml", _write_github),
    "gitlab": (".gitlab-ci.yml", _write_gitlab),
    "jenkins": ("Jenkinsfile", _write_jenkins),
}
"""By name: where a system looks for its file, and what writes it."""


def _check(how: PipelineOptions) -> None:
    named = {
        name: getattr(how, name) for name in how.__struct_fields__ if name not in ("params", "minimum", "min_change")
    }
    for name, value in [*named.items(), *(("param", one) for one in how.params)]:
        if not _SAFE.fullmatch(value):
            raise InvalidInput(
                f"Invalid {name.replace('_', ' ')} {value[:80]!r}", hint="letters, digits and _ . / @ : + = , -"
            )
    for one in how.params:
        if "=" not in one:
            raise InvalidInput(f"{one[:80]!r} is no param", hint="as NAME=VALUE")
    for name in ("minimum", "min_change"):
        value = getattr(how, name)
        if not _NUMBER.fullmatch(value) and (value or name == "min_change"):
            raise InvalidInput(f"Invalid {name.replace('_', ' ')} {value[:80]!r}", hint="a number")
