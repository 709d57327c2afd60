"""Headers of safetensors files, read before the library sees them: a length, JSON, and then the bytes of tensors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from trackway.base.errors import Corrupt

SUFFIX: Final = ".safetensors"
MAX_HEADER_BYTES: Final = 100_000_000
"""What the format allows."""
_LENGTH: Final = 8


def check_safetensors(path: Path) -> None:
    """Refuse a file that is not whole.

    raises: Corrupt for a header that is too large or no JSON, and for tensors that are not in the file or overlap
    """
    size_bytes = os.stat(path).st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if size_bytes < _LENGTH or length > min(MAX_HEADER_BYTES, size_bytes - _LENGTH):
            raise Corrupt(f"{path.name!r} is no safetensors file: its header would take {length} bytes")
        data = file.read(length)
    try:
        header = json.loads(data) if data.startswith(b"{") else None
        if not isinstance(header, dict):
            raise ValueError("no object")
        places = [one["data_offsets"] for name, one in header.items() if name != "__metadata__"]
        ranges = sorted((int(start), int(end)) for start, end in places)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Corrupt(f"{path.name!r} is no safetensors file: its header cannot be read") from None
    at = 0
    for start, end in ranges:
        if start != at or end < start:
            raise Corrupt(f"{path.name!r} is no safetensors file: its tensors overlap or leave gaps")
        at = end
    if _LENGTH + length + at != size_bytes:
        raise Corrupt(f"{path.name!r} is no whole safetensors file: {size_bytes} bytes, not {_LENGTH + length + at}")
