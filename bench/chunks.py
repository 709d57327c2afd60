"""Print sizes and speeds of metric chunks: python bench/chunks.py"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from trackway.store.chunks import (
    Columns,
    order_history,
    pack_raw,
    pack_sealed,
    seal_chunks,
    split_chunk,
    summarize,
    unpack,
    unpack_many,
)
from trackway.store.curves import draw_curve
from trackway.store.thinning import downsample

POINTS = 1_000_000


def measure_s(work: Callable[[], object], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def show(what: str, figure: float, unit: str) -> None:
    print(f"{what:<52}{figure:>10,.2f} {unit}")


def as_bytes(points: Columns, start: int, end: int) -> tuple[bytes, bytes, bytes]:
    return (
        points.steps[start:end].tobytes(),
        points.times_ms[start:end].tobytes(),
        points.values[start:end].tobytes(),
    )


def main() -> None:
    rng = np.random.default_rng(1)
    steps = np.arange(POINTS)
    times = 1_700_000_000_000 + np.cumsum(rng.integers(8, 14, POINTS))
    smooth = np.exp(-steps / 300_000)
    noisy = Columns(steps, times, smooth + rng.normal(0, 0.05, POINTS))

    print("bytes a point, sealed")
    kinds = {"noisy": noisy.values, "smooth": smooth, "noisy float32": noisy.values.astype(np.float32).astype(float)}
    for name, values in kinds.items():
        sealed = seal_chunks([(0, pack_raw(steps.tobytes(), times.tobytes(), values.tobytes()))])
        show(f"  {name}", sum(len(data) for _, data in sealed) / POINTS, "B")

    one, thousand = as_bytes(noisy, 0, 1), as_bytes(noisy, 0, 1_000)
    full = Columns(steps[:8_192], times[:8_192], noisy.values[:8_192])
    blob = pack_sealed(*full)
    print("one call")
    show("  pack_raw, 1 point", measure_s(lambda: [pack_raw(*one) for _ in range(10_000)]) * 100, "us")
    show("  pack_raw, 1,000 points", measure_s(lambda: [pack_raw(*thousand) for _ in range(1_000)]) * 1e3, "us")
    show("  summarize, 1 point", measure_s(lambda: [summarize(*one) for _ in range(10_000)]) * 100, "us")
    show("  summarize, 1,000 points", measure_s(lambda: [summarize(*thousand) for _ in range(100)]) * 1e4, "us")
    show("  pack_sealed, 8,192 points", measure_s(lambda: pack_sealed(*full)) * 1e6, "us")
    show("  unpack, 8,192 sealed points", measure_s(lambda: unpack(blob)) * 1e6, "us")

    chunks = [data for _, data in seal_chunks([(0, pack_raw(*as_bytes(noisy, 0, POINTS)))])]
    singles = [pack_raw(*as_bytes(noisy, i, i + 1)) for i in range(500_000)]
    thousands = [pack_raw(*as_bytes(noisy, i, i + 1_000)) for i in range(0, 500_000, 1_000)]
    print("unpack_many")
    show("  500,000 chunks of 1 point", 0.5 / measure_s(lambda: unpack_many(singles)), "M points/s")
    show("  500 chunks of 1,000 points", 0.5 / measure_s(lambda: unpack_many(thousands)), "M points/s")
    show("  123 sealed chunks", 1 / measure_s(lambda: unpack_many(chunks)), "M points/s")

    mixed = rng.permutation(POINTS)
    shuffled = Columns(steps[mixed], times[mixed], noisy.values[mixed])
    print("1,000,000 points")
    show("  order_history, in order", measure_s(lambda: order_history(noisy)) * 1e3, "ms")
    show("  order_history, shuffled", measure_s(lambda: order_history(shuffled), 3) * 1e3, "ms")
    show("  downsample to 1,000", measure_s(lambda: downsample(steps, noisy.values, 1_000)) * 1e3, "ms")
    heads = [(first, split_chunk(data).head) for first, data in enumerate(chunks)]

    def draw(low: int, high: int) -> None:
        for _ in range(10):
            draw_curve(heads, lambda firsts: [chunks[first] for first in firsts], 1_000, low, high)

    show("  draw_curve to 1,000, 10 runs", measure_s(lambda: draw(0, POINTS)) * 1e3, "ms")
    show("  draw_curve to 1,000, a tenth of it, 10 runs", measure_s(lambda: draw(100_000, 199_999)) * 1e3, "ms")


if __name__ == "__main__":
    main()
