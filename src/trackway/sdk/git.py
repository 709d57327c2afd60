"""The git state of a training script: quickly from files, or in full by asking git."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from trackway.api.runs import GitState

DIFF_BYTES: Final = 1024 * 1024
"""A diff is cut after so many bytes."""
TIMEOUT_S: Final = 2.0
"""Longest wait for one git command."""

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PACKED_REFS_BYTES: Final = 4 * 1024 * 1024
_ANSWER_BYTES: Final = 65_536
_DIFF: Final = (
    *("-c", "diff.relative=false", "-c", "diff.mnemonicPrefix=false", "diff", "--no-ext-diff", "--no-textconv"),
    *("--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--submodule=short", "HEAD"),
)
"""What git is asked for, so that it can be applied again whatever the user has configured."""
REDIRECTIONS = frozenset(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"))
"""Variables that would point git at another work tree than the script's."""


class Head(NamedTuple):
    """The commit that is checked out, and its branch (empty when detached)."""

    commit: str
    branch: str


class _Answer(NamedTuple):
    text: str
    complete: bool


def find_git_folder(start: Path) -> Path | None:
    """Return the git folder of the work tree around ``start``: ``.git``, or where a ``.git`` file points to."""
    for folder in (start, *start.parents):
        git = folder / ".git"
        if git.is_dir():
            return git
        if git.is_file():
            _, _, target = _read(git).partition("gitdir:")
            return (folder / target.strip()).resolve() if target.strip() else None
    return None


def find_work_tree(start: Path) -> Path | None:
    """Return the folder of the work tree around ``start``, which has the ``.git``; None when there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def read_head(git_folder: Path) -> Head | None:
    """Read what is checked out from the files of a git folder.

    returns: None before the first commit, and for ways of storing branches other than files (reftable)
    cost:    a handful of small reads, no process; packed refs over 4 MiB are left alone
    """
    head = _read(git_folder / "HEAD").strip()
    if not head.startswith("ref: "):
        return Head(head, "") if _OBJECT_ID.fullmatch(head) else None
    ref = head.removeprefix("ref: ")
    common = _read(git_folder / "commondir").strip()  # a linked work tree keeps its branches in the main one
    shared = (git_folder / common).resolve() if common else git_folder
    commit = _read(shared / ref).strip() or _find_packed(shared / "packed-refs", ref)
    return Head(commit, ref.removeprefix("refs/heads/")) if _OBJECT_ID.fullmatch(commit) else None


def get_state(start: Path) -> GitState | None:
    """Return the git state of the work tree around ``start``, or None when there is none or no commit yet.

    ``dirty`` and ``diff`` are about tracked files, staged or not, against the commit; files that git does not know are
    left out. Credentials are taken out of the remote's address. What git cannot tell within 2 s stays empty.

    cost: three git commands, which take no locks and run no hooks, external diffs or file monitors
    """
    git_folder = find_git_folder(start)
    if git_folder is None:
        return None
    head = read_head(git_folder) or _ask_head(start)
    if head is None:
        return None
    diff = _run(start, DIFF_BYTES, *_DIFF)
    root = find_work_tree(start)
    return GitState(
        commit=head.commit,
        branch=head.branch,
        remote=_get_remote(start),
        dirty=bool(diff.text),
        diff=diff.text,
        diff_truncated=bool(diff.text) and not diff.complete,
        root=str(root or "").encode("utf-8", "replace").decode(),
    )


def strip_credentials(address: str) -> str:
    """Return a remote's address without user, password, query and fragment; an ssh user name stays."""
    if "://" not in address:
        return re.sub(r"^([^/@:]*):[^/@]*@", r"\1@", address)
    try:
        parts = urlsplit(address)
    except ValueError:  # not an address: nothing in it can be told from a secret
        return ""
    host = parts.netloc.rpartition("@")[2]
    user = parts.username if parts.scheme.endswith("ssh") else None
    return parts._replace(netloc=f"{user}@{host}" if user else host, query="", fragment="").geturl()


def _get_remote(start: Path) -> str:
    lines = _run(start, _ANSWER_BYTES, "config", "--get-regexp", r"^remote\..*\.url$").text.splitlines()
    remotes = dict(line.split(" ", 1) for line in lines if " " in line)
    address = remotes.get("remote.origin.url") or next(iter(remotes.values()), "")
    return strip_credentials(address)


def _ask_head(start: Path) -> Head | None:
    lines = _run(start, _ANSWER_BYTES, "rev-parse", "HEAD", "--abbrev-ref", "HEAD").text.split()
    if len(lines) != 2 or not _OBJECT_ID.fullmatch(lines[0]):
        return None
    return Head(lines[0], "" if lines[1] == "HEAD" else lines[1])


def _run(folder: Path, limit_bytes: int, *arguments: str) -> _Answer:
    """Run a git command and return what it prints within 2 s, up to ``limit_bytes``."""
    environment = {name: value for name, value in os.environ.items() if name not in REDIRECTIONS}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *arguments]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError:  # no git here
        return _Answer("", False)
    assert process.stdout is not None
    timer = threading.Timer(TIMEOUT_S, process.kill)
    timer.daemon = True
    timer.start()
    with process:
        printed = process.stdout.read(limit_bytes + 1)
        if len(printed) > limit_bytes:
            process.kill()
    timer.cancel()
    complete = len(printed) <= limit_bytes and process.returncode == 0
    return _Answer(printed[:limit_bytes].decode("utf-8", "replace"), complete)


def _find_packed(path: Path, ref: str) -> str:
    try:
        if path.stat().st_size > _PACKED_REFS_BYTES:
            return ""
    except OSError:
        return ""
    match = re.search(rf"^([0-9a-f]+) {re.escape(ref)}$", _read(path), re.MULTILINE)
    return match[1] if match else ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
