"""The tables of the trash; see ``schema``."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary

from trackway.store.sql.columns import STRING, integer, make_table, pk, serial, string

trash = make_table(
    "trash",
    serial(),
    string("workspace"),
    string("kind"),
    string("name"),
    integer("object_pk"),
    integer("model_pk"),
    string("target_kind"),
    string("target"),
    integer("deleted_ms"),
    string("deleted_by"),
    ids=True,
)
"""What was deleted. ``object_pk`` is the number that it had and gets again; see ``store.trash.Deleted``."""
Index("ix_trash_workspace", trash.c.workspace, trash.c.pk)
Index("ix_trash_deleted", trash.c.workspace, trash.c.deleted_ms)
Index("ix_trash_model", trash.c.model_pk)
trash_rows = make_table(
    "trash_rows",
    pk("trash_pk"),
    pk("number"),
    string("source"),
    Column("data", LargeBinary, nullable=False),
)
"""Some rows of the table ``source``, as MessagePack: names of columns, and values. A restore puts them back in order; a
column that the table got since has its default, one that it lost is left out."""
trash_folders = make_table("trash_folders", pk("workspace", STRING), pk("path", STRING), integer("trash_pk"))
"""The folders of versions in the trash, whose files stay until the purge."""
Index("ix_trash_folders_entry", trash_folders.c.trash_pk)

TABLES = (trash,)
"""Those that others hang on."""
