"""The first schema."""

from __future__ import annotations

from alembic import op

from trackway.store.sql.migrations import HISTORY

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in HISTORY.read_schema(op.get_context().dialect.name, revision):
        op.execute(statement)
