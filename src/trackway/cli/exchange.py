"""``trackway import`` and ``trackway export``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import click
import msgspec

from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.addresses import hide_credentials
from trackway.base.errors import NotFound
from trackway.cli.output import choose_workspace, count, show_one
from trackway.exchange.bundle import Exportable, write_bundle
from trackway.exchange.draft import Exported
from trackway.exchange.importer import import_all
from trackway.exchange.registry_reader import list_names
from trackway.exchange.registry_tracks import RegistryTracks
from trackway.exchange.rehearsal import Rehearsal
from trackway.exchange.report import Counts, Report
from trackway.exchange.sources import open_history
from trackway.exchange.tracks import Tracks, find_experiment
from trackway.exchange.workspace_tracks import WorkspaceTracks
from trackway.sdk.connection import get_tracking_uri, get_transport, resolve_uri
from trackway.sdk.progress import format_bytes
from trackway.sdk.versions import MODELS

PROGRESS_S = 0.2


@click.command("import")
@click.argument("source")
@click.option(
    "--to", "--uri", "uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks]."
)
@click.option("--experiment", "-x", "names", multiple=True, help="Only the experiment of this name; may be repeated.")
@click.option(
    "--artifacts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that mlflow-artifacts: locations stand for, or that holds a copy of a bucket; of W&B, that links to"
    " saved files may lead into.",
)
@click.option("--access", is_flag=True, help="Of a workspace, also signing keys, roles, teams and grants.")
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@choose_workspace
def import_source(source: str, uri: str, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Bring over a history, or what is new of it.

    SOURCE is a folder of MLflow's (./mlruns), its database (sqlite:///mlflow.db), its server (http://...), a folder
    of W&B's client (./wandb), or a file that `trackway export` or `trackway workspaces export` wrote. Ids, times,
    nesting, what is in the trash, and files are kept. Of a workspace, webhooks and schedules come switched off, and
    legal holds are placed; quota and retention policy are set where a workspace has nothing of its own and nobody
    has set them.
    """
    transport = get_transport(resolve_uri(uri) if uri else get_tracking_uri())
    with _Progress(_describe_added) as progress:
        report = Report(watch=progress.show)
        with closing(open_history(source, options["artifacts"], report.note)) as history:
            target = Rehearsal(transport) if dry_run else transport
            import_all(target, history, report, options["names"], access=options["access"])
    if as_json:
        facts = {
            "source": report.source,
            "dry_run": dry_run,
            "added": report.added,
            "mapped": report.mapped,
            "left_out": list(report.left_out.values()),
        }
        click.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2))
    else:
        _show_report(report, dry_run)


