"""System metrics: how busy the machine was while a run went on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput
from trackway.sdk import machine
from trackway.sdk.machine import Gpus

LogMetrics = Callable[[dict[str, float], int, int], None]
"""Receives metrics, step and time in ms."""

STOP_TIMEOUT_S: Final = 5.0
_MEGABYTE = 1e6

_logger = logging.getLogger("trackway.system_metrics")


class SystemMetrics:
    """Samples the machine in a thread of its own, and logs the mean of some samples as one point of each metric.

    log:                    called in that thread
    interval_s:             seconds from sample to sample, over 0
    samples_before_logging: samples averaged into one point, at least 1
    node_id:                names the machine in a run of several: keys are then ``system/<node_id>/...``

    Keys, as MLflow's where it has them; megabytes are 10**6 bytes: system/cpu_utilization_percentage,
    system/system_memory_usage_{megabytes,percentage}, system/disk_usage_{megabytes,percentage},
    system/disk_available_megabytes, system/disk_{read,write}_megabytes, system/network_{receive,transmit}_megabytes,
    system/process_cpu_utilization_percentage (100 is one core), system/process_memory_usage_megabytes, and for each
    NVIDIA device system/gpu_<i>_{utilization_percentage,memory_usage_megabytes,memory_usage_percentage,
    power_usage_watts,power_usage_percentage,temperature_celsius}. Transferred megabytes count from the start. Steps
    count the points from 0.

    A sample that fails is counted in ``failures``, warned of once, and never reaches training. Linux needs nothing
    but /proc; other systems need psutil; devices need the NVML bindings.

    cost: about 0.5 ms of CPU a sample
    """

    def __init__(
        self, log: LogMetrics, interval_s: float = 10, samples_before_logging: int = 1, node_id: str | None = None
    ) -> None:
        if not interval_s > 0:
            raise InvalidInput(f"interval_s is {interval_s}", hint="seconds between samples must be over 0")
        if samples_before_logging < 1:
            raise InvalidInput(f"samples_before_logging is {samples_before_logging}", hint="it must be at least 1")
        self.failures = 0
        self._log = log
        self._interval_s = interval_s
        self._samples_before_logging = samples_before_logging
        self._prefix = f"system/{node_id}/" if node_id else "system/"
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin sampling; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="trackway-system-metrics", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End sampling: log what was sampled and not logged yet, so that a short run has a point too.

        cost: one sample; waits at most 5 s for ``log``
        """
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        try:
            sampler = _Sampler()
        except Exception as error:  # noqa: BLE001 - the thread's edge
            self._report(error)
            return
        samples: list[dict[str, float]] = []
        step = 0
        ending = False
        while not ending:
            ending = self._stopping.wait(self._interval_s)
            try:
                samples.append(sampler.sample())
                if ending or len(samples) == self._samples_before_logging:
                    means = _average(samples)
                    samples = []
                    self._log({self._prefix + name: value for name, value in means.items()}, step, now_ms())
                    step += 1
            except Exception as error:  # noqa: BLE001 - the thread's edge: one bad sample does not end the series
                self._report(error)
        sampler.close()

    def _report(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            _logger.warning("System metrics failed: %s. Training is not affected.", error, exc_info=error)


class _Sampler:
    """Turns readings of the machine into rates since the last sample and amounts since the first."""

    def __init__(self) -> None:
        self._first = self._last = machine.read_counters()
        self._gpus = Gpus()

    def sample(self) -> dict[str, float]:
        now = machine.read_counters()
        first, last, self._last = self._first, self._last, now
        space = machine.read_disk_space()
        sample = {
            "system_memory_usage_megabytes": now.memory_used_bytes / _MEGABYTE,
            "system_memory_usage_percentage": 100 * now.memory_used_bytes / now.memory_total_bytes,
            "disk_usage_megabytes": space.used_bytes / _MEGABYTE,
            "disk_usage_percentage": 100 * space.used_bytes / (space.used_bytes + space.free_bytes),
            "disk_available_megabytes": space.free_bytes / _MEGABYTE,
            "disk_read_megabytes": (now.disk_read_bytes - first.disk_read_bytes) / _MEGABYTE,
            "disk_write_megabytes": (now.disk_written_bytes - first.disk_written_bytes) / _MEGABYTE,
            "network_receive_megabytes": (now.network_received_bytes - first.network_received_bytes) / _MEGABYTE,
            "network_transmit_megabytes": (now.network_sent_bytes - first.network_sent_bytes) / _MEGABYTE,
            "process_memory_usage_megabytes": now.process_memory_bytes / _MEGABYTE,
            **self._gpus.read(),
        }
        if now.cpu_total_s > last.cpu_total_s:
            busy = (now.cpu_busy_s - last.cpu_busy_s) / (now.cpu_total_s - last.cpu_total_s)
            sample["cpu_utilization_percentage"] = 100 * min(max(busy, 0.0), 1.0)
        if now.monotonic_s > last.monotonic_s:
            used_s = now.process_cpu_s - last.process_cpu_s
            sample["process_cpu_utilization_percentage"] = 100 * used_s / (now.monotonic_s - last.monotonic_s)
        return sample

    def close(self) -> None:
        self._gpus.close()


def _average(samples: list[dict[str, float]]) -> dict[str, float]:
    columns: dict[str, list[float]] = {}
    for sample in samples:
        for name, value in sample.items():
            columns.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in columns.items()}
