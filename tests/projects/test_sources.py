"""Where projects come from: addresses, real repositories, archives."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.projects.folders import read_run, read_run_file
from trackway.base.errors import InvalidInput, NotFound, NotSupported, TooLarge, TrackwayError, Unavailable
from trackway.projects import run
from trackway.projects.checkouts import fetch
from trackway.projects.sources import Source, parse_source

OURS = (
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@t",
    "-c",
    "protocol.file.allow=always",
    "-c",
    "init.defaultBranch=main",
)


def git(folder: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *OURS, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    (folder / "main.sh").write_text(f"echo {text}\n")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, store: Path) -> Path:
    """A repository with a branch, a tag, and a project in a folder."""
    folder = tmp_path / "repository"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.sh").write_text("cat where\n")
    (folder / "inner" / "where").write_text("inner")
    git(folder, "init", "--quiet")
    commit(folder, "first")
    git(folder, "tag", "v1")
    git(folder, "checkout", "--quiet", "-b", "side")
    commit(folder, "side")
    git(folder, "checkout", "--quiet", "main")
    commit(folder, "last")
    return folder


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://h.org/a/b.git", Source("git", "https://h.org/a/b.git")),
        ("git+https://h.org/a/b#x/y", Source("git", "https://h.org/a/b", "x/y")),
        ("ssh://git@h.org:22/a.git", Source("git", "ssh://git@h.org:22/a.git")),
        ("git+ssh://git@h.org/a.git", Source("git", "ssh://git@h.org/a.git")),
        ("git@h.org:a/b.git#sub", Source("git", "git@h.org:a/b.git", "sub")),
        ("git+file:///a/b", Source("git", "file:///a/b")),
        ("file:///a/b%20c#d", Source("folder", "/a/b c", "d")),
        ("/a/b", Source("folder", "/a/b")),
        ("/a/b.zip#c", Source("zip", "/a/b.zip", "c")),
        ("file:///a/b.ZIP", Source("zip", "/a/b.ZIP")),
        ("https://h.org/a.zip", Source("zip", "https://h.org/a.zip")),
    ],
)
def test_an_address_names_a_folder_a_repository_or_an_archive(uri: str, source: Source) -> None:
    assert parse_source(uri) == source


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "#x",
        "-x",
        "--upload-pack=touch canary",
        "ext::sh -c 'touch canary'",
        "ext::https://h.org/a.git",
        "fd::17",
        "git+ext::sh -c id",
        "git+/a/b",
        "git+--upload-pack=id",
        "ftp://h.org/a.git",
        "git+git://h.org/a",
        "https://",
        "https:///a.git",
        "https://h.org",
        "https://-oProxyCommand=id/a",
        "ssh://-oProxyCommand=id/a",
        "-oProxyCommand=id:a",
        "file://h.org/a",
        "https://h.org/a.git\nb",
        "https://h.org/a\0b",
        "/a#../b",
        "/a#b/../../c",
        "/a#/etc/..",
        "/a#%2e%2e/b",
        "/a#b\\c",
        "https://h.org/a.git#",
        "https://[h/a.git",
    ],
)
def test_what_is_no_address_is_refused(uri: str, store: Path) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        fetch(uri)
    assert not Path("canary").exists()


@pytest.mark.parametrize(
    "version", ["-x", "--upload-pack=id", "a b", "a..b", "a:b", "", "x" * 300, "a\nb", "^a", "a~1", "a.lock"]
)
def test_what_is_no_version_is_refused(repository: Path, version: str) -> None:
    if version:
        with pytest.raises(InvalidInput, match="no branch, tag or commit"):
            fetch(f"git+file://{repository}", version)


def test_a_repository_is_run_at_its_default_branch_a_branch_a_tag_and_a_commit(repository: Path) -> None:
    first = git(repository, "rev-parse", "v1")
    versions = {"": "last", "main": "last", "side": "side", "v1": "first", first: "first", first[:9]: "first"}
    for version, text in versions.items():
        done = run(f"git+file://{repository}", "main.sh", version or None)
        found = read_run(done.run_id)
        assert read_run_file(done.run_id, "logs/stdout.log") == f"{text}\n", version
        assert found.tags["mlflow.source.git.commit"] == git(repository, "rev-parse", version or "main")
        assert found.tags["mlflow.source.git.repoURL"] == found.tags["mlflow.source.name"] == f"file://{repository}"
        assert found.tags.get("mlflow.source.git.branch", "") == (version if version in ("main", "side") else "")


def test_a_folder_within_a_repository_is_a_project(repository: Path) -> None:
    done = run(f"git+file://{repository}#inner", "a.sh")
    assert read_run_file(done.run_id, "logs/stdout.log") == "inner"
    assert read_run(done.run_id).tags["mlflow.source.name"] == f"file://{repository}#inner"
    with pytest.raises(NotFound, match="no folder 'outer'"):
        run(f"git+file://{repository}#outer", "a.sh")


def test_a_local_repository_has_versions_and_is_run_in_place_without_one(repository: Path) -> None:
    (repository / "main.sh").write_text("echo changed; touch here\n")
    here, there = run(str(repository), "main.sh"), run(str(repository), "main.sh", "v1")
    assert read_run_file(here.run_id, "logs/stdout.log") == "changed\n"
    assert read_run(here.run_id).tags["trackway.source.git.dirty"] == "true"
    assert (repository / "here").exists()
    assert read_run_file(there.run_id, "logs/stdout.log") == "first\n"


def test_what_was_fetched_serves_when_the_repository_is_away(repository: Path, tmp_path: Path) -> None:
    uri, head = f"git+file://{repository}", git(repository, "rev-parse", "main")
    run(uri, "main.sh")
    repository.rename(tmp_path / "moved")
    assert read_run_file(run(uri, "main.sh", head).run_id, "logs/stdout.log") == "last\n"
    assert read_run_file(run(uri, "main.sh").run_id, "logs/stdout.log") == "last\n"
    with pytest.raises(Unavailable, match="cannot be fetched"):
        run(uri, "main.sh", "side")


@pytest.mark.parametrize("version", ["nothing", "0123456789abcdef0123456789abcdef01234567", "abcdef0"])
def test_a_version_that_there_is_not_is_told(repository: Path, version: str) -> None:
    with pytest.raises(NotFound, match=f"has no branch, tag or commit '{version}'"):
        fetch(f"git+file://{repository}", version)


def test_a_repository_runs_nothing_when_it_is_fetched(repository: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {canary}\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f"[core]\nhooksPath={hooks}\nfsmonitor=touch {canary}\n")
    os.environ["GIT_CONFIG_GLOBAL"] = str(config)
    try:
        fetch(f"git+file://{repository}").remove()
    finally:
        del os.environ["GIT_CONFIG_GLOBAL"]
    assert not canary.exists()


def test_submodules_come_along(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    commit(other, "other")
    git(repository, "submodule", "--quiet", "add", f"file://{other}", "sub")
    commit(repository, "with a submodule")
    found = fetch(f"git+file://{repository}")
    assert (found.folder / "sub" / "main.sh").read_text() == "echo other\n"
    found.remove()
    assert not found.folder.exists()


def test_without_git_it_says_what_to_do(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotSupported, match="There is no git"):
        fetch(f"git+file://{repository}")


def test_an_archive_is_a_project_with_its_digest(tmp_path: Path, store: Path) -> None:
    archive = tmp_path / "p.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("in/MLproject", "entry_points: {main: {command: ./go}}")
        go = zipfile.ZipInfo("in/go")
        go.external_attr = (stat.S_IFREG | 0o755) << 16
        file.writestr(go, "#!/bin/sh\necho gone\n")
    done = run(f"{archive}#in")
    assert read_run_file(done.run_id, "logs/stdout.log") == "gone\n"
    assert '"archive": "sha256:' in read_run_file(done.run_id, "project/launch.json")


def add(file: zipfile.ZipFile, name: str, data: bytes = b"x", mode: int = 0) -> None:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    file.writestr(member, data, zipfile.ZIP_DEFLATED)


ARCHIVES: dict[str, tuple[list[tuple[str, bytes, int]], type[TrackwayError]]] = {
    "up": ([("../canary", b"", 0)], InvalidInput),
    "up within": ([("a/../../canary", b"", 0)], InvalidInput),
    "absolute": ([("/tmp/canary", b"", 0)], InvalidInput),
    "backslash": ([("..\\canary", b"", 0)], InvalidInput),
    "link": ([("a", b"/etc", stat.S_IFLNK | 0o777)], InvalidInput),
    "device": ([("a", b"", stat.S_IFCHR | 0o666)], InvalidInput),
    "fifo": ([("a", b"", stat.S_IFIFO | 0o666)], InvalidInput),
    "twice in another case": ([("a", b"", 0), ("A", b"", 0)], InvalidInput),
    "below a file": ([("a", b"", 0), ("a/b", b"", 0)], InvalidInput),
    "bomb": ([("a", b"\0" * 50_000_000, 0)], TooLarge),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_that_leads_out_or_swells_is_refused(tmp_path: Path, store: Path, what: str) -> None:
    archive = tmp_path / "p.zip"
    members, error = ARCHIVES[what]
    with zipfile.ZipFile(archive, "w") as file:
        for name, data, mode in members:
            add(file, name, data, mode)
    with pytest.raises(error):
        fetch(str(archive))
    assert not list(tmp_path.rglob("canary"))
    assert not Path("/tmp/canary").exists()


def test_what_is_no_archive_or_torn_is_refused(tmp_path: Path, store: Path) -> None:
    archive = tmp_path / "p.zip"
    with pytest.raises(NotFound, match="There is no archive"):
        fetch(str(archive))
    archive.write_bytes(b"no archive")
    with pytest.raises(InvalidInput, match="no whole zip archive"):
        fetch(str(archive))
    shutil.make_archive(str(tmp_path / "q"), "zip", tmp_path, "p.zip")
    whole = (tmp_path / "q.zip").read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        archive.write_bytes(whole[:cut])
        with pytest.raises(TrackwayError):
            fetch(str(archive))
