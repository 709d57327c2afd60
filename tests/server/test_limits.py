"""The limits that a server tells whoever may call it."""

from __future__ import annotations

from pathlib import Path

from tests.server.access import Site, on_site


def test_everybody_who_is_known_is_told_what_counts_and_how_much_is_answered_at_once(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        nobodys = await site.add("newcomer")
        told = (await nobodys.get("GET", "/api/v1/limits"))["limits"]
        assert (told["active_requests"], told["caller_active_requests"]) == (128, 7)
        assert "caller_requests_per_s" not in told, "there is none"
        run = {"experiment_id": "0", "name": "x" * (told["run_name_chars"] + 1)}
        assert (await site.admin.ask("POST", "/api/v1/runs", run))[0] == 400
        run["name"] = run["name"][1:]
        assert (await site.admin.ask("POST", "/api/v1/runs", run))[0] == 200
        assert (await site.anonymous.ask("GET", "/api/v1/limits"))[0] == 401

    on_site(tmp_path, work, behind_proxy="10.0.0.1", caller_active=7)
