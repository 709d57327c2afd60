"""A made-up step that leaves a mark each time, and stops half-way when it is told to."""

from __future__ import annotations

import os
import sys

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        "INSERT INTO workspaces (key, name, description, created_by, created_ms)"
        " SELECT 'mark ' || count(*), 'mark ' || count(*), '', '', 0 FROM workspaces"
    )
    match os.environ.get("TEST_STEP"):
        case "wait":
            print("half-way", flush=True)
            sys.stdin.read()
        case "fail":
            op.execute("INSERT INTO nowhere VALUES (1)")
    op.execute("CREATE TABLE later (pk INTEGER PRIMARY KEY)")
