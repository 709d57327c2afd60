"""A whole workspace in one file: that nothing is missing, that a cut costs little, that it arrives elsewhere once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.exchange.facts import differ, differ_in, read_store
from tests.exchange.interrupted import Interrupted
from tests.exchange.stores import RUN, fill_alone, fill_experiment, fill_prompts, fill_registry, load_bundle, trust
from tests.exchange.test_bundle import Change, put, rewrite, swap
from trackway.api import experiments as e
from trackway.api import holds as b
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import quotas as h
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api import schedules as s
from trackway.api import trash as z
from trackway.api import webhooks as w
from trackway.api.artifacts import ListFiles
from trackway.base.errors import Conflict, Corrupt, Unavailable
from trackway.exchange import draft
from trackway.exchange.audit import verify_audit
from trackway.exchange.bundle import write_bundle
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.draft import Exported
from trackway.exchange.importer import import_all
from trackway.exchange.rehearsal import Rehearsal
from trackway.exchange.report import Report
from trackway.exchange.workspace_tracks import WorkspaceTracks
from trackway.sdk.locations import get_folder
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local

SECRET = "a-secret-of-the-webhook"


def fill(store: Transport) -> None:
    """Have something of everything, in the trash too."""
    fill_experiment(store)
    fill_registry(store, ("houses", "rates"))
    gone = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="gone")).experiment_id
    store.call(ops.CREATE_RUN, r.CreateRun(run_id="with-it", experiment_id=gone, start_ms=1))
    store.call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=gone))
    made = m.CreateLoggedModel(experiment_id="0", name="old", model_id="m-old", created_ms=3)
    store.call(ops.CREATE_LOGGED_MODEL, made)
    store.upload("0/models/m-old/artifacts/MLmodel", BytesSource(b"old"))
    store.call(ops.DELETE_LOGGED_MODEL, m.DeleteLoggedModel(model_id="m-old"))
    store.upload("0/models/m-old/card.md", BytesSource(b"# Card"))
    store.upload("0/shared/readme.txt", BytesSource(b"beside all runs"))
    hook = w.CreateWebhook(name="chat", url="https://chat.example.com/x", events=["run.created"], secret=SECRET)
    store.call(ops.CREATE_WEBHOOK, hook)
    plan = s.CreateSchedule(name="nightly", cron="@daily", launch=s.Launch(uri=".", params={"alpha": "1"}))
    store.call(ops.CREATE_SCHEDULE, plan)
    store.call(ops.CREATE_HOLD, b.CreateHold(target_kind="workspace", reason="case 17"))
    store.call(ops.SET_RETENTION, t.SetRetention(trash_ms=7 * 86_400_000))
    store.call(ops.SET_QUOTA, h.SetQuota(points=10**9))


@pytest.fixture
def filled(store: Transport) -> Transport:
    fill(store)
    return store


def export(store: Transport, path: Path, **options: Any) -> Exported:
    history = WorkspaceTracks(store, "https://one.example.com/w/vision")
    return write_bundle(history, path, tenant=history, **options)


load = partial(load_bundle, access=True)


def read_members(path: Path) -> dict[str, bytes]:
    """Return the members that do not tell when the export was made."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {
            name: archive.read(name) for name in names if name not in ("manifest.json", "workspace.json", "audit.jsonl")
        }


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_all_of_a_workspace_arrives_value_by_value_and_once(
    filled: Transport, tmp_path: Path, target: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = export(filled, tmp_path / "all.zip")
    assert (exported.experiments, exported.runs, exported.models) == (5, 6, 3)
    assert (exported.registered, exported.versions, exported.elsewhere) == (1, 4, 0)
    place = str(tmp_path / "other")
    if target == "postgresql":
        place = request.getfixturevalue("postgres_database")
        monkeypatch.setenv("TRACKWAY_ARTIFACTS", str(tmp_path / "files"))
    with closing(open_local(place)) as other:
        announced, report = Report(), load(other, tmp_path / "all.zip")
        assert report.left_out == {}
        assert differ(read_store(other), read_store(filled)) == []
        old = other.call(ops.GET_LOGGED_MODEL, m.GetLoggedModel(model_id="m-old", allow_deleted=True))
        assert (old.lifecycle, old.created_ms) == ("deleted", 3)
        assert b"".join(other.download("0/models/m-old/artifacts/MLmodel")) == b"old"
        assert b"".join(other.download("0/models/m-old/card.md")) == b"# Card"
        assert b"".join(other.download("0/shared/readme.txt")) == b"beside all runs"
        assert other.call(ops.GET_RUN, r.GetRun(run_id="with-it")).lifecycle == "deleted"
        history = g.GetModelHistory(name="churn")
        events = [one.call(ops.GET_MODEL_HISTORY, history).events for one in (filled, other)]
        added = {"model.imported", "version.signed"}
        assert [one for one in events[1] if one.action not in added] == [
            one for one in events[0] if one.action != "version.signed"
        ]
        [hook] = other.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks
        assert (hook.name, hook.url, hook.enabled, hook.signed) == ("chat", "https://chat.example.com/x", False, False)
        [plan] = other.call(ops.LIST_SCHEDULES, s.ListSchedules()).schedules
        assert (plan.name, plan.cron, plan.launch.params, plan.paused) == ("nightly", "@daily", {"alpha": "1"}, True)
        [hold] = other.call(ops.LIST_HOLDS, b.ListHolds()).holds
        assert (hold.target_kind, hold.reason) == ("workspace", "case 17")
        assert other.call(ops.GET_RETENTION, t.GetRetention()).trash_ms == 7 * 86_400_000
        assert other.call(ops.GET_USAGE, h.GetUsage()).points_quota == 10**9
        with closing(Bundle(tmp_path / "all.zip")) as bundle:
            import_all(Rehearsal(other), bundle, announced, access=True)
        again = load(other, tmp_path / "all.zip")
        for nothing in (announced, again):
            counts = msgspec.structs.asdict(nothing.added)
            assert {name for name, number in counts.items() if number} == {"unchanged_runs"}
        assert differ(read_store(other), read_store(filled)) == []


ELSEWHERE = frozenset(("manifest.json", "audit.jsonl"))
"""What an export says of itself."""
BECOMES = {
    *("webhook_id", "schedule_id", "grant_id", "hold_id", "created_by", "created_ms", "updated_ms"),
    *("enabled", "signed", "paused", "next_ms"),
}
"""Fields of settings that are those of where they arrive."""


def read_content(path: Path) -> dict[str, Any]:
    """Return what a bundle holds, but for what the page about its format says an import does not keep."""
    with zipfile.ZipFile(path) as archive:
        found: dict[str, Any] = {name: archive.read(name) for name in archive.namelist() if name not in ELSEWHERE}
    settings = json.loads(found.pop("workspace.json"))
    found["policies"] = settings["trash_ms"], settings["usage"]["points_quota"]
    for kind in ("webhooks", "schedules", "signing_keys", "roles", "teams", "grants", "holds"):
        kept = [{key: one[key] for key in one.keys() - BECOMES} for one in settings.get(kind, ())]
        found[kind] = sorted(kept, key=lambda one: json.dumps(one, sort_keys=True))
    for name in ("experiments.jsonl", "runs.jsonl", "models.jsonl", "registry.jsonl"):
        found[name] = sorted((_strip(json.loads(line)) for line in found[name].splitlines()), key=json.dumps)
    return found


def _strip(line: dict[str, Any]) -> dict[str, Any]:
    for one in (line, line.get("run", {}), line.get("model", {})):
        one.setdefault("tags", {}).pop("trackway.imported_from", None)
    if line.get("experiment_id") == "0":  # the default one, which is there before
        line["created_ms"] = line["updated_ms"] = 0
    line["events"] = [
        one for one in line.get("events", ()) if one["action"] not in ("model.imported", "version.signed")
    ]
    for kind in ("request", "comment"):  # they are named by their places instead of numbers
        places = {one.pop(f"{kind}_id"): place for place, one in enumerate(line.get(f"{kind}s", ()))}
        for event in line["events"]:
            if f"{kind}_id" in event["detail"]:
                event["detail"][f"{kind}_id"] = places[event["detail"][f"{kind}_id"]]
    return line


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_workspace_that_was_imported_makes_the_same_file_again(
    store: Transport, tmp_path: Path, target: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_alone(store)
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="a-copy"))  # is brought before what it is of
    store.call(ops.COPY_MODEL_VERSION, g.CopyModelVersion(name="solo", version=1, to="a-copy"))
    fill_prompts(store)
    fill(store)
    export(store, tmp_path / "one.zip")
    place = str(tmp_path / "other")
    if target == "postgresql":
        place = request.getfixturevalue("postgres_database")
        monkeypatch.setenv("TRACKWAY_ARTIFACTS", str(tmp_path / "files"))
    with closing(open_local(place)) as other:
        other.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))
        asked = g.CreateComment(name="mine", text="so that comments and requests get other numbers")
        other.call(ops.CREATE_COMMENT, asked)
        other.call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="mine"))
        [gone] = other.call(ops.SEARCH_TRASH, z.SearchTrash()).entries
        other.call(ops.PURGE_ENTRIES, z.PurgeEntries(trash_ids=[gone.trash_id]))
        assert load(other, tmp_path / "one.zip").left_out == {}
        export(other, tmp_path / "two.zip")
    assert differ_in(read_content(tmp_path / "two.zip"), read_content(tmp_path / "one.zip")) == []


