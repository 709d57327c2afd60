"""Commands on runs."""

from __future__ import annotations

import csv
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.links import LinkKind, LinkName, ListRunLinks
from trackway.api.metrics import GetHistory
from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput, NotFound
from trackway.cli.comparison import choose_heads, compare_runs, write_value
from trackway.cli.experiments import VIEW, find_experiment, show_purge
from trackway.cli.output import (
    count,
    format_time,
    on_store,
    show_done,
    show_json,
    show_list,
    show_more,
    show_one,
    show_rows,
    write_whole,
)
from trackway.cli.run_tables import ENCODERS, write_csv
from trackway.sdk.transport import Transport

F = TypeVar("F", bound=Callable[..., Any])
COLUMNS = 6
"""Most params, and most metrics, that a table of runs shows by itself."""


@click.group()
def runs() -> None:
    """List and change runs."""


def choose_search(limit: int) -> Callable[[F], F]:
    """Give a command the options of a search; see ``_read_search``."""

    def choose(command: F) -> F:
        for option in (
            click.option("--limit", default=limit, show_default=True),
            click.option("--view", type=VIEW, default="active", show_default=True),
            click.option("--order", multiple=True, help='Order, such as "metrics.rmse ASC"; may be repeated.'),
            click.option("--filter", default="", help="Search, such as \"metrics.rmse < 1 AND params.a = '2'\"."),
            click.option("--experiment", "-x", multiple=True, help="Id or name; may be repeated. Default: all."),
        ):
            command = option(command)
        return command

    return choose


