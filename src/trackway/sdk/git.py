"""What git knows of a work tree: quickly from its files, or by asking git."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S: Final = 2.0
"""Longest wait for one git command."""

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PACKED_REFS_BYTES: Final = 4 * 1024 * 1024
_ANSWER_BYTES: Final = 65_536
REDIRECTIONS = frozenset(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"))
"""Variables that would point git at another work tree than the script's."""


class Head(NamedTuple):
    """The commit that is checked out, and its branch (empty when detached)."""

    commit: str
    branch: str


class Answer(NamedTuple):
    """What a git command printed, and whether that is all of it, and the command went well."""

    data: bytes
    complete: bool

    @property
    def text(self) -> str:
        """What was printed, with a sign in the place of what is no UTF-8."""
        return self.data.decode("utf-8", "replace")


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


def get_remote(start: Path) -> str:
    """Return the address of the work tree's origin, or of its first remote, without credentials; empty for none."""
    lines = ask(start, _ANSWER_BYTES, "config", "--get-regexp", r"^remote\..*\.url$").text.splitlines()
    remotes = dict(line.split(" ", 1) for line in lines if " " in line)
    address = remotes.get("remote.origin.url") or next(iter(remotes.values()), "")
    return strip_credentials(address)


def ask_head(start: Path) -> Head | None:
    """Ask git what is checked out, however it keeps branches; None before the first commit."""
    lines = ask(start, _ANSWER_BYTES, "rev-parse", "HEAD", "--abbrev-ref", "HEAD").text.split()
    if len(lines) != 2 or not _OBJECT_ID.fullmatch(lines[0]):
        return None
    return Head(lines[0], "" if lines[1] == "HEAD" else lines[1])


def ask(folder: Path, limit_bytes: int, *arguments: str, variables: Mapping[str, str] | None = None) -> Answer:
    """Run a git command, and return what it prints within 2 s, up to ``limit_bytes``.

    It takes no locks, runs no hooks, external diffs or file monitors, and asks nobody for anything.
    """
    environment = {name: value for name, value in os.environ.items() if name not in REDIRECTIONS}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(variables or {})}
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *arguments]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError:  # no git here
        return Answer(b"", False)
    assert process.stdout is not None
    timer = threading.Timer(TIMEOUT_S, process.kill)
    timer.daemon = True
    timer.start()
    with process:
        printed = process.stdout.read(limit_bytes + 1)
        if len(printed) > limit_bytes:
            process.kill()
    timer.cancel()
    return Answer(printed[:limit_bytes], len(printed) <= limit_bytes and process.returncode == 0)


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
