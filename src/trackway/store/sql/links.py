"""Links between runs: each by the numbers of both, so that neither has to be found again where the other is."""

from __future__ import annotations

from collections.abc import Sequence

from trackway.api.calls import Sight
from trackway.api.links import Link, LinkKind, RunLink
from trackway.store.sql.connection import Connection
from trackway.store.sql.filters import Sql, conjoin
from trackway.store.sql.search import among


class LinkTable:
    """See ``store.base.Links``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, run: int, kind: LinkKind, earlier: int) -> bool:
        """Add a link; tell whether it is new."""
        sql = "INSERT INTO run_links (run_pk, kind, earlier_pk) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        return self._db.run(sql, (run, kind, earlier)) > 0

    def delete(self, run: int, kind: LinkKind, earlier: int) -> bool:
        """Delete a link; tell whether it was there."""
        sql = "DELETE FROM run_links WHERE run_pk = ? AND kind = ? AND earlier_pk = ?"
        return self._db.run(sql, (run, kind, earlier)) > 0

    def count(self, run: int) -> int:
        """Count a run's links to earlier ones."""
        [row] = self._db.all("SELECT COUNT(*) FROM run_links WHERE run_pk = ?", (run,))
        return int(row[0])

    def list_links(self, run: int, later: bool, limit: int, sees: Sight) -> list[RunLink]:
        """Return a run's links to earlier ones, or those of later ones to it, newest first: of what is seen."""
        own, other = ("earlier_pk", "run_pk") if later else ("run_pk", "earlier_pk")
        seen = self._see("r", sees)
        rows = self._db.all(
            f"SELECT x.kind, r.run_id, r.name, r.status, r.deleted_ms FROM run_links x JOIN runs r ON r.pk = x.{other}"
            f" WHERE x.{own} = ? AND {seen.text} ORDER BY x.{other} DESC, x.kind LIMIT ?",
            (run, *seen.params, limit),
        )
        return [
            RunLink(
                kind=kind,
                run_id=run_id,
                name=name,
                status=status,
                lifecycle="active" if deleted_ms is None else "deleted",
            )
            for kind, run_id, name, status, deleted_ms in rows
        ]

    def get_links(self, workspace: str, run_ids: Sequence[str], sees: Sight) -> list[Link]:
        """Return links of several runs to earlier ones, those of one together, newest first: of what is seen."""
        if not run_ids:
            return []
        asked, values = self._db.among(run_ids)
        seen = conjoin(self._see("o", sees), self._see("r", sees))
        rows = self._db.all(
            "SELECT o.run_id, x.kind, r.run_id FROM runs o JOIN run_links x ON x.run_pk = o.pk"
            f" JOIN runs r ON r.pk = x.earlier_pk WHERE o.workspace = ? AND o.run_id {asked} AND {seen.text}"
            " ORDER BY o.pk, x.earlier_pk DESC, x.kind",
            (workspace, *values, *seen.params),
        )
        return [Link(run_id=run_id, kind=kind, earlier_run_id=earlier) for run_id, kind, earlier in rows]

    def _see(self, run: str, sees: Sight) -> Sql:
        """Return the condition that a run is seen."""
        if sees.experiments is None:
            return Sql("1 = 1")
        return among(self._db, f"{run}.experiment_pk", sees.experiments or (-1,))
