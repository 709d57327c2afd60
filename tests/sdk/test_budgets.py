"""What logging costs the training process, in counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

POINTS = 4_000
CALL_FUNCTIONS = 5
"""Functions of ours that one ``log_metric`` goes through; the journal has the record then."""
DELIVERY_CALLS = POINTS // 8
"""Calls of one function on the threads that deliver: some for each delivery, which are few, and none for each point."""
SCRIPT = """
import json, sys, threading
sys.path.insert(0, sys.argv[1])
from tests.services.counting import Calls
caller, others = Calls(), Calls()
threading.setprofile(others.note)
import trackway as tw
tw.set_tracking_uri(sys.argv[2])
tw.start_run()
tw.log_metric("loss", 1.0, step=0)
sys.setprofile(caller.note)
tw.log_metric("loss", 0.5, step=1)
sys.setprofile(None)
others.clear()
for step in range(int(sys.argv[3])):
    tw.log_metric("loss", 0.5, step=step)
tw.flush()
counted = [caller.counts, others.counts]
tw.end_run()
metrics = tw.MlflowClient().get_run(tw.last_active_run().info.run_id).data.metrics
print(json.dumps([*counted, metrics]))
"""


def test_a_point_costs_its_caller_five_calls_and_its_delivery_none(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT, str(root), str(tmp_path), str(POINTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    caller, others, metrics = json.loads(done.stdout.splitlines()[-1])
    assert metrics == {"loss": 0.5}
    assert len(caller) == sum(caller.values()) <= CALL_FUNCTIONS
    assert others["sender.Sender.deliver_next"] > 0
    assert max(others.values()) <= DELIVERY_CALLS, max(others, key=lambda name: others[name])
