"""Serving a model."""

from __future__ import annotations

import importlib
from typing import Any

import click

import trackway.cli.reviews
import trackway.cli.signing  # noqa: F401 - their commands are of the same group
from trackway.cli.models import models
from trackway.sdk.connection import set_tracking_uri
from trackway.serving.settings import SETTINGS, read_serving_settings

_SHORT = {"model": ("-m", "--model-uri"), "port": ("-p",), "workers": ("-w",), "timeout_s": ("-t", "--timeout")}
"""More names of options, those of MLflow's command among them."""


def _make_options() -> list[click.Option]:
    return [
        click.Option(
            [setting.option, *_SHORT.get(setting.name, ()), setting.name],
            type=setting.type,
            is_flag=setting.type is bool,
            default=None,
            help=f"{setting.help} [{setting.variable}; default: {_show(setting.default)}]",
        )
        for setting in SETTINGS
    ]


def _show(default: Any) -> str:
    return "none" if default == "" else str(default)


def serve(uri: str, **given: Any) -> None:
    """Serve a model over HTTP: MLflow's scoring protocol and the Open Inference Protocol."""
    if uri:
        set_tracking_uri(uri)
    settings = read_serving_settings(
        {name: value for name, value in given.items() if value is not None and value is not False}
    )
    importlib.import_module("trackway.wiring.serving").serve(settings)  # loads the server, which no other command needs


models.add_command(
    click.Command(
        "serve",
        params=[
            *_make_options(),
            click.Option(
                ["--uri"], default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks]."
            ),
        ],
        callback=serve,
        help=serve.__doc__,
    )
)
