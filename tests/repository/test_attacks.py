"""The table of published holes names tests that are there, and leaves out no file of attacks."""

from __future__ import annotations

import ast
import re

from tests.repository.source import ROOT

TABLE = (ROOT / "attacks/README.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:attacks|tests|ui/tests)/[\w./-]+\.(?:py|ts))(?:::(\w+))?`", TABLE)


def test_every_test_that_the_table_names_is_there() -> None:
    missing = []
    for path, name in NAMED:
        file = ROOT / path
        if not file.exists():
            missing.append(path)
        elif name:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            if not any(
                isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name for one in ast.walk(tree)
            ):
                missing.append(f"{path}::{name}")
    assert missing == []
    assert len(NAMED) > 90


def test_every_file_of_attacks_is_in_the_table() -> None:
    files = {f"attacks/{file.name}" for file in (ROOT / "attacks").glob("test_*.py")}
    assert files <= {path for path, _ in NAMED}
