"""What a work tree held beside its commit: kept so that it can be made again, and named where it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.repositories import create_repository, run_git
from trackway.api.runs import GitState
from trackway.projects.repositories import apply_patch
from trackway.sdk import git, work_tree

KIB = 1024


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "work")


def get_state(folder: Path) -> GitState:
    state = work_tree.get_state(folder)
    assert state is not None
    return state


def list_reasons(state: GitState) -> dict[str, str]:
    return {one.path: one.reason for one in state.left_out}


def make_again(repository: Path, state: GitState) -> Path:
    """Return a clone of the commit with the patch."""
    clone = repository.parent / "clone"
    run_git(repository.parent, "clone", "--quiet", str(repository), str(clone))
    apply_patch(clone, state.diff)
    return clone


def read_files(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if ".git" not in path.parts and not path.is_dir()
    }


def test_new_binary_and_foreign_files_are_made_again_byte_by_byte(repository: Path) -> None:
    (repository / "old.bin").write_bytes(bytes(range(256)) * 8)
    (repository / "latin.txt").write_bytes("caf\xe9\n".encode("latin-1"))
    (repository / "gone.txt").write_text("gone\n")
    run_git(repository, "add", "--all")
    run_git(repository, "commit", "--quiet", "--message", "more")
    (repository / "old.bin").write_bytes(bytes(range(255, -1, -1)) * 8)
    (repository / "latin.txt").write_bytes("\xfcber\n".encode("latin-1"))
    (repository / "gone.txt").unlink()
    (repository / "new").mkdir()
    (repository / "new" / "a b\n'\"\u00e4.py").write_text("print('new')")
    (repository / "new" / "rows.npy").write_bytes(os.urandom(100 * KIB))
    (repository / "new" / "empty").touch()
    (repository / "run.sh").write_text("#!/bin/sh\n")
    (repository / "run.sh").chmod(0o755)
    (repository / "link").symlink_to("train.py")
    state = get_state(repository)
    assert (state.left_out, state.left_out_truncated) == ([], False)
    clone = make_again(repository, state)
    assert read_files(clone) == read_files(repository)
    assert os.access(clone / "run.sh", os.X_OK)


def test_looking_leaves_the_repository_as_it_is(repository: Path) -> None:
    (repository / "new.py").write_text("x")
    (repository / "train.py").write_text("y")
    before = {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}
    assert "new.py" in get_state(repository).diff
    assert {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()} == before
    assert run_git(repository, "status", "--porcelain") == "M train.py\n?? new.py"


def test_what_git_ignores_is_not_looked_at(repository: Path) -> None:
    (repository / ".gitignore").write_text("data/\n*.log\n")
    (repository / "data").mkdir()
    (repository / "data" / "rows.csv").write_text("ignored")
    (repository / "a.log").write_text("ignored")
    state = get_state(repository)
    assert "ignored" not in state.diff
    assert state.left_out == []


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", "prod.env", ".envrc", "conf/.env", "server.pem", "id_ed25519", ".netrc", "kaggle.json"),
        *(".aws/config", "secrets.yaml", "db-credentials.json", "client_secret_1.json", "my-service-account.json"),
    ],
)
def test_files_for_secrets_are_never_taken_known_to_git_or_not(repository: Path, name: str) -> None:
    path = repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("TOKEN=canary-one\n")
    state = get_state(repository)
    assert list_reasons(state) == {name: "it may hold secrets"}
    run_git(repository, "add", "--all")
    run_git(repository, "commit", "--quiet", "--message", "oh")
    path.write_text("TOKEN=canary-two\n")
    (repository / "train.py").write_text("changed\n")
    known = get_state(repository)
    assert list_reasons(known) == {name: "it may hold secrets"}
    assert known.dirty
    assert "+changed" in known.diff
    assert "canary" not in state.diff + known.diff


@pytest.mark.parametrize("name", ["secrets.py", "tokenizer.json", "environment.yaml", "docs/secrets.md", "keys.csv"])
def test_code_about_secrets_is_code(repository: Path, name: str) -> None:
    (repository / "docs").mkdir()
    (repository / name).write_text("something\n")
    assert get_state(repository).left_out == []


def test_a_new_file_with_a_private_key_in_it_is_not_taken(repository: Path) -> None:
    (repository / "notes.txt").write_text("-----BEGIN RSA PRIVATE KEY-----\ncanary\n")
    state = get_state(repository)
    assert (state.diff, list_reasons(state)) == ("", {"notes.txt": "it holds a secret"})


@pytest.mark.parametrize(("beyond", "kept"), [(0, True), (1, False), (9 * work_tree.NEW_FILE_BYTES, False)])
def test_a_large_new_file_is_named_with_its_size(repository: Path, beyond: int, kept: bool) -> None:
    (repository / "rows.bin").write_bytes(os.urandom(work_tree.NEW_FILE_BYTES + beyond))
    (repository / "small.py").write_text("x = 1\n")
    state = get_state(repository)
    assert ("rows.bin" not in list_reasons(state), "small.py" in state.diff) == (kept, True)
    if kept:
        assert read_files(make_again(repository, state)) == read_files(repository)
    else:
        (one,) = state.left_out
        facts = (repository / "rows.bin").stat()
        assert (one.size_bytes, one.modified_ns, one.reason) == (facts.st_size, facts.st_mtime_ns, "it is large")
    assert not state.dirty


def test_new_files_are_limited_all_together_and_in_number(repository: Path) -> None:
    for number in range(5):
        (repository / f"part{number}.bin").write_bytes(os.urandom(300 * KIB))
    state = get_state(repository)
    assert len(state.left_out) == 2, "three of 300 KiB are within 1 MiB"
    for number in range(work_tree.NEW_FILES + work_tree.MOST_NAMED):
        (repository / f"{number}.txt").write_text(str(number))
    many = get_state(repository)
    assert len(many.left_out) == work_tree.MOST_NAMED
    assert many.left_out_truncated
    assert many.diff.count("new file mode") == work_tree.NEW_FILES


def test_a_large_binary_change_does_not_cost_the_rest_of_the_patch(repository: Path) -> None:
    (repository / "model.bin").write_bytes(b"\0one")
    run_git(repository, "add", "--all")
    run_git(repository, "commit", "--quiet", "--message", "model")
    (repository / "model.bin").write_bytes(b"\0" + os.urandom(work_tree.BINARY_BYTES))
    (repository / "train.py").write_text("changed\n")
    state = get_state(repository)
    assert (state.dirty, state.diff_truncated, "+changed" in state.diff) == (True, False, True)
    assert list_reasons(state) == {"model.bin": "it is large and binary"}


def test_stores_caches_and_environments_in_the_tree_are_no_part_of_it(repository: Path) -> None:
    for name in ("tracks/trackway.db", "tracks/journal/x", "a/__pycache__/m.pyc", "mlruns/0/meta.yaml", ".venv/bin/x"):
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made")
    state = get_state(repository)
    assert (state.diff, state.left_out) == ("", [])


def test_a_repository_within_is_named(repository: Path) -> None:
    create_repository(repository / "inner")
    assert list_reasons(get_state(repository)) == {"inner/": "it is a repository of its own"}


@pytest.mark.parametrize(
    ("change", "commands"), [((), 2), (("train.py",), 3), (("new.py",), 4), (("train.py", "new.py"), 5)]
)
def test_git_is_called_a_few_times(
    repository: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, ...], commands: int
) -> None:
    for name in change:
        (repository / name).write_text("changed\n")
    asked = []
    ask = git.ask

    def count(*words: Any, **more: Any) -> git.Answer:
        asked.append(words)
        return ask(*words, **more)

    monkeypatch.setattr(git, "ask", count)
    get_state(repository)
    assert len(asked) == commands


def test_nothing_of_a_file_is_kept_when_that_is_switched_off(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_KEEP_CHANGES", "false")
    assert not get_state(repository).diff_truncated
    (repository / "new.py").write_text("canary\n")
    new = get_state(repository)
    assert (new.diff, new.dirty, new.left_out_truncated) == ("", False, True)
    (repository / "train.py").write_text("canary\n")
    changed = get_state(repository)
    assert (changed.diff, changed.dirty, changed.diff_truncated) == ("", True, True)
