"""Readers of bytes that anybody may have made; see ``targets``."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.services.peers import peer_python

CHANGED = 150
SECONDS = os.environ.get("TRACKWAY_FUZZ_SECONDS", "20")
ROOT = Path(__file__).parents[2]


def change(examples: list[bytes], count: int) -> Iterator[bytes]:
    """Yield examples that are cut, doubled, mixed, and have other bytes here and there; the same ones each time."""
    chance = random.Random(20)
    for _ in range(count):
        data = bytearray(chance.choice(examples))
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[place : place + 1] = bytes([chance.randrange(256)])
                case 1:
                    del data[place : place + chance.randint(1, 8)]
                case 2:
                    data[place:place] = data[place : place + chance.randint(1, 40)]
                case 3:
                    other = chance.choice(examples)
                    data[place:] = other[chance.randrange(len(other) + 1) :]
                case 4:
                    data[place:place] = chance.choice((b"\0", b"\xff" * 8, b"9" * 400, b"(" * 60, b"'", b"\xf5\xfa"))
        yield bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_survives_its_examples_and_changed_ones(name: str) -> None:
    target = TARGETS[name]
    for data in [b"", *target.examples, *change(target.examples, CHANGED)]:
        target.read(data)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_finds_nothing_in_a_bounded_time(name: str, tmp_path: Path) -> None:
    command = [peer_python("fuzz"), "-m", "tests.fuzz.run", name, SECONDS, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=int(SECONDS) + 240, check=False
    )
    assert done.returncode == 0, done.stderr[-6_000:]
    assert "stat::number_of_executed_units" in done.stderr
