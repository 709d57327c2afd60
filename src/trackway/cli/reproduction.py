"""``trackway reproduce``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from trackway.base.errors import InvalidInput
from trackway.cli.output import choose_store, show_json
from trackway.cli.projects import read_pairs
from trackway.projects.launch import read_config
from trackway.projects.reproduction import Plan, carry_out, prepare
from trackway.projects.reproduction.comparison import ATOL, RTOL
from trackway.projects.reproduction.report import EXIT_STATUS
from trackway.projects.running import cancel_all

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("run_id")
@click.option("--env-manager", default="", help="uv, conda, docker or local; what fits the run when left out.")
@click.option("--experiment-name", default="", help="Of the new run. [the run's own]")
@click.option("--run-name", default="", help="Of the new run.")
@click.option("-b", "--backend", default="local", show_default=True, help="What carries it out.")
@click.option("-c", "--backend-config", metavar="FILE", help="File of JSON or YAML, or an object of JSON.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=PATH", help="Another place of an input; repeatable.")
@click.option("--data", default="", metavar="FILE", help="Rows to compare models on. [each model's input example]")
@click.option("--no-models", is_flag=True, help="Compare no models.")
@click.option("--rtol", type=float, default=RTOL, show_default=True, help="How far numbers may differ, relatively.")
@click.option("--atol", type=float, default=ATOL, show_default=True, help="How far they may differ besides.")
@click.option("--metric-rtol", multiple=True, metavar="METRIC=NUMBER", help="The same of one metric, or a pattern.")
@click.option("--metric-atol", multiple=True, metavar="METRIC=NUMBER", help="The same of one metric, or a pattern.")
@click.option("--ignore", "ignored", multiple=True, metavar="METRIC", help="Do not compare it, or a pattern.")
@click.option("--with-clock", is_flag=True, help="Compare also times, and what the machine did.")
@click.option("--markdown", type=_FILE, help="Write the report to this file as Markdown.")
@click.option("--dry-run", is_flag=True, help="Fetch the code and check what can be, and run nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before the run's code is run.")
@choose_store
@click.pass_context
def reproduce(context: click.Context, /, run_id: str, as_json: bool, yes: bool, **given: Any) -> None:
    """Run again what RUN_ID was, from what it recorded, and compare both.

    The status is 0 when the new run is identical or within tolerance, 7 when it is different, and 8 when the run
    cannot be reproduced: what is missing is told. What the program writes goes to standard error.
    """
    markdown = given.pop("markdown")
    given["models"] = not given.pop("no_models")
    given["backend_config"] = read_config(given["backend_config"])
    given["inputs"] = read_pairs("--input", given["inputs"])
    for option in ("metric_rtol", "metric_atol"):
        given[option] = _read_numbers(f"--{option.replace('_', '-')}", given[option])
    plan = prepare(run_id, **given)
    if not (yes or plan.gaps or given["dry_run"]):
        _confirm(plan)
    try:
        report = carry_out(plan)
    except BaseException:
        cancel_all()
        raise
    if markdown is not None:
        markdown.write_text(report.to_markdown(), encoding="utf-8")
    if as_json:
        show_json(report.to_dict())
    else:
        click.echo(report.to_text().rstrip("\n"))
    context.exit(EXIT_STATUS[report.verdict])


def _confirm(plan: Plan) -> None:
    """Say what would be run, and ask whether it may be.

    raises: InvalidInput where nobody can be asked
    """
    click.echo(plan.to_text(), err=True, nl=False)
    if not sys.stdin.isatty():
        raise InvalidInput(
            "This would run the code of that run on this machine",
            hint="--yes when you would run whatever its maker wrote",
        )
    click.confirm("Run it here?", abort=True, err=True)


def _read_numbers(option: str, given: tuple[str, ...]) -> dict[str, float]:
    numbers = {}
    for name, text in read_pairs(option, given).items():
        try:
            numbers[name] = float(text)
        except ValueError:
            raise InvalidInput(f"{text[:100]!r} is no number", hint=f"as {option} METRIC=1e-3") from None
    return numbers
