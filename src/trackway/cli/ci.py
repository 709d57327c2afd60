"""Commands for pipelines of CI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trackway.cli.output import show_done
from trackway.projects.pipelines import SYSTEMS, PipelineOptions, write_pipeline


@click.group()
def ci() -> None:
    """Write pipelines of CI that train, evaluate, hold against the champion, and register."""


@ci.command("init")
@click.argument("system", type=click.Choice(list(SYSTEMS)))
@click.option("--model", required=True, help="Registered model; its alias is what is in use.")
@click.option("--data", required=True, help="File of rows to evaluate on, in the repository.")
@click.option("--targets", required=True, help="Its column of what is true.")
@click.option("--metric", required=True, help="Which must not be worse than the champion's.")
@click.option("--minimum", default="", help="Least value of it, also for the first model.")
@click.option(
    "--min-change", default="0", show_default=True, help="How much better it must be; negative: how much worse."
)
@click.option("--project", default=".", show_default=True, help="Folder of the project.")
@click.option("-e", "--entry-point", default="main", show_default=True)
@click.option("-P", "--param", "params", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--artifact", default="model", show_default=True, help="Name under which the run logs its model.")
@click.option("--champion", default="champion", show_default=True, help="Alias of what is in use.")
@click.option("--experiment", default="ci", show_default=True, help="Experiment of the runs.")
@click.option("--branch", default="main", show_default=True, help="Where what passes is registered.")
@click.option("--python", default="3.11", show_default=True, help="Version of Python.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def init(system: str, force: bool, as_json: bool, **given: Any) -> None:
    """Write the pipeline of SYSTEM into this folder: github, gitlab or jenkins.

    It runs the project, evaluates the model, holds it against the champion, registers it, and asks for the champion's
    place. Set TRACKWAY_TRACKING_URI there to the address of the server.
    """
    place = write_pipeline(system, PipelineOptions(**given), Path(), overwrite=force)
    show_done(f"Wrote {place}.", as_json, place=str(place))
