"""What driving the command line has in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result

Trackway = Callable[..., Result]
"""Runs a command."""


def read(result: Result) -> Any:
    """Return what a command printed as JSON."""
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)
