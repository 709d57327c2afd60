from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import trackway as tw
from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog, recording
from trackway.sdk.connection import close_transports

pytestmark = [
    pytest.mark.slow,
    # Words of the framework on how it is used here.
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"])
def package(request: pytest.FixtureRequest) -> ModuleType:
    """Lightning under each of its two names, which are different classes."""
    return importlib.import_module(request.param)


@pytest.fixture
def recorded(recorder: MemoryRecorder) -> Iterator[MemoryRecorder]:
    autolog.enable("pytorch")
    yield recorder
    assert not autolog.failures


def make_module(package: ModuleType, fail: bool = False) -> Any:
    class Net(package.LightningModule):  # type: ignore[name-defined, misc]
        def __init__(self, width: int = 3) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(width, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            if fail:
                raise ValueError("nothing to do with us")
            loss = self.layer(batch[0]).square().mean()
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self.layer(batch[0]).abs().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=0.05)

    torch.manual_seed(0)
    return Net()


def make_data() -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 3)), batch_size=2)


def make_trainer(package: ModuleType, folder: Path, **options: Any) -> Any:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return package.Trainer(**{"max_epochs": 3, "default_root_dir": str(folder), **quiet, **options})


def test_fit_by_epoch(package: ModuleType, recorded: MemoryRecorder, tmp_path: Path) -> None:
    trainer = make_trainer(package, tmp_path)
    trainer.fit(make_module(package), make_data(), make_data())
    run = recorded.run
    assert (run.status, run.params["width"], run.params["max_epochs"]) == ("FINISHED", "3", "3")
    assert (run.params["optimizer_name"], run.params["optimizer_lr"]) == ("AdamW", "0.05")
    assert run.steps("val_loss") == run.steps("train_loss_epoch") == [0, 1, 2]
    assert run.last("val_loss") == pytest.approx(float(trainer.callback_metrics["val_loss"]))
    assert run.values("train_loss_epoch") == sorted(run.values("train_loss_epoch"), reverse=True)
    assert "Linear" in run.files["model_summary.txt"]


def test_the_module_is_logged_with_what_the_first_batch_has(
    package: ModuleType, recorded: MemoryRecorder, tmp_path: Path
) -> None:
    module = make_module(package)
    make_trainer(package, tmp_path).fit(module, make_data())
    ((model, how),) = recorded.run.models.values()
    assert model is module
    assert how.rows.tolist() == [[1.0] * 3] * 2
    assert [[*way] for way in how.ways] == [["export_example"], ["serialization_format"]]


def test_a_module_with_a_forward_becomes_a_program_and_one_without_weights(
    package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    autolog.set_recorder(recording.FluentRecorder())
    tw.autolog("pytorch")
    for has_forward in (True, False):
        module = make_module(package)
        if has_forward:
            type(module).forward = lambda self, rows: self.layer(rows)
        make_trainer(package, tmp_path).fit(module, make_data())
        run = tw.last_active_run()
        assert run is not None
        uri = f"runs:/{run.info.run_id}/model"
        rows = np.full((2, 3), 2.0, np.float32)
        expected = module.layer(torch.as_tensor(rows)).detach().numpy()
        if has_forward:
            found = tw.load_model(uri).predict(rows)
        else:
            filled = tw.pytorch.load_model(uri, model=make_module(package))
            found = filled.layer(torch.as_tensor(rows)).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert not autolog.failures
    close_transports()


def test_fit_by_step(package: ModuleType, recorder: MemoryRecorder, tmp_path: Path) -> None:
    autolog.enable("lightning", log_every_n_step=2)
    make_trainer(package, tmp_path, max_epochs=1).fit(make_module(package), make_data(), make_data())
    assert recorder.run.steps("train_loss_step")[:2] == [2, 4]
    assert recorder.run.steps("val_loss")[-1] == 4


def test_callbacks_are_as_before(package: ModuleType, recorded: MemoryRecorder, tmp_path: Path) -> None:
    trainer = make_trainer(package, tmp_path)
    before = list(trainer.callbacks)
    trainer.fit(make_module(package), make_data(), make_data())
    assert trainer.callbacks == before
    checkpoint = torch.load(next(tmp_path.rglob("*.ckpt")), weights_only=True)
    assert not any("Metrics" in key for key in checkpoint["callbacks"])


def test_early_stopping(package: ModuleType, recorded: MemoryRecorder, tmp_path: Path) -> None:
    stopping = package.callbacks.EarlyStopping("val_loss", min_delta=100.0, patience=1)
    make_trainer(package, tmp_path, max_epochs=9, callbacks=[stopping]).fit(
        make_module(package), make_data(), make_data()
    )
    assert recorded.run.last("stopped_epoch") == stopping.stopped_epoch == 1
    assert recorded.run.steps("val_loss") == [0, 1]


def test_our_callback_does_not_keep_a_trainer_from_being_pickled(
    package: ModuleType, recorded: MemoryRecorder, tmp_path: Path
) -> None:
    copies: list[Any] = []

    class Copy(package.Callback):  # type: ignore[name-defined, misc]
        def on_train_start(self, trainer: Any, module: Any) -> None:
            ours = next(callback for callback in trainer.callbacks if "trackway" in type(callback).__module__)
            copies.append(pickle.loads(pickle.dumps(ours)))

    make_trainer(package, tmp_path, callbacks=[Copy()]).fit(make_module(package), make_data())
    assert [type(copy) for copy in copies] == [package.Callback]


def test_tensorboard_logger_is_not_recorded_twice(
    package: ModuleType, recorded: MemoryRecorder, tmp_path: Path
) -> None:
    logger = package.loggers.TensorBoardLogger(str(tmp_path))
    make_trainer(package, tmp_path, logger=logger, log_every_n_steps=1).fit(make_module(package), make_data())
    assert "epoch" not in recorded.run.metrics


def test_errors_of_the_user_are_unchanged(package: ModuleType, recorded: MemoryRecorder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to do with us"):
        make_trainer(package, tmp_path).fit(make_module(package, fail=True), make_data())
    assert recorded.run.status == "FAILED"


def test_training_is_the_same_with_and_without_even_if_logging_is_broken(
    package: ModuleType, recorder: MemoryRecorder, tmp_path: Path
) -> None:
    def train() -> Any:
        module = make_module(package)
        make_trainer(package, tmp_path).fit(module, make_data(), make_data())
        return module.layer.weight.tolist()

    plain = train()
    autolog.enable("lightning")
    assert train() == plain
    recorder.broken = {"log_params", "log_metrics", "log_text"}
    assert train() == plain
    assert autolog.failures["lightning"] >= 5


def test_disable_puts_fit_back(package: ModuleType, recorder: MemoryRecorder) -> None:
    before = package.Trainer.fit
    autolog.enable("lightning")
    assert package.Trainer.fit is not before
    autolog.disable("lightning")
    assert package.Trainer.fit is before
