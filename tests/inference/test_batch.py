"""Files predicted whole, however often the job is stopped, and in spite of rows that are bad."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

from trackway import models
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.cli.main import cli
from trackway.inference import batch
from trackway.inference.batch import predict_file
from trackway.models.signature import Signature, columns

COLUMNS = ["a", "b", "n"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.random(1_000), "b": random.random(1_000), "n": random.integers(0, 99, 1_000)})
    return frame.assign(id=[f"row, {number}" for number in range(1_000)])


@pytest.fixture
def model(rows: pd.DataFrame, place: Path) -> models.Model:
    native = LinearRegression().fit(rows[COLUMNS], rows.a * 2 - rows.b)
    signature = Signature(inputs=columns(a="double", b="double", n="long"))
    models.save_model(native, "model", signature=signature)
    return models.load_model("model")


def _write(rows: pd.DataFrame, name: str) -> None:
    if name.endswith(".parquet"):
        rows.to_parquet(name)
    elif ".jsonl" in name:
        rows.to_json(name, orient="records", lines=True, double_precision=15)
    else:
        rows.to_csv(name, index=False)


def _read(name: str) -> pd.DataFrame:
    if name.endswith(".parquet"):
        return pd.read_parquet(name)
    return pd.read_json(name, lines=True) if ".jsonl" in name else pd.read_csv(name)


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet", "out.csv.gz", "out.jsonl.gz"])
@pytest.mark.parametrize("given", ["in.csv", "in.jsonl", "in.parquet", "in.csv.gz", "in.jsonl.gz"])
def test_every_format_goes_into_every_other(model: models.Model, rows: pd.DataFrame, given: str, output: str) -> None:
    _write(rows, given)
    done = predict_file("model", given, output, keep=["id"], batch_rows=300)
    assert (done.rows, done.failed, done.errors) == (1_000, 0, "")
    found = _read(output)
    assert found.columns.tolist() == ["id", "prediction"]
    assert found.id.tolist() == rows.id.tolist()
    np.testing.assert_allclose(found.prediction, model.predict(rows[COLUMNS]), rtol=1e-9)
    assert sorted(os.listdir()) == sorted([given, output, "model"])


def test_rows_that_are_bad_are_told_and_stop_no_others(model: models.Model, rows: pd.DataFrame) -> None:
    wrong = rows.astype(object)
    wrong.loc[3, "a"] = "three"
    wrong.loc[401, "n"] = None
    wrong.loc[402, "n"] = 1.5
    wrong.loc[777, "b"] = None  # which this model cannot take
    good = [number for number in range(1_000) if number not in (3, 401, 402, 777)]
    for given in ("in.csv", "in.jsonl"):
        _write(wrong, given)
        done = predict_file(model, given, "out.csv", keep=["id"], batch_rows=300, overwrite=True)
        assert (done.rows, done.failed) == (1_000, 4)
        found = _read("out.csv")
        assert found.id.tolist() == rows.id[good].tolist()
        np.testing.assert_allclose(found.prediction, model.predict(rows.loc[good, COLUMNS]), rtol=1e-9)
        told = [json.loads(line) for line in Path(done.errors).read_text().splitlines()]
        assert [one["row"] for one in told] == [4, 402, 403, 778]
        assert told[0]["error"] == "Column 'a': expected double, found 'three'"
        assert told[1]["error"] == "Column 'n': expected long, found nothing"
        assert "expected long, found 1.5" in told[2]["error"].replace("'", "")
        assert "NaN" in told[3]["error"]
        assert told[0]["input"]["id"] == "row, 3"


def test_lines_that_are_no_json_are_told(model: models.Model) -> None:
    lines = ['{"a": 1, "b": 2, "n": 3}', "", "{", "[1]", '{"a": 1, "b": 2}', '{"a": 1, "b": 2, "n": 3, "more": [1]}']
    Path("in.jsonl").write_text("\n".join(lines))
    done = predict_file(model, "in.jsonl", "out.jsonl")
    assert [json.loads(line)["row"] for line in Path(done.errors).read_text().splitlines()] == [3, 4, 5]
    assert len(Path("out.jsonl").read_text().splitlines()) == 2


class _Stopped(Exception):
    """Instead of a kill."""


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl.gz", "out.parquet"])
def test_a_job_that_was_stopped_anywhere_goes_on_where_it_stopped(
    model: models.Model, rows: pd.DataFrame, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = rows.astype(object)
    for number in (5, 350, 999):
        wrong.loc[number, "a"] = "x"
    _write(wrong, "in.csv")
    expected = predict_file(model, "in.csv", f"whole-{output}", batch_rows=100)
    write = batch._Outputs.write
    monkeypatch.setattr(batch, "CHECKPOINT_S", 0.0)
    for stop_at in (1, 4, 10):
        calls = 0

        def stop(self: Any, *arguments: Any, last: int = stop_at) -> None:
            nonlocal calls
            calls += 1
            write(self, *arguments)
            self._sink.checkpoint()  # what was written reaches the disk, and what says so does not
            if calls == last:
                raise _Stopped

        monkeypatch.setattr(batch._Outputs, "write", stop)
        with pytest.raises(_Stopped):
            predict_file(model, "in.csv", output, batch_rows=100)
        assert not Path(output).exists()
        monkeypatch.setattr(batch._Outputs, "write", write)
        done = predict_file(model, "in.csv", output, batch_rows=100)
        assert (done.rows, done.failed, done.resumed_rows) == (1_000, 3, (stop_at - 1) * 100)
        pd.testing.assert_frame_equal(_read(output), _read(f"whole-{output}"))
        assert Path(done.errors).read_bytes() == Path(expected.errors).read_bytes()
        assert not Path(f"{output}.part").exists()
        Path(output).unlink()


def test_a_job_that_is_killed_goes_on(model: models.Model, rows: pd.DataFrame) -> None:
    many = pd.concat([rows] * 30, ignore_index=True)
    _write(many, "in.csv")
    script = (
        "from trackway.inference import batch\n"
        "batch.CHECKPOINT_S = 0.0\n"
        "batch.predict_file('model', 'in.csv', 'out.csv', keep=['id'], batch_rows=500)\n"
    )
    kills = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script])
        begun = _count_rows()
        while process.poll() is None and _count_rows() <= begun:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    done = predict_file("model", "in.csv", "out.csv", keep=["id"], batch_rows=500, overwrite=True)
    assert kills == 0 or done.resumed_rows > 0 or Path("out.csv").exists()
    found = _read("out.csv")
    assert found.id.tolist() == many.id.tolist()
    np.testing.assert_allclose(found.prediction, model.predict(many[COLUMNS]), rtol=1e-9)


def _count_rows() -> int:
    try:
        return int(json.loads(Path("out.csv.part/state.json").read_bytes())["rows"])
    except (OSError, ValueError):
        return 0


def test_unfinished_work_of_another_job_is_not_gone_on_with(
    model: models.Model, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = rows.astype({"a": object})
    wrong.loc[500:, "a"] = "x"
    _write(wrong, "in.csv")
    with pytest.raises(InvalidInput, match="100 of 600 rows failed, more than 10; row 501: Column 'a'"):
        predict_file(model, "in.csv", "out.csv", batch_rows=100, max_errors=10)
    with pytest.raises(Conflict, match="differs in keep"):
        predict_file(model, "in.csv", "out.csv", batch_rows=100, keep=["id"])
    done = predict_file(model, "in.csv", "out.csv", batch_rows=100, keep=["id"], restart=True)
    assert (done.rows, done.failed, done.resumed_rows) == (1_000, 500, 0)
    _write(rows, "in.csv")
    with batch._own(Path("other.csv.part")), pytest.raises(Conflict, match="Another process"):
        predict_file(model, "in.csv", "other.csv")


def test_memory_does_not_grow_with_the_file(model: models.Model, rows: pd.DataFrame) -> None:
    """No more than one batch is read at a time: rows of a pipe, which would not be there yet, are not waited for."""
    _write(rows, "in.csv")
    seen: list[int] = []

    class Watched(models.Model):
        def predict(self, data: Any, params: Any = None) -> Any:
            seen.append(len(data))
            return super().predict(data, params)

    watched = Watched(model.native, model._flavor, {}, models.package.SavedModel(model.path, model.mlmodel, None))
    predict_file(watched, "in.csv", "out.csv", batch_rows=128)
    assert seen == [128] * 7 + [104]


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (lambda rows: [1] * len(rows), ["prediction"]),
        (lambda rows: np.ones((len(rows), 2)), ["prediction_0", "prediction_1"]),
        (lambda rows: pd.DataFrame({"low": rows.a, "high": rows.b}), ["low", "high"]),
        (lambda rows: pd.Series(["x"] * len(rows)), ["prediction"]),
        (lambda rows: [{"label": "x"}] * len(rows), ["prediction"]),
    ],
    ids=["list", "matrix", "table", "series", "records"],
)
def test_answers_of_any_form_are_columns(rows: pd.DataFrame, answer: Any, names: list[str]) -> None:
    from trackway.inference.scoring import to_table

    assert to_table(answer(rows)).columns.tolist() == names
    assert len(to_table(answer(rows))) == len(rows)


def test_what_cannot_be_predicted_is_refused_and_leaves_no_output(model: models.Model, rows: pd.DataFrame) -> None:
    _write(rows, "in.csv")
    _write(rows.drop(columns="b"), "narrow.csv")
    _write(rows.assign(a="x"), "texts.csv")
    Path("empty.csv").write_text("")
    Path("broken.parquet").write_text("no parquet")
    Path("broken.csv.gz").write_bytes(gzip.compress(b"a,b,n\n1,2,3\n")[:-4])
    Path("in.txt").write_text("x")
    for given, output, options, error, message in (
        ("none.csv", "out.csv", {}, NotFound, "no file"),
        ("in.txt", "out.csv", {}, InvalidInput, "tells no format"),
        ("in.csv", "out.txt", {}, InvalidInput, "tells no format"),
        ("in.csv", "none/out.csv", {}, InvalidInput, "no folder"),
        ("in.csv", "out.csv", {"keep": ["z"]}, InvalidInput, "no column 'z' to keep"),
        ("in.csv", "out.csv", {"batch_rows": 0}, InvalidInput, "batch of 0 rows"),
        ("in.csv", "out.csv", {"params": {"k": 1}}, InvalidInput, "no param 'k'"),
        ("narrow.csv", "out.csv", {}, InvalidInput, "lacks 1 column: 'b'"),
        ("empty.csv", "out.csv", {}, InvalidInput, "is empty"),
        ("broken.parquet", "out.csv", {}, InvalidInput, "is no Parquet file"),
        ("broken.csv.gz", "out.csv", {}, InvalidInput, "cannot be read"),
    ):
        options_given: Any = options
        with pytest.raises(error, match=message):
            predict_file(model, given, output, restart=True, **options_given)
        assert not Path(output).exists()
    Path("out.csv").write_text("mine")
    with pytest.raises(AlreadyExists):
        predict_file(model, "in.csv", "out.csv")
    assert Path("out.csv").read_text() == "mine"


def test_a_file_without_rows_has_an_output_without_rows(model: models.Model, rows: pd.DataFrame) -> None:
    _write(rows.head(0), "in.csv")
    assert predict_file(model, "in.csv", "out.csv").rows == 0
    assert Path("out.csv").exists()


@pytest.mark.parametrize("given", ["in.csv", "in.jsonl.gz", "in.parquet"])
def test_a_command_without_an_output_prints_predictions_and_what_failed(
    model: models.Model, rows: pd.DataFrame, given: str
) -> None:
    some = rows.head(4).astype({"a": object}) if given == "in.jsonl.gz" else rows.head(4)
    if given == "in.jsonl.gz":
        some.loc[2, "a"] = "three"
    _write(some, given)
    before = sorted(os.listdir())
    done = CliRunner().invoke(cli, ["models", "predict", "-m", "model", "-i", given], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    if given == "in.jsonl.gz":
        found = pd.read_json(io.StringIO(done.stdout), lines=True)
        failure, told = done.stderr.splitlines()[-2:]
        assert json.loads(failure)["row"] == 3
        assert told == "1 of 4 rows failed."
    else:
        found = pd.read_csv(io.StringIO(done.stdout))
    good = [number for number in range(4) if number != 2 or given != "in.jsonl.gz"]
    np.testing.assert_allclose(found.prediction, model.predict(rows.loc[good, COLUMNS]), rtol=1e-9)
    assert sorted(os.listdir()) == before
    refused = CliRunner().invoke(cli, ["models", "predict", "-m", "model", "-i", given, "--json"])
    assert (refused.exit_code, refused.stdout) == (2, "")


@pytest.mark.parametrize("given", ["in.csv", "in.jsonl", "in.parquet"])
def test_a_command_without_an_input_reads_what_it_is_sent(model: models.Model, rows: pd.DataFrame, given: str) -> None:
    _write(rows.head(4), given)
    before = sorted(os.listdir())
    done = CliRunner().invoke(cli, ["models", "predict", "-m", "model"], input=Path(given).read_bytes())
    assert done.exit_code == 0, done.output
    read = pd.read_json if given == "in.jsonl" else pd.read_csv
    found = read(io.StringIO(done.stdout), **({"lines": True} if given == "in.jsonl" else {}))
    np.testing.assert_allclose(found.prediction, model.predict(rows.loc[:3, COLUMNS]), rtol=1e-9)
    assert sorted(os.listdir()) == before
    for _ in range(2):  # the second does not go on with what the first was sent
        sent = Path(given).read_bytes()
        done = CliRunner().invoke(cli, ["models", "predict", "-m", "model", "-o", "out.csv", "--overwrite"], input=sent)
        assert done.exit_code == 0, done.output
        assert len(pd.read_csv("out.csv")) == 4
    nothing = CliRunner().invoke(cli, ["models", "predict", "-m", "model"], input=b"")
    assert isinstance(nothing.exception, InvalidInput)
    assert "is empty" in str(nothing.exception)
