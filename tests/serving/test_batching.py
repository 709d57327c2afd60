"""Requests that wait go to the model together: answers come back to whom they belong, and faults too."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import code_models as code
from tests.serving.conftest import ROWS, train
from tests.serving.served import Served, serve_in_process
from trackway.base.errors import Unavailable
from trackway.models import Model, Signature, columns, load_model, save_model
from trackway.serving.batcher import Batcher, Job
from trackway.serving.rows import join, split

Serve = Callable[[str], Served]


def split_body(rows: pd.DataFrame, **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(rows), "data": rows.to_numpy().tolist()}, **more}


def test_requests_that_come_together_are_computed_together_and_each_gets_its_own(
    get_model: Callable[[str], Path],
) -> None:
    served = serve_in_process(get_model("labels"))
    parts = [ROWS.iloc[start : start + size] for start, size in ((0, 1), (1, 3), (4, 1), (5, 20), (25, 1))]
    found = served.send_all([split_body(part) for part in parts])
    assert [one.json["predictions"] for one in found] == [train().predict(part).tolist() for part in parts]
    assert served.batcher.counts.batches == 1
    assert served.batcher.counts.requests == 5


def test_a_lone_request_does_not_wait(get_model: Callable[[str], Path]) -> None:
    served = serve_in_process(get_model("labels"))
    for turn in range(3):
        assert served.score(split_body(ROWS.head(1))).status == 200
        assert served.batcher.counts.batches == turn + 1


def test_one_bad_request_does_not_fail_the_others(get_model: Callable[[str], Path]) -> None:
    served = serve_in_process(get_model("labels"))
    bad = [json.dumps(split_body(ROWS.head(1))).replace("[[", "[[NaN, ", 1).replace(", -", ", -", 1)]
    infinite = '{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[Infinity, 1, 1]]}}'  # which it refuses
    short = '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 1]]}}'
    found = served.send_all([split_body(ROWS.head(2)), infinite, split_body(ROWS.tail(2)), short, *bad])
    assert [one.status for one in found] == [200, 400, 200, 400, 400]
    assert found[0].json["predictions"] == train().predict(ROWS.head(2)).tolist()
    assert found[2].json["predictions"] == train().predict(ROWS.tail(2)).tolist()
    assert "infinity" in found[1].json["message"].lower()


def test_requests_of_other_params_or_columns_stay_apart(tmp_path: Path) -> None:
    signature = Signature(inputs=columns(x="double", y="double?"))
    save_model(code.Echo, tmp_path / "model", signature=signature, metadata={"rowwise": True})
    served = serve_in_process(tmp_path / "model")
    one, two = {"dataframe_records": [{"x": 1}]}, {"dataframe_records": [{"x": 2, "y": 3}]}
    found = served.send_all([one, two, one, two])
    assert [answer.json["predictions"] for answer in found] == [
        [{"x": 1.0}],
        [{"x": 2.0, "y": 3.0}],
        [{"x": 1.0}],
        [{"x": 2.0, "y": 3.0}],
    ]
    assert served.batcher.counts.batches == 2


def test_a_model_that_may_look_at_all_rows_gets_each_request_alone(serve: Serve) -> None:
    served = serve("mixed")
    before = served.batcher.counts.batches
    body = {"dataframe_records": [{"d": 1, "f": 1, "l": 1, "i": 1, "b": True, "s": "x"}]}
    assert [one.status for one in served.send_all([body] * 3)] == [200] * 3
    assert served.batcher.counts.batches == before + 3


def test_an_answer_without_a_row_for_each_row_is_asked_for_again_alone(tmp_path: Path) -> None:
    save_model(
        code.Answer, tmp_path / "model", signature=Signature(inputs=columns(x="double")), metadata={"rowwise": True}
    )
    model = load_model(tmp_path / "model", trust=True)
    data = [np.zeros((rows, 1)) for rows in (1, 2)]

    async def run() -> list[Any]:
        batcher = Batcher(1, 10, 100)
        params = {"kind": "scalar"}
        return await asyncio.gather(*(batcher.predict(_Loose(model), one, params, 10) for one in data))

    assert asyncio.run(run()) == [2.5, 2.5]


class _Loose(Model):
    """A model whose params are not checked."""

    is_rowwise = True

    def __init__(self, model: Model) -> None:
        self._native = model.native

    def predict(self, data: Any, params: Any = None) -> Any:
        return self._native.model.predict(data, params)


def test_most_rows_of_a_batch(get_model: Callable[[str], Path]) -> None:
    served = serve_in_process(get_model("labels"), max_batch=4)
    found = served.send_all([split_body(ROWS.head(3))] * 4)
    assert [one.status for one in found] == [200] * 4
    assert served.batcher.counts.batches == 4


def test_when_too_many_wait_one_more_is_told_to_come_again(tmp_path: Path) -> None:
    served, gate = serve_gate(tmp_path, max_waiting=2)

    async def run() -> None:
        waiting = [asyncio.ensure_future(send(served))]
        await until(lambda: (gate / "call-1").exists())
        waiting += [asyncio.ensure_future(send(served)) for _ in range(2)]
        await until(lambda: served.batcher.waiting == 2)
        refused = await send(served)
        assert (refused.status, refused.json["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert refused.headers["retry-after"] == "1"
        (gate / "open").touch()
        assert [one.status for one in await asyncio.gather(*waiting)] == [200] * 3

    asyncio.run(run())


def test_an_answer_that_takes_too_long_is_not_waited_for_and_what_waited_behind_it_is_not_computed(
    tmp_path: Path,
) -> None:
    served, gate = serve_gate(tmp_path, timeout_s=0.2)

    async def run() -> None:
        first, second = await asyncio.gather(send(served), send(served))
        assert [first.status, second.status] == [504, 504]
        assert first.json["error_code"] == "DEADLINE_EXCEEDED"
        (gate / "open").touch()
        deadline = time.monotonic() + 20
        while (await send(served)).status != 200:
            assert time.monotonic() < deadline

    asyncio.run(run())
    assert len(list(gate.glob("call-*"))) < served.batcher.counts.requests + 1, "what was given up is not computed"


def serve_gate(folder: Path, **options: Any) -> tuple[Served, Path]:
    """Serve a model that waits until it is let go."""
    gate = folder / "gate"
    gate.mkdir()
    save_model(
        code.Gate,
        folder / "model",
        signature=Signature(inputs=columns(x="double")),
        model_config={"folder": str(gate)},
    )
    return serve_in_process(folder / "model", **options), gate


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that is about to be so."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def send(served: Served, x: float = 1.0) -> Any:
    body = {"dataframe_records": [{"x": x}]}
    return await served.ask("POST", "/invocations", body, {"content-type": "application/json"})


@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_what_is_joined_is_split_again(sizes: list[int]) -> None:
    parts = [np.random.default_rng(size).random((size, 2)) for size in sizes]
    whole = join(parts)
    for answer in (whole, whole.tolist(), pd.DataFrame(whole), pd.Series(whole[:, 0])):
        found = split(answer, sizes)
        assert found is not None
        assert [len(one) for one in found] == sizes
    assert split(whole[:-1] if len(whole) else np.zeros(1), sizes) is None
    assert split(2.5, sizes) is None


def test_a_batcher_that_is_full_says_so() -> None:
    batcher = Batcher(1, 1, 1)
    batcher._queue.append(Job(_Loose.__new__(_Loose), np.zeros((1, 1)), None))
    with pytest.raises(Unavailable, match="1 requests wait"):
        asyncio.run(batcher.predict(_Loose.__new__(_Loose), np.zeros((1, 1)), None, 1))
