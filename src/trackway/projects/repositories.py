"""Projects from git repositories: what is fetched is kept, and each launch gets a work tree of its own.

git is called with what makes it run nothing of a repository's: no hooks, no transports but those listed, no options
that an address or a version could bring in.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from trackway.base.errors import InvalidInput, NotFound, NotSupported, Unavailable
from trackway.environments.kept import lock_file
from trackway.sdk.git import REDIRECTIONS, strip_credentials

TIMEOUT_S: Final = 900.0
_PROTOCOLS: Final = ("https", "http", "ssh", "file")
_SAFE: Final = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"),
    *(part for name in _PROTOCOLS for part in ("-c", f"protocol.{name}.allow=always")),
    *("-c", "submodule.recurse=false", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"),
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_WHOLE: Final = (40, 64)
_BRANCH = re.compile(r"\tbranch '([^']+)' of ")
_SHOWN_CHARS: Final = 1_000

_logger = logging.getLogger("trackway")


class Fetched(NamedTuple):
    """A commit that is here, and the branch that it was asked for by (empty for a tag, a commit, or the default)."""

    commit: str
    branch: str


def check_out(address: str, version: str, cache: Path, target: Path) -> Fetched:
    """Put a repository's files, as they are in a version, into a folder that is not there yet.

    cache:   folder of repositories that were fetched before; a commit that is in one of them is not fetched again, and
             when a branch or tag cannot be fetched, it is what it was last, with a warning
    raises:  NotFound for a version that there is not; Unavailable when the repository cannot be reached; NotSupported
             without git
    """
    kept = cache / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.git"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock_file(kept.with_suffix(".lock")):
        if not (kept / "HEAD").is_file():
            shutil.rmtree(kept, ignore_errors=True)
            _git(None, "init", "--quiet", "--bare", "--template=", str(kept))
        found = _find(kept, address, version)
        _git(kept, "worktree", "prune")
        _git(kept, "worktree", "add", "--quiet", "--detach", "--force", str(target), found.commit)
    if (target / ".gitmodules").is_file():
        protocols = _PROTOCOLS if address.startswith("file:") else _PROTOCOLS[:3]
        done = _try(
            target, "submodule", "update", "--quiet", "--init", "--recursive", "--depth", "1", protocols=protocols
        )
        if done.returncode:
            raise Unavailable(f"The submodules of {strip_credentials(address)} cannot be fetched: {_get_words(done)}")
    return found


def apply_patch(folder: Path, patch: str) -> None:
    """Change the files of a work tree as a difference says, which may be anybody's: git writes nothing outside of it.

    raises: InvalidInput when it does not fit, or holds binary files by their names alone
    """
    done = _try(folder, "apply", "--whitespace=nowarn", "-", given=patch)
    if done.returncode:
        raise InvalidInput(f"The difference to the commit cannot be made again: {_get_words(done)}")


def _find(kept: Path, address: str, version: str) -> Fetched:
    """Return the commit of a version, fetching it when it is not here or may have changed."""
    is_commit = _COMMIT.fullmatch(version) is not None
    if is_commit and len(version) in _WHOLE and (commit := _resolve(kept, version)):
        return Fetched(commit, "")
    mark = f"refs/launched/{hashlib.sha256(version.encode()).hexdigest()[:32]}"
    done = _fetch(kept, address, "--depth", "1", "--no-tags", what=(version or "HEAD",))
    if done.returncode == 0:
        commit = _resolve(kept, "FETCH_HEAD")
        _git(kept, "update-ref", mark, commit)
        branch = _BRANCH.search((kept / "FETCH_HEAD").read_text(encoding="utf-8", errors="replace"))
        return Fetched(commit, branch[1] if branch else "")
    if is_commit:  # servers need not hand out commits by their names, and never by a part of it
        everything = ("+refs/heads/*:refs/remotes/all/*", "+refs/tags/*:refs/tags/*")
        shallow = ("--unshallow",) if (kept / "shallow").is_file() else ()
        done = _fetch(kept, address, *shallow, what=everything)
        if commit := _resolve(kept, version):
            return Fetched(commit, "")
    if "couldn't find remote ref" in done.stderr or (is_commit and done.returncode == 0):
        raise NotFound(
            f"{strip_credentials(address)} has no branch, tag or commit {version or 'HEAD'!r}",
            hint="look at what `git ls-remote` says",
        )
    if commit := _resolve(kept, mark):
        _logger.warning(
            "%s cannot be reached: %s is taken as it was last, at %s",
            strip_credentials(address),
            version or "HEAD",
            commit,
        )
        return Fetched(commit, "")
    raise Unavailable(f"{strip_credentials(address)} cannot be fetched: {_get_words(done)}")


def _fetch(kept: Path, address: str, *options: str, what: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return _try(kept, "fetch", "--quiet", "--force", "--no-recurse-submodules", *options, "--", address, *what)


def _resolve(kept: Path, name: str) -> str:
    done = _try(kept, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
    return done.stdout.strip() if done.returncode == 0 else ""


def _git(folder: Path | None, *words: str) -> None:
    done = _try(folder, *words)
    if done.returncode:
        raise InvalidInput(f"git {words[0]} failed: {_get_words(done)}")


def _try(
    folder: Path | None, *words: str, protocols: tuple[str, ...] = _PROTOCOLS, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run git and return what it says; ``given`` is what it reads.

    raises: NotSupported without git; Unavailable when it takes too long
    """
    variables = {name: value for name, value in os.environ.items() if name not in REDIRECTIONS}
    variables |= {"GIT_ALLOW_PROTOCOL": ":".join(protocols), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", *_SAFE, *(("-C", str(folder)) if folder else ()), *words]
    try:
        done = subprocess.run(
            command, env=variables, input=given.encode(), capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise NotSupported("There is no git on this machine", hint="install it, or name a local folder") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git {words[0]} took longer than {TIMEOUT_S:g} s") from None
    told = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, *told)


def _get_words(done: subprocess.CompletedProcess[str]) -> str:
    """Return what git said, without credentials that an address in it may have."""
    return re.sub(r"://[^/@\s]*@", "://", done.stderr.strip()[-_SHOWN_CHARS:])
