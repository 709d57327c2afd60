"""What a work tree held beside its commit, as a patch that git can apply, with the names of what that leaves out."""

from __future__ import annotations

import re
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from trackway.api.runs import GitState, LeftOutFile
from trackway.sdk import git, secrets, settings

DIFF_BYTES: Final = 1024 * 1024
"""A patch of files that git knows is cut after so many bytes."""
BINARY_BYTES: Final = 512 * 1024
"""So large are changed binary files that git knows, all together, which are kept."""
NEW_FILE_BYTES: Final = 512 * 1024
"""Largest file that is kept though git does not know it."""
NEW_BYTES: Final = 1024 * 1024
"""So large are all of these together."""
NEW_FILES: Final = 200
NEW_PATCH_BYTES: Final = 2 * NEW_BYTES
"""Enough for all of them as text of binary files."""
MOST_NAMED: Final = 100
"""So many files that are left out are named."""

_NAMES_BYTES: Final = 4 * 1024 * 1024
_LOOKED_BYTES: Final = 8_000
"""A NUL in so many first bytes makes a file binary, as it does for git."""
_STATUS: Final = ("status", "--porcelain", "-z", "--no-renames")
_DIFF: Final = (
    *("-c", "diff.relative=false", "-c", "diff.mnemonicPrefix=false", "diff", "--no-ext-diff", "--no-textconv"),
    *("--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--submodule=short", "--binary"),
)
"""What git is asked for, so that it can be applied again whatever the user has configured."""
_MADE: Final = frozenset(
    ("__pycache__", ".ipynb_checkpoints", "node_modules", "mlruns", "mlartifacts", ".venv", "venv", ".tox", ".nox")
)
"""Folders of what programs make by themselves, and of environments, which a run has another record of."""
_STORE: Final = "trackway.db"
_SECRET = re.compile(
    r"(?:^|/)(?:\.(?:ssh|aws|azure|gnupg|kube|docker)/.*"
    r"|\.env(?:rc|[._-][^/]*)?|[^/]*\.env"
    r"|[._](?:netrc|pgpass|pypirc|npmrc|htpasswd|git-credentials|dockercfg)"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|tfvars)"
    r"|kaggle\.json|[^/]*(?:service[_-]?account|client[_-]secret)[^/]*\.json"
    r"|[^/]*(?:credential|secret|password)s?(?:[._-][^/]*)?(?:\.(?:json|ya?ml|toml|ini|cfg|conf|properties|txt|csv))?)$",
    re.IGNORECASE,
)
"""Paths of files that are made to hold secrets."""
_SOURCE = re.compile(r"\.(?:py|pyi|ipynb|r|sh|sql|c|cc|cpp|h|rs|go|java|js|ts|md|rst|html)$", re.IGNORECASE)
"""Code and texts about secrets hold none by their names."""


class _Patch(NamedTuple):
    text: str
    complete: bool


_NO_PATCH: Final = _Patch("", True)
_WITHHELD: Final = _Patch("", False)


class _Choice(NamedTuple):
    """Files to be kept, and those to be left out."""

    kept: list[str]
    left_out: list[LeftOutFile]


def get_state(start: Path) -> GitState | None:
    """Return the git state of the work tree around ``start``, or None when there is none or no commit yet.

    ``dirty`` is about tracked files, staged or not, against the commit. ``diff`` has these, binary ones too, and after
    them the files that git neither knows nor ignores. What is large, or made to hold secrets, is named and not taken.
    With ``TRACKWAY_KEEP_CHANGES`` off, nothing of a file is taken.
    Credentials are taken out of the remote's address. What git cannot tell within 2 s stays empty.

    cost: two git commands for a clean tree, up to six for any; they leave the repository as it is
    """
    git_folder = git.find_git_folder(start)
    head = git.read_head(git_folder) or git.ask_head(start) if git_folder is not None else None
    root = git.find_work_tree(start)
    if head is None or root is None:
        return None
    status = git.ask(root, _NAMES_BYTES, *_STATUS, "--untracked-files=all")
    whole = status.complete
    if not whole:  # in a large tree it takes long to find what git does not know
        status = git.ask(root, _NAMES_BYTES, *_STATUS, "--untracked-files=no")
    names = [name for name in status.data.decode("utf-8", "surrogateescape").split("\0") if name and status.complete]
    tracked = _choose_tracked(root, (name[3:] for name in names if not name.startswith("??")))
    new = _choose_new(root, [name[3:] for name in names if name.startswith("??")])
    keeps = settings.get_switch("TRACKWAY_KEEP_CHANGES")
    known, added = (_NO_PATCH if keeps or not choice.kept else _WITHHELD for choice in (tracked, new))
    if keeps and tracked.kept:
        known = _get_patch_of_known(root, tracked)
    if keeps and new.kept:
        added = _get_patch_of_new(root, new.kept)
    left_out = [*tracked.left_out, *new.left_out]
    return GitState(
        commit=head.commit,
        branch=head.branch,
        remote=git.get_remote(start),
        dirty=bool(known.text or tracked.left_out) or known is _WITHHELD,
        diff=known.text + added.text if known.complete else known.text,
        diff_truncated=not known.complete,
        root=_to_text(str(root)),
        left_out=left_out[:MOST_NAMED],
        left_out_truncated=len(left_out) > MOST_NAMED or not (whole and added.complete),
    )


