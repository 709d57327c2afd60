"""Rights that are read while others change them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trackway.auth.credentials import mint
from trackway.auth.rights import Rights, enter_workspace, load_rights
from trackway.store.sql.store import SqlStore


@pytest.fixture
def servers(postgres_database: str) -> Iterator[tuple[SqlStore, SqlStore]]:
    """Two servers on one database of PostgreSQL, whose writers see what others commit meanwhile."""
    stores = SqlStore(postgres_database), SqlStore(postgres_database)
    yield stores
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "read",
    [
        lambda tx, shown: enter_workspace(tx, shown, "", 1),
        lambda tx, shown: load_rights(tx, shown, "default", 1),
    ],
    ids=["entered", "loaded"],
)
def test_rights_are_not_newer_by_their_version_than_by_what_they_permit(
    servers: tuple[SqlStore, SqlStore], monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    here, there = servers

    def make(tx: Any) -> tuple[int, str]:
        pk = tx.access.create_user("ann", "user", "", True, 1, "user:root")
        _, row = mint("token", pk, 1, 1_000)
        tx.access.add_credential(row)
        return pk, f"token:{row.digest}"

    pk, shown = here.write(make)

    def look(tx: Any) -> Rights:
        found = tx.access.get_user

        def get_user(number: int) -> Any:
            user = found(number)
            there.write(lambda tx: tx.access.update_user(pk, False, None))  # who was read is no administrator now
            return user

        with monkeypatch.context() as patch:
            patch.setattr(tx.access, "get_user", get_user)
            rights: Rights = read(tx, shown)
            return rights

    rights = here.write(look)
    assert rights.is_admin
    assert rights.version < here.read(lambda tx: tx.access.version()), "so that it is read anew"
