"""``python -m trackway``: the command line, where the script of that name is not at hand."""

from __future__ import annotations

from trackway.cli.main import main

main()
