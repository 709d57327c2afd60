from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.sdk.repositories import create_repository, run_git
from trackway.api.runs import GitState
from trackway.sdk import git, work_tree


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "work")


def get_state(folder: Path) -> GitState:
    state = work_tree.get_state(folder)
    assert state is not None
    return state


def test_clean_tree(repository: Path) -> None:
    commit = run_git(repository, "rev-parse", "HEAD")
    assert get_state(repository) == GitState(commit=commit, branch="main", root=str(repository))


def test_folders_below_belong_to_the_tree(repository: Path) -> None:
    inner = repository / "a" / "b"
    inner.mkdir(parents=True)
    assert get_state(inner).branch == "main"


def test_diff_holds_staged_and_unstaged_changes_of_tracked_files(repository: Path) -> None:
    (repository / "train.py").write_text("print('zwei äöü')\n")
    (repository / "new.py").write_text("staged\n")
    run_git(repository, "add", "new.py")
    state = get_state(repository)
    assert state.dirty
    assert "+print('zwei äöü')" in state.diff
    assert "+staged" in state.diff
    assert not state.diff_truncated


def test_files_that_git_does_not_know_leave_the_tree_clean(repository: Path) -> None:
    (repository / "notes.txt").write_text("x")
    assert not get_state(repository).dirty


@pytest.mark.parametrize(
    "beyond",
    [pytest.param(0, id="at the limit"), pytest.param(1, id="over"), pytest.param(9 * 1024**2, id="tenfold")],
)
def test_long_diff_is_cut_at_the_limit(repository: Path, beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "train.py").write_text("y\n")
    frame_bytes = len(get_state(repository).diff)
    (repository / "train.py").write_text("x" * (work_tree.DIFF_BYTES + 1 - frame_bytes + beyond) + "\n")
    state = get_state(repository)
    assert len(state.diff) == work_tree.DIFF_BYTES
    assert state.diff_truncated == (beyond > 0)


def test_detached_head_has_no_branch(repository: Path) -> None:
    run_git(repository, "checkout", "--quiet", "--detach")
    assert get_state(repository).branch == ""


def test_branches_with_slashes_and_packed_refs_are_found(repository: Path) -> None:
    run_git(repository, "checkout", "--quiet", "-b", "feature/a.b")
    run_git(repository, "pack-refs", "--all")
    assert get_state(repository).branch == "feature/a.b"


def test_linked_work_tree(repository: Path, tmp_path: Path) -> None:
    run_git(repository, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    state = get_state(tmp_path / "side")
    assert (state.branch, state.commit) == ("side", run_git(repository, "rev-parse", "HEAD"))


def test_no_commit_yet_is_no_state(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "--quiet")
    assert work_tree.get_state(tmp_path) is None


def test_no_work_tree_is_no_state(tmp_path: Path) -> None:
    assert work_tree.get_state(tmp_path) is None


@pytest.mark.parametrize("content", ["", "gitdir:", "gitdir: /nowhere", "\x00\xff", "ref: refs/heads/../../x"])
def test_broken_git_files_are_no_state(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert work_tree.get_state(tmp_path) is None


def test_without_git_installed_the_commit_is_still_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = run_git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(repository))
    known = GitState(commit=commit, branch="main", root=str(repository), left_out_truncated=True)
    assert get_state(repository) == known


def test_variables_that_point_git_elsewhere_are_not_followed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "train.py").write_text("changed\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert get_state(repository).dirty


def test_a_git_that_hangs_is_left_after_its_timeout(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    monkeypatch.setattr(git, "TIMEOUT_S", 0.2)
    began_s = time.monotonic()
    assert get_state(repository).branch == "main"
    assert time.monotonic() - began_s < 10


def test_configured_programs_are_not_run(repository: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for key in ("core.fsmonitor", "diff.external", "diff.mine.textconv", "diff.mine.command"):
        run_git(repository, "config", key, f"touch {canary}; true")
    (repository / ".gitattributes").write_text("*.py diff=mine\n")
    (repository / "train.py").write_text("changed\n")
    assert get_state(repository).dirty
    assert not canary.exists()


@pytest.mark.parametrize(
    "address, kept",
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://user:pass@example.org:8443/a.git", "https://example.org:8443/a.git"),
        ("https://ghp_0123456789@example.org/a.git?token=x#y", "https://example.org/a.git"),
        ("https://us@er:p@ss@example.org/a", "https://example.org/a"),
        ("ssh://git:pass@example.org/a", "ssh://git@example.org/a"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("me:secret@example.org:a/b.git", "me@example.org:a/b.git"),
        ("../other", "../other"),
        ("https://[", ""),
    ],
)
def test_credentials_are_taken_out_of_the_remote(repository: Path, address: str, kept: str) -> None:
    run_git(repository, "config", "remote.backup.url", "https://other.example.org/x")
    run_git(repository, "config", "remote.origin.url", address)
    assert get_state(repository).remote == kept
