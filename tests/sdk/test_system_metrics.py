from __future__ import annotations

import logging
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.sdk.test_machine import FakeNvml
from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput
from trackway.sdk import machine
from trackway.sdk.machine import Counters
from trackway.sdk.system_metrics import SystemMetrics

WAIT_S = 10

KEYS = {
    "system/cpu_utilization_percentage",
    "system/disk_available_megabytes",
    "system/disk_read_megabytes",
    "system/disk_usage_megabytes",
    "system/disk_usage_percentage",
    "system/disk_write_megabytes",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
    "system/process_cpu_utilization_percentage",
    "system/process_memory_usage_megabytes",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
}

Point = tuple[dict[str, float], int, int]


class Log:
    def __init__(self) -> None:
        self.points: queue.Queue[Point] = queue.Queue()
        self.threads: set[int] = set()

    def __call__(self, metrics: dict[str, float], step: int, time_ms: int) -> None:
        self.threads.add(threading.get_ident())
        self.points.put((metrics, step, time_ms))

    def next(self) -> Point:
        return self.points.get(timeout=WAIT_S)


@contextmanager
def sampling(log: Log, interval_s: float = 0.03, samples_before_logging: int = 1) -> Iterator[SystemMetrics]:
    metrics = SystemMetrics(log, interval_s, samples_before_logging)
    metrics.start()
    try:
        yield metrics
    finally:
        metrics.stop()


def counters(**changes: float) -> Counters:
    zero = Counters(0.0, 0.0, 0.0, 4_000_000, 8_000_000, 0, 0, 0, 0, 0.0, 1_000_000)
    return zero._replace(**changes)  # type: ignore[arg-type]


def test_points_come_at_the_interval_with_rising_steps_from_a_thread_of_their_own() -> None:
    log = Log()
    began_ms = now_ms()
    with sampling(log) as metrics:
        points = [log.next() for _ in range(3)]
    assert [step for _, step, _ in points] == [0, 1, 2]
    assert all(began_ms <= time_ms <= now_ms() for _, _, time_ms in points)
    assert threading.get_ident() not in log.threads
    assert set(points[0][0]) >= KEYS - {"system/cpu_utilization_percentage"}  # the kernel's clock may not have ticked
    assert metrics.failures == 0


def test_values_are_in_range() -> None:
    log = Log()
    with sampling(log, interval_s=0.1):
        sample, _, _ = log.next()
    assert {key for key in sample if "/gpu_" not in key} == KEYS
    assert all(
        0 <= value <= 100 for key, value in sample.items() if key.endswith("_percentage") and "process" not in key
    )
    assert 10 < sample["system/process_memory_usage_megabytes"] < sample["system/system_memory_usage_megabytes"]


def test_a_run_shorter_than_the_interval_has_one_point() -> None:
    log = Log()
    with sampling(log, interval_s=3600):
        pass
    assert log.next()[1] == 0
    assert log.points.empty()


def test_rates_count_from_sample_to_sample_and_amounts_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter(
        [
            counters(),
            counters(monotonic_s=2, cpu_total_s=4, cpu_busy_s=1, process_cpu_s=3, network_received_bytes=5e6),
            counters(monotonic_s=4, cpu_total_s=8, cpu_busy_s=4, process_cpu_s=3, network_received_bytes=7e6),
        ]
    )
    monkeypatch.setattr(machine, "read_counters", lambda: next(readings))
    log = Log()
    with sampling(log) as metrics:
        first, second = log.next()[0], log.next()[0]
        metrics.stop()
    assert first["system/cpu_utilization_percentage"] == 25
    assert first["system/process_cpu_utilization_percentage"] == 150
    assert first["system/network_receive_megabytes"] == 5
    assert first["system/system_memory_usage_percentage"] == 50
    assert second["system/cpu_utilization_percentage"] == 75
    assert second["system/process_cpu_utilization_percentage"] == 0
    assert second["system/network_receive_megabytes"] == 7


def test_samples_are_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([0, 1_000_000, 3_000_000, 5_000_000, 5_000_000])
    monkeypatch.setattr(machine, "read_counters", lambda: counters(memory_used_bytes=next(used)))
    log = Log()
    with sampling(log, samples_before_logging=2):
        assert log.next()[0]["system/system_memory_usage_megabytes"] == 2
        assert log.next()[0]["system/system_memory_usage_megabytes"] == 5


def test_node_id_goes_into_the_keys() -> None:
    log = Log()
    metrics = SystemMetrics(log, 3600, node_id="n1")
    metrics.start()
    metrics.stop()
    assert all(key.startswith("system/n1/") for key in log.next()[0])


def test_devices_are_read_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    log = Log()
    with sampling(log):
        sample, _, _ = log.next()
    assert sample["system/gpu_0_power_usage_watts"] == 150
    assert sample["system/gpu_1_utilization_percentage"] == 51
    assert "system/gpu_1_power_usage_watts" not in sample
    assert nvml.closed.is_set()


def test_samples_that_fail_are_counted_warned_of_once_and_followed_by_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = machine.read_counters
    answers = iter([None, OSError("no"), OSError("no"), None])

    def fail_twice() -> Counters:
        error = next(answers, None)
        if error is not None:
            raise error
        return read()

    monkeypatch.setattr(machine, "read_counters", fail_twice)
    log = Log()
    with caplog.at_level(logging.WARNING), sampling(log) as metrics:
        assert log.next()[1] == 0
    assert metrics.failures == 2
    assert len(caplog.records) == 1


def test_a_log_that_raises_never_reaches_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    seen = threading.Semaphore(0)

    def fail(metrics: dict[str, float], step: int, time_ms: int) -> None:
        seen.release()
        raise RuntimeError("journal is full")

    metrics = SystemMetrics(fail, 0.01)
    metrics.start()
    for _ in range(3):
        assert seen.acquire(timeout=WAIT_S)
    metrics.stop()
    assert metrics.failures >= 3
    assert len(caplog.records) == 1


def test_a_machine_that_cannot_be_read_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "platform", "sunos")
    monkeypatch.setitem(sys.modules, "psutil", None)
    log = Log()
    with sampling(log, 0.01) as metrics:
        metrics.stop()
    assert (metrics.failures, len(caplog.records), log.points.empty()) == (1, 1, True)


def test_starting_and_stopping_twice_is_once() -> None:
    log = Log()
    metrics = SystemMetrics(log, 3600)
    metrics.stop()
    metrics.start()
    metrics.start()
    metrics.stop()
    metrics.stop()
    assert log.next()[1] == 0
    assert log.points.empty()


@pytest.mark.parametrize("interval_s, samples", [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_impossible_intervals_are_refused(interval_s: float, samples: int) -> None:
    with pytest.raises(InvalidInput):
        SystemMetrics(Log(), interval_s, samples)
