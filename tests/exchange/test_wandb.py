"""Runs of W&B's client, from folders that are written by hand."""

from __future__ import annotations

import json
import math
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.exchange import wandb_logs as w
from tests.exchange.test_filestore import list_files
from tests.exchange.wandb_logs import RUN, START_MS, write_run
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.errors import InvalidInput, NotFound
from trackway.exchange.importer import import_history
from trackway.exchange.points import read_history
from trackway.exchange.report import Report
from trackway.exchange.sources import open_history
from trackway.sdk.transport import Transport


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "wandb"


def run_import(store: Transport, source: Path, artifacts: Path | None = None) -> Report:
    report = Report()
    with closing(open_history(str(source), artifacts, report.note)) as history:
        import_history(store, history, report)
    return report


def read_run(store: Transport, run_id: str = RUN) -> r.Run:
    return store.call(ops.GET_RUN, r.GetRun(run_id=run_id))


def read_points(store: Transport, key: str, run_id: str = RUN) -> list[tuple[int, int, float]]:
    found = read_history(store, run_id, key)
    return list(zip(found.steps.tolist(), found.times_ms.tolist(), found.values.tolist(), strict=True))


def test_a_run_arrives_with_all_that_is_known_of_it(store: Transport, root: Path) -> None:
    machine = {"python": "CPython 3.11.7", "os": "Linux", "host": "box", "username": "ada", "program": "train.py"}
    folder = write_run(
        root,
        [
            w.run(
                {"lr": 0.1, "_wandb": {}, "opt": {"name": "adam", "betas": [0.9, 0.99]}}, name="first", notes="hello"
            ),
            w.environment(**machine, args="--token=s3cret"),
            w.axis("val/*", "epoch"),
            w.row(0, loss=0.5, epoch=0, fine=True, deep={"a": {"b": 1}}),
            w.row(7, loss=0.25, epoch=1, fine=False),
            w.config(late="x"),
            w.ended(),
        ],
    )
    (folder / "files" / "media").mkdir()
    (folder / "files" / "media" / "a.png").write_bytes(b"x")
    (folder / "files" / "requirements.txt").write_text("click==8.1\n-e git+https://x\nodd line\n")
    report = run_import(store, root)
    run = read_run(store)
    assert (report.left_out, report.mapped) == ({}, [])
    assert (run.name, run.user, run.status, run.start_ms) == ("first", "ada", "FINISHED", START_MS)
    assert (run.end_ms, run.external_key) == (START_MS + 7_000, f"wandb/prices/{RUN}")
    assert run.params == {"lr": "0.1", "opt.name": "adam", "opt.betas": "[0.9, 0.99]", "late": "x"}
    assert read_points(store, "loss") == [(0, START_MS, 0.5), (7, START_MS + 7_000, 0.25)]
    assert read_points(store, "fine") == [(0, START_MS, 1.0), (7, START_MS + 7_000, 0.0)]
    assert (read_points(store, "deep.a.b"), len(run.metrics)) == ([(0, START_MS, 1.0)], 4)
    assert run.tags[r.TAG_NOTE] == "hello"
    assert run.tags[r.TAG_COMMAND] == "train.py --token=***"
    assert run.tags[r.TAG_GIT_REMOTE] == "https://***@example.com/prices.git"
    assert json.loads(run.tags["wandb.axes"]) == {"val/*": "epoch"}
    assert list_files(store, run) == ["media/a.png", "requirements.txt"]
    environment = store.call(ops.GET_ENVIRONMENT, r.RunId(run_id=RUN)).environment
    assert environment is not None
    assert (environment.python, environment.packages, environment.host) == ("3.11.7", {"click": "8.1"}, "box")
    assert environment.git is not None
    assert environment.git.commit == "c0ffee"


def test_labels_group_and_job_become_tags(store: Transport, root: Path) -> None:
    write_run(root, [w.run(tag="base line", group="g", job_type="train", sweep="s1", entity="team"), w.ended()])
    run_import(store, root)
    tags = {key: value for key, value in read_run(store).tags.items() if key.startswith("wandb.")}
    assert tags == {
        "wandb.id": RUN,
        "wandb.entity": "team",
        "wandb.tag.base line": "true",
        "wandb.group": "g",
        "wandb.job_type": "train",
        "wandb.sweep": "s1",
    }


