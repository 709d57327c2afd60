"""The command line: which commands there are, and how their errors end."""

from __future__ import annotations

import os
import sys

import click

from trackway.base import errors
from trackway.cli.places import LazyGroup, Place

EXIT_STATUS: tuple[tuple[type[errors.TrackwayError], int, str], ...] = (
    (errors.NotFound, 3, "no such object"),
    (errors.ChecksFailed, 6, "a model does not meet its thresholds"),
    (errors.Conflict, 4, "the object's state forbids it, or it exists already"),
    (errors.Unavailable, 5, "the store or server is away; try again"),
    (errors.TrackwayError, 1, "refused or failed, for the reason printed"),
)
"""Exit status of an error, first match; 0 is success, 2 a wrong command line, 130 an interruption."""


COMMANDS = {
    "artifacts": Place("artifacts", "artifacts", "List, fetch and store the files of runs."),
    "audit": Place("audit", "audit", "Read, check and keep the record of who did what."),
    "ci": Place("ci", "ci", "Write pipelines of CI."),
    "completion": Place("completion", "completion", "Print what to source for completion in a shell."),
    "db": Place("upkeep", "db", "Look after a local store's database."),
    "doctor": Place("doctor", "doctor", "Check store, schema, indexes, artifacts, clock, audit log and journals."),
    "endpoints": Place("endpoints", "endpoints", "See where registered models are served."),
    "environments": Place("environments", "environments", "Look after the environments that are kept."),
    "experiments": Place("experiments", "experiments", "List and change experiments."),
    "export": Place("exchange", "export", "Write a run, an experiment or a registered model into one file."),
    "gate": Place("gate", "gate", "Exit with status 6 unless CANDIDATE is good enough."),
    "gc": Place("upkeep", "gc", "Remove what has been in the trash for long enough, for good."),
    "grants": Place("grants", "grants", "Say who may do what with what."),
    "holds": Place("holds", "holds", "Keep things from being removed for good."),
    "import": Place("exchange", "import_source", "Bring over a history, or what is new of it."),
    "limits": Place("quotas", "show_limits", "Show the limits that are in force."),
    "models": Place("serving", "models", "Register models, say which is used for what, and serve them."),
    "quotas": Place("quotas", "quotas", "See what the workspace holds, and limit it."),
    "retention": Place("retention", "retention", "Say what the policy takes of the trash, and when."),
    "reproduce": Place(
        "reproduction", "reproduce", "Run again what RUN_ID was, from what it recorded, and compare both."
    ),
    "run": Place("projects", "run_project", "Run a project."),
    "runs": Place("runs", "runs", "List and change runs."),
    "schedules": Place("schedules", "schedules", "Have projects run by the clock."),
    "server": Place("server", "server", "Start the tracking server."),
    "sessions": Place("sessions", "sessions", "See where you are signed in with a browser, and end that."),
    "steps": Place("steps", "steps", "Run the steps of a project's MLproject."),
    "sweep": Place(
        "sweeps",
        "sweep",
        "Run a project with many choices of parameters.",
    ),
    "sync": Place("upkeep", "sync", "Deliver what dead or offline processes left in journals."),
    "teams": Place("grants", "teams", "Put users together, to give them roles together."),
    "tokens": Place("users", "tokens", "Make and revoke tokens, which programs send in place of a password."),
    "trash": Place("trash", "trash", "Bring back what was deleted."),
    "ui": Place("server", "ui", "Start the server, and show its pages in a browser."),
    "users": Place("users", "users", "Say who may sign in."),
    "webhooks": Place("webhooks", "webhooks", "Have others told of what happens to models and runs."),
    "workspaces": Place("workspaces", "workspaces", "Keep apart what is nobody else's business."),
    "worker": Place("worker", "worker", "Run the projects of schedules."),
}


@click.group(
    cls=LazyGroup, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="trackway")
def cli() -> None:
    """Track, package, register and serve machine-learning work."""


def get_exit_status(error: errors.TrackwayError) -> int:
    """Return the exit status that tells an error."""
    return next(status for kind, status, _ in EXIT_STATUS if isinstance(error, kind))


def main() -> None:
    """Run the command line; errors are one line, and the exit status says of what kind they are."""
    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status if isinstance(status, int) else 0)  # what a command gave to click's exit()
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:  # who reads it has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        click.echo(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        sys.exit(1)
    except errors.TrackwayError as error:
        click.echo(f"Error: {error.message}", err=True)
        if error.hint:
            click.echo(f"Hint: {error.hint}", err=True)
        sys.exit(get_exit_status(error))