def is_secret_path(path: str) -> bool:
    """Tell whether a file of this path is made to hold secrets, such as ``.env`` or a private key."""
    return _SECRET.search(path) is not None and not _SOURCE.search(path)


def _choose_tracked(root: Path, names: Iterable[str]) -> _Choice:
    """Choose among changed files that git knows: none that is for secrets, and binary ones while they are small."""
    choice, binary_bytes = _Choice([], []), 0
    for name in names:
        if is_secret_path(name):
            choice.left_out.append(_describe(root, name, "it may hold secrets"))
            continue
        is_binary = b"\0" in _read_start(root / name, _LOOKED_BYTES)
        size_bytes = _get_size(root / name) if is_binary else 0
        if binary_bytes + size_bytes > BINARY_BYTES:
            choice.left_out.append(_describe(root, name, "it is large and binary"))
        else:
            choice.kept.append(name)
            binary_bytes += size_bytes
    return choice


def _choose_new(root: Path, names: Sequence[str]) -> _Choice:
    """Choose among files that git does not know, small ones first; what programs and stores keep is passed over."""
    stores = tuple(name.removesuffix(_STORE) for name in names if name.endswith(f"/{_STORE}"))
    looked_at = [name for name in names if not (_MADE.intersection(name.split("/")) or name.startswith(stores))]
    choice, all_bytes = _Choice([], []), 0
    for name in sorted(looked_at, key=lambda name: _get_size(root / name)):
        size_bytes = _get_size(root / name)
        if name.endswith("/"):
            reason = "it is a repository of its own"
        elif is_secret_path(name):
            reason = "it may hold secrets"
        elif size_bytes > NEW_FILE_BYTES or all_bytes + size_bytes > NEW_BYTES:
            reason = "it is large"
        elif len(choice.kept) >= NEW_FILES:
            reason = "there are many"
        elif secrets.holds_secret(_read_start(root / name, NEW_FILE_BYTES).decode("utf-8", "replace")):
            reason = "it holds a secret"
        else:
            choice.kept.append(name)
            all_bytes += size_bytes
            continue
        choice.left_out.append(_describe(root, name, reason))
    return choice


def _get_patch_of_known(root: Path, choice: _Choice) -> _Patch:
    """Return a patch of the changed files that git knows, but for those to be left out."""
    without = (f":(top,exclude,literal){one.path}" for one in choice.left_out)
    return _get_patch(root, DIFF_BYTES, "HEAD", "--", ":(top)", *without)


def _get_patch_of_new(root: Path, names: Sequence[str]) -> _Patch:
    """Return a patch that makes files which git does not know, by an index and a store of objects of its own."""
    with tempfile.TemporaryDirectory(prefix="trackway-git-") as scratch:
        variables = {"GIT_INDEX_FILE": f"{scratch}/index", "GIT_OBJECT_DIRECTORY": f"{scratch}/objects"}
        Path(scratch, "objects").mkdir()
        listed = Path(scratch, "names")
        listed.write_bytes(b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names))
        command = ("--literal-pathspecs", "add", "--intent-to-add", "--force")
        from_file = (f"--pathspec-from-file={listed}", "--pathspec-file-nul")
        done = git.ask(root, _NAMES_BYTES, *command, *from_file, variables=variables)
        patch = _get_patch(root, NEW_PATCH_BYTES, variables=variables) if done.complete else _NO_PATCH
        return patch if patch.complete and done.complete else _WITHHELD


def _get_patch(folder: Path, limit_bytes: int, *arguments: str, variables: Mapping[str, str] | None = None) -> _Patch:
    """Return a patch as text; one of files in another encoding than UTF-8 has them as binary ones."""
    answer = git.ask(folder, limit_bytes, *_DIFF, *arguments, variables=variables)
    try:
        return _Patch(answer.data.decode(), answer.complete)
    except UnicodeDecodeError:
        pass
    with tempfile.NamedTemporaryFile("w", prefix="trackway-attributes-") as attributes:
        print("* -diff", file=attributes, flush=True)
        options = ("-c", f"core.attributesFile={attributes.name}", *_DIFF)
        answer = git.ask(folder, limit_bytes, *options, *arguments, variables=variables)
    return _Patch(answer.text, answer.complete)


def _describe(root: Path, name: str, reason: str) -> LeftOutFile:
    try:
        facts = (root / name).lstat()
    except OSError:  # it was deleted
        return LeftOutFile(path=_to_text(name), reason=reason)
    size_bytes = facts.st_size if stat.S_ISREG(facts.st_mode) else 0
    return LeftOutFile(path=_to_text(name), size_bytes=size_bytes, modified_ns=facts.st_mtime_ns, reason=reason)


def _get_size(path: Path) -> int:
    try:
        facts = path.lstat()
    except OSError:
        return 0
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def _read_start(path: Path, limit_bytes: int) -> bytes:
    """Return the first bytes of a file; nothing of what is none, such as a link."""
    if not _get_size(path):
        return b""
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes)
    except OSError:
        return b""


def _to_text(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
