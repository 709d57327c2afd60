"""The folder of what was fetched or made once and is kept: models, environments, repositories."""

from __future__ import annotations

import os
from pathlib import Path

from trackway.sdk import settings


def get_cache(name: str) -> Path:
    """Return a folder of the cache, for this user alone; it is made when there is none."""
    given = settings.get("TRACKWAY_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    place = Path(given or os.path.join(home, "trackway")) / name
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place
