"""Registered models from one store to another, in one file."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.exchange.stores import OWNER as RUN
from tests.exchange.stores import fill_alone, fill_prompts, fill_registry, trust
from trackway.api import experiments as e
from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api.transfers import ImportRegisteredModel, PastComment, PastRegistered
from trackway.base.errors import Corrupt, NotFound, TooLarge
from trackway.exchange import bundle
from trackway.exchange.bundle import REGISTRY, write_bundle
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.draft import Exported
from trackway.exchange.importer import import_history
from trackway.exchange.registry_reader import list_names
from trackway.exchange.registry_tracks import RegistryTracks
from trackway.exchange.rehearsal import Rehearsal
from trackway.exchange.report import Report
from trackway.sdk.locations import get_folder
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Transport]:
    """A store whose experiments have the numbers of the first one's, and other names."""
    transport = open_local(str(tmp_path / "other"))
    for name in ("mine", "too"):
        transport.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name))
    yield transport
    transport.close()


@pytest.fixture
def filled(store: Transport) -> Transport:
    fill_registry(store)
    return store


def export(store: Transport, path: Path, *names: str) -> Exported:
    return write_bundle(RegistryTracks(store, "here", names or ("churn",)), path)


def load(store: Transport, path: Path) -> Report:
    report = Report()
    with closing(Bundle(path)) as history:
        import_history(store, history, report)
    return report


def read(store: Transport, name: str = "churn") -> dict[str, Any]:
    """Return all that is known of a registered model but where its files are."""
    model = store.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=name))
    versions = []
    for number in range(1, model.last_version + 1):
        try:
            found = store.call(ops.GET_MODEL_VERSION, g.VersionName(name=name, version=number))
        except NotFound:  # it was deleted
            continue
        versions.append(msgspec.structs.replace(found, source="", location="", content_location=""))
    tags = {key: value for key, value in model.tags.items() if key != "trackway.imported_from"}
    events = store.call(ops.GET_MODEL_HISTORY, g.GetModelHistory(name=name)).events
    return {
        "model": msgspec.structs.replace(model, tags=tags, latest_versions=[]),
        "versions": versions,
        "policy": store.call(ops.GET_MODEL_POLICY, g.RegisteredModelName(name=name)),
        "comments": [
            msgspec.structs.replace(one, comment_id="")
            for one in store.call(ops.LIST_COMMENTS, g.ListComments(name=name)).comments
        ],
        "requests": [
            msgspec.structs.replace(one, request_id="")
            for one in store.call(ops.LIST_REQUESTS, g.ListRequests(name=name)).requests
        ],
        "events": [one for one in events if one.action not in ("model.imported", "version.signed")],
    }