def test_what_was_added_since_arrives_with_the_next_file(filled: Transport, tmp_path: Path) -> None:
    with closing(open_local(str(tmp_path / "other"))) as other:
        trust(other)
        export(filled, tmp_path / "one.zip")
        load(other, tmp_path / "one.zip")
        filled.call(ops.CREATE_RUN, r.CreateRun(run_id="newer", experiment_id="0", start_ms=5))
        export(filled, tmp_path / "two.zip")
        report = load(other, tmp_path / "two.zip")
        assert (report.added.runs, report.added.points, report.added.files, report.added.webhooks) == (1, 0, 0, 0)
        assert differ(read_store(other), read_store(filled)) == []


def test_settings_are_listed_without_secrets_and_the_audit_log_can_be_checked_anywhere(
    filled: Transport, tmp_path: Path
) -> None:
    export(filled, tmp_path / "all.zip")
    assert SECRET.encode() not in (tmp_path / "all.zip").read_bytes()
    bundle = Bundle(tmp_path / "all.zip")
    past = bundle.settings
    assert past is not None
    assert ([one.name for one in past.webhooks], past.trash_ms) == (["chat"], 7 * 86_400_000)
    assert [one.reason for one in past.holds] == ["case 17"]
    assert [one.name for one in past.signing_keys] == ["release"]
    entries = list(bundle.list_audit())
    assert (entries[0].operation, entries[-1].number) == ("workspaces.export", 1)
    verdict = verify_audit(bundle)
    assert (verdict.intact, verdict.first, verdict.last) == (True, 1, entries[0].number)
    here = filled.call(ops.VERIFY_AUDIT, t.VerifyAudit(number=verdict.last, hash=verdict.hash))
    assert here.intact


