"""Runs one reader under a fuzzer that follows the branches: ``python -m tests.fuzz.run TARGET SECONDS FOLDER``.

What makes it fail is kept in the folder, beside what it has learnt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trackway"]):
    from tests.fuzz.targets import TARGETS


def main(name: str, seconds: str, folder: str) -> None:
    """Fuzz for so long; end with another status than 0 when something was found."""
    target = TARGETS[name]
    corpus = Path(folder) / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(target.examples):
        (corpus / f"example-{number}").write_bytes(example)
    limits = ["-timeout=25", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]
    kept = [f"-artifact_prefix={folder}/{name}-", f"-max_total_time={seconds}"]
    atheris.Setup([sys.argv[0], *limits, *kept, str(corpus)], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
