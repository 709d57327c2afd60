"""The schema's history: the steps that Alembic carries out, and for each newest one the whole schema as SQL."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class History(NamedTuple):
    """A folder as Alembic keeps it, with ``schema/<revision>.<dialect>.sql`` beside, and its newest revision."""

    folder: Path
    head: str

    def find_schema(self, dialect: str, revision: str = "") -> Path:
        """Return the file with the whole schema of a revision, the newest if not said."""
        return self.folder / "schema" / f"{revision or self.head}.{dialect}.sql"

    def read_schema(self, dialect: str, revision: str = "") -> list[str]:
        """Return the statements that make a new database of a revision, the newest if not said."""
        return self.find_schema(dialect, revision).read_text(encoding="utf-8").split("\n\n")


HISTORY = History(Path(__file__).parent, "0001")
"""What this version knows."""
