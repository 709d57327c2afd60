"""Bundles from one store to another, and files that only look like bundles."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.conftest import Histories
from tests.exchange.facts import differ, read_store
from tests.exchange.interrupted import Interrupted
from tests.exchange.stores import RUN, fill_experiment
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.limits import LINKED_RUNS_PER_GET
from trackway.api.links import GetLinks, LinkName, ListRunLinks
from trackway.base.errors import Corrupt, NotSupported, TrackwayError, Unavailable
from trackway.exchange.bundle import write_bundle
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.history import PastFile
from trackway.exchange.importer import import_history
from trackway.exchange.points import read_history
from trackway.exchange.report import Report
from trackway.exchange.sources import open_history
from trackway.exchange.tracks import Tracks, find_experiment
from trackway.exchange.workspace_tracks import WorkspaceTracks
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Transport]:
    transport = open_local(str(tmp_path / "other"))
    yield transport
    transport.close()


@pytest.fixture
def filled(store: Transport) -> Transport:
    fill_experiment(store)
    return store


def export(store: Transport, path: Path, run_ids: list[str] | None = None) -> Path:
    history = Tracks(store, "/origin", find_experiment(store, "prices"), run_ids, "all")
    write_bundle(history, path)
    return path


def run_import(store: Transport, path: Path) -> Report:
    report = Report()
    with closing(open_history(str(path), None, report.note)) as history:
        import_history(store, history, report)
    return report


def test_an_experiment_arrives_value_by_value_and_once(filled: Transport, other: Transport, tmp_path: Path) -> None:
    path = export(filled, tmp_path / "prices.zip")
    report = run_import(other, path)
    assert report.left_out == {}
    assert differ(read_store(other), read_store(filled)) == []
    found = other.call(ops.GET_RUN, r.GetRun(run_id=RUN))
    assert (found.external_key, found.parent_run_id, found.params["alpha"]) == ("job 1", None, "3")
    revisions = other.call(ops.GET_PARAM_HISTORY, r.RunId(run_id=RUN)).revisions
    assert revisions == filled.call(ops.GET_PARAM_HISTORY, r.RunId(run_id=RUN)).revisions
    assert [(revision.value, revision.reason) for revision in revisions] == [("1", "typing error"), ("2", "")]
    environments = [one.call(ops.GET_ENVIRONMENT, r.RunId(run_id=RUN)) for one in (filled, other)]
    assert environments[0] == environments[1]
    assert other.call(ops.GET_RUN, r.GetRun(run_id="trashed")).deleted_ms == 99
    bits = [struct.pack("<d", value) for value in read_history(other, RUN, "m").values]
    assert bits == [struct.pack("<d", value) for value in read_history(filled, RUN, "m").values]
    again = run_import(other, path)
    assert (again.added.runs, again.added.points, again.added.files, again.added.updated_runs) == (0, 0, 0, 0)
    assert differ(read_store(other), read_store(filled)) == []


def test_one_run_arrives_alone(filled: Transport, other: Transport, tmp_path: Path) -> None:
    report = run_import(other, export(filled, tmp_path / "run.zip", [RUN]))
    assert (report.added.runs, report.added.models, report.added.files) == (1, 1, 3)


def test_a_link_to_a_run_that_is_not_here_is_told_and_made_when_it_is(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    alone = export(filled, tmp_path / "run.zip", [RUN])
    [told] = run_import(other, alone).left_out.values()
    assert (told.why, told.count) == ("the run is not here that it says 'uses' of", 1)
    run_import(other, export(filled, tmp_path / "all.zip"))
    report = run_import(other, alone)
    assert report.left_out == {}
    links = other.call(ops.LIST_RUN_LINKS, ListRunLinks(run_id=RUN))
    assert [(one.kind, one.run_id) for one in links.earlier] == [("uses", "child")]


def test_runs_are_linked_whatever_experiments_they_are_in(filled: Transport, other: Transport, tmp_path: Path) -> None:
    rates = filled.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="rates")).experiment_id
    late = filled.call(ops.CREATE_RUN, r.CreateRun(experiment_id=rates, run_id="late")).run_id
    filled.call(ops.LINK_RUN, LinkName(run_id="child", kind="made_by", earlier_run_id=late))
    archive = tmp_path / "all.zip"
    write_bundle(WorkspaceTracks(filled, "/origin"), archive)
    run_import(other, archive)
    assert read_store(other)["runs"]["child"]["links"] == [["made_by", "late"], ["uses", "trashed"]]


def test_links_of_many_runs_are_read_by_few_calls(
    filled: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = find_experiment(filled, "prices").experiment_id
    there = len(read_store(filled)["runs"])
    for _ in range(LINKED_RUNS_PER_GET):
        filled.call(ops.CREATE_RUN, r.CreateRun(experiment_id=number))
    asked: list[int] = []
    call = filled.call

    def count(operation: Any, request: Any) -> Any:
        assert operation is not ops.LIST_RUN_LINKS
        if isinstance(request, GetLinks):
            asked.append(len(request.run_ids))
        return call(operation, request)

    monkeypatch.setattr(filled, "call", count)
    export(filled, tmp_path / "many.zip")
    assert asked == [LINKED_RUNS_PER_GET, there]


def test_a_run_that_was_purged_comes_back_from_its_bundle(filled: Transport, tmp_path: Path) -> None:
    before = read_store(filled)["runs"][RUN]
    path = export(filled, tmp_path / "run.zip", [RUN])
    filled.call(ops.DELETE_RUN, r.DeleteRun(run_id=RUN))
    filled.call(ops.PURGE_RUNS, r.PurgeRuns(run_ids=[RUN]))
    run_import(filled, path)
    assert read_store(filled)["runs"][RUN] == before


def test_a_history_of_mlflows_goes_on_as_a_bundle(
    store: Transport, other: Transport, histories: Histories, tmp_path: Path
) -> None:
    run_import(store, Path(histories("1.30 folder").source))
    run_import(other, export(store, tmp_path / "b.zip"))
    found, expected = read_store(other), read_store(store)
    for facts in (found, expected):
        facts["runs"] = {key: run for key, run in facts["runs"].items() if run["experiment_id"] == "1"}
    assert found["runs"] == expected["runs"]


def test_an_import_of_a_bundle_that_breaks_off_is_finished_by_the_next(filled: Transport, tmp_path: Path) -> None:
    path = export(filled, tmp_path / "b.zip")
    for broken in range(0, 40, 3):
        store = open_local(str(tmp_path / f"broken-{broken}"))
        try:
            run_import(Interrupted(store, broken, late=True), path)
        except Unavailable:
            run_import(store, path)
        assert differ(read_store(store), read_store(filled)) == []
        store.close()


def test_an_export_that_fails_leaves_no_file_but_what_the_next_goes_on_with(filled: Transport, tmp_path: Path) -> None:
    class Torn(Tracks):
        def list_files(self, run: Any) -> Iterator[PastFile]:
            raise Unavailable("away")

    with pytest.raises(Unavailable, match="away"):
        write_bundle(Torn(filled, "/origin", find_experiment(filled, "prices")), tmp_path / "b.zip")
    with pytest.raises(Unavailable, match="cannot be written"):
        export(filled, tmp_path / "no" / "b.zip")
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["b.zip.partial"]
    export(filled, tmp_path / "b.zip")
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["b.zip"]


Members = dict[str, bytes]
Change = Callable[[Members], Any]


def rewrite(path: Path, change: Change, honest: bool = True, method: int = zipfile.ZIP_STORED) -> Path:
    """Return a copy of a bundle with other members; ``honest`` gives it a manifest with their true digests."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(members)
    if honest:
        manifest["members"] = [
            {"name": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        ]
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return target


def refuse(store: Transport, path: Path, error: type[TrackwayError]) -> None:
    """Check that a file is refused, and that nothing of it was written."""
    before = read_store(store)
    with pytest.raises(error):
        run_import(store, path)
    assert read_store(store) == before


def put(name: str, data: bytes) -> Change:
    return lambda members: members.__setitem__(name, data)


def swap(name: str, old: bytes, new: bytes) -> Change:
    def change(members: Members) -> None:
        assert old in members[name]
        members[name] = members[name].replace(old, new)

    return change


HONEST_LIES: dict[str, Change] = {
    "a path that climbs out": put(f"artifacts/{RUN}/../../x", b"x"),
    "an absolute path": put("/etc/passwd", b"x"),
    "a path with a backslash": put(f"artifacts/{RUN}/a\\b", b"x"),
    "a stray member": put("extra.txt", b"x"),
    "files of an unknown run": put("artifacts/unknown/a.txt", b"x"),
    "more points than the line says": put(f"points/{RUN}", b"x" * 168),
    "no points": lambda members: members.pop(f"points/{RUN}"),
    "no runs": lambda members: members.pop("runs.jsonl"),
    "a negative count": swap("runs.jsonl", b'[["m",6]]', b'[["m",-6],["m",12]]'),
    "an id with a slash": swap("runs.jsonl", RUN.encode(), b"../../../etc"),
    "a run twice": lambda members: members.__setitem__("runs.jsonl", members["runs.jsonl"] * 2),
    "a run of another experiment": swap("experiments.jsonl", b'"experiment_id":"1"', b'"experiment_id":"2"'),
    "a field of a wrong type": swap("runs.jsonl", b'"start_ms":10', b'"start_ms":"ten"'),
    "an unknown status": swap("runs.jsonl", b'"LOST"', b'"HAPPY"'),
    "a line that is no JSON": put("runs.jsonl", b"{\n"),
    "a line without end": lambda members: members.__setitem__("runs.jsonl", members["runs.jsonl"][:-1]),
    "a step that no int64 holds": swap("runs.jsonl", b'"step":7', b'"step":9999999999999999999'),
    "a value that is no number": swap("models.jsonl", b'"0.5"', b'"half"'),
}


@pytest.mark.parametrize("lie", HONEST_LIES)
def test_a_bundle_that_contradicts_itself_is_refused_whole(
    filled: Transport, other: Transport, tmp_path: Path, lie: str
) -> None:
    path = export(filled, tmp_path / "b.zip")
    refuse(other, rewrite(path, HONEST_LIES[lie]), Corrupt)


CHANGED: dict[str, Change] = {
    "other bytes": put(f"artifacts/{RUN}/large.bin", b"evil"),
    "a file more": put(f"artifacts/{RUN}/more.bin", b"evil"),
    "other points": put(f"points/{RUN}", b"\x00" * 144),
    "a file less": lambda members: members.pop(f"artifacts/{RUN}/large.bin"),
}


@pytest.mark.parametrize("change", CHANGED)
def test_members_that_are_not_those_of_the_manifest_are_refused(
    filled: Transport, other: Transport, tmp_path: Path, change: str
) -> None:
    path = export(filled, tmp_path / "b.zip")
    refuse(other, rewrite(path, CHANGED[change], honest=False), Corrupt)


def test_a_bundle_cut_anywhere_is_refused(filled: Transport, tmp_path: Path) -> None:
    data = export(filled, tmp_path / "b.zip").read_bytes()
    for end in (*range(0, len(data), len(data) // 40), len(data) - 1):
        (tmp_path / "cut.zip").write_bytes(data[:end])
        with pytest.raises(TrackwayError):
            open_history(str(tmp_path / "cut.zip"), None, lambda where, why: None)


def test_a_flipped_byte_is_noticed_wherever_it_is(filled: Transport, tmp_path: Path) -> None:
    path = export(filled, tmp_path / "b.zip")
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.file_size and member.filename != "manifest.json"]
    assert len(members) == 7
    for member in members:
        name_bytes, extra_bytes = struct.unpack_from("<HH", data, member.header_offset + 26)
        changed = bytearray(data)
        changed[member.header_offset + 30 + name_bytes + extra_bytes + member.file_size // 2] ^= 0x40
        (tmp_path / "flipped.zip").write_bytes(changed)
        with pytest.raises(Corrupt, match="does not match its digest"):
            Bundle(tmp_path / "flipped.zip")


def test_a_damaged_directory_is_noticed_and_never_more_than_that(filled: Transport, tmp_path: Path) -> None:
    path = export(filled, tmp_path / "b.zip", ["child"])
    data = path.read_bytes()
    whole = [run.run_id for run in Bundle(path).list_runs(next(iter(Bundle(path).list_experiments())))]
    for place in range(data.index(b"PK\x01\x02"), len(data)):
        for flip in (0x01, 0x80):
            changed = bytearray(data)
            changed[place] ^= flip
            (tmp_path / "damaged.zip").write_bytes(changed)
            try:
                bundle = Bundle(tmp_path / "damaged.zip")
            except TrackwayError:
                continue
            assert [run.run_id for run in bundle.list_runs(next(iter(bundle.list_experiments())))] == whole


def test_compressed_members_are_refused_before_they_swell(filled: Transport, other: Transport, tmp_path: Path) -> None:
    path = export(filled, tmp_path / "b.zip")
    refuse(other, rewrite(path, put("bomb", b"\x00" * 50_000_000), method=zipfile.ZIP_DEFLATED), NotSupported)


def test_members_that_share_bytes_are_refused(filled: Transport, other: Transport, tmp_path: Path) -> None:
    path = export(filled, tmp_path / "b.zip")
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    first = data.index(b"PK\x01\x02")
    assert first < directory
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]  # both entries begin at one place
    (tmp_path / "shared.zip").write_bytes(data)
    refuse(other, tmp_path / "shared.zip", Corrupt)


@pytest.mark.parametrize(
    "field, value, error",
    [
        ("version", 2, NotSupported),
        ("version", 0, NotSupported),
        ("format", "something else", Corrupt),
        ("origin", "a\x00b", Corrupt),
        ("origin", "x" * 10_000, Corrupt),
        ("members", None, Corrupt),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(
    filled: Transport, other: Transport, tmp_path: Path, field: str, value: object, error: type[TrackwayError]
) -> None:
    path = export(filled, tmp_path / "b.zip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json")) | {field: value}
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    refuse(other, tmp_path / "m.zip", error)


def test_an_archive_without_a_manifest_at_its_end_is_refused(
    filled: Transport, other: Transport, tmp_path: Path
) -> None:
    path = export(filled, tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("behind", "x")
    refuse(other, path, Corrupt)
    with zipfile.ZipFile(tmp_path / "none.zip", "w"):
        pass
    refuse(other, tmp_path / "none.zip", Corrupt)
