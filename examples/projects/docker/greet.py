"""Greet, from within a container."""

from __future__ import annotations

import os
import sys

print(os.environ["GREETING"], sys.argv[1])