@pytest.mark.parametrize("lie", ["changed", "removed", "exchanged", "cut off"])
def test_an_audit_log_that_was_changed_in_the_file_does_not_verify(filled: Transport, tmp_path: Path, lie: str) -> None:
    export(filled, tmp_path / "all.zip")

    def change(members: dict[str, bytes]) -> None:
        lines = members["audit.jsonl"].splitlines(keepends=True)
        if lie == "changed":
            lines[3] = lines[3].replace(b'"actor":"user', b'"actor":"user:not-')
        elif lie == "removed":
            del lines[3]
        elif lie == "exchanged":
            lines[3], lines[4] = lines[4], lines[3]
        else:
            del lines[:4]
        members["audit.jsonl"] = b"".join(lines)

    assert not verify_audit(Bundle(rewrite(tmp_path / "all.zip", change))).intact


def test_an_export_goes_on_wherever_it_was_cut(
    filled: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "CHECKPOINT_S", 0.0)
    export(filled, tmp_path / "whole.zip")
    whole = read_members(tmp_path / "whole.zip")
    cuts = 0
    while not (tmp_path / "cut.zip").exists():
        try:
            export(Interrupted(filled, 15 + cuts), tmp_path / "cut.zip")
        except Unavailable:
            assert (tmp_path / "cut.zip.partial").is_dir()
            cuts += 1
    assert cuts > 3
    assert read_members(tmp_path / "cut.zip") == whole
    assert not (tmp_path / "cut.zip.partial").exists()
    counted = [export(filled, tmp_path / "whole.zip"), Exported()]
    with closing(open_local(str(tmp_path / "other"))) as other:
        trust(other)
        load(other, tmp_path / "cut.zip")
        assert differ(read_store(other), read_store(filled)) == []
        counted[1] = export(other, tmp_path / "back.zip")
    for exported in counted:
        exported.size_bytes = exported.versions = 0
    assert counted[0] == counted[1]


