"""Bundles of workspaces that are made to reach out, to swell, to lie, or to take over whoever imports them."""

from __future__ import annotations

import hashlib
import json
import stat
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.stores import load_bundle
from trackway.api import access as c
from trackway.api import experiments as e
from trackway.api import holds as b
from trackway.api import links as i
from trackway.api import operations as ops
from trackway.api import quotas as h
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api import schedules as s
from trackway.api import webhooks as w
from trackway.api.artifacts import ListFiles
from trackway.base.errors import Corrupt, NotSupported, TrackwayError
from trackway.exchange.bundle_reader import Bundle
from trackway.sdk.locations import get_folder
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local

SECRET = "canary-7f3a91-do-not-leak"
RUN = "a" * 32
Members = dict[str, bytes]


def honest(**settings: Any) -> Members:
    """Return the members of a small workspace: an experiment, a run with a file, and some settings."""
    content = {
        "workspace": {"name": "w", "description": "", "created_ms": 1, "created_by": "user:eve"},
        "key": "w",
        "audit_hash": "",
        "audit_trimmed_hash": "",
        **dict.fromkeys(("experiments", "runs"), 1),
        **dict.fromkeys(("logged_models", "registered_models", "files", "file_bytes"), 0),
        **dict.fromkeys(("audit_entries", "audit_trimmed"), 0),
    }
    return {
        f"points/{RUN}": b"",
        f"artifacts/{RUN}/a.txt": b"hello",
        "workspace.json": json.dumps({"content": content, **settings}).encode(),
        "audit.jsonl": b"",
        "experiments.jsonl": b'{"experiment_id":"7","name":"prices"}\n',
        "runs.jsonl": b'{"run":{"run_id":"%s","experiment_id":"7"},"points":[]}\n' % RUN.encode(),
        "models.jsonl": b"",
        "registry.jsonl": b"",
    }


