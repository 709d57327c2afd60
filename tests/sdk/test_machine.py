from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import psutil
import pytest

from trackway.sdk import machine


class FakeNvml(ModuleType):
    """Two devices; the second supports little."""

    class NVMLError(Exception):
        pass

    def __init__(self, fail: Callable[[str], bool] = lambda _: False) -> None:
        super().__init__("pynvml")
        self.fail = fail
        self.closed = threading.Event()
        answers: dict[str, Callable[..., object]] = {
            "nvmlInit": lambda: None,
            "nvmlShutdown": self.closed.set,
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda i: i,
            "nvmlSystemGetDriverVersion": lambda: b"575.1",
            "nvmlDeviceGetName": lambda i: f"Card {i}",
            "nvmlDeviceGetUtilizationRates": lambda i: SimpleNamespace(gpu=50 + i),
            "nvmlDeviceGetMemoryInfo": lambda i: SimpleNamespace(used=2_000_000_000, total=8_000_000_000),
            "nvmlDeviceGetPowerUsage": lambda i: self._only_first(i, 150_000),
            "nvmlDeviceGetEnforcedPowerLimit": lambda i: 300_000,
            "nvmlDeviceGetTemperature": lambda i, sensor: self._only_first(i, 61),
        }
        for name, answer in answers.items():
            setattr(self, name, self._checked(name, answer))

    def _checked(self, name: str, answer: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            if self.fail(name):
                raise self.NVMLError("driver is away")
            return answer(*arguments)

        return call

    def _only_first(self, device: int, value: int) -> int:
        if device:
            raise self.NVMLError("not supported")
        return value


def test_names_and_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    hardware = machine.describe_hardware()
    assert (hardware["gpu_driver"], hardware["gpu_0"], hardware["gpu_1"]) == ("575.1", "Card 0", "Card 1")
    assert nvml.closed.is_set()
    assert machine.Gpus().read() == {
        "gpu_0_utilization_percentage": 50.0,
        "gpu_0_memory_usage_megabytes": 2000.0,
        "gpu_0_memory_usage_percentage": 25.0,
        "gpu_0_power_usage_watts": 150.0,
        "gpu_0_power_usage_percentage": 50.0,
        "gpu_0_temperature_celsius": 61.0,
        "gpu_1_utilization_percentage": 51.0,
        "gpu_1_memory_usage_megabytes": 2000.0,
        "gpu_1_memory_usage_percentage": 25.0,
    }


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetCount"])
def test_bindings_without_a_driver_are_no_devices(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(lambda name: name == function))
    gpus = machine.Gpus()
    assert (gpus.describe(), gpus.read()) == ({}, {})
    gpus.close()


def test_no_bindings_are_no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert machine.Gpus().read() == {}


def test_counters_of_linux_agree_with_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    ours = machine.read_counters()
    assert psutil.LINUX  # it looks at the platform when it is imported
    monkeypatch.setattr(sys, "platform", "other")
    other = machine.read_counters()
    assert ours.memory_total_bytes == other.memory_total_bytes
    assert ours.cpu_total_s == pytest.approx(other.cpu_total_s, rel=0.01)
    assert ours.cpu_busy_s == pytest.approx(other.cpu_busy_s, rel=0.05)
    assert ours.memory_used_bytes == pytest.approx(other.memory_used_bytes, rel=0.1)
    assert ours.process_memory_bytes == pytest.approx(other.process_memory_bytes, rel=0.1)
    assert ours.network_received_bytes <= other.network_received_bytes
    assert ours.disk_written_bytes == pytest.approx(other.disk_written_bytes, rel=0.1)
