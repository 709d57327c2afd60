"""The command that writes model cards."""

from __future__ import annotations

from pathlib import Path

import click

from trackway.cli.output import choose_store, show_done
from trackway.sdk.cards import make_card, write_card


@click.command()
@click.argument("model")
@click.option("--output", help="Write the card to this file alone; - for the terminal.")
@click.option("--edited", help="Card that you have worked on: what you wrote is kept, the rest is brought up to date.")
@choose_store
def card(model: str, output: str | None, edited: str | None, as_json: bool) -> None:
    """Write the card of MODEL, a folder or an address such as models:/churn/3, as README.md beside its files.

    What was generated is brought up to date, and everything else in the card stays as it is.
    """
    if output is None:
        place = write_card(model, edited).place
        show_done(f"Wrote {place}.", as_json, place=place)
    elif output == "-":
        click.echo(make_card(model, edited), nl=False)
    else:
        Path(output).write_text(make_card(model, edited), encoding="utf-8")
        show_done(f"Wrote {output}.", as_json, place=output)
