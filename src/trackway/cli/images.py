"""Images of models, for containers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from trackway.base.errors import InvalidInput
from trackway.sdk.connection import set_tracking_uri
from trackway.serving import image as images


@click.command("build-docker")
@click.option("-m", "--model", "--model-uri", "model", required=True, metavar="URI", help="Address of the model.")
@click.option("-n", "--name", default="", help="What to call the image, such as churn:3.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write and keep what it is built from.")
@click.option("--engine", type=click.Choice(images.ENGINES), help="Program that builds; the first that is here.")
@click.option("--base-image", default="", help="Image with Python; python:VERSION-slim of the model's version.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="Variable of the image; repeatable.")
@click.option(
    "--wheels",
    type=click.Path(path_type=Path),
    help="Folder of wheels to install from, for a build without an index.",
)
@click.option("--trust", is_flag=True, help="Let the model run code of its own: pickles, Python models.")
@click.option("--uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].")
def build_docker(model: str, name: str, output: Path | None, engine: str | None, uri: str, **given: Any) -> None:
    """Build a container image that serves a model, or write the folder that it is built from (--output)."""
    if uri:
        set_tracking_uri(uri)
    engine = images.make_image(model, _read_image(**given), name, output, engine or "")
    if output is not None:
        click.echo(f"Wrote {output}")
    if name:
        click.echo(f"Built {name}. Start it: {shlex.join(images.describe_start(name, engine))}")


def _read_image(base_image: str, variables: tuple[str, ...], wheels: Path | None, trust: bool) -> images.Image:
    named = {}
    for text in variables:
        key, sign, value = text.partition("=")
        if not sign:
            raise InvalidInput(f"{text[:100]!r} is no variable", hint="as --env NAME=VALUE")
        named[key] = value
    return images.Image(base=base_image, variables=named, wheels=wheels, trust=trust)
