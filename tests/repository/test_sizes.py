from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator

import pytest

from tests.repository.source import ROOT, list_package, list_python, parse

LIMITS = {"file_lines": 500, "function_lines": 60, "parameters": 6}


@pytest.mark.parametrize("measure", LIMITS)
def test_nothing_is_larger_than_its_limit_or_its_excuse(measure: str) -> None:
    sizes = dict(_measure(measure))
    excuses = tomllib.loads((ROOT / "tests/repository/excused.toml").read_text(encoding="utf-8"))[measure]
    oversized = {name: size for name, size in sizes.items() if size > LIMITS[measure]}
    assert oversized == excuses, "shorten what is new; lower or remove an excuse that is larger than the truth"


def _measure(measure: str) -> Iterator[tuple[str, int]]:
    for name in list_package() if measure == "parameters" else list_python():
        if measure == "file_lines":
            yield name, len((ROOT / name).read_text(encoding="utf-8").splitlines())
            continue
        for path, function in _list_functions(parse(name), name):
            if measure == "function_lines":
                yield path, (function.end_lineno or 0) - function.lineno + 1
            else:
                yield path, _count_parameters(function)


def _list_functions(node: ast.AST, path: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every function below a node with its path, such as ``src/trackway/a.py::Class.method``."""
    for child in ast.iter_child_nodes(node):
        inner = path
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{path}.{child.name}" if "::" in path else f"{path}::{child.name}"
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield inner, child
        yield from _list_functions(child, inner)


def _count_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count what a caller may pass by name or place, without ``self`` and ``cls``."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))
