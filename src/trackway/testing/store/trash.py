"""The trash: rows that were deleted, and come back as they were."""

from __future__ import annotations

from typing import Any

import pytest

from trackway.api.calls import Actor, Call
from trackway.api.registry import ModelEvent, TransitionRequest
from trackway.api.trash import SearchTrash
from trackway.api.webhooks import OutboxEvent, Webhook
from trackway.base.errors import Unavailable
from trackway.store.access import GrantRow
from trackway.store.base import Page, RegisteredRef
from trackway.store.trash import Deleted, TrashRow
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.registry import get, make_model, make_version, ref
from trackway.testing.store.space import Space

SHARED = 1_200
"""More rows than are kept together."""


def keep(space: Space, what: Deleted, now_ms: int = 50, actor: str = "ann") -> TrashRow:
    """Put something into the trash, without deleting it."""
    call = Call(actor=Actor(kind="user", name=actor), workspace=space.workspace, request_id="r", now_ms=now_ms)
    trashed = space.write(lambda tx: tx.trash.keep(call, what))
    row: TrashRow | None = space.read(lambda tx: tx.trash.find(space.workspace, trashed.trash_id))
    assert row is not None
    return row


def delete_model(space: Space, name: str = "churn", **fields: Any) -> TrashRow:
    """Delete a registered model, so that it can come back."""
    pk = ref(space, name).pk
    row = keep(space, Deleted("registered_model", name, pk), **fields)
    space.write(lambda tx: tx.registry.delete(pk))
    return row


def restore(space: Space, row: TrashRow) -> str:
    """Bring something back."""
    return str(space.write(lambda tx: tx.trash.restore(row, space.workspace)))