KILLED = """
import os, signal, sys
from pathlib import Path
from trackway.exchange import draft
from trackway.exchange.bundle import write_bundle
from trackway.exchange.workspace_tracks import WorkspaceTracks
from trackway.wiring.local import LocalTransport, open_local
draft.CHECKPOINT_S = 0.0
left = int(sys.argv[3])
def download(self, path, start=0, read=LocalTransport.download):
    global left
    left -= 1
    for chunk in read(self, path, start):
        yield chunk
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
LocalTransport.download = download
store = open_local(sys.argv[1])
history = WorkspaceTracks(store, "https://one.example.com/w/vision")
write_bundle(history, Path(sys.argv[2]), tenant=history)
store.close()
"""


def test_an_export_that_is_killed_amid_a_file_is_gone_on_with(filled: Transport, tmp_path: Path) -> None:
    def run(left: int) -> int:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "tracks"), str(tmp_path / "all.zip"), str(left)]
        return subprocess.run(command, check=False, timeout=60).returncode

    assert [run(2), run(1)] == [-signal.SIGKILL, -signal.SIGKILL]
    assert not (tmp_path / "all.zip").exists()
    state = json.loads((tmp_path / "all.zip.partial" / "state.json").read_bytes())
    assert state["exported"]["files"] >= 1
    assert run(0) == 0
    export(filled, tmp_path / "whole.zip")
    assert read_members(tmp_path / "all.zip") == read_members(tmp_path / "whole.zip")


def test_another_export_does_not_go_on_with_what_is_there(filled: Transport, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        export(Interrupted(filled, 12), tmp_path / "all.zip", subject="one")
    with pytest.raises(Conflict, match="another export"):
        export(filled, tmp_path / "all.zip", subject="other")
    export(filled, tmp_path / "all.zip", subject="other", restart=True)
    with closing(draft.Draft(tmp_path / "all.zip", "one", ())), pytest.raises(Conflict, match="at this time"):
        export(filled, tmp_path / "all.zip", subject="one")


def test_an_import_of_a_workspace_that_breaks_off_is_finished_by_the_next(filled: Transport, tmp_path: Path) -> None:
    export(filled, tmp_path / "all.zip")
    for broken in (3, 14, 25, 36):
        with closing(open_local(str(tmp_path / f"broken-{broken}"))) as other:
            with pytest.raises(Unavailable):
                load(Interrupted(other, broken, late=True), tmp_path / "all.zip")
            assert load(other, tmp_path / "all.zip").left_out == {}
            assert differ(read_store(other), read_store(filled)) == []
            assert len(other.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks) == 1


def test_a_store_that_lost_something_since_the_export_began_is_not_taken_for_whole(
    filled: Transport, tmp_path: Path
) -> None:
    history = WorkspaceTracks(filled, "x")
    filled.call(ops.RELEASE_HOLD, b.ReleaseHold(hold_id="1", reason="closed"))
    filled.call(ops.DELETE_RUN, r.DeleteRun(run_id="child"))
    filled.call(ops.PURGE_RUNS, r.PurgeRuns(run_ids=["child"]))
    with pytest.raises(Conflict, match="There were 6 runs when the export began, and 5"):
        write_bundle(history, tmp_path / "all.zip", tenant=history)
    assert not (tmp_path / "all.zip").exists()


def test_runs_whose_files_are_elsewhere_are_counted_and_say_where(store: Transport, tmp_path: Path) -> None:
    made = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="far", artifact_location="s3://bucket/far"))
    store.call(ops.CREATE_RUN, r.CreateRun(run_id=RUN, experiment_id=made.experiment_id))
    assert export(store, tmp_path / "all.zip").elsewhere == 1
    bundle = Bundle(tmp_path / "all.zip")
    [run] = [run for past in bundle.list_experiments() for run in bundle.list_runs(past)]
    assert run.place == f"s3://bucket/far/{RUN}/artifacts"


