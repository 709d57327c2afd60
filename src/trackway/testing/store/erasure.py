"""Forgetting: a workspace with all that it has, and a person's name."""

from __future__ import annotations

from trackway.api.artifacts import StoredFile
from trackway.api.calls import Actor, Call
from trackway.api.retention import AuditEntry, SearchAudit, VerifyAudit
from trackway.api.webhooks import Webhook
from trackway.base.ids import new_id
from trackway.store.base import Page
from trackway.store.trash import Deleted
from trackway.testing.store.access import make_user
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.holds import hold
from trackway.testing.store.space import Space
from trackway.testing.store.workspaces import make_workspace


def write(space: Space, actor: str, target: str, detail: str = "") -> None:
    """Append an entry to the audit log."""
    entry = AuditEntry(
        time_ms=1,
        actor=actor,
        operation="users.update",
        object=target,
        request_id="q",
        detail=detail,
        address="10.0.0.1",
    )
    space.write(lambda tx: tx.housekeeping.append_audit(space.workspace, entry))


class ErasureContract(StoreFixtures):
    """Forgetting for good."""

    def test_nothing_of_a_workspace_is_left_once_all_parts_are_erased(self, space: Space) -> None:
        key = make_workspace(space)
        experiment = space.make_experiment()
        for _ in range(3):
            run = space.make_run(experiment)
            space.log(run, m=[(0, 1, 0.5)])
        webhook = Webhook(
            webhook_id=new_id(),
            name="w",
            description="",
            url="https://x.test",
            events=["run.created"],
            enabled=True,
            signed=False,
            created_by="a",
            created_ms=1,
            updated_ms=1,
        )
        space.write(lambda tx: tx.webhooks.create(key, webhook, ""))
        for name in ("a", "b", "c"):
            file = StoredFile(path=name, size_bytes=1, sha256="0" * 64, modified_ms=1, blob_key=None, data=b"x")
            space.write(lambda tx, file=file: tx.files.put(key, file))
        call = Call(actor=Actor(kind="user", name="a"), workspace=key, request_id="r", now_ms=1)
        space.write(
            lambda tx: tx.trash.keep(call, Deleted("webhook", "w", tx.webhooks.find(key, webhook.webhook_id) or 0))
        )
        other = Space(space.store)
        kept = other.make_run(other.make_experiment())
        counted = space.read(lambda tx: tx.erasure.measure(key))
        assert (counted.experiments, counted.runs, counted.webhooks) == (1, 3, 1)
        first = space.write(lambda tx: tx.erasure.erase_some(key, 2))
        assert (first.runs, first.experiments) == (2, 0)
        assert space.read(lambda tx: tx.workspaces.find_content(key)) != ""
        parts = [first]
        while space.read(lambda tx: tx.workspaces.find_content(key)):
            parts.append(space.write(lambda tx: tx.erasure.erase_some(key, 2)))
        went = [[part.runs, part.webhooks, part.files, part.file_bytes, part.experiments] for part in parts]
        assert went == [[2, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 2, 2, 0], [0, 0, 0, 0, 1]]
        assert other.read(lambda tx: tx.runs.get(kept.pk)).run_id == kept.run_id

    def test_a_name_is_replaced_as_a_word_and_the_chain_is_the_one_that_was_written(self, space: Space) -> None:
        name, pk = make_user(space)
        write(space, f"user:{name}", "other")
        write(space, "user:root", name, f"reader for {name} on workspace")
        write(space, "user:root", f"{name}x")
        before = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
        asked = space.read(lambda tx: tx.erasure.replace_name(name, "erased-1", dry_run=True))
        done = space.write(lambda tx: tx.erasure.replace_name(name, "erased-1", dry_run=False))
        assert asked == done
        assert done["audit"] == 2
        found = space.read(lambda tx: tx.housekeeping.search_audit(space.workspace, SearchAudit(), Page(10)))
        assert [(one.actor, one.object, one.detail, one.address) for one in found] == [
            ("user:root", f"{name}x", "", "10.0.0.1"),
            ("user:root", "erased-1", "reader for erased-1 on workspace", "10.0.0.1"),
            ("user:erased-1", "other", "", ""),
        ]
        after = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
        assert (after.intact, after.hash, after.last, after.erased) == (True, before.hash, 3, 2)
        assert space.read(lambda tx: tx.access.get_user(pk)) is not None

    def test_a_hold_says_who_placed_it_by_the_pseudonym(self, space: Space) -> None:
        placed = hold(space, "workspace", "")
        name = placed.created_by.partition(":")[2]
        changed = space.read(lambda tx: tx.erasure.replace_name(name, "erased-2", dry_run=True))
        assert changed["holds"] >= 1