def write(path: Path, members: Members, method: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive whose manifest tells the truth about its members."""
    listed = [
        {"name": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    ]
    manifest = {"format": "trackway-bundle", "version": 1, "created_ms": 1, "origin": "evil", "members": listed}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if name.endswith("link"):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Transport]:
    (tmp_path / "secret.txt").write_text(SECRET)
    with closing(open_local(str(tmp_path / "tracks"))) as transport:
        yield transport


def add(name: str, data: bytes = b"x") -> Callable[[Members], None]:
    return lambda members: members.__setitem__(name, data)


def swap(name: str, old: bytes, new: bytes) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        assert old in members[name]
        members[name] = members[name].replace(old, new, 1)

    return change


REFUSED: dict[str, Callable[[Members], None]] = {
    "a file that climbs out": add("files/../../secret.txt"),
    "a file of no place": add("files//etc/passwd"),
    "an absolute path": add("/etc/cron.d/x"),
    "a drive": add("files\\..\\x"),
    "a path of a null byte": add("files/0/a\x01b"),
    "a member of another's": add("artifacts/other/a.txt"),
    "a member of no kind": add("settings.json", b"{}"),
    "a run of a name that leads out": swap("runs.jsonl", RUN.encode(), b"../../../x"),
    "more points than bytes": swap("runs.jsonl", b'"points":[]', b'"points":[["m",4611686018427387904]]'),
    "points below nothing": swap("runs.jsonl", b'"points":[]', b'"points":[["m",-1],["m",1]]'),
    "a link of a kind that is none": swap("runs.jsonl", b'"7"}', b'"7","links":[{"kind":"owns","run_id":"x"}]}'),
    "fewer runs than are promised": swap("workspace.json", b'"runs": 1', b'"runs": 2'),
    "a number that no one holds": swap("workspace.json", b'"runs": 1', b'"runs": ' + b"9" * 400),
    "settings that are nested for ever": add("workspace.json", b"[" * 100_000),
    "settings of no bytes": add("workspace.json", b""),
    "a line without an end": add("audit.jsonl", b'{"time_ms":1' + b" " * 1_000_000),
    "text that is none": add("audit.jsonl", b"\xff\xfe\n"),
}


@pytest.mark.parametrize("attack", REFUSED)
def test_nothing_of_a_hostile_bundle_is_written(store: Transport, tmp_path: Path, attack: str) -> None:
    members = honest()
    REFUSED[attack](members)
    with pytest.raises(TrackwayError) as refusal:
        load_bundle(store, write(tmp_path / "evil.zip", members))
    assert isinstance(refusal.value, Corrupt | NotSupported)
    assert len(str(refusal.value)) < 1_000
    assert SECRET not in str(refusal.value)
    assert store.call(ops.SEARCH_RUNS, r.SearchRuns(experiment_ids=["0"], view="all")).runs == []
    assert len(store.call(ops.SEARCH_EXPERIMENTS, e.SearchExperiments(view="all")).experiments) == 1
    assert (tmp_path / "secret.txt").read_text() == SECRET


@pytest.mark.parametrize("run_id", ["../runs", "", "a/b", "x" * 10_000, "\x00", "' OR 1=1 --", RUN, "b" * 32])
def test_a_run_is_linked_to_no_run_that_is_not_there(store: Transport, tmp_path: Path, run_id: str) -> None:
    members = honest()
    link = {"kind": "uses", "run_id": run_id}
    swap("runs.jsonl", b'"7"}', b'"7","links":[%s]}' % json.dumps(link).encode())(members)
    report = load_bundle(store, write(tmp_path / "evil.zip", members))
    assert [one.examples for one in report.left_out.values()] == [[f"run {RUN}, link"]]
    found = store.call(ops.LIST_RUN_LINKS, i.ListRunLinks(run_id=RUN))
    assert (found.earlier, found.later) == ([], [])


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.zip", honest() | {"files/0/bomb": bytes(200_000_000)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    with pytest.raises(NotSupported, match="compressed"):
        Bundle(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_link_arrives_as_the_bytes_that_it_is(store: Transport, tmp_path: Path) -> None:
    path = write(tmp_path / "link.zip", honest() | {"files/7/link": str(tmp_path / "secret.txt").encode()})
    load_bundle(store, path)
    [experiment] = [
        one.experiment_id
        for one in store.call(ops.SEARCH_EXPERIMENTS, e.SearchExperiments()).experiments
        if one.name == "prices"
    ]
    assert b"".join(store.download(f"{experiment}/link")) == str(tmp_path / "secret.txt").encode()


def test_settings_give_nobody_a_say_that_were_not_asked_for(store: Transport, tmp_path: Path) -> None:
    hook = {
        "webhook_id": "h",
        "name": "tell",
        "description": "",
        "events": ["run.created"],
        "enabled": True,
        "signed": True,
        "created_by": "user:eve",
        "created_ms": 1,
        "updated_ms": 1,
    }
    launch = {"uri": "https://evil.example.com/miner.git"}
    plan = {
        "schedule_id": "1",
        "name": "mine",
        "cron": "* * * * *",
        "time_zone": "UTC",
        "catch_up": "all",
        "catch_up_limit": 10,
        "overlap": "allow",
        "launch": launch,
        "paused": False,
        "next_ms": 1,
        "created_by": "user:eve",
        "created_ms": 1,
        "updated_ms": 1,
    }
    grant = {
        "grant_id": "1",
        "subject_kind": "everyone",
        "subject": "",
        "subject_number": 0,
        "target_kind": "workspace",
        "target": "",
        "role": "admin",
        "created_ms": 1,
        "created_by": "user:eve",
    }
    near, far = (
        ("http://169.254.169.254/latest", "file:///etc/passwd"),
        ("https://localhost/x", "https://a.example.com/x"),
    )
    addresses = (*near, *far)
    hooks = [{**hook, "name": f"tell-{n}", "url": url} for n, url in enumerate(addresses)]
    role = {"role": "x", "permissions": ["admin"], "built_in": False}
    members = honest(webhooks=hooks, schedules=[plan], grants=[grant], roles=[role])
    report = load_bundle(store, write(tmp_path / "evil.zip", members))
    made = store.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks
    assert {(one.url, one.enabled) for one in made} <= {(url, False) for url in addresses if url.startswith("https://")}
    assert sum(left.count for left in report.left_out.values()) >= 2
    [mine] = store.call(ops.LIST_SCHEDULES, s.ListSchedules()).schedules
    assert (mine.paused, mine.next_ms) == (True, None)
    assert store.call(ops.LIST_GRANTS, c.ListGrants()).grants == []
    assert all(role.built_in for role in store.call(ops.LIST_ROLES, c.ListRoles()).roles)


@pytest.mark.parametrize(
    "source", ["file:///etc", "/etc", "mlflow-artifacts:/../../etc", "runs:/../x", "models:/../../x"]
)
def test_a_version_leads_to_no_place_of_the_servers(store: Transport, tmp_path: Path, source: str) -> None:
    line = json.dumps({"name": "churn", "versions": [{"version": 1, "source": source}]}).encode() + b"\n"
    load_bundle(store, write(tmp_path / "evil.zip", honest() | {"registry.jsonl": line}))
    for version in store.call(ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions()).versions:
        assert version.content_location == version.digest == ""


def solo(**fields: Any) -> bytes:
    """Return the line of a registered model of one version, whose files are ``MLmodel`` with an ``x``."""
    line = f"{hashlib.sha256(b'x').hexdigest()}  MLmodel\n".encode()
    version = {
        "version": 1,
        "source": "runs:/gone/model",
        "run_id": "gone",
        "digest": f"sha256:{hashlib.sha256(line).hexdigest()}",
        **fields,
    }
    return json.dumps({"name": "solo", "versions": [version]}).encode() + b"\n"


@pytest.mark.parametrize("content", ["../7", "a/b", "", ".", "a" * 65, "7/../../x"])
def test_a_version_takes_its_files_from_no_other_folder(store: Transport, tmp_path: Path, content: str) -> None:
    store.upload(f"7/{RUN}/artifacts/MLmodel", BytesSource(b"x"))
    load_bundle(store, write(tmp_path / "evil.zip", honest() | {"registry.jsonl": solo(content=content)}))
    for version in store.call(ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions()).versions:
        assert version.content_location == ""
    assert b"".join(store.download(f"7/{RUN}/artifacts/MLmodel")) == b"x"


def test_files_and_cards_of_versions_that_are_here_stay_as_they_are(store: Transport, tmp_path: Path) -> None:
    run = store.call(ops.CREATE_RUN, r.CreateRun(run_id="mine", experiment_id="0"))
    store.upload(f"{get_folder(run.artifact_uri)}/model/MLmodel", BytesSource(b"mine"))
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))
    request = g.CreateModelVersion(name="mine", source="runs:/mine/model", run_id="mine")
    folder = get_folder(store.call(ops.CREATE_MODEL_VERSION, request).content_location)
    store.upload(f"{folder}.md", BytesSource(b"# Mine"))
    store.upload("versions/loose/notes.txt", BytesSource(b"put there by somebody"))
    for name in (folder.removeprefix("versions/"), "loose"):
        members = {
            f"files/versions/{name}/MLmodel": b"x",
            f"files/versions/{name}.md": b"# Evil",
            "registry.jsonl": solo(content=name),
        }
        load_bundle(store, write(tmp_path / f"{name}.zip", honest() | members))
    assert b"".join(store.download(f"{folder}/MLmodel")) == b"mine"
    assert b"".join(store.download(f"{folder}.md")) == b"# Mine"
    files = store.call(ops.LIST_FILES, ListFiles(folder="versions/loose", recursive=True)).files
    assert [file.path for file in files] == ["versions/loose/notes.txt"]
    assert [one.name for one in store.call(ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions()).versions] == ["mine"]


def test_files_of_runs_that_are_here_are_not_replaced_by_what_lay_beside_others(
    store: Transport, tmp_path: Path
) -> None:
    number = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="prices", experiment_id="7")).experiment_id
    far = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="far", experiment_id="8")).experiment_id
    for experiment in (number, far):
        store.upload(f"{experiment}/mine/artifacts/model.bin", BytesSource(b"mine"))
    evil = {
        f"files/{experiment}/mine/artifacts/{name}": b"evil" for experiment in (7, 8) for name in ("model.bin", "x")
    }
    report = load_bundle(store, write(tmp_path / "evil.zip", honest() | evil))
    assert {"another file is here, which stays", "the experiment of its files is not in the bundle"} <= set(
        report.left_out
    )
    for experiment in (number, far):
        assert b"".join(store.download(f"{experiment}/mine/artifacts/model.bin")) == b"mine"
    assert store.call(ops.LIST_FILES, ListFiles(folder="8", recursive=True)).files[1:] == []


def test_decisions_in_a_bundle_give_no_version_a_stage(store: Transport, tmp_path: Path) -> None:
    line = json.loads(solo(source="s3://bucket/x", run_id="", digest=""))
    line["requests"] = [
        {
            "version": 1,
            "alias": "live",
            "author": "user:eve",
            "state": "approved",
            "decided_by": "user:ann",
            "decided_ms": 1,
        }
    ]
    load_bundle(store, write(tmp_path / "evil.zip", honest() | {"registry.jsonl": json.dumps(line).encode() + b"\n"}))
    assert store.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name="solo")).aliases == {}


def hold(kind: str, target: str, reason: str = "x") -> dict[str, Any]:
    return {
        "hold_id": "1",
        "target_kind": kind,
        "target": target,
        "reason": reason,
        "created_ms": 1,
        "created_by": "user:eve",
    }


@pytest.mark.parametrize("trash_ms", [-1, 0, 1, 10**30])
@pytest.mark.parametrize("quota", [-1, 0, 1, 10**30])
def test_no_policy_of_a_bundle_purges_or_refuses_at_once(
    store: Transport, tmp_path: Path, trash_ms: int, quota: int
) -> None:
    usage = dict.fromkeys(("runs", "points", "size_bytes"), 0)
    quotas = {**usage, "runs_quota": quota, "requests_per_minute_quota": min(quota, 0)}
    report = load_bundle(store, write(tmp_path / "evil.zip", honest(trash_ms=trash_ms, usage=quotas)))
    assert report.added.runs == 1
    assert (report.added.quotas, report.added.policies) == (0, 0)
    assert store.call(ops.GET_RETENTION, t.GetRetention()).trash_ms is None
    found = store.call(ops.GET_USAGE, h.GetUsage())
    assert (found.runs_quota, found.requests_per_minute_quota) == (None, None)


def test_holds_of_a_bundle_reach_nothing_that_it_did_not_bring(store: Transport, tmp_path: Path) -> None:
    mine = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="mine", experiment_id="7")).experiment_id
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))
    holds = [
        *(hold("experiment", target) for target in ("7", "0", "../7", "9" * 50)),
        *(hold("registered_model", target) for target in ("mine", "../mine", "")),
        *(hold("workspace", "", reason) for reason in ("", "x" * 100_000, "\x00")),
    ]
    report = load_bundle(store, write(tmp_path / "evil.zip", honest(holds=holds)))
    [placed] = store.call(ops.LIST_HOLDS, b.ListHolds()).holds
    assert (placed.target_kind, placed.target == mine) == ("experiment", False)
    assert sum(left.count for left in report.left_out.values()) == len(holds) - 1
