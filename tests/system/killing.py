"""A server that is killed and started again, and what is to be there of a run that a trainer logged."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.forks import Forks, run_forks
from tests.services.ports import free_port
from tests.services.trackway_server import answers
from tests.services.waiting import Stopwatch, wait_until
from tests.system.writers import Client, read_points

RECOVERY_S = 5.0
"""How long a server takes at most to be there again, on a machine where nobody waits for a processor or a disk."""


class KilledServer:
    """A server that is killed and started again, on one port and one store."""

    def __init__(self, forks: Forks, store: str, folder: Path) -> None:
        self.port = free_port()
        self._forks = forks
        self._arguments = {"port": self.port, "store": store, "artifacts": str(folder / "artifacts")}

    def start(self) -> None:
        self._forks.start(**self._arguments)
        watch = Stopwatch()
        wait_until(lambda: answers(self.port, "/ready"), pause_s=0.01)
        assert watch.read_s() < RECOVERY_S

    def kill(self) -> None:
        self._forks.kill()

    @property
    def pid(self) -> int:
        return self._forks.child


@contextmanager
def run_killed_server(store: str, folder: Path, serve: str = "serve") -> Iterator[KilledServer]:
    """Yield a server that is not started yet; ``serve`` is the function of ``children`` that serves."""
    with run_forks(f"tests.system.children:{serve}", folder / "server.log") as forks:
        yield KilledServer(forks, store, folder)


def get_seed() -> int:
    """Return what the rounds are drawn from, so that they can be repeated."""
    seed = int(os.environ.get("TRACKWAY_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"TRACKWAY_TEST_SEED={seed}")
    return seed


def check_arrived(client: Client, noted: str, whole: bool = True) -> None:
    """Compare a run with what its trainer noted; one that was not killed (``whole``) has logged no more than that."""
    lines = [line.split() for line in noted.splitlines()]
    [run_id] = [rest[0] for kind, *rest in lines if kind == "begin"]
    steps = len([line for line in lines if line[0] == "m"])
    points = read_points(client, run_id, "m")
    assert [point[0] for point in points] == list(range(len(points)))
    assert steps <= len(points) <= steps + (not whole)
    run = client.send("GET", f"/api/v1/runs/{run_id}")
    assert run["metrics"]["m"][7] == len(points), "each point was counted once"
    assert run["params"].keys() >= {rest[0] for kind, *rest in lines if kind == "p"}
    listed = client.send("POST", "/api/v1/artifacts/list", {"folder": f"0/{run_id}/artifacts"})["files"]
    names = {file["path"].rpartition("/")[2] for file in listed}
    assert names >= {rest[0] for kind, *rest in lines if kind == "f"}
    for name in names:
        text = client.send("GET", f"/api/v1/files/0/{run_id}/artifacts/{name}")
        assert text.decode() == f"{name[1:-4]} " * 20_000
    assert run["status"] in (("FINISHED",) if whole else ("RUNNING", "LOST"))  # lost, when its lease has ended by now
    client.close()
