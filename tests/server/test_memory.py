"""What a server does with memory that was freed."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FREED = """
import time
from pathlib import Path
from trackway.wiring import memory

def measure_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

memory.GIVE_BACK_S = 0.05
freed = memory.FreedMemory()
before = measure_mb()
blocks = [bytes(2_000) for _ in range(50_000)]
blocks = blocks[::100]  # what is free lies between these
full = measure_mb()
freed.start()
deadline = time.monotonic() + 20
while measure_mb() > before + 25 and time.monotonic() < deadline:
    time.sleep(0.02)
after = measure_mb()
freed.close()
assert full > before + 90, (before, full)
assert after < before + 25, (before, full, after)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no heap that they keep")
def test_what_lies_free_between_blocks_in_use_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
