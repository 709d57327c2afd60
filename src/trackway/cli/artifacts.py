"""Commands on artifacts: files named by a run and a path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import msgspec

from trackway.api import artifacts as a
from trackway.api import operations as ops
from trackway.api.runs import GetRun
from trackway.artifacts.archive import zip_stream
from trackway.base.errors import InvalidInput, NotFound
from trackway.cli.output import count, on_store, show_done, show_rows, write_whole
from trackway.sdk.progress import Progress, format_bytes
from trackway.sdk.sources import FileSource
from trackway.sdk.transport import Transport

SERVED = "mlflow-artifacts:/"


@click.group()
def artifacts() -> None:
    """List, fetch and store the files of runs."""


@artifacts.command("list")
@click.argument("run_id")
@click.argument("path", default="")
@click.option("--recursive", "-r", is_flag=True, help="With everything below.")
@on_store
def list_artifacts(transport: Transport, run_id: str, path: str, recursive: bool, as_json: bool) -> None:
    """List a run's files."""
    root = _find_root(transport, run_id)
    entries = list(_list(transport, _join(root, path), recursive))
    if as_json:
        rows = [{**msgspec.to_builtins(entry), "path": entry.path[len(root) + 1 :]} for entry in entries]
    else:
        rows = [
            {
                "path": entry.path[len(root) + 1 :] + ("/" if entry.is_dir else ""),
                "size": "" if entry.size_bytes is None else format_bytes(entry.size_bytes),
                "sha256": (entry.sha256 or "")[:12],
            }
            for entry in entries
        ]
    show_rows(rows, as_json, "No artifacts.")


@artifacts.command("download")
@click.argument("run_id")
@click.argument("path", default="")
@click.option("--to", "target", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder.")
@on_store
def download_artifacts(transport: Transport, run_id: str, path: str, target: Path, as_json: bool) -> None:
    """Fetch a file or a folder; each file is checked against its digest and appears whole."""
    root = _find_root(transport, run_id)
    tree = _join(root, path)
    files = [entry for entry in _list(transport, tree, recursive=True) if not entry.is_dir]
    if not files:
        parent, _, name = tree.rpartition("/")
        files = [entry for entry in _list(transport, parent, recursive=False) if entry.path == tree and name]
    if not files:
        raise NotFound(f"Run {run_id} has no artifact {path!r}", hint="trackway artifacts list shows what there is")
    with Progress("Fetching", sum(entry.size_bytes or 0 for entry in files), muted=as_json) as progress:
        for entry in files:
            _fetch(transport, entry.path, _place(target, entry.path[len(root) + 1 :]), progress)
    show_done(f"Fetched {count(len(files), 'file')}.", as_json, files=len(files))


@artifacts.command("zip")
@click.argument("run_id")
@click.argument("path", default="")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@on_store
def zip_artifacts(transport: Transport, run_id: str, path: str, target: Path, as_json: bool) -> None:
    """Fetch a folder as one zip archive; each file is checked against its digest."""
    tree = _join(_find_root(transport, run_id), path)
    files = [entry for entry in _list(transport, tree, recursive=True) if not entry.is_dir]
    if not files:
        raise NotFound(f"Run {run_id} has no folder {path!r} with files", hint="trackway artifacts list shows them")
    entries = (
        (
            entry.path[len(tree) + 1 :],
            entry.size_bytes or 0,
            entry.modified_ms or 0,
            partial(transport.download, entry.path),
        )
        for entry in files
    )
    size_bytes = sum(entry.size_bytes or 0 for entry in files)
    with Progress("Fetching", size_bytes, muted=as_json) as progress, write_whole(target) as file:
        for chunk in progress.watch(zip_stream(entries)):
            file.write(chunk)
    show_done(f"Wrote {count(len(files), 'file')} to {target}.", as_json, files=len(files))


@artifacts.command("upload")
@click.argument("run_id")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--to", "folder", default="", help="Folder in the run.")
@on_store
def upload_artifacts(transport: Transport, run_id: str, source: Path, folder: str, as_json: bool) -> None:
    """Store a file or a folder."""
    root = _join(_find_root(transport, run_id), folder)
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    base = source.parent if source.is_file() else source
    with Progress("Sending", sum(path.stat().st_size for path in files), muted=as_json) as progress:
        for path in files:
            watched = progress.watch_source(FileSource(str(path)))
            transport.upload(_join(root, path.relative_to(base).as_posix()), watched)
    show_done(f"Stored {count(len(files), 'file')}.", as_json, files=len(files))


@artifacts.command("delete")
@click.argument("run_id")
@click.argument("path", default="")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask before all files go.")
@on_store
def delete_artifacts(
    transport: Transport, run_id: str, path: str, as_json: bool, *, dry_run: bool = False, yes: bool = False
) -> None:
    """Delete a file, or a folder with all below it; without PATH all files, and the run stays with what it logged."""
    tree = _join(_find_root(transport, run_id), path)
    if not (path or dry_run or yes):
        click.confirm(f"Delete all files of run {run_id} for good?", abort=True)
    gone = transport.call(ops.DELETE_FILES, a.DeleteFiles(path=tree, dry_run=dry_run))
    done = "Would delete" if dry_run else "Deleted"
    freed = f"{done} {count(gone.files, 'file')} ({format_bytes(gone.size_bytes)})."
    show_done(freed, as_json, files=gone.files, size_bytes=gone.size_bytes)


def _find_root(transport: Transport, run_id: str) -> str:
    uri = transport.call(ops.GET_RUN, GetRun(run_id=run_id)).artifact_uri
    if not uri.startswith(SERVED):
        raise InvalidInput(f"The artifacts of run {run_id} are kept elsewhere, at {uri}", hint="use that store's tools")
    return uri.removeprefix(SERVED).strip("/")


def _list(transport: Transport, folder: str, recursive: bool) -> Iterator[a.FileEntry]:
    token = ""
    while True:
        page = transport.call(ops.LIST_FILES, a.ListFiles(folder=folder, recursive=recursive, page_token=token))
        yield from page.files
        token = page.next_page_token
        if not token:
            return


def _fetch(transport: Transport, path: str, target: Path, progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(target) as file:
        for chunk in progress.watch(transport.download(path)):
            file.write(chunk)


def _place(target: Path, path: str) -> Path:
    """Return where a file goes; a server cannot name a place outside of the target."""
    place = (target / path).resolve()
    if not place.is_relative_to(target.resolve()):
        raise InvalidInput(f"The server names a file {path!r}, outside of the folder", hint="nothing was written")
    return place


def _join(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))
