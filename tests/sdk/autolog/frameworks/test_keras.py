from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # what Keras thinks of NumPy
]

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def make_model(rate: Any = 0.1) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(rate, momentum=0.5), loss="binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def recorded(recorder: MemoryRecorder) -> Iterator[MemoryRecorder]:
    autolog.autolog("keras", "torch")
    yield recorder
    assert not autolog.failures


def test_fit_by_epoch(recorded: MemoryRecorder) -> None:
    model = make_model()
    history = model.fit(X, Y, epochs=3, batch_size=16, validation_data=(X, Y), verbose=0)
    run = recorded.run
    assert run.status == "FINISHED"
    assert (run.params["epochs"], run.params["batch_size"]) == ("3", "16")
    assert (run.params["optimizer_name"], run.params["optimizer_momentum"]) == ("SGD", "0.5")
    assert float(run.params["optimizer_learning_rate"]) == pytest.approx(0.1)
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert run.values(key) == history.history[key]
        assert run.steps(key) == [0, 1, 2]
    assert run.values("learning_rate") == pytest.approx([0.1, 0.1, 0.1])
    assert "dense" in run.files["model_summary.txt"]
    assert [context for _, context in run.datasets] == ["train"]


def test_learning_rate_of_a_schedule(recorded: MemoryRecorder) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5)
    make_model(schedule).fit(X, Y, epochs=2, batch_size=16, verbose=0)
    assert recorded.run.values("learning_rate") == pytest.approx([0.05, 0.025])


def test_epochs_from_point_to_point(recorder: MemoryRecorder) -> None:
    autolog.enable("keras", log_every_n_epoch=2)
    make_model().fit(X, Y, epochs=4, verbose=0)
    assert recorder.run.steps("loss") == [0, 2]


@pytest.mark.parametrize("form", ["list", "tuple", "one", "list object"])
def test_callbacks_of_the_user_stay_and_are_not_changed(form: str, recorded: MemoryRecorder) -> None:
    seen: list[int] = []
    mine = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    model = make_model()
    given: Any = {"list": [mine], "tuple": (mine,), "one": mine}.get(form)
    if form == "list object":
        given = keras.callbacks.CallbackList([mine], model=model, add_history=True)
        before = list(given.callbacks)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=given)
    assert (seen, recorded.run.steps("loss")) == ([0, 1], [0, 1])
    if form == "list":
        assert given == [mine]
    if form == "list object":
        assert given.callbacks == before


def test_early_stopping(recorded: MemoryRecorder) -> None:
    stopping = keras.callbacks.EarlyStopping(monitor="loss", min_delta=10, patience=1)
    make_model().fit(X, Y, epochs=9, verbose=0, callbacks=[stopping])
    assert recorded.run.last("stopped_epoch") == stopping.stopped_epoch == recorded.run.steps("loss")[-1]
    assert recorded.run.last("best_epoch") == 0


def test_generators_are_not_used_up(recorded: MemoryRecorder) -> None:
    batches = ((X[:16], Y[:16]) for _ in range(5))  # Keras looks at one before it starts
    make_model().fit(batches, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
    assert (len(recorded.run.values("loss")), recorded.run.datasets) == (2, [])


def test_two_models_in_one_run(recorded: MemoryRecorder) -> None:
    recorded.start_run()
    make_model().fit(X, Y, epochs=1, verbose=0)
    make_model(0.2).fit(X, Y, epochs=1, verbose=0)
    assert float(recorded.run.params["Sequential_2/optimizer_learning_rate"]) == pytest.approx(0.2)
    assert len(recorded.run.values("Sequential_2/loss")) == 1


def test_results_are_the_same_with_and_without_even_if_logging_is_broken(recorder: MemoryRecorder) -> None:
    def train() -> Any:
        return make_model().fit(X, Y, epochs=3, verbose=0).history

    plain = train()
    autolog.enable("keras")
    assert train() == plain
    recorder.broken = {"log_params", "log_metrics", "log_text", "log_dataset"}
    assert train() == plain
    assert autolog.failures["keras"] >= 6


def test_errors_of_the_user_are_unchanged(recorded: MemoryRecorder) -> None:
    model = make_model()
    with pytest.raises(ValueError, match="nothing to do with us"):
        model.fit(X, Y, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=fail)])
    assert recorded.run.status == "FAILED"
    with pytest.raises(ValueError, match="compile"):
        keras.Sequential([keras.layers.Dense(1)]).fit(X, Y, verbose=0)


def fail(epoch: int, logs: Any) -> None:
    raise ValueError("nothing to do with us")


def test_disable_puts_fit_back(recorder: MemoryRecorder) -> None:
    before = "fit" in vars(keras.Model), keras.Model.fit
    autolog.enable("keras")
    assert keras.Model.fit is not before[1]
    autolog.disable("keras")
    assert ("fit" in vars(keras.Model), keras.Model.fit) == before
