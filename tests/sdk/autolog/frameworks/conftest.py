"""Tests with frameworks of some hundred megabytes: all are slow, and need what requirements/libraries.txt lists.

A run that leaves those libraries out does not even import these files, so that it can do without.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