def test_a_registered_model_arrives_with_its_past_its_runs_and_its_files(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    exported = export(filled, tmp_path / "churn.zip")
    assert (exported.registered, exported.versions, exported.runs, exported.models) == (1, 4, 2, 1)
    trust(other)
    report = load(other, tmp_path / "churn.zip")
    assert report.left_out == {}
    assert (report.added.registered, report.added.versions, report.added.runs) == (1, 4, 2)
    assert read(other) == read(filled)
    for number, digest in ((1, True), (2, True), (3, True), (4, False)):
        version = other.call(ops.GET_MODEL_VERSION, g.VersionName(name="churn", version=number))
        assert bool(version.digest) is digest
    assert [(one.version, one.alias, one.stage, one.state) for one in read(other)["requests"]] == [
        (2, "", "Staging", "rejected"),
        (2, "", "Production", "open"),
        (1, "live", None, "open"),
    ]
    lineage = other.call(ops.GET_LINEAGE, n.GetLineage(kind="run", id=RUN, direction="downstream"))
    assert {node.id for node in lineage.nodes} >= {"churn/1", "churn/3"}


def test_a_request_that_was_decided_where_it_arrived_is_not_opened_again(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    export(filled, tmp_path / "churn.zip")
    load(other, tmp_path / "churn.zip")
    first = other.call(ops.LIST_REQUESTS, g.ListRequests(name="churn", state="open")).requests[0]
    decision = g.DecideRequest(name="churn", request_id=first.request_id, decision="reject")
    other.call(ops.DECIDE_REQUEST, decision)
    load(other, tmp_path / "churn.zip")
    assert len(other.call(ops.LIST_REQUESTS, g.ListRequests(name="churn")).requests) == 3
    assert len(other.call(ops.LIST_REQUESTS, g.ListRequests(name="churn", state="open")).requests) == 1


def test_decisions_arrive_with_who_when_and_why_and_change_nothing(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    export(filled, tmp_path / "1.zip")
    load(other, tmp_path / "1.zip")
    decided = filled.call(ops.LIST_REQUESTS, g.ListRequests(name="churn", state="open")).requests[0]
    approval = g.DecideRequest(name="churn", request_id=decided.request_id, decision="approve", reason="it is good")
    filled.call(ops.DECIDE_REQUEST, approval)
    export(filled, tmp_path / "2.zip")
    load(other, tmp_path / "2.zip")
    here, there = (one.call(ops.LIST_REQUESTS, g.ListRequests(name="churn")).requests for one in (other, filled))
    assert [one.state for one in here] == ["rejected", "approved", "open"]
    assert [msgspec.structs.replace(one, request_id="") for one in here] == [
        msgspec.structs.replace(one, request_id="") for one in there
    ]
    assert here[1].reason == "it is good"
    assert other.call(ops.GET_MODEL_VERSION, g.VersionName(name="churn", version=2)).stage == "None"


def test_histories_name_comments_and_requests_as_they_are_named_here(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    other.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))
    other.call(ops.CREATE_COMMENT, g.CreateComment(name="mine", text="the first of all"))
    export(filled, tmp_path / "churn.zip")
    for _ in range(2):
        load(other, tmp_path / "churn.zip")
        [comment] = other.call(ops.LIST_COMMENTS, g.ListComments(name="churn")).comments
        events = other.call(ops.GET_MODEL_HISTORY, g.GetModelHistory(name="churn")).events
        assert comment.comment_id == "2"
        assert [one.detail for one in events if one.action == "comment.added"] == [{"comment_id": "2"}]


def test_what_no_reader_would_take_is_not_written(
    filled: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "LINE_BYTES", 1_000)
    with pytest.raises(TooLarge, match=r"A line of registry.jsonl would have \d,\d{3} bytes at once"):
        export(filled, tmp_path / "churn.zip")
    monkeypatch.undo()
    monkeypatch.setattr(bundle, "MANIFEST_BYTES", 100)
    with pytest.raises(TooLarge, match=r"manifest.json would have"):
        export(filled, tmp_path / "churn.zip")
    assert not (tmp_path / "churn.zip").exists()


def test_a_number_that_was_given_is_not_given_again(filled: Transport, other: Transport, tmp_path: Path) -> None:
    export(filled, tmp_path / "churn.zip")
    load(other, tmp_path / "churn.zip")
    made = other.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="churn", source="s3://bucket/next"))
    assert made.version == 6  # the fifth was deleted there


def test_versions_arrive_without_the_workspace_though_nothing_else_has_their_files(
    store: Transport, other: Transport, tmp_path: Path
) -> None:
    fill_alone(store)
    fill_prompts(store)
    export(store, tmp_path / "solo.zip", "solo", "greeting")
    report = load(other, tmp_path / "solo.zip")
    assert (report.left_out, report.added.registered, report.added.versions) == ({}, 2, 6)
    for number in range(1, 6):
        here, there = (
            one.call(ops.GET_MODEL_VERSION, g.VersionName(name="solo", version=number)) for one in (other, store)
        )
        assert here.digest == there.digest != ""
        card = b"".join(other.download(f"{get_folder(here.content_location)}.md"))
        assert card == f"# Card of {number}".encode()


def test_a_version_arrives_with_its_files_though_its_run_has_others_by_now(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    place = filled.call(ops.GET_RUN, r.GetRun(run_id=RUN)).artifact_uri
    filled.upload(f"{get_folder(place)}/model/MLmodel", BytesSource(b"written again"))
    again = g.CreateModelVersion(name="churn", source=f"runs:/{RUN}/model", run_id=RUN)
    filled.call(ops.CREATE_MODEL_VERSION, again)
    export(filled, tmp_path / "churn.zip")
    trust(other)
    report = load(other, tmp_path / "churn.zip")
    assert report.left_out == {}
    for number, content in ((1, b"prices"), (3, b"prices"), (6, b"written again")):
        version = other.call(ops.GET_MODEL_VERSION, g.VersionName(name="churn", version=number))
        folder = get_folder(version.content_location)
        assert b"".join(other.download(f"{folder}/MLmodel")) == content
    assert read(other) == read(filled)


def test_a_second_import_adds_what_is_new_and_changes_nothing_back(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    export(filled, tmp_path / "1.zip")
    load(other, tmp_path / "1.zip")
    other.call(ops.TRANSITION_VERSION, g.TransitionVersion(name="churn", version=1, stage="Archived"))
    other.call(ops.SET_ALIAS, g.SetAlias(name="churn", alias="best", version=1))
    again = load(other, tmp_path / "1.zip")
    assert (again.added.registered, again.added.versions, again.added.files) == (0, 0, 0)
    filled.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="churn", source="s3://bucket/new"))
    filled.call(ops.SET_ALIAS, g.SetAlias(name="churn", alias="new", version=6))
    filled.call(ops.CREATE_COMMENT, g.CreateComment(name="churn", text="late"))
    export(filled, tmp_path / "2.zip")
    assert load(other, tmp_path / "2.zip").added.versions == 1
    model = other.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name="churn"))
    assert model.aliases == {"best": 1, "new": 6}
    assert other.call(ops.GET_MODEL_VERSION, g.VersionName(name="churn", version=1)).stage == "Archived"
    texts = [one.text for one in other.call(ops.LIST_COMMENTS, g.ListComments(name="churn")).comments]
    assert sorted(texts) == ["good", "late"]