@pytest.mark.parametrize(
    "exit_code, status",
    [(0, "FINISHED"), (1, "FAILED"), (255, "KILLED"), (-9, "KILLED"), (137, "KILLED"), (None, "LOST")],
)
def test_a_run_ended_as_its_exit_code_says(
    store: Transport, root: Path, exit_code: int | None, status: r.RunStatus
) -> None:
    write_run(root, [w.run(), w.row(3, loss=1.0), *([] if exit_code is None else [w.ended(exit_code)])])
    run_import(store, root)
    assert (read_run(store).status, read_run(store).end_ms) == (status, START_MS + 3_000)


def test_while_a_run_goes_on_each_import_adds_what_is_new(store: Transport, root: Path) -> None:
    now_s = int(time.time()) - START_MS // 1_000
    records = [w.run({"lr": 0.1}), w.sample(now_s, cpu=1.0), *(w.row(i, loss=i / 3) for i in range(100))]
    folder = write_run(root, records, kind="run")
    assert (run_import(store, root).added.points, read_run(store).status) == (101, "RUNNING")
    records += [*(w.row(i, loss=i / 3) for i in range(100, 150)), w.config(late=1), w.summary(best=2.0)]
    write_run(root, records, kind="run")
    report = run_import(store, root)
    assert (report.added.points, report.added.params, report.added.updated_runs) == (50, 1, 1)
    write_run(root, [*records, w.ended()], kind="run")
    (folder / "files" / "output.log").write_text("done")
    report = run_import(store, root)
    assert (report.added.points, report.added.files, read_run(store).status) == (1, 1, "FINISHED")
    report = run_import(store, root)
    assert (report.added.points, report.added.files, report.added.unchanged_runs) == (0, 0, 1)


def test_a_resumed_run_is_one_run(store: Transport, root: Path) -> None:
    first = write_run(root, [w.run({"lr": 1}, name="old"), w.row(0, loss=1.0), w.sample(0, cpu=1.0), w.ended(1)])
    later = [w.run({"lr": 1, "more": 2}), w.row(1, loss=0.5), w.sample(1, cpu=2.0), w.ended()]
    second = write_run(root, later, date="20231114_230000", kind="run")
    for folder in (first, second):
        (folder / "files" / "output.log").write_text(folder.name)
    report = run_import(store, root)
    run = read_run(store)
    assert (report.added.runs, run.status, run.name, run.params) == (1, "FINISHED", "old", {"lr": "1", "more": "2"})
    assert [value for _, _, value in read_points(store, "loss")] == [1.0, 0.5]
    assert [step for step, _, _ in read_points(store, "system/cpu")] == [0, 1]
    assert list_files(store, run) == ["earlier/20231114_221320/output.log", "output.log"]
    assert run_import(store, root).added.files == 0


def test_every_number_is_kept(store: Transport, root: Path) -> None:
    values = [math.nan, math.inf, -math.inf, 5e-324, 0.1 + 0.2, 2**53, -7]
    write_run(root, [w.run(), *(w.row(step, m=value) for step, value in enumerate(values)), w.ended()])
    run_import(store, root)
    assert [repr(value) for _, _, value in read_points(store, "m")] == [repr(float(value)) for value in values]


def test_of_the_summary_comes_what_the_history_does_not_end_with(store: Transport, root: Path) -> None:
    told = w.summary(same=1, other=0.5, only=3, nan=math.nan, word="w", loss={"min": 0.1}, _runtime=9)
    write_run(root, [w.run(), w.row(4, same=1, other=2, nan=math.nan), told, w.ended()])
    run_import(store, root)
    run = read_run(store)
    assert sorted(run.metrics) == ["loss.min", "nan", "only", "other", "same", "summary/other"]
    assert read_points(store, "summary/other") == [(4, START_MS + 4_000, 0.5)]
    assert run.tags["wandb.summary.word"] == "w"