def _read_search(transport: Transport, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a search's request from what was given on the command line."""
    return {
        "experiment_ids": [find_experiment(transport, name).experiment_id for name in given["experiment"]] or None,
        "filter": given["filter"],
        "order_by": list(given["order"]),
        "view": given["view"],
        "limit": given["limit"],
    }


@runs.command("list")
@choose_search(50)
@on_store
def list_runs(transport: Transport, as_json: bool, **search: Any) -> None:
    """List or search runs, newest first."""
    page = transport.call(ops.SEARCH_RUNS, r.SearchRuns(**_read_search(transport, search)))
    if as_json:
        show_rows([_describe(run) for run in page.runs], as_json)
        return
    params = sorted({key for run in page.runs for key in run.params})[:COLUMNS]
    metrics = sorted({key for run in page.runs for key in run.metrics})[:COLUMNS]
    show_rows([_summarize(run, params, metrics) for run in page.runs], as_json, "No runs.")
    show_more(page.next_page_token, search["limit"])


@runs.command("table")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@choose_search(100_000)
@on_store
def write_table(transport: Transport, file: Path, as_json: bool, **search: Any) -> None:
    """Write found runs into FILE, one row a run: .csv, .parquet or .arrow, or - for CSV on standard output.

    Columns are the run's attributes, metrics.KEY (last value), params.KEY and tags.KEY.
    """
    printed = str(file) == "-"
    if not printed and file.suffix not in ENCODERS:
        raise InvalidInput(f"The name {file.name[:100]!r} tells no format", hint=f"it ends with {', '.join(ENCODERS)}")
    table = transport.call(ops.GET_RUN_TABLE, r.GetRunTable(**_read_search(transport, search)))
    if printed:
        write_csv(table.arrow, sys.stdout)
    else:
        data = ENCODERS[file.suffix](table.arrow)
        with write_whole(file) as out:
            out.write(data)
        show_done(f"Wrote {count(table.rows, 'run')} to {file}.", as_json, rows=table.rows)
    if table.rows == search["limit"]:
        click.echo(f"There may be more than these {table.rows:,} runs; --limit takes more.", err=True)


@runs.command("get")
@click.argument("run_id")
@on_store
def get_run(transport: Transport, run_id: str, as_json: bool) -> None:
    """Show a run with its params, last metrics and tags."""
    run = transport.call(ops.GET_RUN, r.GetRun(run_id=run_id))
    show_one(_describe(run), as_json)


@runs.command("compare")
@click.argument("run_ids", nargs=-1, required=True)
@click.option("--all", "equal", is_flag=True, help="Also what is the same in all of them.")
@on_store
def compare(transport: Transport, run_ids: tuple[str, ...], equal: bool, as_json: bool) -> None:
    """Show in which params, last metrics, tags and data sets runs differ."""
    if len(set(run_ids)) < 2:
        raise click.UsageError("Name two runs or more, by their ids")
    found = [transport.call(ops.GET_RUN, r.GetRun(run_id=run_id)) for run_id in dict.fromkeys(run_ids)]
    compared = compare_runs(found, equal=equal)
    if as_json:
        ids = [run.run_id for run in found]
        show_json(
            [{"field": field, "values": dict(zip(ids, values, strict=True))} for field, values in compared.items()]
        )
        return
    heads = choose_heads(found)
    rows = [
        {"field": field, **dict(zip(heads, map(write_value, values), strict=True))}
        for field, values in compared.items()
    ]
    show_rows(rows, as_json, "They differ in nothing.")


@runs.command("environment")
@click.argument("run_id")
@on_store
def show_environment(transport: Transport, run_id: str, as_json: bool) -> None:
    """Show what a run was executed with: Python, packages, host, command, git."""
    found = transport.call(ops.GET_ENVIRONMENT, r.RunId(run_id=run_id)).environment
    if found is None:
        raise NotFound(f"No environment of run {run_id} was recorded", hint="runs that MLflow's clients log have none")
    show_one(found, as_json)


@runs.command("tree")
@click.argument("run_id")
@on_store
def show_tree(transport: Transport, run_id: str, as_json: bool) -> None:
    """Show a run's descendants."""
    tree = transport.call(ops.GET_RUN_TREE, r.GetRunTree(run_id=run_id))
    show_list(
        tree.nodes,
        lambda node: {
            "run": f"{'· ' * node.depth}{node.run_id}",
            "name": node.name,
            "status": node.status,
            "depth": node.depth,
            "parent": node.parent_run_id or "",
        },
        as_json,
    )


@runs.command("metrics")
@click.argument("run_id")
@click.argument("key")
@on_store
def print_history(transport: Transport, run_id: str, key: str, as_json: bool) -> None:
    """Print the points of one metric as CSV, or as JSON."""
    transport.call(ops.GET_RUN, r.GetRun(run_id=run_id))
    series = transport.call(ops.GET_HISTORY, GetHistory(run_id=run_id, key=key)).series
    count = len(series.values) // 8
    columns = (
        struct.unpack(f"<{count}q", series.steps),
        struct.unpack(f"<{count}q", series.times_ms),
        struct.unpack(f"<{count}d", series.values),
    )
    if as_json:
        show_one({name: list(one) for name, one in zip(("steps", "times_ms", "values"), columns, strict=True)}, as_json)
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("step", "time_ms", "value"))
    writer.writerows(zip(*columns, strict=True))


@runs.command("tag")
@click.argument("run_id")
@click.argument("key")
@click.argument("value", required=False)
@on_store
def tag_run(transport: Transport, run_id: str, key: str, value: str | None, as_json: bool) -> None:
    """Set a tag, or delete it when no VALUE is given."""
    if value is None:
        transport.call(ops.DELETE_RUN_TAG, r.DeleteRunTag(run_id=run_id, key=key))
    else:
        transport.call(ops.INGEST, r.Ingest(run_id=run_id, tags={key: value}))
    show_done(f"{'Deleted' if value is None else 'Set'} tag {key}.", as_json, run_id=run_id)


