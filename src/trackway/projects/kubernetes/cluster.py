"""A cluster's API: found as ``kubectl`` finds it, and spoken to in objects of JSON.

The official package reads the kubeconfig, with certificates, tokens that expire and programs that fetch them, or what a
pod is given. Requests and objects are our own: its classes refuse what a newer cluster takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
import urllib3

from trackway.base.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    NotSupported,
    PermissionDenied,
    TrackwayError,
    Unauthenticated,
    Unavailable,
)

CONNECT_S: Final = 10.0
ANSWER_S: Final = 60.0
"""How long the API may take to answer."""
SILENCE_S: Final = 240.0
"""How long a log that is followed may bring nothing before it is asked for again."""
NAMESPACE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
"""Where a pod finds the namespace that it is in."""
_ANSWER_BYTES: Final = 64 * 2**20
_ERRORS: Final[Mapping[int, type[TrackwayError]]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: AlreadyExists,
    413: InvalidInput,
    422: InvalidInput,
}


class Cluster:
    """A cluster's API; any thread may call.

    context: of the kubeconfig; empty for the one in use there, or, within a pod, the cluster that it is in
    raises:  NotSupported without the package or a configuration
    """

    def __init__(self, context: str = "") -> None:
        self._configuration, self.namespace = _load_configuration(context)
        self._host = self._configuration.host.rstrip("/")
        self._pool = _make_pool(self._configuration)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Send a request and return the answer's object.

        raises: NotFound, AlreadyExists, PermissionDenied, Unauthenticated; InvalidInput for what the API refuses;
                Unavailable for all that may be otherwise later
        """
        answer = self._send(method, path, body, query, ANSWER_S)
        try:
            data = answer.read(_ANSWER_BYTES, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The cluster's answer broke off: {error}") from error
        finally:
            answer.release_conn()
        if answer.status >= 400:
            raise _to_error(answer.status, data)
        try:
            return msgspec.json.decode(data, type=dict[str, Any])
        except msgspec.DecodeError:
            raise Unavailable(f"{self._host} answers as no cluster of Kubernetes does") from None

    def stream(self, path: str, **query: str) -> Iterator[bytes]:
        """Yield what an answer brings as it comes.

        raises: as ``call``; Unavailable when it breaks off
        """
        answer = self._send("GET", path, None, query, SILENCE_S)
        try:
            if answer.status >= 400:
                raise _to_error(answer.status, answer.read(_ANSWER_BYTES))
            while data := answer.read1():
                yield data
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"What the cluster sent broke off: {error}") from error
        finally:
            answer.close()

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str], silence_s: float
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json, */*", "User-Agent": "trackway"}
        if body is not None:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers["Content-Type"] = kind
        for one in self._configuration.auth_settings().values():  # renews a token that is about to expire
            if one["in"] == "header":
                headers[one["key"]] = one["value"]
        try:
            return self._pool.request(
                method,
                f"{self._host}{quote(path)}{'?' if query else ''}{urlencode(query)}",
                body=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=silence_s),
                preload_content=False,
                redirect=False,
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(
                f"The cluster at {self._host} cannot be reached: {error}", hint="see whether `kubectl get jobs` works"
            ) from error


def require_package() -> Any:
    """Import the official package.

    raises: NotSupported when it is not installed
    """
    try:
        import kubernetes.client
        import kubernetes.config
    except ImportError as error:
        raise NotSupported("Kubernetes needs its client", hint="pip install 'trackway[kubernetes]'") from error
    return kubernetes


def _load_configuration(context: str) -> tuple[Any, str]:
    """Return the package's configuration, and the namespace that goes with it."""
    package = require_package()
    configuration = package.client.Configuration()
    file = os.environ.get("KUBECONFIG") or None  # the package knows what it was when it was imported
    try:
        package.config.load_kube_config(file, context=context or None, client_configuration=configuration)
        contexts, active = package.config.list_kube_config_contexts(file)
        chosen = next((one for one in contexts if one["name"] == context), active)
        return configuration, chosen.get("context", {}).get("namespace") or "default"
    except (OSError, package.config.ConfigException, KeyError, ValueError) as error:
        if context:
            raise InvalidInput(f"There is no context {context[:100]!r} that can be used: {error}") from error
        told = str(error)
    try:
        package.config.load_incluster_config(client_configuration=configuration)
        return configuration, Path(NAMESPACE).read_text(encoding="utf-8").strip() or "default"
    except (OSError, package.config.ConfigException) as error:
        raise NotSupported(
            f"There is no cluster: {told}; nor is this a pod: {error}", hint="set KUBECONFIG, or run this in a pod"
        ) from error


def _make_pool(configuration: Any) -> urllib3.PoolManager:
    options: dict[str, Any] = {
        "cert_reqs": "CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE",
        "ca_certs": configuration.ssl_ca_cert,
        "ca_cert_data": getattr(configuration, "ca_cert_data", None),
        "cert_file": configuration.cert_file,
        "key_file": configuration.key_file,
        "assert_hostname": configuration.assert_hostname,
        "server_hostname": configuration.tls_server_name,
        "maxsize": 8,
    }
    options = {name: value for name, value in options.items() if value is not None}
    if configuration.proxy:
        return urllib3.ProxyManager(configuration.proxy, proxy_headers=configuration.proxy_headers, **options)
    return urllib3.PoolManager(**options)


def _to_error(status: int, data: bytes) -> TrackwayError:
    """Return the error that an answer stands for, with the cluster's own words."""
    try:
        said = msgspec.json.decode(data, type=dict[str, Any]).get("message")
    except msgspec.DecodeError:
        said = data.decode("utf-8", "replace").strip()
    text = f"Kubernetes says: {str(said or status)[:1_000]}"
    if status in (401, 403):
        hint = "ask for a role that may create, get and delete jobs and secrets, and get pods and their logs"
        return _ERRORS[status](text, hint=hint)
    return _ERRORS.get(status, Unavailable)(text)
