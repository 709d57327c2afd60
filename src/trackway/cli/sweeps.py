"""The command that tries many choices of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trackway.base.errors import ExecutionFailed
from trackway.cli.output import choose_store, show_json
from trackway.cli.projects import read_pairs
from trackway.projects.launch import read_config
from trackway.projects.sweeps import resume_sweep
from trackway.projects.sweeps import sweep as do_sweep
from trackway.projects.sweeps.board import PRUNERS
from trackway.projects.sweeps.options import read_file
from trackway.projects.sweeps.samplers import SAMPLERS


@click.command()
@click.argument("project", metavar="[URI]", default="")
@click.option("-e", "--entry-point", metavar="NAME", help="Or a script of it.")
@click.option("-v", "--version", metavar="REV", help="Branch, tag or commit of a repository.")
@click.option("-P", "--param", "params", multiple=True, metavar="NAME=DOMAIN", help="Repeatable; see below.")
@click.option("--space", type=click.Path(path_type=Path), help="File of YAML with parameters and the options below.")
@click.option("--metric", help="What trials are compared by: its last value.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which values are better. [minimize]")
@click.option("--sampler", type=click.Choice(SAMPLERS), help="What is tried next. [random]")
@click.option("--trials", type=int, help="How many. [all of a grid, else 20]")
@click.option("--parallel", type=int, help="How many at once. [1]")
@click.option("--seed", type=int, help="Of what is left to chance. [0]")
@click.option("--pruner", type=click.Choice(PRUNERS), help="What ends trials early. [none]")
@click.option("--prune-after-trials", type=int, help="So many others must have come as far. [4]")
@click.option("--prune-after-steps", type=int, help="A trial must have come so far. [1]")
@click.option("-b", "--backend", help="What carries trials out. [local]")
@click.option("-c", "--backend-config", metavar="FILE", help="File of JSON or YAML, or an object of JSON.")
@click.option("--env-manager", help="uv, conda, docker or local; what fits the project when left out.")
@click.option("--storage-dir", metavar="DIR", help="For what parameters of the type path are fetched into.")
@click.option("--experiment-name", help="Experiment, created when there is none of the name.")
@click.option("--run-name", help="Name of the sweep's run. [sweep]")
@click.option("--resume", metavar="RUN_ID", help="Go on with a sweep that was cut off; only --parallel may be given.")
@choose_store
def sweep(project: str, params: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Run a project with many choices of parameters, each a run of its own, and say which is best.

    A DOMAIN is uniform(LOW, HIGH), log(LOW, HIGH), int(LOW, HIGH), logint(LOW, HIGH), choice(A, B, ...), or one value
    for all trials. A grid takes points=N or step=S of a range: log(1e-4, 1e-1, points=4). The status is 1 when no
    trial finished.
    """
    space_file, resume = given.pop("space"), given.pop("resume")
    chosen = {name: value for name, value in given.items() if value is not None}
    if resume:
        if project or params or space_file or chosen.keys() - {"parallel"}:
            raise click.UsageError("With --resume, what was chosen stays: only --parallel may be given")
        result = resume_sweep(resume, parallel=chosen.get("parallel"))
    else:
        if not project:
            raise click.UsageError("Name a project")
        space, options = read_file(space_file) if space_file else ({}, {})
        if "backend_config" in chosen:
            chosen["backend_config"] = read_config(chosen["backend_config"])
        result = do_sweep(project, space | read_pairs("-P", params), **(options | chosen))
    if as_json:
        show_json(result.to_dict())
    else:
        click.echo(result.to_text().rstrip("\n"))
    if result.best is None:
        raise ExecutionFailed(f"No trial of sweep {result.run_id} finished", hint="its trials say why")
