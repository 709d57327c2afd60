"""The command that evaluates a model, and fails when it does not meet its thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from trackway.base.errors import InvalidInput
from trackway.cli.output import choose_store, show_json
from trackway.evaluation.checks import Threshold
from trackway.sdk.evaluation import evaluate as evaluate_model
from trackway.sdk.experiments import set_experiment
from trackway.sdk.runs import start_run

_BOUND = "METRIC=NUMBER; may be repeated."


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--targets", required=True, help="Column of what is true.")
@click.option("--model-type", type=click.Choice(["classifier", "regressor"]), help="Told from the model when left out.")
@click.option("--positive", help="Which of two classes is the positive one.")
@click.option("--weights", help="Column of weights.")
@click.option("--slice", "slices", multiple=True, help="Column to measure slices by; may be repeated.")
@click.option("--min", "at_least", multiple=True, help=f"Least value: {_BOUND}")
@click.option("--max", "at_most", multiple=True, help=f"Greatest value: {_BOUND}")
@click.option("--min-change", "changes", multiple=True, help=f"How much better than the baseline: {_BOUND}")
@click.option("--baseline", help="Address of a model to compare with.")
@click.option("--on-interval", is_flag=True, help="The whole confidence interval must meet the thresholds.")
@click.option("--every-slice", is_flag=True, help="Each slice must meet --min and --max, too.")
@click.option("--resamples", type=click.IntRange(min=0), help="How often rows are drawn anew; 0 for no intervals.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the resamples.")
@click.option("--experiment", help="Experiment of the run that it is logged to.")
@click.option("--run-id", help="Run that it is logged to, instead of a new one.")
@click.option("--prefix", default="", help="Put before the names of metrics and files.")
@click.option("--no-log", is_flag=True, help="Log nothing, and tell the registry nothing.")
@click.option("--trust", is_flag=True, help="The model may run code of its own.")
@choose_store
def evaluate(model: str, data: str, as_json: bool, **given: Any) -> None:
    """Measure MODEL on the rows of DATA, a CSV, Parquet or JSON lines file.

    MODEL is the address of a model, such as models:/churn@champion, models:/MODEL_ID, runs:/RUN_ID/NAME or a folder.
    With thresholds, the exit status is 6 when they are not met, and a registered version is marked as evaluated or not.
    """
    experiment, run_id, log = given.pop("experiment"), given.pop("run_id"), not given.pop("no_log")
    thresholds = read_thresholds(given)
    options = {**given, "thresholds": thresholds, "slices": list(given["slices"]), "log": log}
    if not log:
        result = evaluate_model(model, data, **options, attest=False)
    else:
        if experiment and not run_id:
            set_experiment(experiment)
        with start_run(run_id=run_id, run_name=None if run_id else "evaluation"):
            result = evaluate_model(model, data, **options)
    if as_json:
        show_json(result.to_dict())
    else:
        click.echo(result.to_text().rstrip("\n"))
    result.raise_if_failed()


def read_thresholds(given: dict[str, Any]) -> dict[str, Threshold]:
    """Return the thresholds that the options ask for, and take them out of the options."""
    how = {name: given.pop(name, False) for name in ("on_interval", "every_slice")}
    bounds: dict[str, dict[str, Any]] = {}
    for option, field in (("at_least", "min"), ("at_most", "max"), ("changes", "min_change")):
        for metric, number in _read_bounds(given.pop(option)):
            bounds.setdefault(metric, {})[field] = number
    if not bounds and any(how.values()):
        raise InvalidInput("There are no thresholds", hint="give --min, --max or --min-change")
    return {
        metric: Threshold(**fields, **(how if {"min", "max"} & fields.keys() else {**how, "every_slice": False}))
        for metric, fields in bounds.items()
    }


def _read_bounds(texts: Iterable[str]) -> Iterable[tuple[str, float]]:
    for text in texts:
        metric, _, number = text.rpartition("=")
        try:
            yield metric, float(number)
        except ValueError:
            metric = ""
        if not metric:
            raise click.UsageError(f"{text!r} is no threshold: METRIC=NUMBER, such as accuracy_score=0.9")
