"""A made-up step as a release may bring it: it adds, and takes away nothing that the version before needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("title", sa.Text(), nullable=True))
    op.execute("UPDATE runs SET title = 'run ' || name")
    op.create_index("ix_runs_title", "runs", ["experiment_pk", "title"])
    op.create_table("later", sa.Column("pk", sa.Integer(), primary_key=True))
