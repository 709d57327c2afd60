"""The machine that a run runs on: what it is made of, and how busy it is."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from typing import Any, NamedTuple


class Counters(NamedTuple):
    """One reading of the machine; what only ever grows counts from the machine's or the process's start.

    Network counts every interface but the loopback; disks are the physical ones.
    """

    monotonic_s: float
    cpu_busy_s: float
    cpu_total_s: float
    memory_used_bytes: int
    memory_total_bytes: int
    network_received_bytes: int
    network_sent_bytes: int
    disk_read_bytes: int
    disk_written_bytes: int
    process_cpu_s: float
    process_memory_bytes: int


class DiskSpace(NamedTuple):
    """Space of the file system that holds the working directory."""

    used_bytes: int
    free_bytes: int
    total_bytes: int


def describe_hardware() -> dict[str, str]:
    """Return what is known of cpu_model, cpu_cores, cpu_cores_usable, memory_bytes, gpu_driver and gpu_<i>."""
    hardware = {"cpu_model": _get_cpu_model(), "cpu_cores": str(os.cpu_count() or "")}
    if hasattr(os, "sched_getaffinity"):
        hardware["cpu_cores_usable"] = str(len(os.sched_getaffinity(0)))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        hardware["memory_bytes"] = str(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    gpus = Gpus()
    hardware |= gpus.describe()
    gpus.close()
    return {name: value for name, value in hardware.items() if value}


def read_counters() -> Counters:
    """Read the machine's counters: from /proc on Linux, elsewhere through psutil.

    raises: ImportError where neither is there; OSError when /proc does not answer
    cost:   five small files, about 0.2 ms
    """
    return _read_proc() if sys.platform == "linux" else _read_psutil()


def read_disk_space() -> DiskSpace:
    """Return how full the file system of the working directory is."""
    usage = shutil.disk_usage(".")
    return DiskSpace(usage.used, usage.free, usage.total)


class Gpus:
    """The NVIDIA devices of this machine through NVML; none when its Python bindings or driver are absent."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._devices: list[Any] = []
        try:
            import pynvml
        except ImportError:
            return
        try:
            pynvml.nvmlInit()
            self._devices = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError:  # no driver, or none that answers
            return
        self._nvml = pynvml

    def describe(self) -> dict[str, str]:
        """Return ``gpu_driver`` and a name for each device as ``gpu_<i>``; nothing without devices."""
        if not self._devices:
            return {}
        found = {"gpu_driver": self._ask("nvmlSystemGetDriverVersion")}
        found |= {f"gpu_{i}": self._ask("nvmlDeviceGetName", device) for i, device in enumerate(self._devices)}
        return {name: _to_text(value) for name, value in found.items() if value is not None}

    def read(self) -> dict[str, float]:
        """Return ``gpu_<i>_...`` readings of all devices, leaving out what a device does not report."""
        readings: dict[str, float] = {}
        for i, device in enumerate(self._devices):
            for name, value in self._read_device(device).items():
                readings[f"gpu_{i}_{name}"] = value
        return readings

    def close(self) -> None:
        """Let go of the driver."""
        if self._nvml is not None:
            self._ask("nvmlShutdown")
            self._nvml, self._devices = None, []

    def _read_device(self, device: Any) -> dict[str, float]:
        readings: dict[str, float] = {}
        if (rates := self._ask("nvmlDeviceGetUtilizationRates", device)) is not None:
            readings["utilization_percentage"] = float(rates.gpu)
        if (memory := self._ask("nvmlDeviceGetMemoryInfo", device)) is not None:
            readings["memory_usage_megabytes"] = memory.used / 1e6
            readings["memory_usage_percentage"] = 100 * memory.used / memory.total
        power_mw = self._ask("nvmlDeviceGetPowerUsage", device)
        if power_mw is not None:
            readings["power_usage_watts"] = power_mw / 1e3
            if limit_mw := self._ask("nvmlDeviceGetEnforcedPowerLimit", device):
                readings["power_usage_percentage"] = 100 * power_mw / limit_mw
        if (degrees := self._ask("nvmlDeviceGetTemperature", device, 0)) is not None:  # 0: the sensor on the die
            readings["temperature_celsius"] = float(degrees)
        return readings

    def _ask(self, function: str, *arguments: Any) -> Any:
        try:
            return getattr(self._nvml, function)(*arguments)
        except self._nvml.NVMLError:  # a device need not support every reading
            return None


