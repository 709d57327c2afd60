"""Training is killed at a random moment: what it had logged arrives, once, when its journal is delivered."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

import pytest

from tests.services.forks import run_forks
from tests.services.waiting import wait_until
from tests.system.killing import check_arrived, get_seed, run_killed_server
from tests.system.writers import Client
from trackway.sdk.connection import close_transports
from trackway.sdk.sync import sync

ALIVE_S = (0.05, 0.3)


def has_begun(noted: Path) -> bool:
    return noted.exists() and b"m 0\n" in noted.read_bytes()


@pytest.mark.parametrize("rounds", [pytest.param(20, id="20"), pytest.param(200, marks=pytest.mark.slow, id="200")])
def test_a_killed_trainer_loses_nothing_whose_call_had_returned(tmp_path: Path, rounds: int) -> None:
    """In some rounds the server dies first, in some right after the trainer: nobody knows what arrived."""
    draw = random.Random(get_seed())
    journal = tmp_path / "journal"
    environment = {"TRACKWAY_JOURNAL_DIR": str(journal), "TRACKWAY_FINISH_S": "60"}
    noted = [tmp_path / f"noted-{number}" for number in range(rounds)]
    with (
        run_killed_server(f"sqlite:///{tmp_path}/t.db", tmp_path) as server,
        run_forks("tests.system.children:train", tmp_path / "train.log", environment) as trainer,
    ):
        url = f"http://127.0.0.1:{server.port}"
        server.start()
        for number, file in enumerate(noted):
            trainer.start(url=url, noted=str(file), stop=str(tmp_path / "never"))
            wait_until(partial(has_begun, file), pause_s=0.005)
            time.sleep(draw.uniform(*ALIVE_S))
            if number % 5 == 1:
                server.kill()
            trainer.kill()
            if number % 5 == 3:
                server.kill()
            if number % 5 in (1, 3):
                server.start()
        synced = sync(journal, url)
        assert [one.problem for one in synced] == [""] * len(synced)
        assert all(one.removed and not one.refused for one in synced)
        assert sync(journal, url) == []
        close_transports()
        for file in noted:
            check_arrived(Client(server.port), file.read_text(), whole=False)
