"""Commands on experiments."""

from __future__ import annotations

import click

from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.base.errors import NotFound
from trackway.cli.output import count, format_time, on_store, show_done, show_list, show_more, show_one
from trackway.sdk.progress import format_bytes
from trackway.sdk.transport import Transport

VIEW = click.Choice(["active", "deleted", "all"])


@click.group()
def experiments() -> None:
    """List and change experiments; EXPERIMENT is an id or a name."""


@experiments.command("list")
@click.option("--filter", "filter_text", default="", help="Search, such as \"name LIKE 'p%'\".")
@click.option("--order", multiple=True, help='Order, such as "name ASC"; may be repeated.')
@click.option("--view", type=VIEW, default="active", show_default=True)
@click.option("--limit", default=100, show_default=True)
@on_store
def list_experiments(
    transport: Transport, filter_text: str, order: tuple[str, ...], view: str, limit: int, as_json: bool
) -> None:
    """List or search experiments, newest first."""
    request = e.SearchExperiments(filter=filter_text, order_by=list(order), view=view, limit=limit)  # type: ignore[arg-type]
    page = transport.call(ops.SEARCH_EXPERIMENTS, request)
    show_list(
        page.experiments,
        lambda one: {
            "id": one.experiment_id,
            "name": one.name,
            "state": one.lifecycle,
            "created": format_time(one.created_ms),
        },
        as_json,
        "No experiments.",
    )
    show_more(page.next_page_token, limit)


@experiments.command("get")
@click.argument("experiment")
@on_store
def get_experiment(transport: Transport, experiment: str, as_json: bool) -> None:
    """Show an experiment."""
    show_one(find_experiment(transport, experiment, "all"), as_json)


@experiments.command("create")
@click.argument("name")
@on_store
def create_experiment(transport: Transport, name: str, as_json: bool) -> None:
    """Create an experiment."""
    made = transport.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name))
    show_done(f"Created experiment {made.experiment_id}.", as_json, experiment_id=made.experiment_id)


@experiments.command("rename")
@click.argument("experiment")
@click.argument("name")
@on_store
def rename_experiment(transport: Transport, experiment: str, name: str, as_json: bool) -> None:
    """Rename an experiment."""
    number = find_experiment(transport, experiment).experiment_id
    transport.call(ops.UPDATE_EXPERIMENT, e.UpdateExperiment(experiment_id=number, name=name))
    show_done(f"Renamed experiment {number}.", as_json, experiment_id=number)


@experiments.command("tag")
@click.argument("experiment")
@click.argument("key")
@click.argument("value", required=False)
@on_store
def tag_experiment(transport: Transport, experiment: str, key: str, value: str | None, as_json: bool) -> None:
    """Set a tag, or delete it when no VALUE is given."""
    number = find_experiment(transport, experiment).experiment_id
    if value is None:
        transport.call(ops.DELETE_EXPERIMENT_TAG, e.DeleteExperimentTag(experiment_id=number, key=key))
    else:
        transport.call(ops.SET_EXPERIMENT_TAGS, e.SetExperimentTags(experiment_id=number, tags={key: value}))
    show_done(f"{'Deleted' if value is None else 'Set'} tag {key}.", as_json, experiment_id=number)


@experiments.command("delete")
@click.argument("experiment")
@on_store
def delete_experiment(transport: Transport, experiment: str, as_json: bool) -> None:
    """Move an experiment and its runs to the trash."""
    number = find_experiment(transport, experiment).experiment_id
    transport.call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=number))
    show_done(f"Experiment {number} is in the trash.", as_json, experiment_id=number)


@experiments.command("restore")
@click.argument("experiment")
@on_store
def restore_experiment(transport: Transport, experiment: str, as_json: bool) -> None:
    """Bring an experiment back from the trash."""
    number = find_experiment(transport, experiment, "all").experiment_id
    transport.call(ops.RESTORE_EXPERIMENT, e.RestoreExperiment(experiment_id=number))
    show_done(f"Experiment {number} is back.", as_json, experiment_id=number)


@experiments.command("purge")
@click.argument("experiment")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def purge_experiment(transport: Transport, experiment: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove an experiment of the trash for good."""
    number = find_experiment(transport, experiment, "all").experiment_id
    if not (dry_run or yes):
        click.confirm(f"Remove experiment {experiment} with its runs for good?", abort=True)
    report = transport.call(ops.PURGE_EXPERIMENTS, e.PurgeExperiments(experiment_ids=[number], dry_run=dry_run))
    show_purge(report, as_json)


def find_experiment(transport: Transport, text: str, view: str = "active") -> e.Experiment:
    """Return the experiment of an id, else of a name.

    raises: NotFound
    """
    if text.isascii() and text.isdigit():
        try:
            return transport.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=text))
        except NotFound:
            pass  # a name may be made of digits
    return transport.call(ops.GET_EXPERIMENT_BY_NAME, e.GetExperimentByName(name=text, view=view))  # type: ignore[arg-type]


def show_purge(report: e.PurgeReport, as_json: bool) -> None:
    """Say what a purge removed, or would remove."""
    if as_json:
        show_one(report, as_json)
        return
    names = ("experiment", "run", "model", "point", "file")
    what = ", ".join(count(getattr(report, f"{name}s"), name) for name in names)
    if report.objects:
        what = f"{count(report.objects, 'other thing')}, {what}"
    click.echo(f"{'Would remove' if report.dry_run else 'Removed'} {what} ({format_bytes(report.file_bytes)}).")
