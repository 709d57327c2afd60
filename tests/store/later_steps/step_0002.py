"""A made-up step: a column with a backfill, an index, and a table that SQLite must write anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("title", sa.Text(), nullable=True))
    op.execute("UPDATE runs SET title = 'run ' || name")
    op.create_index("ix_runs_title", "runs", ["experiment_pk", "title"])
    with op.batch_alter_table("audit") as batch:
        batch.alter_column("detail", new_column_name="details", existing_type=sa.Text(), existing_nullable=False)
