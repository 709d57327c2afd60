"""The command that runs the steps of a project."""

from __future__ import annotations

from typing import Any

import click

from trackway.base.errors import ExecutionFailed
from trackway.cli.output import choose_store, show_json
from trackway.cli.projects import read_pairs
from trackway.projects.launch import read_config
from trackway.projects.steps import resume_steps, run_steps


@click.command()
@click.argument("project", metavar="[URI]", default="")
@click.argument("only", metavar="[STEP]...", nargs=-1)
@click.option(
    "-P", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Value that steps share; repeatable."
)
@click.option("-v", "--version", default="", metavar="REV", help="Branch, tag or commit of a repository.")
@click.option("--parallel", type=int, help="How many at once. [1]")
@click.option("--no-cache", is_flag=True, help="Take no result of an earlier run.")
@click.option("-b", "--backend", default="local", show_default=True, help="What carries steps out.")
@click.option("-c", "--backend-config", metavar="FILE", help="File of JSON or YAML, or an object of JSON.")
@click.option("--env-manager", default="", help="uv, conda, docker or local; what fits the project when left out.")
@click.option("--experiment-name", default="", help="Experiment, created when there is none of the name.")
@click.option("--run-name", default="", help="Name of the run of all steps. [steps]")
@click.option("--resume", metavar="RUN_ID", help="Go on with steps that failed or were cut off.")
@choose_store
def steps(project: str, only: tuple[str, ...], params: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Run the steps of a project's MLproject.

    Each runs after those that it needs, and only where its result is not there.
    Named STEPs are run with all that they need. The status is 1 when a step failed.
    """
    resume, parallel = given.pop("resume"), given.pop("parallel")
    if resume:
        if project or params or given.pop("no_cache"):
            raise click.UsageError("With --resume, what was chosen stays: only --parallel may be given")
        result = resume_steps(resume, parallel)
    else:
        if not project:
            raise click.UsageError("Name a project")
        given["backend_config"] = read_config(given["backend_config"])
        given["cache"] = not given.pop("no_cache")
        chosen = {
            "parallel": 1 if parallel is None else parallel,
            "only": list(only),
            "parameters": read_pairs("-P", params),
        }
        result = run_steps(project, **given, **chosen)
    if as_json:
        show_json(result.to_dict())
    else:
        click.echo(result.to_text().rstrip("\n"))
    failed = [one.name for one in result.steps if one.state in ("failed", "killed")]
    if not result.passed:
        raise ExecutionFailed(
            f"Step {', '.join(failed)} of run {result.run_id} failed", hint=f"trackway steps --resume {result.run_id}"
        )