@click.command("export")
@click.argument("what")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--trash", is_flag=True, help="Of an experiment, also the runs and models that are in the trash.")
@click.option("--children", is_flag=True, help="Of a run, also its descendants.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--restart", is_flag=True, help="Do not go on with an export that broke off.")
@click.option("--uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@choose_workspace
def export(what: str, file: Path, uri: str, as_json: bool, **options: bool) -> None:
    """Write a run, an experiment or a registered model into one file, with points, files and models.

    WHAT is the id of a run, the id or name of an experiment, models:/NAME of a registered model (with its versions,
    their runs and logged models), or models:/ for all of these. `trackway import FILE` brings it into another store.
    After a cut the same command goes on where it was. `trackway workspaces export` takes all of a workspace.
    """
    check_file(file, options["force"])
    address = resolve_uri(uri) if uri else get_tracking_uri()
    history = _select(address, what, options["trash"], options["children"])
    chosen = [f"--{name}" for name in ("trash", "children") if options[name]]
    save_bundle(history, file, as_json, subject=" ".join((what, *chosen)), restart=options["restart"])


def _select(address: str, what: str, trash: bool, children: bool) -> Exportable:
    """Return what is to be exported: registered models, the run of an id, else an experiment."""
    transport, label = get_transport(address), hide_credentials(address)
    if what.startswith(MODELS):
        name = what.removeprefix(MODELS)
        return RegistryTracks(transport, label, [name] if name else list_names(transport))
    try:
        run = transport.call(ops.GET_RUN, r.GetRun(run_id=what))
    except NotFound:
        experiment = find_experiment(transport, what)
        return Tracks(transport, label, experiment, view="all" if trash else "active")
    run_ids = [run.run_id]
    if children:
        run_ids = [node.run_id for node in transport.call(ops.GET_RUN_TREE, r.GetRunTree(run_id=what)).nodes]
    return Tracks(transport, label, find_experiment(transport, run.experiment_id), run_ids)


def check_file(file: Path, force: bool) -> None:
    """Refuse to replace a file that nobody said is to be replaced."""
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already; replace it with --force")


def save_bundle(history: Exportable, file: Path, as_json: bool, *, subject: str, restart: bool) -> None:
    """Write a bundle, showing how far it is, and say what is in it.

    subject: what is exported, beside where it comes from; see ``write_bundle``
    """
    tenant = history if isinstance(history, WorkspaceTracks) else None
    with _Progress(_describe_exported) as progress:
        exported = write_bundle(
            history, file, progress.show, tenant, subject=f"{subject} of {history.label}", restart=restart
        )
    if as_json:
        show_one({"file": str(file), **msgspec.structs.asdict(exported)}, as_json)
        return
    click.echo(f"{_describe_exported(exported)} in {file} ({format_bytes(exported.size_bytes)})")
    if exported.elsewhere:
        click.echo(f"The files of {exported.elsewhere:,} runs or models are kept elsewhere, not in it.", err=True)


class _Progress:
    """Shows on a terminal how far something is, a few times in a second."""

    def __init__(self, describe: Callable[[Any], str]) -> None:
        self._describe = describe
        self._on = sys.stderr.isatty()
        self._next_s = 0.0
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            click.echo(f"\r{'':<{self._width}}\r", nl=False, err=True)

    def show(self, done: object) -> None:
        """Show what is done until now."""
        now_s = time.monotonic()
        if self._on and now_s >= self._next_s:
            text = self._describe(done)
            click.echo(f"\r{text:<{self._width}}", nl=False, err=True)
            self._next_s, self._width = now_s + PROGRESS_S, len(text)


def _show_report(report: Report, dry_run: bool) -> None:
    added = report.added
    click.echo(f"{'Would add' if dry_run else 'Added'} {_describe_added(added)}")
    if added.updated_runs or added.unchanged_runs:
        click.echo(
            f"Of the runs that were here, {added.updated_runs} got something new, {added.unchanged_runs} did not."
        )
    for one in report.mapped:
        click.echo(f"Experiment {one.name!r} ({one.experiment_id}) is {one.became_name!r} ({one.became_id}) here.")
    for left in report.left_out.values():
        more = "" if left.count <= len(left.examples) else f" and {left.count - len(left.examples)} more"
        click.echo(f"Left out: {', '.join(left.examples)}{more}: {left.why}")


def _describe_added(added: Counts) -> str:
    what = ", ".join(
        count(getattr(added, f"{name}s"), name) for name in ("experiment", "run", "point", "model", "file")
    )
    others = ("webhook", "schedule", "signing_key", "role", "team", "grant", "hold", "quota")
    found = ((getattr(added, f"{name}s"), name.replace("_", " ")) for name in others)
    more = "".join(f", {count(number, name)}" for number, name in found if number)
    more += ", the retention policy" if added.policies else ""
    return f"{what} ({format_bytes(added.file_bytes)}){_describe_registered(added)}{more}"


def _describe_exported(exported: Exported) -> str:
    what = ", ".join(count(getattr(exported, f"{name}s"), name) for name in ("run", "point", "file", "model"))
    return what + _describe_registered(exported)


def _describe_registered(counts: Counts | Exported) -> str:
    if not counts.registered and not counts.versions:
        return ""
    return f", {count(counts.registered, 'registered model')}, {count(counts.versions, 'version')}"
