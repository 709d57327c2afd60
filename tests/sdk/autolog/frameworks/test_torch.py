from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

import trackway as tw
from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog, recording
from trackway.sdk.connection import close_transports

pytestmark = pytest.mark.slow


@pytest.fixture
def recorded(recorder: MemoryRecorder) -> Iterator[MemoryRecorder]:
    autolog.enable("torch")
    recorder.start_run()
    yield recorder
    assert not autolog.failures


def make_parameters() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.zeros(2))]


def test_settings_of_optimizers_are_params(recorded: MemoryRecorder) -> None:
    torch.optim.Adam(make_parameters(), lr=0.25)
    torch.optim.SGD(make_parameters(), lr=0.5, momentum=0.9)
    torch.optim.SGD(make_parameters(), lr=0.75)
    params = recorded.run.params
    assert (params["optimizer_name"], params["optimizer_lr"], params["optimizer_betas"]) == (
        "Adam",
        "0.25",
        "(0.9, 0.999)",
    )
    assert (params["SGD/optimizer_lr"], params["SGD/optimizer_momentum"]) == ("0.5", "0.9")
    assert params["SGD_2/optimizer_lr"] == "0.75"


def test_scalars_of_a_summary_writer_are_metrics(recorded: MemoryRecorder, tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("loss/train", torch.tensor(step / 2), step)
        writer.add_scalar("done", 1.0)
    assert recorded.run.metrics["loss/train"] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert recorded.run.metrics["done"] == [(0, 1.0)]
    assert list(tmp_path.iterdir())


def test_without_an_active_run_nothing_is_recorded(recorder: MemoryRecorder, tmp_path: Path) -> None:
    autolog.enable("torch")
    torch.optim.Adam(make_parameters())
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("a", 1.0, 1)
    assert recorder.runs == []


def test_training_is_the_same_with_and_without(recorder: MemoryRecorder) -> None:
    def train() -> list[float]:
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 1)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            layer(torch.ones(2, 3)).square().sum().backward()
            optimizer.step()
        weights: list[float] = layer.weight.flatten().tolist()
        return weights

    plain = train()
    autolog.enable("torch")
    recorder.start_run()
    recorder.broken = {"log_params"}
    assert train() == plain
    assert autolog.failures["torch"] == 1


class Net(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, branches: bool = False) -> None:
        super().__init__()
        self.inner, self.branches = torch.nn.Linear(3, 1), branches

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if self.branches and float(rows.sum()) > 0:
            return -self.inner(rows)
        return self.inner(rows)


def train(net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.ones(4, 3)).square().sum().backward()
        optimizer.step()


def test_the_module_that_was_trained_is_logged_when_the_run_ends(recorded: MemoryRecorder) -> None:
    net, other = Net(), Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    torch.optim.SGD(net.parameters(), lr=0.2)
    other(torch.ones(1, 3))
    train(net, optimizer)
    assert recorded.run.models == {}
    recorded.end_run()
    ((name, (model, how)),) = recorded.run.models.items()
    assert (name, model is net) == ("model", True)
    assert how.rows.tolist() == [[1.0] * 3] * 2
    assert [[*way] for way in how.ways] == [["export_example"], ["serialization_format"]]
    del optimizer
    gc.collect()
    assert not torch.nn.modules.module._global_forward_pre_hooks, "modules are called as before"


def test_a_run_that_failed_logs_no_module(recorded: MemoryRecorder) -> None:
    net = Net()
    train(net, torch.optim.SGD(net.parameters(), lr=0.1))
    recorded.end_run("FAILED")
    assert recorded.run.models == {}


@pytest.mark.parametrize("branches", [False, True], ids=["exported", "as weights, when it cannot be exported"])
def test_a_trained_module_is_an_output_of_its_run(
    branches: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    autolog.set_recorder(recording.FluentRecorder())
    tw.autolog("pytorch")
    net = Net(branches)
    with tw.start_run() as run:
        train(net, torch.optim.SGD(net.parameters(), lr=0.1))
    assert not autolog.failures
    rows = np.full((2, 3), -1.0, np.float32)
    expected = net(torch.as_tensor(rows)).detach().numpy()
    assert len(tw.get_run(run.info.run_id).outputs.model_outputs) == 1
    if branches:
        filled = tw.pytorch.load_model(f"runs:/{run.info.run_id}/model", model=Net(branches))
        found = filled(torch.as_tensor(rows)).detach().numpy()
    else:
        found = tw.load_model(f"runs:/{run.info.run_id}/model").predict(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    close_transports()


def test_errors_of_the_user_are_unchanged(recorded: MemoryRecorder) -> None:
    with pytest.raises(ValueError, match="empty parameter list"):
        torch.optim.SGD([], lr=0.1)


def test_switched_on_before_the_import_and_off_again() -> None:
    script = """
from trackway.sdk import autolog, recording
from trackway.sdk.connection import close_transports
autolog.enable("pytorch")
import torch
import trackway as tw
from tests.sdk.autolog.memory import MemoryRecorder
recorder = MemoryRecorder()
autolog.set_recorder(recorder)
recorder.start_run()
torch.optim.SGD([torch.zeros(1)], lr=0.5)
patched = torch.optim.Optimizer.__init__
autolog.disable("pytorch")
print(recorder.run.params["optimizer_lr"], patched is torch.optim.Optimizer.__init__, autolog.failures)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("0.5 False Counter()", "")
