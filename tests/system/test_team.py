"""The page about a server for a team: its unit, its settings and its proxies are ones that work."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.docs.pages import ROOT, read_code
from tests.services.certificates import write_certificate
from tests.services.ports import free_port
from tests.services.trackway_server import run_trackway
from trackway.base.settings import SETTINGS, read_settings
from trackway.cli.main import cli
from trackway.wiring.server import check_settings

PAGE = ROOT / "docs" / "how-to" / "team.md"
HOST = "trackway.example.org"
_KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
PASSWORD = "correct horse battery"
TIMEOUT_S = 60


def read_environment() -> dict[str, str]:
    return dict(line.split("=", 1) for line in read_code(PAGE, "ini environment").split("\n") if line)


def test_the_settings_are_known_and_a_server_starts_with_them() -> None:
    variables = read_environment()
    known = {setting.variable for setting in SETTINGS}
    ours = {name for name in variables if name.startswith("TRACKWAY_")}
    assert ours - known == {"TRACKWAY_OIDC_CLIENT_SECRET"}
    check_settings(read_settings({"host": "0.0.0.0"}, variables))


def test_the_unit_starts_what_is_there() -> None:
    unit = read_code(PAGE, "ini systemd")
    found = re.search(r"^ExecStart=/opt/trackway/bin/trackway server (.+)$", unit, re.MULTILINE)
    assert found is not None
    command = cli.get_command(click.Context(cli), "server")
    assert command is not None
    command.make_context("server", found[1].split())


@pytest.mark.slow
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("there is no systemd here")
    unit = tmp_path / "trackway.service"
    text = read_code(PAGE, "ini systemd").lstrip("\n").replace("/opt/trackway/bin/trackway", "/bin/true")
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run([tool, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    faults = [line for line in done.stderr.splitlines() if "trackway.service" in line]
    assert faults == [], done.stderr


@contextmanager
def run_proxy(name: str, folder: Path, port: int, server_port: int) -> Iterator[None]:
    """Run a proxy with what the page says, on another port and in front of another one."""
    binary = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if binary is None:
        pytest.skip(f"{name} is not installed")
    certificate, key = write_certificate(folder, HOST)
    text = read_code(PAGE, name).replace("127.0.0.1:5000", f"127.0.0.1:{server_port}")
    if name == "nginx":
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        text = text.replace("/etc/ssl/trackway/cert.pem", str(certificate)).replace(
            "/etc/ssl/trackway/key.pem", str(key)
        )
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _KINDS)
        text = (
            f"daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n"
            f"{temporary}{text}}}\n"
        )
        command = [binary, "-c", str(folder / "conf"), "-p", str(folder)]
    else:
        text = text.replace(f"{HOST} {{", f"https://{HOST}:{port} {{\n bind 127.0.0.1\n tls {certificate} {key}", 1)
        text = f"{{\n admin off\n auto_https disable_redirects\n storage file_system {folder}/caddy\n}}\n{text}"
        command = [binary, "run", "--adapter", "caddyfile", "--config", str(folder / "conf")]
    (folder / "conf").write_text(text, encoding="utf-8")
    with (folder / "proxy.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


def open_page(port: int, certificate: Path, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Ask the proxy, which stands for the name of the page."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers={"Host": HOST, **headers})
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}))
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), dict(error.headers)
        except urllib.error.URLError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_proxy_as_on_the_page_passes_who_asks_and_nothing_that_it_should_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_ADMIN_USERNAME", "root")
    monkeypatch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)
    options = ["--auth", "--behind-proxy", "127.0.0.1", "--allowed-hosts", HOST, "--auth-header", "X-Forwarded-User"]
    port = free_port()
    with run_trackway(tmp_path, *options) as server_port, run_proxy(name, tmp_path, port, server_port):
        certificate = tmp_path / "cert.pem"
        assert open_page(port, certificate, "/ready")[0] == 200
        assert open_page(port, certificate, "/api/v1/me")[0] == 401
        assert open_page(port, certificate, "/api/v1/me", **{"X-Forwarded-User": "root"})[0] == 401
        shown = {"Authorization": "Basic " + b64encode(f"root:{PASSWORD}".encode()).decode()}
        status, body, _ = open_page(port, certificate, "/api/v1/me", **shown, Origin=f"https://{HOST}")
        assert (status, json.loads(body)["name"]) == (200, "root")
        assert open_page(port, certificate, "/api/v1/me", **shown, Origin="https://evil.example.org")[0] == 403
        spoofed = {**shown, "X-Forwarded-For": "203.0.113.9"}
        wrong = {**spoofed, "Authorization": "Basic " + b64encode(b"root:wrong password").decode()}
        assert open_page(port, certificate, "/api/v1/me", **wrong)[0] == 401
        status, body, _ = open_page(port, certificate, "/api/v1/me", **spoofed)
        assert status == 200
