"""The secrets of webhooks: what each is bound to, and their rotation."""

from __future__ import annotations

from typing import Any

from trackway.base.sealing import Vault
from trackway.store.base import Store, Transaction

RESEALED_AT_ONCE = 500


def name_row(webhook_id: str) -> str:
    """Return what the secret of a webhook is bound to."""
    return f"webhooks.secret/{webhook_id}"


def reseal_secrets(store: Store, vault: Vault) -> tuple[int, int]:
    """Seal all secrets of webhooks under the first master key, some in each transaction.

    returns: how many were sealed anew, and how many secrets there are

    raises: as ``Vault.reseal``; what was done before stays done, and the rest can be done later
    """
    changed = total = after = 0
    while True:
        done, seen, last = store.write(lambda tx, after=after: _reseal_some(tx, vault, after))
        changed, total = changed + done, total + seen
        if seen < RESEALED_AT_ONCE:
            done, seen = store.write(lambda tx: _reseal_trash(tx, vault))
            return changed + done, total + seen
        after = last


def _reseal_trash(tx: Transaction, vault: Vault) -> tuple[int, int]:
    secrets: list[str] = []

    def reseal(_table: str, row: dict[str, Any]) -> dict[str, Any]:
        sealed = row["secret"]
        secrets.extend([sealed] if sealed else ())
        return row | {"secret": vault.reseal(sealed, name_row(row["webhook_id"]))}

    changed = tx.trash.rewrite(reseal, "webhooks")
    return sum(changed.values()), len(secrets)


def _reseal_some(tx: Transaction, vault: Vault, after: int) -> tuple[int, int, int]:
    found = tx.webhooks.list_sealed(after, RESEALED_AT_ONCE)
    done = 0
    for pk, webhook_id, sealed in found:
        anew = vault.reseal(sealed, name_row(webhook_id))
        done += anew != sealed and tx.webhooks.reseal(pk, sealed, anew)
    return done, len(found), found[-1][0] if found else after
