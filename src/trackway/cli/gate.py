"""The command that lets a candidate pass, or fails a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from trackway.cli.evaluation import read_thresholds
from trackway.cli.output import choose_store, show_json
from trackway.sdk.evaluation.gate import gate as hold_gate

_BOUND = "METRIC=NUMBER; may be repeated."
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("candidate")
@click.option("--champion", default="", help="What it is to be compared with: a run, a version, an alias, a stage.")
@click.option("--min", "at_least", multiple=True, help=f"Least value: {_BOUND}")
@click.option("--max", "at_most", multiple=True, help=f"Greatest value: {_BOUND}")
@click.option("--min-change", "changes", multiple=True, help=f"How much better than the champion: {_BOUND}")
@click.option(
    "--lower-is-better", "falling", multiple=True, help="Metric that is better when it is less; may be repeated."
)
@click.option("--on-interval", is_flag=True, help="The whole confidence interval must meet the thresholds.")
@click.option("--first-passes", is_flag=True, help="Without a champion yet, --min and --max alone decide.")
@click.option("--other-data", is_flag=True, help="Compare also what was not measured on the same data.")
@click.option("--data", help="File of rows to measure both on now, instead of what was measured before.")
@click.option("--targets", help="Its column of what is true.")
@click.option("--model-type", type=click.Choice(["classifier", "regressor"]), help="Told from the model when left out.")
@click.option("--positive", help="Which of two classes is the positive one.")
@click.option("--trust", is_flag=True, help="With --data: the models may run code of their own.")
@click.option("--prefix", default="", help="Of the candidate's metrics in its run.")
@click.option("--champion-prefix", default="", help="Of the champion's metrics in its run.")
@click.option("--attest", is_flag=True, help="Mark the candidate, a version, as evaluated or not.")
@click.option("--junit", type=_FILE, help="Write the checks to this file as JUnit's XML.")
@click.option("--markdown", type=_FILE, help="Write the report to this file as Markdown.")
@choose_store
def gate(candidate: str, champion: str, as_json: bool, **given: Any) -> None:
    """Exit with status 6 unless CANDIDATE is good enough, by thresholds and beside the champion.

    CANDIDATE is a run (its id, or runs:/ID), a registered version (models:/churn/3, models:/churn@next) or a logged
    model (models:/MODEL_ID), by what was measured of it, with the intervals that an evaluation left.
    """
    junit, markdown, falling = given.pop("junit"), given.pop("markdown"), given.pop("falling")
    thresholds = {
        metric: msgspec.structs.replace(one, greater_is_better=False) if metric in falling else one
        for metric, one in read_thresholds(given).items()
    }
    unknown = sorted(set(falling) - thresholds.keys())
    if unknown:
        raise click.UsageError(f"--lower-is-better {unknown[0]}: there is no threshold of it")
    if bool(given["data"]) != bool(given["targets"]):
        raise click.UsageError("--data and --targets go together")
    found = hold_gate(candidate, champion, thresholds, **given)
    for path, report in ((junit, found.to_junit), (markdown, found.to_markdown)):
        if path is not None:
            path.write_text(report(), encoding="utf-8")
    if as_json:
        show_json(found.to_dict())
    else:
        click.echo(found.to_text().rstrip("\n"))
    found.raise_if_failed()
