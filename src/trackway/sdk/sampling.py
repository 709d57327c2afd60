"""Whether and how the machine is sampled while runs go on."""

from __future__ import annotations

from dataclasses import dataclass

from trackway.sdk import settings
from trackway.sdk.session import Session
from trackway.sdk.system_metrics import SystemMetrics


@dataclass
class Options:
    """What scripts choose; ``enabled`` None is as TRACKWAY_SYSTEM_METRICS says."""

    enabled: bool | None = None
    interval_s: float = 10.0
    samples_before_logging: int = 1
    node_id: str | None = None


OPTIONS = Options()


def start_sampling(session: Session, run_id: str, wanted: bool | None) -> SystemMetrics | None:
    """Begin to sample for a run if that is wanted, by this call or else by the options."""
    enabled = OPTIONS.enabled if wanted is None else wanted
    if enabled is None:
        enabled = settings.get_switch("TRACKWAY_SYSTEM_METRICS")
    if not enabled:
        return None

    def log(metrics: dict[str, float], step: int, time_ms: int) -> None:
        for key, value in metrics.items():
            session.log_point(run_id, key, step, time_ms, value)

    sampler = SystemMetrics(log, OPTIONS.interval_s, OPTIONS.samples_before_logging, OPTIONS.node_id)
    sampler.start()
    return sampler