def test_a_signature_by_a_key_that_is_not_trusted_here_is_left_out(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    export(filled, tmp_path / "churn.zip")
    report = load(other, tmp_path / "churn.zip")
    assert [left.examples for left in report.left_out.values()] == [["a signature of version 1 of 'churn'"]]
    assert other.call(ops.GET_MODEL_VERSION, g.VersionName(name="churn", version=1)).signed_by == []


def test_a_model_of_that_name_that_was_not_imported_stays_as_it_is(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    other.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="churn", description="mine"))
    export(filled, tmp_path / "churn.zip")
    report = load(other, tmp_path / "churn.zip")
    assert [left.examples for left in report.left_out.values()] == [["registered model 'churn'"]]
    model = other.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name="churn"))
    assert (model.description, model.last_version) == ("mine", 0)


def test_a_rehearsal_says_what_would_be_added(filled: Transport, other: Transport, tmp_path: Path) -> None:
    export(filled, tmp_path / "churn.zip")
    report = Report()
    with closing(Bundle(tmp_path / "churn.zip")) as history:
        import_history(Rehearsal(other), history, report)
    assert (report.added.registered, report.added.versions) == (1, 4)
    assert list_names(other) == []


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Write a bundle anew with other lines of registered models, and digests that are right."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[REGISTRY] = change(members[REGISTRY])
    manifest = json.loads(members["manifest.json"])
    for member in manifest["members"]:
        data = members[member["name"]]
        member["size_bytes"], member["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines + lines,
        lambda lines: b"{}\n",
        lambda lines: b'{"name": 1}\n',
        lambda lines: lines[:-1],
        lambda lines: lines.replace(b'"Production"', b'"Live"'),
    ],
    ids=("twice", "no model", "no name", "no end", "no such stage"),
)
def test_a_bundle_whose_registered_models_cannot_be_read_is_refused_whole(
    filled: Transport, other: Transport, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "churn.zip"
    export(filled, path)
    rewrite(path, change)
    with pytest.raises(Corrupt):
        load(other, path)
    assert list_names(other) == []


def test_a_version_of_other_files_or_from_where_it_may_not_be_is_left_out(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    path = tmp_path / "churn.zip"
    export(filled, path)

    def change(lines: bytes) -> bytes:
        model = json.loads(lines)
        model["versions"][0]["digest"] = f"sha256:{'0' * 64}"
        model["versions"][3]["source"] = "file:///etc"
        return json.dumps(model).encode() + b"\n"

    rewrite(path, change)
    report = load(other, path)
    assert {example for left in report.left_out.values() for example in left.examples} == {
        "version 1 of 'churn'",
        "version 4 of 'churn'",
    }
    assert report.added.versions == 2


def test_two_imports_at_once_bring_a_comment_once(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_ARTIFACTS", str(tmp_path / "files"))
    with closing(open_local(postgres_database)) as one, closing(open_local(postgres_database)) as other:
        one.call(ops.IMPORT_REGISTERED_MODEL, ImportRegisteredModel(origin="there", model=PastRegistered(name="churn")))
        for turn in range(10):
            comments = [PastComment(text="good", author="user:ann", created_ms=100 * turn + n) for n in range(1, 50)]
            past = PastRegistered(name="churn", comments=comments)
            request = ImportRegisteredModel(origin="there", model=past)
            with ThreadPoolExecutor(2) as both:
                added = list(
                    both.map(lambda store, q=request: store.call(ops.IMPORT_REGISTERED_MODEL, q), (one, other))
                )
            assert sorted(done.comments for done in added) == [0, 49]
