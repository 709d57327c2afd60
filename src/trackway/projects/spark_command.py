"""What ``spark-submit`` runs as its program: becomes the command that comes behind it, with all that Spark has set up.

PySpark within that command finds the JVM by the variables that it inherits. Run as a file, by the project's Python.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Become the command."""
    try:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]} cannot be started: {error.strerror}\n")
        raise SystemExit(127) from None


if __name__ == "__main__":
    main()
