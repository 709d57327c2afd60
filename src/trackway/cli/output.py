"""What commands have in common: the store they talk to, tables for people, JSON for programs."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
import msgspec

from trackway.api import operations as ops
from trackway.api.access import WhoAmI
from trackway.api.trash import Trashed
from trackway.base.errors import InvalidInput
from trackway.sdk.connection import (
    get_tracking_uri,
    get_transport,
    is_tracking_uri_set,
    resolve_uri,
    set_tracking_uri,
    set_workspace,
)
from trackway.sdk.transport import Transport

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_AGE = re.compile(r"(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_MOMENT_MS = 10**11
"""What is less is a duration: moments of the year 1973 and later are shown as such beside the number."""


def on_store(command: F) -> F:
    """Give a command ``--uri`` (as the argument ``transport``), ``--workspace`` and ``--json`` (``as_json``)."""
    uri = click.option(
        "--uri",
        "transport",
        default="",
        callback=_open,
        help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    return choose_workspace(uri(as_json(command)))


def choose_store(command: F) -> F:
    """Give a command ``--uri``, which says what is logged to, ``--workspace``, and ``--json`` (as ``as_json``)."""
    uri = click.option(
        "--uri",
        expose_value=False,
        callback=lambda _context, _option, given: set_tracking_uri(given) if given else None,
        help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    return choose_workspace(uri(as_json(command)))


def choose_workspace(command: F) -> F:
    """Give a command the option ``--workspace``, which counts before the store is opened."""
    return click.option(
        "--workspace",
        metavar="NAME",
        expose_value=False,
        is_eager=True,
        callback=lambda _context, _option, given: set_workspace(given) if given else None,
        help="Workspace of the server [TRACKWAY_WORKSPACE].",
    )(command)


def show_rows(rows: Sequence[dict[str, Any]], as_json: bool, empty: str = "Nothing found.") -> None:
    """Print rows of equal keys as a table, or as a JSON list."""
    if not rows:
        _say_if_outside()
    if as_json:
        show_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        from tabulate import tabulate

        click.echo(tabulate([list(row.values()) for row in rows], headers=list(rows[0]), disable_numparse=True))


def show_list(
    found: Sequence[T], describe: Callable[[T], dict[str, Any]], as_json: bool, empty: str = "Nothing found."
) -> None:
    """Print objects as a table of what ``describe`` says of each, or as a JSON list of all their fields.

    JSON has the names and units of the operations, so that a program reads the same from a command and from a server.
    """
    if as_json and found:
        show_json(found)
    else:
        show_rows([describe(one) for one in found], as_json, empty)


def _say_if_outside() -> None:
    """Say to who has no role in the workspace that this is why nothing is found, and who can give one."""
    transport = click.get_current_context().params.get("transport")
    if transport is None:
        return
    me = transport.call(ops.WHO_AM_I, WhoAmI())
    if not me.has_role:
        whom = " or ".join(me.administrators) or "its administrators"
        click.echo(f"You have no role in the workspace {me.workspace!r} yet: ask {whom} for one.", err=True)


def show_json(what: Any) -> None:
    """Print an object as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(what), indent=2))


def show_more(next_page_token: str, limit: int) -> None:
    """Say that a table ends before all is shown."""
    if next_page_token:
        click.echo(f"The first {limit:,} are shown; --limit shows more.", err=True)


def show_one(what: Any, as_json: bool) -> None:
    """Print one object's fields."""
    fields = msgspec.to_builtins(what)
    if as_json:
        show_json(fields)
        return
    for name, value in fields.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key in sorted(value):
                click.echo(f"  {key}: {value[key]}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{name}:")
            for item in value:
                click.echo(f"  {', '.join(f'{key} {inner}' for key, inner in item.items() if inner)}")
        elif isinstance(value, list):
            click.echo(f"{name}: {', '.join(map(str, value))}")
        elif name.endswith("_ms") and isinstance(value, int) and value > _MOMENT_MS:
            click.echo(f"{name}: {value} ({format_time(value)})")
        else:
            click.echo(f"{name}: {'' if value is None else value}")


def show_done(done: str, as_json: bool, **facts: Any) -> None:
    """Say what was done."""
    click.echo(msgspec.json.encode({"done": done, **facts}).decode() if as_json else done)


def show_trashed(done: str, trashed: Trashed, as_json: bool, **facts: Any) -> None:
    """Say what was deleted, and how it comes back."""
    back = "" if as_json else f" To bring it back: trackway trash restore {trashed.trash_id}"
    show_done(f"{done}{back}", as_json, trash_id=trashed.trash_id, **facts)


def count(number: int, what: str) -> str:
    """Return a number of things in words: ``1 run``, ``2,000 runs``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def parse_age(text: str) -> int:
    """Return an age such as ``30d`` in ms.

    raises: InvalidInput
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is no age", hint="give a number and s, m, h, d or w, such as 30d")
    return int(found[1]) * _SECONDS[found[2]] * 1_000


def format_time(time_ms: int | None) -> str:
    """Return a time for a table."""
    if time_ms is None:
        return ""
    try:
        return f"{datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return str(time_ms)  # a year that calendars do not have


def _open(_context: click.Context, _option: click.Parameter, uri: str) -> Transport:
    """Open the store that is named, else the one of this folder; that it is a new one is said, as nobody named it."""
    if uri:
        return get_transport(resolve_uri(uri))
    place = get_tracking_uri()
    if not is_tracking_uri_set() and not os.path.exists(place):
        click.echo(f"There was no store here: {place} is new. --uri or TRACKWAY_TRACKING_URI name another.", err=True)
    return get_transport(place)


@contextmanager
def write_whole(target: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when the block has ended well."""
    unfinished = target.with_name(f"{target.name}.partial")
    try:
        with unfinished.open("wb") as file:
            yield file
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