@runs.command("link")
@click.argument("run_id")
@click.argument("kind", type=click.Choice(get_args(LinkKind)))
@click.argument("earlier_run_id")
@click.option("--remove", is_flag=True, help="Take it back.")
@on_store
def link_run(transport: Transport, as_json: bool, *, remove: bool, **name: Any) -> None:
    """Say how RUN_ID came of EARLIER_RUN_ID: it uses what that made, was made by it, retries or reproduces it."""
    transport.call(ops.UNLINK_RUN if remove else ops.LINK_RUN, LinkName(**name))
    show_done("Took it back." if remove else f"Linked to run {name['earlier_run_id']}.", as_json, **name)


@runs.command("links")
@click.argument("run_id")
@click.option("--limit", default=1_000, show_default=True, help="Most of earlier runs, and of later ones.")
@on_store
def list_links(transport: Transport, run_id: str, limit: int, as_json: bool) -> None:
    """List how RUN_ID came of earlier runs, and later ones of it."""
    found = transport.call(ops.LIST_RUN_LINKS, ListRunLinks(run_id=run_id, limit=limit))
    if as_json:
        show_json(found)
        return
    ends = [(run_id, one.kind, one.run_id, one) for one in found.earlier]
    ends += [(one.run_id, one.kind, run_id, one) for one in found.later]
    rows = [
        {"run": run, "kind": kind, "earlier run": earlier, "name of the other": other.name, "its status": other.status}
        for run, kind, earlier, other in ends
    ]
    show_rows(rows, as_json, "No links.")
    if found.truncated:
        click.echo(f"There are more than {limit:,}; --limit takes more.", err=True)


@runs.command("rename")
@click.argument("run_id")
@click.argument("name")
@on_store
def rename_run(transport: Transport, run_id: str, name: str, as_json: bool) -> None:
    """Give a run another name."""
    if not name:
        raise InvalidInput("The new name is empty", hint="give one or more characters")
    transport.call(ops.UPDATE_RUN, r.UpdateRun(run_id=run_id, name=name))
    show_done(f"Renamed to {name}.", as_json, run_id=run_id, name=name)


@runs.command("end")
@click.argument("run_id")
@click.option("--status", type=click.Choice(("FINISHED", "FAILED", "KILLED")), default="FINISHED", show_default=True)
@on_store
def end_run(transport: Transport, run_id: str, status: Any, as_json: bool) -> None:
    """Say that a run has ended, and how, when its program is gone; what has ended before keeps its time."""
    run = transport.call(ops.GET_RUN, r.GetRun(run_id=run_id))
    end_ms = now_ms() if run.end_ms is None else None
    transport.call(ops.UPDATE_RUN, r.UpdateRun(run_id=run_id, status=status, end_ms=end_ms))
    show_done(f"Run {run_id} is {status}.", as_json, run_id=run_id, status=status)


@runs.command("correct-param")
@click.argument("run_id")
@click.argument("key")
@click.argument("value")
@click.option("--reason", default="", help="Why; kept beside the old value.")
@on_store
def correct_param(transport: Transport, as_json: bool, run_id: str, key: str, value: str, reason: str) -> None:
    """Give a param another value; the old one stays visible."""
    transport.call(ops.CORRECT_PARAM, r.CorrectParam(run_id=run_id, key=key, value=value, reason=reason))
    show_done(f"Corrected {key}.", as_json, run_id=run_id)


@runs.command("params-history")
@click.argument("run_id")
@on_store
def show_corrections(transport: Transport, run_id: str, as_json: bool) -> None:
    """Show the values that a run's params had before they were corrected."""
    history = transport.call(ops.GET_PARAM_HISTORY, r.RunId(run_id=run_id))
    show_list(
        history.revisions,
        lambda one: {
            "key": one.key,
            "old value": one.value,
            "replaced": format_time(one.replaced_ms),
            "by": one.actor,
            "reason": one.reason,
        },
        as_json,
        "No corrections.",
    )


