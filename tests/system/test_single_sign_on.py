"""Single sign-on at a provider that others wrote, through the network, as a browser does it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.services.peers import peer_python
from tests.services.ports import free_port
from tests.services.trackway_server import run_trackway

TIMEOUT_S = 60
USER = {"sub": "u-1", "preferred_username": "ann", "groups": ["ds-vision"]}


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [peer_python("oidc").replace("bin/python", "bin/oidc-provider-mock"), "--port", str(port)]
    command += ["--require-nonce", "true", "--user-claims", json.dumps(USER)]
    with (
        (tmp_path / "provider.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(f"{url}/.well-known/openid-configuration")
            yield url
        finally:
            process.terminate()


def wait_until_ready(url: str) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


@pytest.mark.slow
def test_a_browser_is_led_to_a_provider_and_comes_back_signed_in(
    issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_ADMIN_PASSWORD", "correct horse battery")
    monkeypatch.setenv("TRACKWAY_OIDC_CLIENT_SECRET", "a secret of ours")
    port = free_port()
    options = ["--auth", "--oidc-issuer", issuer, "--oidc-teams", "ds-vision=vision"]
    with run_trackway(tmp_path, *options, "--public-url", f"http://127.0.0.1:{port}", port=port):
        here = f"http://127.0.0.1:{port}"
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with browser.open(f"{here}/sign-in/oidc", timeout=TIMEOUT_S) as page:
            form = page.geturl()
        assert form.startswith(issuer)
        with browser.open(form, urlencode({"sub": USER["sub"]}).encode(), timeout=TIMEOUT_S) as page:
            assert page.geturl() == f"{here}/"
        with browser.open(f"{here}/api/v1/me", timeout=TIMEOUT_S) as answer:
            me = json.loads(answer.read())
        assert (me["name"], me["means"], me["is_admin"]) == ("ann", "session", False)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{here}/api/v1/me", timeout=TIMEOUT_S)
        assert refusal.value.code == 401
        refusal.value.close()
