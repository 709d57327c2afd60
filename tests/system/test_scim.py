"""SCIM 2.0 as others understand it: the checks of scim2-tester, through the network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from tests.server.access import ADMIN, PASSWORD, basic
from tests.services.trackway_server import run_trackway

HANDED_ON = ("HTTP_AUTHORIZATION", "HTTP_ACCEPT", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "CONTENT_TYPE")


def hand_on(port: int) -> Any:
    """Return what takes each request of the client to a server."""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        names = {name: name.removeprefix("HTTP_").replace("_", "-") for name in HANDED_ON if name in environ}
        headers = {shown: str(environ[name]) for name, shown in names.items()}
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            path = f"{environ['PATH_INFO']}{query}"
            connection.request(environ["REQUEST_METHOD"], path, environ["wsgi.input"].read(), headers)
            answer = connection.getresponse()
            start_response(f"{answer.status} {answer.reason}", answer.getheaders())
            return [answer.read()]
        finally:
            connection.close()

    return application


def make_token(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": basic(ADMIN)[1].decode(), "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/tokens", json.dumps({"name": "scim", "role": "provisioner"}), headers)
    answer = connection.getresponse()
    made = json.loads(answer.read())
    connection.close()
    return str(made["secret"])


@pytest.mark.slow
def test_a_tester_of_the_protocol_finds_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_ADMIN_USERNAME", ADMIN)
    monkeypatch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)
    with run_trackway(tmp_path, "--auth", "--scim") as port:
        headers = {"Authorization": f"Bearer {make_token(port)}"}
        client = WSGISCIMClient(hand_on(port), base_url=f"http://127.0.0.1:{port}/scim/v2", headers=headers)
        results = check_server(client)
    bad = [result for result in results if result.status not in (Status.SUCCESS, Status.SKIPPED)]
    told = [(result.title, result.resource_type, result.reason) for result in bad]
    # Everybody is active or not: to take that away brings the default back, which is not what the tester waits for.
    assert told == [("check_remove_attribute", "User", "PATCH modify() did not remove attribute 'active'")]
    assert sum(result.status == Status.SUCCESS for result in results) > 30