def read_own(store: Transport) -> dict[int, tuple[str, bytes, bytes]]:
    """Return of each version of ``solo`` its digest, the main one of its files, and its card."""
    found = {}
    for number in range(1, 6):
        version = store.call(ops.GET_MODEL_VERSION, g.VersionName(name="solo", version=number))
        folder = get_folder(version.content_location)
        data, card = (b"".join(store.download(path)) for path in (f"{folder}/MLmodel", f"{folder}.md"))
        found[number] = (version.digest, data, card)
    return found


def test_a_version_arrives_with_its_card_and_its_files_though_nothing_else_has_these(
    store: Transport, tmp_path: Path
) -> None:
    fill_alone(store)
    before = read_own(store)
    export(store, tmp_path / "all.zip")
    with closing(open_local(str(tmp_path / "other"))) as other:
        report = load(other, tmp_path / "all.zip")
        assert (report.left_out, report.added.versions, read_own(other)) == ({}, 5, before)
        version = other.call(ops.GET_MODEL_VERSION, g.VersionName(name="solo", version=1))
        assert (version.run_id, version.source) == ("brief", "runs:/brief/model")
        with pytest.raises(Conflict, match="cannot be changed"):
            other.upload(f"{get_folder(version.content_location)}/MLmodel", BytesSource(b"x"))
        other.upload(f"{get_folder(version.content_location)}.md", BytesSource(b"# Mine"))
        again = load(other, tmp_path / "all.zip")
        assert (again.left_out, again.added.files, again.added.versions) == ({}, 0, 0)
        assert read_own(other)[1] == (*before[1][:2], b"# Mine")


def test_files_of_versions_are_brought_once_wherever_the_import_breaks_off(store: Transport, tmp_path: Path) -> None:
    fill_alone(store)
    export(store, tmp_path / "all.zip")
    for broken in range(12, 40, 3):
        with closing(open_local(str(tmp_path / f"broken-{broken}"))) as other:
            try:
                load(Interrupted(other, broken, late=True), tmp_path / "all.zip")
            except Unavailable:
                assert load(other, tmp_path / "all.zip").left_out == {}
            assert read_own(other) == read_own(store)


def test_a_version_gets_its_files_though_another_has_the_folder_that_they_had(store: Transport, tmp_path: Path) -> None:
    fill_alone(store)
    before = read_own(store)
    export(store, tmp_path / "all.zip")
    with closing(open_local(str(tmp_path / "other"))) as other:
        load(other, tmp_path / "all.zip")
        other.call(ops.RENAME_REGISTERED_MODEL, g.RenameRegisteredModel(name="solo", new_name="first"))
        assert load(other, tmp_path / "all.zip").left_out == {}
        assert read_own(other) == before
        other.call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="first"))
        assert read_own(other) == before


def test_what_was_brought_for_a_version_that_cannot_be_here_goes_again(store: Transport, tmp_path: Path) -> None:
    fill_alone(store)
    export(store, tmp_path / "all.zip")
    with closing(open_local(str(tmp_path / "other"))) as other:
        other.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="solo"))
        report = load(other, tmp_path / "all.zip")
        assert [left.examples for left in report.left_out.values()] == [["registered model 'solo'"]]
        assert other.call(ops.LIST_FILES, ListFiles(folder="versions", recursive=True)).files == []


LIES: dict[str, Change] = {
    "more runs than there are": swap("workspace.json", b'"runs":6', b'"runs":7'),
    "no audit log": lambda members: members.pop("audit.jsonl"),
    "an audit log alone": lambda members: members.pop("workspace.json"),
    "settings that are none": put("workspace.json", b"[]"),
    "a webhook of no kind": swap("workspace.json", b'"run.created"', b'"run.exploded"'),
    "an audit log without an end": lambda members: members.update({"audit.jsonl": members["audit.jsonl"][:-1]}),
    "an entry that is none": swap("audit.jsonl", b'"time_ms":', b'"time_ms":"x","y":'),
    "a file beside": put("webhooks.json", b"[]"),
    "a path that climbs out": put("files/0/../../x", b"x"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_workspace_that_contradicts_itself_is_refused_before_anything_is_written(
    filled: Transport, tmp_path: Path, lie: str
) -> None:
    export(filled, tmp_path / "all.zip")
    with closing(open_local(str(tmp_path / "other"))) as other:
        with pytest.raises(Corrupt):
            load(other, rewrite(tmp_path / "all.zip", LIES[lie]))
        assert read_store(other)["runs"] == {} == read_store(other)["registered"]
