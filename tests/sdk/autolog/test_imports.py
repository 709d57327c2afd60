from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from trackway.sdk.autolog import imports


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with two modules, which nobody has imported."""
    folder = tmp_path / "tw_pack"
    folder.mkdir()
    (folder / "__init__.py").write_text("from tw_pack import inner\nready = True\n")
    (folder / "inner.py").write_text("value = 1\n")
    (folder / "broken.py").write_text("raise RuntimeError('broken')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "tw_pack"
    for name in [name for name in sys.modules if name.startswith("tw_pack")]:
        del sys.modules[name]


@pytest.fixture
def watching() -> Iterator[Callable[..., list[ModuleType]]]:
    """Watches for patterns, and returns the list that modules will be added to."""
    callbacks: list[imports.Callback] = []

    def watch(*patterns: str) -> list[ModuleType]:
        seen: list[ModuleType] = []
        callbacks.append(seen.append)
        imports.watch(patterns, seen.append)
        return seen

    yield watch
    for callback in callbacks:
        imports.unwatch(callback)


Watching = Callable[..., list[ModuleType]]


def test_modules_are_told_once_their_code_has_run(package: str, watching: Watching) -> None:
    seen = watching(package)
    module = importlib.import_module(package)
    assert seen == [module]
    assert module.ready
    importlib.import_module(package)
    assert len(seen) == 1


def test_those_that_are_there_already_are_told_at_once(package: str, watching: Watching) -> None:
    module = importlib.import_module(package)
    assert watching(package) == [module]


def test_everything_below_a_name(package: str, watching: Watching) -> None:
    below, all_of_it = watching("tw_pack.*"), watching("tw_pack", "tw_pack.*")
    importlib.import_module(package)
    assert [module.__name__ for module in below] == ["tw_pack.inner"]
    assert [module.__name__ for module in all_of_it] == ["tw_pack.inner", "tw_pack"]


def test_other_modules_are_not_told_of(package: str, watching: Watching) -> None:
    seen = watching("tw_pac", "tw_pack.other", "pack.*")
    importlib.import_module(package)
    assert seen == []


def test_a_module_looks_as_if_nobody_had_watched(package: str, watching: Watching) -> None:
    watching(package)
    module = importlib.import_module(package)
    assert type(module.__loader__) is importlib.machinery.SourceFileLoader
    assert "exec_module" not in vars(module.__loader__)
    assert importlib.reload(module) is module


def test_an_error_of_the_module_itself_passes_through(package: str, watching: Watching) -> None:
    seen = watching("tw_pack.broken")
    with pytest.raises(RuntimeError, match=r"^broken$"):
        importlib.import_module("tw_pack.broken")
    with pytest.raises(ModuleNotFoundError, match=r"tw_pack\.absent"):
        importlib.import_module("tw_pack.absent")
    assert seen == []


def test_imports_are_untouched_when_nobody_watches(package: str) -> None:
    before = list(sys.meta_path)
    seen: list[ModuleType] = []
    imports.watch((package,), seen.append)
    assert sys.meta_path != before
    imports.unwatch(seen.append)
    assert sys.meta_path == before
    importlib.import_module(package)
    assert seen == []


def test_lives_with_another_finder_that_asks_all_finders(
    package: str, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(importlib.abc.MetaPathFinder):
        busy = False

        def find_spec(
            self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
        ) -> importlib.machinery.ModuleSpec | None:
            if self.busy:
                return None
            self.busy = True
            try:
                return importlib.util.find_spec(fullname)
            finally:
                self.busy = False

    monkeypatch.setattr(sys, "meta_path", [Other(), *sys.meta_path])
    seen = watching(package)
    monkeypatch.setattr(sys, "meta_path", [Other(), *sys.meta_path])
    module = importlib.import_module(package)
    assert seen == [module]
    imports.unwatch(seen.append)
