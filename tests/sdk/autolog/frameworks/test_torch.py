from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog

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


def test_errors_of_the_user_are_unchanged(recorded: MemoryRecorder) -> None:
    with pytest.raises(ValueError, match="empty parameter list"):
        torch.optim.SGD([], lr=0.1)


def test_switched_on_before_the_import_and_off_again() -> None:
    script = """
from trackway.sdk import autolog
autolog.enable("pytorch")
import torch
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
