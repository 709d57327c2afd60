"""Reads of what is sensitive leave an entry in the audit log: one for each caller, object and hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.access import Site, on_site
from tests.server.test_doors import build
from trackway.auth.reads import KINDS, Read, SensitiveReads
from trackway.base.errors import InvalidInput


async def entries(site: Site, operation: str) -> list[tuple[str, str, str]]:
    found = await site.audit(operation=operation)
    return [(one["actor"], one["object"], one["detail"]) for one in found]


def test_each_kind_leaves_one_entry_however_often_it_is_read(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        chief = await site.add("chief", "admin")
        other = await site.add("other", "admin")
        for _ in range(3):
            await chief.get("POST", "/api/v1/audit/search", {})
            await chief.get("GET", "/api/v1/tokens")
            await chief.get("GET", "/api/v1/webhooks")
            await chief.get("GET", "/api/v1/teams")
            await other.get("GET", "/api/2.0/mlflow/webhooks")
        assert await entries(site, "audit.search") == [
            ("user:root", "default", "read"),
            ("service:chief", "default", "read"),
        ]
        assert await entries(site, "tokens.list") == [("service:chief", "chief", "read")]
        assert await entries(site, "webhooks.list") == [
            ("service:other", "default", "read"),
            ("service:chief", "default", "read"),
        ]
        assert await entries(site, "teams.list") == [("service:chief", "default", "read")]
        assert (await site.admin.get("POST", "/api/v1/audit/verify", {}))["intact"]

    on_site(tmp_path, work)


def test_files_of_an_experiment_that_is_restricted_are_sensitive_and_others_are_not(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        known = await build(site)
        reader = await site.add("reader", "reader")
        native, compatible = f"/api/v1/files/{known.file}", f"/api/2.0/mlflow-artifacts/artifacts/{known.file}"

        async def read(path: str) -> None:
            assert await site.app.send("GET", path, headers=reader.headers) == (200, b"hushed")

        await read(native)
        assert await entries(site, "artifacts.get") == []
        tags = f"/api/v1/experiments/{known.experiment}/tags"
        await site.admin.get("POST", tags, {"tags": {"trackway.restricted": "true"}})
        for path in (native, compatible, native):
            await read(path)
        assert await entries(site, "artifacts.get") == [("service:reader", known.experiment, "read")]
        missing = native.replace("canary.txt", "absent.txt")
        assert (await site.app.send("GET", missing, headers=site.admin.headers))[0] == 404
        assert len(await entries(site, "artifacts.get")) == 1, "what was not read leaves no entry"

    on_site(tmp_path, work)


def test_none_is_kept_where_the_operator_asks_for_none(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for _ in range(2):
            await site.admin.get("GET", "/api/v1/tokens")
        assert await site.audit(operation="tokens.list") == []
        assert await site.audit(operation="audit.search") == []

    on_site(tmp_path, work, audit_reads="")


@pytest.mark.parametrize("kinds", ["everything", "audit,", "audit;tokens", "AUDIT"])
def test_a_kind_that_there_is_not_is_refused(kinds: str) -> None:
    if kinds == "audit,":
        assert SensitiveReads(kinds).operations == {"audit.search", "audit.verify"}
        return
    with pytest.raises(InvalidInput, match="name any of audit"):
        SensitiveReads(kinds)


def test_what_is_kept_reads_and_is_not_kept_otherwise() -> None:
    for operations in KINDS.values():
        for operation in operations:
            assert not operation.access.writes
            assert not operation.access.audited


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.auth.reads.KEPT", 10)
    reads: Any = SensitiveReads()
    for number in range(100):
        reads.note(Read("w", "user:ann", "tokens.list", str(number), 1))
    assert len(reads._noted) <= 11
    reads.note(Read("w", "user:ann", "tokens.list", "x", 2))
    assert len(reads._noted) == 1
