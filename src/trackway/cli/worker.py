"""The command that runs what schedules have queued."""

from __future__ import annotations

import logging
import signal
import socket
import sys

import click

from trackway.cli.output import choose_workspace
from trackway.projects.worker import Pace, Worker
from trackway.sdk.connection import get_tracking_uri, get_transport, set_tracking_uri


@click.command()
@click.option("--slots", type=click.IntRange(1, 256), default=1, show_default=True, help="How many projects at once.")
@click.option("--name", help="What histories call it. [the machine's name]")
@click.option("--allow", "allowed", multiple=True, metavar="PREFIX", help="Run only what begins so; may be repeated.")
@click.option("--poll", "poll_s", type=click.FloatRange(0.05, 3_600), default=2.0, show_default=True, help="Seconds.")
@click.option(
    "--lease",
    "lease_s",
    type=click.FloatRange(2, 600),
    default=60.0,
    show_default=True,
    help="Seconds of silence after which what it runs is lost.",
)
@click.option("--once", is_flag=True, help="End when nothing waits any more.")
@choose_workspace
@click.option("--uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].")
def worker(name: str | None, allowed: tuple[str, ...], once: bool, uri: str, slots: int, **pace: float) -> None:
    """Run the projects of schedules, as this user and on this machine.

    Whoever may create schedules may run code here. On SIGTERM or Ctrl-C nothing new is taken and what runs goes on to
    its end; a second one ends it.
    """
    if uri:
        set_tracking_uri(uri)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    transport = get_transport(get_tracking_uri())
    found = Worker(transport, name or socket.gethostname()[:100], slots, allowed, Pace(**pace))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: found.stop())
    found.work(once)
