from __future__ import annotations

import inspect
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib  # type: ignore[import-untyped]
import pytest

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog
from trackway.sdk.autolog import Integration, Options, Target, frame
from trackway.sdk.autolog.frame import Call

LIBRARY = '''
from functools import partial

class Offered:
    """A method that is there only when the instance says so."""

    def __init__(self, function):
        self.function = function
        self.__name__ = function.__name__

    def __get__(self, instance, owner=None):
        if instance is not None and not instance.offers:
            raise AttributeError("not offered")
        return self.function if instance is None else self.function.__get__(instance)

class Base:
    offers = True

    def fit(self, data, *, callbacks=None):
        """Fit."""
        return self.work(data, callbacks)

    def work(self, data, callbacks):
        if isinstance(data, BaseException):
            raise data
        for callback in callbacks or ():
            callback(data)
        return (self, data, callbacks)

class Model(Base):
    pass

class Outer(Base):
    def fit(self, data, run=lambda inner: [inner(), inner()]):
        return run(partial(Model().fit, data))

    @Offered
    def fit_predict(self, data):
        return self.fit(data)

def train(data, rounds=10, *, callbacks=None):
    return data * rounds
'''


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Imports a small library of estimators."""
    (tmp_path / "tw_library.py").write_text(LIBRARY)
    (tmp_path / "tw_reexport.py").write_text("from tw_library import train\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def load() -> Any:
        __import__("tw_reexport")
        return sys.modules["tw_library"]

    yield load
    for name in ("tw_library", "tw_reexport"):
        sys.modules.pop(name, None)


def record(call: Call) -> Any:
    data = call.get("data")
    log, step = call.open(type(call.instance).__name__ if call.instance else "train", {"data": data}, call.instance)
    yield
    log.metrics({"done": 1.0}, step)


def find(module: ModuleType) -> Iterator[Target]:
    if module.__name__ == "tw_library":
        yield from (Target(module.Base, "fit", record), Target(module.Outer, "fit", record))
        yield from (Target(module.Outer, "fit_predict", record), Target(module, "train", record))
        yield Target(module, "absent", record)
    else:
        yield Target(module, "train", record)


INTEGRATION = Integration("tw", ("tw_library", "tw_reexport"), find)


def use(hook: Any, **options: Any) -> None:
    """Switch on an integration that runs a hook around ``Base.fit``."""
    starts_run = options.pop("starts_run", True)
    integration = Integration("tw", ("tw_library",), lambda module: [Target(module.Base, "fit", hook, starts_run)])
    frame.enable(integration, Options(**options))


class TestPatching:
    def test_originals_come_back_identical(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        module = library()
        owners = (module.Base, module.Model, module.Outer, module, sys.modules["tw_reexport"])
        before = [dict(vars(owner)) for owner in owners]
        frame.enable(INTEGRATION, Options())
        assert vars(module.Base)["fit"] is not before[0]["fit"]
        frame.disable("tw")
        for owner, known in zip(owners, before, strict=True):
            assert {name: id(value) for name, value in vars(owner).items()} == {n: id(v) for n, v in known.items()}

    def test_inherited_methods_are_patched_and_given_up_again(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        module = library()
        frame.enable(Integration("tw", ("tw_library",), lambda m: [Target(m.Model, "fit", record)]), Options())
        module.Model().fit(1)
        module.Base().fit(2)
        assert recorder.run.params == {"data": "1"}
        frame.disable("tw")
        assert "fit" not in vars(module.Model)

    @pytest.mark.parametrize("order", ["enable first", "import first"])
    def test_order_of_import_does_not_matter(
        self, order: str, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        if order == "import first":
            library()
        frame.enable(INTEGRATION, Options())
        library().Model().fit(1)
        assert recorder.run.params == {"data": "1"}

    def test_wrappers_look_like_originals(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        module = library()
        signature = inspect.signature(module.Base.fit)
        frame.enable(INTEGRATION, Options())
        assert inspect.signature(module.Base.fit) == signature
        assert (module.Base.fit.__name__, module.Base.fit.__doc__) == ("fit", "Fit.")
        assert pickle.loads(pickle.dumps(module.train)) is module.train
        assert pickle.loads(pickle.dumps(sys.modules["tw_reexport"].train)) is module.train
        assert pickle.loads(pickle.dumps(module.Model().fit))(1)[1] == 1

    def test_a_patch_that_someone_else_put_on_top_stays_and_ours_passes_on(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        module = library()
        frame.enable(INTEGRATION, Options())
        ours = module.train
        module.train = lambda *args, **kwargs: ("theirs", ours(*args, **kwargs))
        frame.disable("tw")
        assert module.train(2, rounds=3) == ("theirs", 6)
        assert recorder.runs == []

    def test_enabling_again_changes_options_only(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        module = library()
        frame.enable(INTEGRATION, Options())
        wrapper = module.Base.fit
        frame.enable(INTEGRATION, Options(extra_tags={"team": "a"}))
        assert module.Base.fit is wrapper
        module.Model().fit(1)
        assert recorder.run.tags == {"mlflow.autologging": "tw", "team": "a"}

    def test_methods_that_are_there_under_a_condition(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        module = library()
        frame.enable(INTEGRATION, Options())
        outer = module.Outer()
        assert len(outer.fit_predict(1)) == 2
        assert recorder.run.params == {"data": "1"}
        outer.offers = False
        assert not hasattr(outer, "fit_predict")
        assert callable(module.Outer.fit_predict)

    def test_an_integration_whose_search_fails_leaves_the_import_alone(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        def fail(module: ModuleType) -> Any:
            raise RuntimeError("moved away")

        frame.enable(Integration("tw", ("tw_library",), fail), Options(silent=True))
        assert library().train(2) == 20
        assert autolog.failures["tw"] == 1


class TestRuns:
    def test_a_run_is_started_and_ended(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        frame.enable(INTEGRATION, Options())
        library().train(2, rounds=3)
        assert (recorder.run.status, recorder.run.params, recorder.run.last("done")) == ("FINISHED", {"data": "2"}, 1)
        assert recorder.active_run() is None

    def test_an_active_run_is_used_and_stays_open(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        frame.enable(INTEGRATION, Options())
        recorder.start_run("mine")
        library().train(2)
        assert (recorder.run.name, recorder.run.status, recorder.run.params) == ("mine", "RUNNING", {"data": "2"})
        assert "mlflow.autologging" not in recorder.run.tags

    def test_exclusive_leaves_runs_of_the_user_alone(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options(exclusive=True))
        recorder.start_run("mine")
        library().train(2)
        assert recorder.run.params == {}
        recorder.end_run()
        library().train(2)
        assert recorder.runs[1].params == {"data": "2"}

    def test_targets_that_start_no_run_need_an_active_one(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        use(record, starts_run=False)
        library().Model().fit(1)
        assert recorder.runs == []
        recorder.start_run()
        library().Model().fit(1)
        assert recorder.run.params == {"data": "1"}

    def test_without_a_recorder_nothing_happens(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        frame.enable(INTEGRATION, Options())
        autolog.set_recorder(None)
        assert library().train(2) == 20
        assert recorder.calls == []

    def test_estimators_of_one_run_have_prefixes_but_for_the_first(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())
        module = library()
        recorder.start_run()
        model = module.Model()
        for fit, data in (
            (model.fit, 1),
            (module.Model().fit, 2),
            (module.train, 3),
            (module.train, 4),
            (model.fit, 1),
        ):
            fit(data)
        model.fit(5)
        assert recorder.run.params == {
            "data": "1",
            "Model_2/data": "2",
            "train/data": "3",
            "train_2/data": "4",
            "Model_3/data": "5",
        }
        assert recorder.run.metrics["done"] == [(0, 1.0), (1, 1.0)]
        assert recorder.run.metrics["Model_3/done"] == [(0, 1.0)]
        assert autolog.failures["tw"] == 0

    def test_every_run_has_its_own_first_estimator(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        frame.enable(INTEGRATION, Options())
        for _ in range(2):
            library().train(1)
        assert [run.params for run in recorder.runs] == [{"data": "1"}, {"data": "1"}]

    def test_a_run_that_the_user_ended_meanwhile_is_not_ended_again(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())

        def change_runs(_: object) -> None:
            recorder.end_run()
            recorder.start_run("another")

        library().Model().fit(1, callbacks=[change_runs])
        assert [(run.name, run.status) for run in recorder.runs] == [("", "FINISHED"), ("another", "RUNNING")]


class TestTrainingGoesOn:
    @pytest.mark.parametrize("method", ["active_run", "start_run", "set_tags", "log_params", "log_metrics", "end_run"])
    def test_whatever_of_the_tracker_is_broken(
        self, method: str, recorder: MemoryRecorder, library: Callable[[], Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        frame.enable(INTEGRATION, Options(extra_tags={"a": "b"}))
        recorder.broken = {method}
        model = library().Model()
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                assert model.fit(7) == (model, 7, None)
        assert autolog.failures["tw"] >= 1
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    def test_silent_does_not_warn(
        self, recorder: MemoryRecorder, library: Callable[[], Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        frame.enable(INTEGRATION, Options(silent=True))
        recorder.broken = {"log_params"}
        library().Model().fit(7)
        assert (autolog.failures["tw"], caplog.records) == (1, [])

    @pytest.mark.parametrize("place", ["before", "after"])
    def test_whatever_a_hook_does(self, place: str, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        def hook(call: Call) -> Any:
            call.set("data", "changed")
            if place == "before":
                raise RuntimeError(place)
            yield
            raise RuntimeError(place)

        use(hook, silent=True)
        model = library().Model()
        assert model.fit(7) == (model, 7 if place == "before" else "changed", None)
        assert autolog.failures["tw"] == 1

    def test_a_hook_that_goes_on_after_an_error_of_the_original_is_stopped(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        def hook(call: Call) -> Any:
            try:
                yield
            finally:
                yield

        use(hook, silent=True)
        with pytest.raises(KeyError, match="mine"):
            library().Model().fit(KeyError("mine"))
        assert autolog.failures["tw"] == 1

    @pytest.mark.parametrize(
        "error, status",
        [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(3), "FAILED")],
    )
    def test_errors_of_the_original_pass_through_unchanged(
        self, error: BaseException, status: str, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        closed = []

        def hook(call: Call) -> Any:
            call.open("model", {})
            try:
                yield
            finally:
                closed.append(True)

        use(hook)
        with pytest.raises(type(error)) as caught:
            library().Model().fit(error)
        assert caught.value is error
        assert (error.__cause__, error.__context__) == (None, None)
        assert (recorder.run.status, closed, autolog.failures["tw"]) == (status, [True], 0)

    def test_errors_pass_through_a_broken_tracker_too(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options(silent=True))
        recorder.broken = {"end_run", "log_params"}
        error = ValueError("mine")
        with pytest.raises(ValueError, match="mine") as caught:
            library().Model().fit(error)
        assert caught.value is error
        assert error.__context__ is None

    def test_wrong_arguments_are_the_originals_error(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'data'"):
            library().Model().fit()

    def test_arguments_arrive_as_they_were_given(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        frame.enable(INTEGRATION, Options())
        module = library()
        data, callbacks = [1], [lambda _: None]
        result = module.Model().fit(data, callbacks=callbacks)
        assert result[1] is data
        assert result[2] is callbacks
        assert module.train(2, 3) == module.train(2, rounds=3) == module.train(rounds=3, data=2) == 6

    @pytest.mark.parametrize(
        "args, kwargs, seen", [((1,), {}, 1), ((), {"data": 1}, 1), ((1,), {"callbacks": [print]}, 1)]
    )
    def test_hooks_read_and_set_arguments_however_they_are_given(
        self, args: Any, kwargs: Any, seen: int, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        found = []

        def hook(call: Call) -> Any:
            found.append((call.get("data"), call.get("callbacks"), call.get("nothing")))
            call.set("data", 2)
            call.set("callbacks", [])
            yield

        use(hook)
        given = dict(kwargs)
        assert library().Model().fit(*args, **kwargs)[1:] == (2, [])
        assert found == [(seen, given.get("callbacks"), None)]
        assert kwargs == given

    def test_a_hook_that_does_not_yield_records_nothing(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        use(lambda call: iter(()))
        assert library().Model().fit(1)[1] == 1
        assert (recorder.runs, autolog.failures["tw"]) == ([], 0)


class TestNesting:
    def test_only_the_outermost_is_recorded(self, recorder: MemoryRecorder, library: Callable[[], Any]) -> None:
        frame.enable(INTEGRATION, Options())
        module = library()
        module.Outer().fit(1)
        assert [run.params for run in recorder.runs] == [{"data": "1"}]
        module.Model().fit(2)
        assert len(recorder.runs) == 2

    def test_after_an_error_the_next_one_is_recorded(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())
        with pytest.raises(KeyError):
            library().Outer().fit(KeyError())
        library().Outer().fit(1)
        assert [run.status for run in recorder.runs] == ["FAILED", "FINISHED"]

    def test_threads_of_joblib_work_for_the_call_that_started_them(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())
        library().Outer().fit(1, lambda inner: run_in_threads(inner, 4))
        assert len(recorder.runs) == 1

    def test_threads_of_joblib_that_the_user_started_are_recorded_each(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())
        recorder.start_run()
        model = library().Model()
        run_in_threads(lambda: model.fit(1), 4)
        assert len(recorder.run.metrics["done"]) == 4

    def test_another_thread_is_recorded_while_one_is_at_work(
        self, recorder: MemoryRecorder, library: Callable[[], Any]
    ) -> None:
        frame.enable(INTEGRATION, Options())
        recorder.start_run()
        module = library()
        inside, go_on = threading.Event(), threading.Event()

        def wait(_: object) -> None:
            inside.set()
            assert go_on.wait(10)

        thread = threading.Thread(target=lambda: module.Model().fit(1, callbacks=[wait]))
        thread.start()
        assert inside.wait(10)
        module.Model().fit(2)
        go_on.set()
        thread.join(10)
        assert recorder.run.params == {"data": "1", "Model_2/data": "2"}


def run_in_threads(function: Callable[[], Any], n: int) -> Any:
    return joblib.Parallel(n_jobs=n, backend="threading")(joblib.delayed(function)() for _ in range(n))
