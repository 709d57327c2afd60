"""Environments of other products, which `make peers` creates beside the checkout's own."""

from __future__ import annotations

from pathlib import Path

ENVIRONMENTS = Path(__file__).parents[2] / ".venvs"


def peer_python(name: str) -> str:
    """Return the interpreter of one environment, such as mlflow-3.17: see the Makefile."""
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"{python} is missing: run `make peers`")
    return str(python)