def test_system_metrics_have_the_names_and_units_of_ours(store: Transport, root: Path) -> None:
    values = {"proc__memory__rssMB": 1.0, "memory_percent": 5.0, "gpu__0__temp": 40.0, "gpu__0__fan": 3.0}
    write_run(root, [w.run(), w.sample(0, **values), w.sample(15, **values), w.ended()])
    run_import(store, root)
    assert read_points(store, "system/process_memory_usage_megabytes") == [
        (0, START_MS, 1.048576),
        (1, START_MS + 15_000, 1.048576),
    ]
    assert {*read_run(store).metrics} == {
        "system/process_memory_usage_megabytes",
        "system/system_memory_usage_percentage",
        "system/gpu_0_temperature_celsius",
        "system/gpu.0.fan",
    }


def test_objects_are_told_and_their_files_come(store: Transport, root: Path) -> None:
    image = {"_type": "image-file", "path": "media/images/x.png", "width": 4}
    row = w.row(0, loss=1, img=image, deep={"hist": {"_type": "histogram", "values": [1]}}, text="hi", more=[1, 2])
    write_run(root, [w.run(), row, w.row(1, img=image), w.ended()])
    report = run_import(store, root)
    assert list(read_run(store).metrics) == ["loss"]
    [left] = report.left_out.values()
    assert [example.partition(", ")[2] for example in left.examples] == ["'img'", "'deep'", "'text'", "'more'"]


def test_a_key_that_is_none_here_gets_another_and_no_two_get_one(store: Transport, root: Path) -> None:
    rows = [w.row(0, **{"loss@1 (x)": 1.0}), w.row(1, **{"loss#1 (x)": 2.0, "/a//b/": 3.0})]
    write_run(root, [w.run({"top@k": 5, "top#k": 6}), *rows, w.ended()])
    report = run_import(store, root)
    assert (read_run(store).params, sorted(read_run(store).metrics)) == ({"top_k": "5"}, ["a/b", "loss_1 _x_"])
    left = [example for one in report.left_out.values() for example in one.examples]
    assert left == [f"run {RUN}, param 'top#k'", f"run {RUN}, 'loss#1 (x)'"]


def test_an_id_of_another_form_gets_one_of_its_own(store: Transport, root: Path) -> None:
    write_run(root, [w.run(run_id="my run.v2"), w.ended()], run_id="my run.v2")
    run_import(store, root)
    found = store.call(ops.GET_RUN, r.GetRun(external_key="wandb/prices/my run.v2"))
    assert (found.name, found.tags["wandb.id"]) == ("my run.v2", "my run.v2")
    assert run_import(store, root).added.runs == 0


def test_a_run_of_another_project_with_the_same_id_is_told(store: Transport, root: Path) -> None:
    write_run(root, [w.run({"a": 1}), w.ended()])
    write_run(root, [w.run({"a": 2}, project="other"), w.ended()], date="20231114_230000")
    report = run_import(store, root)
    assert read_run(store).params == {"a": "1"}
    assert any("another run has this id here" in why for why in report.left_out)


def test_a_log_that_is_cut_anywhere_gives_what_is_whole(store: Transport, root: Path) -> None:
    records = [w.run({"blob": "x" * 40_000}), w.row(0, loss=1.0), w.row(1, loss=2.0)]
    whole, ends = w.pack(records), [len(w.pack(records[:count])) for count in (1, 2, 3)]
    for end in [*range(200), *range(w.BLOCK_BYTES - 20, w.BLOCK_BYTES + 20), *range(ends[0] - 3, len(whole) + 1)]:
        write_run(root, whole[:end])
        report = run_import(store, root)
        assert report.added.runs == (end == ends[0]), end
        if end < ends[0]:
            [why] = report.left_out
            assert why == "it does not say yet which run it is of"
            continue
        assert report.left_out == {}
        found = read_run(store).metrics
        assert (found["loss"].count if found else 0) == sum(end >= one for one in ends[1:]), end


def test_damaged_bytes_are_told_with_their_place_and_passed_over(store: Transport, root: Path) -> None:
    records = [w.run(), *(w.row(step, loss=float(step)) for step in range(2_000)), w.ended()]
    log = bytearray(w.pack(records))
    log[w.BLOCK_BYTES * 2 + 100] ^= 1
    folder = write_run(root, bytes(log))
    report = run_import(store, root)
    [(why, left)] = report.left_out.items()
    assert "checksum" in why
    assert left.examples[0].startswith(f"{folder / f'run-{RUN}.wandb'} at byte 65")
    assert (left.count, read_run(store).status) == (1, "FINISHED")
    steps = [step for step, _, _ in read_points(store, "loss")]
    assert (1_500 < len(steps) < 1_999, steps[0], steps[-1]) == (True, 0, 1_999)