def _to_text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _get_cpu_model() -> str:
    if sys.platform == "linux":
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if line.startswith("model name"):
                        return line.partition(":")[2].strip()
        except OSError:  # hidden by a sandbox
            return platform.processor()
    return platform.processor()


def _read_proc() -> Counters:
    with open("/proc/stat", "rb") as file:
        # Fields: user nice system idle iowait irq softirq steal; the guest times after them are part of user and nice.
        ticks = [int(field) for field in file.readline().split()[1:9]]
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    with open("/proc/meminfo", "rb") as file:
        memory = {line[0]: int(line[1]) * 1024 for line in map(bytes.split, file)}
    total = memory[b"MemTotal:"]
    with open("/proc/self/statm", "rb") as file:
        resident_pages = int(file.read().split()[1])
    received, sent = _read_proc_network()
    read, written = _read_proc_disks()
    return Counters(
        monotonic_s=time.monotonic(),
        cpu_busy_s=(sum(ticks) - ticks[3] - ticks[4]) * tick_s,
        cpu_total_s=sum(ticks) * tick_s,
        memory_used_bytes=total - memory.get(b"MemAvailable:", memory[b"MemFree:"]),
        memory_total_bytes=total,
        network_received_bytes=received,
        network_sent_bytes=sent,
        disk_read_bytes=read,
        disk_written_bytes=written,
        process_cpu_s=time.process_time(),
        process_memory_bytes=resident_pages * os.sysconf("SC_PAGE_SIZE"),
    )


def _read_proc_network() -> tuple[int, int]:
    received = sent = 0
    with open("/proc/self/net/dev", encoding="ascii") as file:
        for line in file.readlines()[2:]:
            name, _, numbers = line.partition(":")
            fields = numbers.split()
            if name.strip() != "lo":
                received += int(fields[0])
                sent += int(fields[8])
    return received, sent


def _read_proc_disks() -> tuple[int, int]:
    # Whole physical devices only: partitions, loops, RAM disks and device-mapper volumes would count bytes twice.
    try:
        disks = {name for name in os.listdir("/sys/block") if not name.startswith(("loop", "ram", "zram", "dm-", "md"))}
        with open("/proc/diskstats", encoding="ascii") as file:
            lines = [line.split() for line in file]
    except OSError:  # not shown in some containers
        return 0, 0
    sectors = [(int(line[5]), int(line[9])) for line in lines if line[2] in disks]
    return sum(read for read, _ in sectors) * 512, sum(written for _, written in sectors) * 512


def _read_psutil() -> Counters:
    import psutil

    cpu, memory = psutil.cpu_times(), psutil.virtual_memory()
    network = [counts for name, counts in psutil.net_io_counters(pernic=True).items() if not name.startswith("lo")]
    disk = psutil.disk_io_counters()
    return Counters(
        monotonic_s=time.monotonic(),
        cpu_busy_s=sum(cpu) - cpu.idle,
        cpu_total_s=sum(cpu),
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        network_received_bytes=sum(counts.bytes_recv for counts in network),
        network_sent_bytes=sum(counts.bytes_sent for counts in network),
        disk_read_bytes=disk.read_bytes if disk else 0,
        disk_written_bytes=disk.write_bytes if disk else 0,
        process_cpu_s=time.process_time(),
        process_memory_bytes=psutil.Process().memory_info().rss,
    )