@runs.command("move")
@click.argument("run_ids", nargs=-1, required=True)
@click.option("--to", "experiment", required=True, help="Id or name of the experiment.")
@on_store
def move_runs(transport: Transport, run_ids: tuple[str, ...], experiment: str, as_json: bool) -> None:
    """Move runs, with their descendants, to another experiment."""
    number = find_experiment(transport, experiment).experiment_id
    transport.call(ops.MOVE_RUNS, r.MoveRuns(run_ids=list(run_ids), experiment_id=number))
    moved = count(len(run_ids), "run")
    show_done(f"Moved {moved}, with descendants, to experiment {number}.", as_json, experiment_id=number)


def choose_runs(command: F) -> F:
    """Give a command run ids (``run_ids``) and ``--children`` (``children``)."""
    children = click.option("--children", is_flag=True, help="Also their descendants.")
    return click.argument("run_ids", nargs=-1, required=True)(children(command))


@runs.command("delete")
@choose_runs
@on_store
def delete_runs(transport: Transport, run_ids: tuple[str, ...], children: bool, as_json: bool) -> None:
    """Move runs to the trash."""
    chosen = _list_chosen(transport, run_ids, children)
    for run_id in chosen:
        transport.call(ops.DELETE_RUN, r.DeleteRun(run_id=run_id))
    show_done(f"Moved {count(len(chosen), 'run')} to the trash.", as_json)


@runs.command("restore")
@choose_runs
@on_store
def restore_runs(transport: Transport, run_ids: tuple[str, ...], children: bool, as_json: bool) -> None:
    """Bring runs back from the trash."""
    chosen = _list_chosen(transport, run_ids, children)
    for run_id in chosen:
        transport.call(ops.RESTORE_RUN, r.RunId(run_id=run_id))
    show_done(f"Brought {count(len(chosen), 'run')} back.", as_json)


@runs.command("purge")
@choose_runs
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def purge_runs(
    transport: Transport, run_ids: tuple[str, ...], children: bool, as_json: bool, *, dry_run: bool, yes: bool
) -> None:
    """Remove runs of the trash for good, with points and files."""
    chosen = _list_chosen(transport, run_ids, children)
    if not (dry_run or yes):
        click.confirm(f"Remove {count(len(chosen), 'run')} for good?", abort=True)
    show_purge(transport.call(ops.PURGE_RUNS, r.PurgeRuns(run_ids=chosen, dry_run=dry_run)), as_json)


def _list_chosen(transport: Transport, run_ids: tuple[str, ...], children: bool) -> list[str]:
    """Return the ids of runs, each once, and those of their descendants when they are asked for.

    raises: InvalidInput when a tree is larger than one answer tells of
    """
    if not children:
        return list(dict.fromkeys(run_ids))
    trees = [transport.call(ops.GET_RUN_TREE, r.GetRunTree(run_id=run_id)) for run_id in run_ids]
    for run_id, tree in zip(run_ids, trees, strict=True):
        if tree.truncated:
            raise InvalidInput(f"Run {run_id} has too many descendants", hint="take its children one by one")
    return list(dict.fromkeys(node.run_id for tree in trees for node in tree.nodes))


def _describe(run: r.Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "experiment_id": run.experiment_id,
        "name": run.name,
        "status": run.status,
        "user": run.user,
        "start_ms": run.start_ms,
        "end_ms": run.end_ms,
        "state": run.lifecycle,
        "artifact_uri": run.artifact_uri,
        "parent_run_id": run.parent_run_id,
        "params": run.params,
        "metrics": {key: summary.last_value for key, summary in run.metrics.items()},
        "tags": run.tags,
        "datasets": [
            {
                "name": used.dataset.name,
                "digest": used.dataset.digest,
                "source": used.dataset.source,
                "context": used.tags.get(r.TAG_CONTEXT, ""),
            }
            for used in run.inputs
        ],
        "models": [made.model_id for made in run.model_outputs],
    }


def _summarize(run: r.Run, params: list[str], metrics: list[str]) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "name": run.name,
        "status": run.status,
        "started": format_time(run.start_ms),
        **{key: run.params.get(key, "")[:30] for key in params},
        **{key: f"{run.metrics[key].last_value:.6g}" if key in run.metrics else "" for key in metrics},
    }
