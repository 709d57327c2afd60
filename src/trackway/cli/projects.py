"""``trackway run``."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from trackway.base.errors import InvalidInput
from trackway.cli.output import choose_store
from trackway.projects.launch import Request, launch, preview, read_config
from trackway.projects.recording import RunChoice
from trackway.projects.running import cancel_all, wait_for


@click.command("run")
@click.argument("project", metavar="URI")
@click.option("-e", "--entry-point", default="main", show_default=True, metavar="NAME", help="Or a script of it.")
@click.option("-v", "--version", default="", metavar="REV", help="Branch, tag or commit of a repository.")
@click.option("-P", "--param-list", "params", multiple=True, metavar="NAME=VALUE", help="Parameter; repeatable.")
@click.option("-A", "--docker-args", multiple=True, metavar="NAME=VALUE", help="Option of `docker run`; repeatable.")
@click.option("--experiment-name", default="", help="Experiment, created when there is none of the name.")
@click.option("--experiment-id", default="", help="Experiment by its id.")
@click.option("-b", "--backend", default="local", show_default=True, help="What carries it out.")
@click.option("-c", "--backend-config", metavar="FILE", help="File of JSON or YAML, or an object of JSON.")
@click.option("--env-manager", default="", help="uv, conda, docker or local; what fits the project when left out.")
@click.option("--storage-dir", default="", metavar="DIR", help="For what parameters of the type path are fetched into.")
@click.option("--run-id", default="", help="A run that is there and is to be this one.")
@click.option("--run-name", default="", help="Name of the run.")
@click.option("--build-image", is_flag=True, help="Build an image with the project in it from its docker_env.")
@click.option("--dry-run", is_flag=True, help="Print the command, script or manifest that it would be, and end.")
@choose_store
def run_project(
    project: str,
    params: tuple[str, ...],
    docker_args: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Run a project: a folder, a git repository or a zip archive, with #FOLDER for a folder within.

    What it writes is shown and kept in its run. The status is 1 when it failed. With --json, what it writes goes to
    standard error, and the run is told on standard output.
    """
    choice = RunChoice(
        run_id=given.pop("run_id"),
        experiment_id=given.pop("experiment_id"),
        experiment_name=given.pop("experiment_name"),
        name=given.pop("run_name"),
    )
    config = read_config(given.pop("backend_config"))
    request = Request(
        uri=project,
        parameters=read_pairs("-P", params),
        docker_args=read_pairs("-A", docker_args, flags=True),
        choice=choice,
        backend_config=config,
        echo="stderr" if as_json else "both",
        **given,
    )
    if dry_run:
        click.echo(preview(request), nl=False)
        return
    try:
        started = launch(request)
        click.echo(f"Run {started.run_id}", err=True)
        try:
            wait_for(started)
        finally:
            if as_json:
                told = {"run_id": started.run_id, "status": started.get_status(), "exit_code": started.exit_code}
                sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    except BaseException:
        cancel_all()  # an interruption may come before there is something to wait for
        raise


def read_pairs(option: str, given: tuple[str, ...], *, flags: bool = False) -> dict[str, Any]:
    """Return options as names and values; an option without a value is a switch, where there may be switches."""
    pairs: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not name or not (sign or flags):
            raise InvalidInput(f"{text[:100]!r} is no value", hint=f"as {option} NAME=VALUE")
        if name in pairs:
            raise InvalidInput(f"{name[:100]!r} was given twice", hint=f"give each {option} once")
        pairs[name] = value if sign else True
    return pairs
