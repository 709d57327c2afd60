"""What every transport promises, as tests: subclass ``TransportContract`` and give it a ``transport`` fixture."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from trackway.api import operations as ops
from trackway.api.artifacts import ListFiles
from trackway.api.experiments import CreateExperiment, GetExperiment, GetExperimentByName
from trackway.api.metrics import GetHistory
from trackway.api.runs import CreateRun, GetRun, GetRunTree, Ingest, Run, SearchRuns, Series
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import Transport

VALUES = (1.5, float("nan"), float("inf"), float("-inf"), -0.0, 5e-324)
ODD_NAMES = ("a&b=c?d#e%41", "ü 日本 🙂", "per%cent+plus", "x/y:z")


class TransportContract:
    """The contract. ``transport`` leads to a store that may hold anything already."""

    @pytest.fixture
    def run(self, transport: Transport) -> Run:
        """A run in an experiment of its own."""
        request = CreateRun(run_id=new_id(), experiment_name=f"contract {new_id()}", if_exists="return")
        return transport.call(ops.CREATE_RUN, request)

    @pytest.fixture
    def folder(self, run: Run) -> str:
        """The folder of the run's artifacts in the workspace's file tree."""
        return run.artifact_uri.removeprefix("mlflow-artifacts:/")

    def test_a_response_is_the_struct_that_the_service_made(self, transport: Transport, run: Run) -> None:
        assert transport.call(ops.GET_RUN, GetRun(run_id=run.run_id)).run_id == run.run_id
        tree = transport.call(ops.GET_RUN_TREE, GetRunTree(run_id=run.run_id, depth=3, root=True))
        assert [node.run_id for node in tree.nodes] == [run.run_id]

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_any_text_survives_the_way(self, transport: Transport, name: str) -> None:
        unique = f"{name} {new_id()}"
        created = transport.call(ops.CREATE_EXPERIMENT, CreateExperiment(name=unique, tags={"note": name}))
        found = transport.call(ops.GET_EXPERIMENT_BY_NAME, GetExperimentByName(name=unique))
        assert (found.experiment_id, found.tags) == (created.experiment_id, {"note": name})

    def test_an_error_is_of_the_class_that_the_service_raised(self, transport: Transport, run: Run) -> None:
        with pytest.raises(NotFound):
            transport.call(ops.GET_RUN, GetRun(run_id="0" * 32))
        with pytest.raises(InvalidInput, match="experiment"):
            transport.call(ops.GET_EXPERIMENT, GetExperiment(experiment_id="x"))
        with pytest.raises(InvalidInput):
            transport.call(ops.SEARCH_RUNS, SearchRuns(filter="metrics.a >"))
        name = f"twice {new_id()}"
        transport.call(ops.CREATE_EXPERIMENT, CreateExperiment(name=name))
        with pytest.raises(AlreadyExists):
            transport.call(ops.CREATE_EXPERIMENT, CreateExperiment(name=name))
        transport.call(ops.INGEST, Ingest(run_id=run.run_id, params={"p": "1"}))
        with pytest.raises(Conflict) as caught:
            transport.call(ops.INGEST, Ingest(run_id=run.run_id, params={"p": "2"}))
        assert caught.value.hint
        assert caught.value.details == {"keys": ["p"]}

    def test_every_number_survives_the_way(self, transport: Transport, run: Run) -> None:
        count = len(VALUES)
        series = Series(
            key="m",
            steps=struct.pack(f"<{count}q", -(2**63), *range(count - 2), 2**63 - 1),
            times_ms=struct.pack(f"<{count}q", *range(count)),
            values=struct.pack(f"<{count}d", *VALUES),
        )
        transport.call(ops.INGEST, Ingest(run_id=run.run_id, series=[series]))
        history = transport.call(ops.GET_HISTORY, GetHistory(run_id=run.run_id, key="m"))
        assert history.series == series
        summary = transport.call(ops.GET_RUN, GetRun(run_id=run.run_id)).metrics["m"]
        assert summary.max_value == math.inf
        assert summary.nan_count == 1

    def test_a_request_that_is_sent_again_changes_nothing(self, transport: Transport, run: Run) -> None:
        one = struct.pack("<q", 1)
        series = Series(key="m", steps=one, times_ms=one, values=struct.pack("<d", 1.0))
        request = Ingest(run_id=run.run_id, session_id=new_id(), first=1, last=5, series=[series])
        assert transport.call(ops.INGEST, request).applied
        again = transport.call(ops.INGEST, request)
        assert (again.applied, again.acknowledged) == (False, 5)
        assert transport.call(ops.GET_RUN, GetRun(run_id=run.run_id)).metrics["m"].count == 1

    @pytest.mark.parametrize("size_bytes", [0, 1, 65_536, 65_537, 3_000_001])
    def test_a_file_comes_back_as_it_went(self, transport: Transport, folder: str, size_bytes: int) -> None:
        data = bytes(index * 31 % 251 for index in range(size_bytes))
        path = f"{folder}/ä b/{size_bytes}.bin"
        entry = transport.upload(path, BytesSource(data))
        assert (entry.path, entry.size_bytes) == (path, size_bytes)
        assert entry.sha256 == hashlib.sha256(data).hexdigest()
        assert b"".join(transport.download(path)) == data
        if size_bytes > 1:
            assert b"".join(transport.download(path, size_bytes // 2)) == data[size_bytes // 2 :]

    def test_a_file_is_replaced_whole(self, transport: Transport, folder: str) -> None:
        for data in (b"x" * 200_000, b"short"):
            transport.upload(f"{folder}/f", BytesSource(data))
        assert b"".join(transport.download(f"{folder}/f")) == b"short"
        listed = transport.call(ops.LIST_FILES, ListFiles(folder=folder))
        assert [file.size_bytes for file in listed.files] == [5]

    def test_a_file_that_is_not_there_is_told_before_its_first_byte(self, transport: Transport, folder: str) -> None:
        with pytest.raises(NotFound):
            transport.download(f"{folder}/nothing")

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a//b", "a\\b", "%2e%2e/x"])
    def test_a_path_that_leads_elsewhere_is_refused(self, transport: Transport, path: str) -> None:
        with pytest.raises((InvalidInput, NotFound)):
            transport.upload(path, BytesSource(b"x"))

    def test_an_upload_whose_source_fails_leaves_nothing(self, transport: Transport, folder: str) -> None:
        class Failing(BytesSource):
            def __iter__(self) -> Iterator[bytes]:
                yield b"x" * 100_000
                raise InvalidInput("the file ended early")

        with pytest.raises(InvalidInput, match="ended early"):
            transport.upload(f"{folder}/torn", Failing(b"x" * 300_000))
        with pytest.raises(NotFound):
            transport.download(f"{folder}/torn")

    def test_many_threads_may_call_at_once(self, transport: Transport, run: Run) -> None:
        def log(number: int) -> None:
            transport.call(ops.INGEST, Ingest(run_id=run.run_id, params={f"p{number}": str(number)}))

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(log, range(100)))
        params = transport.call(ops.GET_RUN, GetRun(run_id=run.run_id)).params
        assert params == {f"p{number}": str(number) for number in range(100)}