def test_a_record_that_cannot_be_read_is_told_and_the_others_arrive(store: Transport, root: Path) -> None:
    bad = w.message((2, w.message((1, w.message((2, "loss"), (16, "true!"))))))
    write_run(root, [w.run(), w.row(0, loss=1.0), bad, b"\xff\xff", w.row(2, loss=3.0), w.ended()])
    report = run_import(store, root)
    assert [step for step, _, _ in read_points(store, "loss")] == [0, 2]
    left = report.left_out["a record cannot be read"]
    assert "at byte" in left.examples[0]


def test_a_link_is_followed_where_it_may_lead(store: Transport, root: Path, tmp_path: Path) -> None:
    folder = write_run(root, [w.run(), w.ended()])
    (tmp_path / "model.pt").write_text("weights")
    (folder / "files" / "model.pt").symlink_to(tmp_path / "model.pt")
    report = run_import(store, root)
    assert (list_files(store, read_run(store)), "--artifacts" in next(iter(report.left_out))) == ([], True)
    (tmp_path / "elsewhere").mkdir()
    assert run_import(store, root, tmp_path / "elsewhere").added.files == 0
    report = run_import(store, root, tmp_path)
    assert (list_files(store, read_run(store)), report.left_out) == (["model.pt"], {})
    for name, to in (("round", "round"), ("nowhere", "gone"), ("folder", tmp_path)):
        (folder / "files" / name).symlink_to(to)
    [left] = run_import(store, root, tmp_path).left_out.values()
    assert (left.count, list_files(store, read_run(store))) == (3, ["model.pt"])


def test_what_older_clients_keep_in_a_file_is_read(store: Transport, root: Path) -> None:
    folder = write_run(root, [w.run(), w.ended()])
    told = {"python": "3.8.10", "program": "a.py", "args": ["-x"], "git": {"commit": "abc", "remote": "r"}, "host": "h"}
    (folder / "files" / "wandb-metadata.json").write_text(json.dumps(told))
    run_import(store, root)
    tags = read_run(store).tags
    assert (tags[r.TAG_GIT_COMMIT], tags[r.TAG_COMMAND], tags[r.TAG_HOST]) == ("abc", "a.py -x", "h")
    assert store.call(ops.GET_ENVIRONMENT, r.RunId(run_id=RUN)).environment is not None


@pytest.mark.parametrize("source", ["wandb", ".", f"wandb/offline-run-20231114_221320-{RUN}"])
def test_a_folder_is_found_by_each_of_its_names(
    store: Transport, root: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    write_run(root, [w.run(), w.ended()])
    (root / "latest-run").symlink_to(next(root.iterdir()).name)
    monkeypatch.chdir(root.parent)
    assert run_import(store, Path(source)).added.runs == 1
    assert run_import(store, root).added.runs == 0
    assert read_run(store).tags["trackway.imported_from"] == str(root)


def test_what_is_no_one_history_is_refused_with_what_to_name(store: Transport, root: Path) -> None:
    log = write_run(root, [w.run(), w.ended()]) / f"run-{RUN}.wandb"
    with pytest.raises(InvalidInput, match="log of one run") as caught:
        run_import(store, log)
    assert caught.value.hint
    mlruns = root.parent / "mlruns" / "7"
    mlruns.mkdir(parents=True)
    (mlruns / "meta.yaml").write_text("experiment_id: 7\nname: x\n")
    with pytest.raises(InvalidInput, match="two histories") as caught:
        run_import(store, root.parent)
    assert caught.value.hint
    with pytest.raises(NotFound):
        read_run(store)


def test_a_log_of_an_unknown_format_is_told(store: Transport, root: Path) -> None:
    write_run(root, b":W&B\xe1\xbe\x07" + w.pack([w.run()])[7:])
    write_run(root, b"hello, this is none", run_id="b")
    report = run_import(store, root)
    assert (report.added.runs, len(report.left_out)) == (0, 2)
