"""Requests made of the OpenAPI page by schemathesis, with access control on: no fault, and no stranger is let in."""

from __future__ import annotations

import os
import re
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.server.access import ADMIN, PASSWORD, basic
from tests.services.peers import peer_python
from tests.services.trackway_server import run_server

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("TRACKWAY_OPENAPI_EXAMPLES", "15"))
"""Requests of each operation in the phase that makes them up."""
PAGE = "page"
"""Id of the last request that is none of the tester's."""
ANSWERED = re.compile(r"trackway\.access (\S+) (\S+) (\d{3}) ")
KEPT_AWAY = ("/api/v1/users/{name}/password", "/api/v1/me/password")
"""By these the tester, which sends names that it was told, would shut itself out."""


@pytest.mark.parametrize("stranger", [False, True], ids=["administrator", "stranger"])
def test_nothing_that_the_page_describes_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: bool) -> None:
    monkeypatch.setenv("TRACKWAY_ADMIN_USERNAME", ADMIN)
    monkeypatch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)
    command = peer_python("schemathesis").replace("bin/python", "bin/schemathesis")
    shown = basic(ADMIN)[1].decode() if not stranger else "Bearer twk_" + "x" * 43
    with run_server(tmp_path, "--auth", "--access-log") as server:
        page = tmp_path / "openapi.json"
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Authorization": basic(ADMIN)[1].decode(), "X-Request-Id": PAGE}
        connection.request("GET", "/api/v1/openapi.json", headers=headers)
        page.write_bytes(connection.getresponse().read())
        connection.close()
        options = ["--phases", "coverage,fuzzing", "-n", str(EXAMPLES), "--checks", "not_a_server_error", "--seed", "1"]
        options += ["--url", f"http://127.0.0.1:{server.port}", "-H", f"Authorization: {shown}"]
        options += [word for path in KEPT_AWAY for word in ("--exclude-path", path)]
        done = subprocess.run([command, "run", *options, str(page)], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-1_000:]
        answers = ANSWERED.findall(server.log.read_text().partition(f" {PAGE}\n")[2])
    let_in = [one for one in answers if one[2].startswith("2") and one[0] != "OPTIONS"]
    assert len(answers) > 1_000
    if stranger:
        assert let_in == []
    else:
        assert len(let_in) > 200
    assert [one for one in answers if one[2].startswith("5") and one[2] not in ("501", "503")] == []