class TrashContract(StoreFixtures):
    """The trash."""

    def test_what_is_gone_already_is_not_kept_again(self, space: Space) -> None:
        make_model(space)
        pk = ref(space, "churn").pk
        delete_model(space)
        with pytest.raises(Unavailable, match="being deleted"):
            keep(space, Deleted("registered_model", "churn", pk))
        assert space.read(lambda tx: tx.trash.count(space.workspace)) == 1

    def test_a_model_comes_back_with_all_that_hung_on_it(self, space: Space) -> None:
        pk = make_model(space, tags={"team": "risk"})
        first = make_version(space, key="k", tags={f"t{number}": "x" * 40 for number in range(SHARED)}, stage="Staging")
        second = make_version(space, origin=first.pk, content="versions/a")
        event = ModelEvent(time_ms=5, actor="ann", action="version.created", version=2, detail={})
        request = TransitionRequest(
            request_id="",
            name="churn",
            version=1,
            stage="Production",
            alias="",
            archive_existing=False,
            author="ann",
            comment="c",
            created_ms=6,
            state="open",
            decided_by="",
            decided_ms=None,
            reason="",
        )
        space.write(lambda tx: tx.registry.set_alias(second, "champion", 7, "ann"))
        space.write(lambda tx: tx.reviews.add_event(space.workspace, pk, event))
        space.write(lambda tx: tx.reviews.add_request(pk, request))
        before = get(space)
        versions = [space.read(lambda tx, one=one: tx.registry.get_version(one.pk)) for one in (first, second)]
        requests = space.read(lambda tx: tx.reviews.list_requests(pk, None, None, Page(9)))
        row = delete_model(space)
        assert space.read(lambda tx: tx.registry.ref(space.workspace, "churn")) is None
        assert space.read(lambda tx: tx.trash.list_folders(row.trash_pk)) == ["versions/a"]
        assert restore(space, row) == "restored"
        assert get(space) == before
        assert [space.read(lambda tx, one=one: tx.registry.get_version(one.pk)) for one in (first, second)] == versions
        assert space.read(lambda tx: tx.reviews.list_requests(pk, None, None, Page(9))) == requests
        assert space.read(lambda tx: tx.registry.find_external_version(pk, "k")) == first.pk
        assert space.read(lambda tx: tx.trash.count(space.workspace)) == 0
        assert space.read(lambda tx: tx.trash.find(space.workspace, str(row.trash_pk))) is None
        assert make_version(space).version == 3, "numbers go on"

    def test_a_name_that_is_taken_stays_who_has_it(self, space: Space) -> None:
        make_model(space, description="old")
        row = delete_model(space)
        new = make_model(space, description="new")
        assert restore(space, row) == "taken"
        assert (ref(space).pk, get(space).description) == (new, "new")
        other = delete_model(space)
        assert restore(space, row) == "restored"
        assert get(space).description == "old"
        assert restore(space, other) == "taken"

    def test_a_version_comes_back_where_it_was_and_aliases_as_far_as_they_are_free(self, space: Space) -> None:
        make_model(space)
        first, second = make_version(space, key="k"), make_version(space)
        for alias in ("champion", "old"):
            space.write(lambda tx, alias=alias: tx.registry.set_alias(first, alias, 7, "ann"))
        what = Deleted("model_version", "churn/1", first.pk, first.model_pk, "registered_model", "churn")
        row = keep(space, what)
        space.write(lambda tx: tx.registry.delete_version(first.pk))
        space.write(lambda tx: tx.registry.set_alias(second, "champion", 8, "ann"))
        assert restore(space, row) == "restored"
        assert get(space).aliases == {"champion": 2, "old": 1}
        row = keep(space, what)
        space.write(lambda tx: tx.registry.delete_version(first.pk))
        made = make_version(space, key="k")
        assert restore(space, row) == "taken"
        space.write(lambda tx: tx.registry.delete_version(made.pk))
        churn = RegisteredRef(first.model_pk, "churn", "")
        assert space.write(lambda tx: tx.registry.rename(churn, "other", 9))
        renamed = space.read(lambda tx: tx.trash.find(space.workspace, str(row.trash_pk)))
        assert renamed is not None
        assert renamed.what.target == "other"
        model = delete_model(space, "other")
        assert restore(space, row) == "gone"
        assert restore(space, model) == "restored"
        assert restore(space, row) == "restored"

    def test_a_webhook_comes_back_with_its_secret_and_what_waits_for_it(self, space: Space) -> None:
        webhook = Webhook(
            webhook_id="w",
            name="n",
            description="",
            url="https://example.com",
            events=["run.created"],
            enabled=True,
            signed=True,
            created_by="ann",
            created_ms=5,
            updated_ms=5,
        )
        space.write(lambda tx: tx.webhooks.create(space.workspace, webhook, "sealed"))
        pk = space.read(lambda tx: tx.webhooks.find(space.workspace, "w"))
        assert pk is not None
        space.write(lambda tx: tx.webhooks.publish(space.workspace, OutboxEvent("e", "run.created", "{}", 6)))
        row = keep(space, Deleted("webhook", "n", pk))
        space.write(lambda tx: tx.webhooks.delete(pk))
        wanted = ("run.created",)
        assert not space.write(lambda tx: tx.webhooks.is_wanted(space.workspace, wanted))
        assert restore(space, row) == "restored"
        assert space.read(lambda tx: tx.webhooks.get(pk)) == webhook
        assert space.write(lambda tx: tx.webhooks.is_wanted(space.workspace, wanted))
        assert len(space.read(lambda tx: tx.webhooks.list_deliveries(pk, None, 9, 2**62))) == 1

    def test_a_grant_comes_back_only_for_who_and_on_what_it_was(self, space: Space) -> None:
        user = self._make_user(space, "u")
        make_model(space, created_ms=40)

        def give(kind: Any, target: str) -> TrashRow:
            given = GrantRow(space.workspace, "user", user, kind, target, "reader", 5, "x")
            number = int(space.write(lambda tx: tx.access.put_grant(given)).grant_id)
            row = keep(space, Deleted("grant", "g", number, 0, kind, target))
            space.write(lambda tx: tx.access.delete_grant(space.workspace, number))
            return row

        rows = [give("workspace", ""), give("registered_model", "churn"), give("registered_model", "ch*")]
        assert [restore(space, row) for row in rows] == ["restored"] * 3
        assert len(space.read(lambda tx: tx.access.list_grants(space.workspace, None, None))) == 3
        row = give("registered_model", "churn")
        delete_model(space)
        make_model(space, created_ms=60)
        assert restore(space, row) == "gone", "another model has the name since"
        row = give("workspace", "")
        space.write(lambda tx: tx.access.delete_user(user))
        assert restore(space, row) == "gone"

    def test_a_team_comes_back_with_members_that_are_there_and_with_its_roles(self, space: Space) -> None:
        kept, leaving = self._make_user(space, "a"), self._make_user(space, "b")
        team = space.write(lambda tx: tx.access.create_team(space.workspace, "ops"))
        assert team is not None
        for user in (kept, leaving):
            space.write(lambda tx, user=user: tx.access.add_member(team, user))
        for role, target in (("reader", ""), ("labeller", "x*")):
            kind: Any = "registered_model" if target else "workspace"
            given = GrantRow(space.workspace, "team", team, kind, target, role, 5, "x")
            space.write(lambda tx, given=given: tx.access.put_grant(given))
        row = keep(space, Deleted("team", "ops", team))
        space.write(lambda tx: tx.access.delete_team(team))
        space.write(lambda tx: tx.access.delete_user(leaving))
        assert restore(space, row) == "restored"
        [shown] = space.read(lambda tx: tx.access.list_teams(space.workspace))
        assert shown.member_numbers == [kept]
        grants = space.read(lambda tx: tx.access.list_grants(space.workspace, ("team", team), None))
        assert [grant.role for grant in grants] == ["reader"], "nobody made the other role"

    def test_what_somebody_deleted_is_not_whoever_has_the_name_next(self, space: Space) -> None:
        gone, _ = self._make_user(space, "a"), self._make_user(space, "b")
        leaver, stayer = f"a-{space.workspace}", f"b-{space.workspace}"
        for model, actor in (("m", leaver), ("n", stayer)):
            make_model(space, model)
            delete_model(space, model, actor=actor)
        space.write(lambda tx: tx.access.delete_user(gone))
        rows = space.read(lambda tx: tx.trash.search(space.workspace, SearchTrash(), None, Page(9)))
        assert [row.deleted_by for row in rows] == [f"user:{stayer}", f"user:{leaver} (deleted)"]

    def test_what_is_in_the_trash_is_found_by_kind_name_and_who(self, space: Space) -> None:
        for number, (name, actor) in enumerate((("a", "ann"), ("b", "bob"), ("a", "ann"))):
            make_model(space, name)
            delete_model(space, name, now_ms=10 + number, actor=actor)

        def find(by: str | None = None, page: Page | None = None, **fields: Any) -> list[tuple[str, int]]:
            rows = space.read(lambda tx: tx.trash.search(space.workspace, SearchTrash(**fields), by, page or Page(9)))
            return [(row.what.name, row.deleted_ms) for row in rows]

        assert find() == [("a", 12), ("b", 11), ("a", 10)]
        assert find(name="a") == [("a", 12), ("a", 10)]
        assert find(kind="webhook") == []
        assert find("user:bob") == [("b", 11)]
        newest = space.read(lambda tx: tx.trash.search(space.workspace, SearchTrash(), None, Page(1)))[0]
        assert find(page=Page(1, [newest.trash_pk])) == [("b", 11)]
        old = space.read(lambda tx: tx.trash.list_old(space.workspace, 11, 9))
        assert [row.deleted_ms for row in old] == [10, 11]
        assert space.read(lambda tx: tx.trash.find("elsewhere", str(newest.trash_pk))) is None
        for bad in ("", "x", "-1", "9" * 30, "\u0663"):
            assert space.read(lambda tx, bad=bad: tx.trash.find(space.workspace, bad)) is None
        space.write(lambda tx: tx.trash.purge(newest.trash_pk))
        assert space.read(lambda tx: tx.trash.count(space.workspace)) == 2

    def test_folders_of_versions_in_the_trash_are_known_until_they_are_purged(self, space: Space) -> None:
        make_model(space)
        make_version(space, content="versions/a")
        row = delete_model(space)

        def finds(above: list[str], below: str) -> bool:
            return bool(space.read(lambda tx: tx.trash.finds_folder(space.workspace, above, below)))

        assert finds(["versions", "versions/a"], "")
        assert finds([], "versions/a")
        assert finds([], "versions")
        assert not finds(["versions", "versions/b"], "versions/b")
        assert not finds(["versions"], "versions/a/x")
        space.write(lambda tx: tx.trash.purge(row.trash_pk))
        assert not finds([], "versions")

    def test_a_name_is_erased_from_what_is_in_the_trash(self, space: Space) -> None:
        name = f"ann-{space.workspace}"
        make_model(space, owner=name, description=f"by {name}, not by {name}x")
        row = delete_model(space, actor=name)
        asked = space.read(lambda tx: tx.erasure.replace_name(name, "erased-1", dry_run=True))
        assert asked == space.write(lambda tx: tx.erasure.replace_name(name, "erased-1", dry_run=False))
        assert (asked["registered_models"], asked["trash"]) == (1, 1)
        found = space.read(lambda tx: tx.trash.find(space.workspace, str(row.trash_pk)))
        assert found is not None
        assert found.deleted_by == "user:erased-1"
        assert restore(space, found) == "restored"
        model = get(space)
        assert (model.owner, model.description) == ("erased-1", f"by erased-1, not by {name}x")

    def _make_user(self, space: Space, name: str) -> int:
        name = f"{name}-{space.workspace}"
        pk = space.write(lambda tx: tx.access.create_user(name, "user", "", False, 5, "x"))
        assert pk is not None
        return int(pk)
