"""The SDK's one seam: how operations and the bytes of artifacts reach a store, over HTTP or in this process."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec

from trackway.api.artifacts import FileEntry
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.base.errors import (
    BY_CODE,
    Corrupt,
    InvalidInput,
    NotSupported,
    PermissionDenied,
    RateLimited,
    TooLarge,
    TrackwayError,
    Unauthenticated,
    Unavailable,
)
from trackway.base.ids import new_id
from trackway.sdk import settings
from trackway.sdk.answers import bound_answers
from trackway.sdk.multipart import LARGE_BYTES, PartedUploads
from trackway.sdk.progress import tell
from trackway.sdk.sources import CHUNK_BYTES as CHUNK_BYTES
from trackway.sdk.sources import CutSource
from trackway.sdk.sources import Source as Source

if TYPE_CHECKING:
    import urllib3

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)
T = TypeVar("T")

CONNECT_S = 5.0
IDLE_S = 60.0
"""Longest silence of the server within one call."""
LONGEST_DELAY_S = 30.0

_MSGPACK = "application/msgpack"
_FRUITLESS_READS = 5
_FOREIGN: dict[int, type[TrackwayError]] = {
    401: Unauthenticated,
    403: PermissionDenied,
    407: Unauthenticated,
    408: Unavailable,
    413: TooLarge,
    429: RateLimited,
    501: NotSupported,
}
"""What a status means that came without an error of ours: from a proxy, or from another server altogether."""


class Transport(Protocol):
    """Carries operations and artifacts. Safe to use from many threads at once."""

    def call(self, operation: Operation[Q, S], request: Q, /) -> S:
        """Carry out an operation and return its response, or raise the TrackwayError that the service raised."""

    def upload(self, path: str, source: Source, /) -> FileEntry:
        """Make the bytes of ``source`` the file at ``path`` of the workspace's tree, replacing what was there."""

    def download(self, path: str, start: int = 0, /) -> Iterator[bytes]:
        """Open a file and return its bytes from byte ``start`` on; what is wrong with it is raised before the first."""

    def close(self) -> None:
        """Let go of connections and files; the transport is of no use afterwards."""


def is_temporary(error: TrackwayError) -> bool:
    """Tell whether the same call may succeed later: 429, and every 5xx but 501 and stored bytes that are damaged."""
    if isinstance(error, (NotSupported, Corrupt)):
        return False
    return error.status >= 500 or error.status == RateLimited.status


def get_delay_s(error: TrackwayError, attempt: int) -> float:
    """Return how long to wait after the failed attempt (from 0): what the server asked for, else doubling, jittered."""
    if error.retry_after_s is not None:
        return error.retry_after_s
    ceiling: float = min(LONGEST_DELAY_S, 0.1 * 2 ** min(attempt, 16))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 spreads clients over time, guards nothing


class HttpTransport:
    """Carries operations to a server.

    base_url:  ``http://host:port`` or ``https://...``, perhaps with a path that the server is mounted at
    retry_s:   for so long a call that may succeed later is sent again (0: once)

    ``address`` is where the server's pages are, without credentials.

    Credentials come from the environment (a token before user name and password), else from the URL's user part.
    """

    def __init__(self, base_url: str, *, retry_s: float = 30.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise InvalidInput("This is not the address of a server", hint="it is like http://host:5000")
        self._host = parts.netloc.rpartition("@")[2]
        self.address = f"{parts.scheme}://{self._host}{parts.path.rstrip('/')}"
        self._root = f"{self.address}/api/v1"
        self._retry_s = retry_s
        self._headers = {
            "Accept": _MSGPACK,
            "User-Agent": "trackway",
            **_get_credentials(parts.username, parts.password),
        }
        self._pool = Pool(parts.scheme, parts.hostname, settings.get_number("TRACKWAY_ANSWER_S"))
        self._parted = PartedUploads(self._exchange)

    def call(self, operation: Operation[Q, S], request: Q, /) -> S:
        path = _fill_path(operation, request)
        if operation.method == "GET":
            headers, body = self._headers, None
        else:
            headers, body = {**self._headers, "Content-Type": _MSGPACK}, msgspec.msgpack.encode(request)
        if operation.adds:
            headers = {**headers, "Idempotency-Key": f'"{new_id()}"'}  # one for all tries
        return self._retry(
            lambda: _decode(self._send(operation.method, path, headers, body), operation.response, self._host)
        )

    def upload(self, path: str, source: Source, /) -> FileEntry:
        if source.size_bytes >= LARGE_BYTES and isinstance(source, CutSource):
            return self._parted.upload(path, source)

        def send() -> FileEntry:
            digest = hashlib.sha256()
            entry = self._put(f"/files/{quote(path)}", _digest_chunks(source, digest), source.size_bytes, FileEntry)
            if entry.sha256 is not None and entry.sha256 != digest.hexdigest():
                raise Unavailable(f"The bytes of {path} were damaged on their way", hint="send them again")
            return entry

        return self._retry(send)

    def download(self, path: str, start: int = 0, /) -> Iterator[bytes]:
        """Open a file and return its bytes from byte ``start`` on.

        A connection that breaks is taken up where it broke, as long as the file has not changed.
        """
        return self._read(path, start, self._retry(lambda: self._open(path, start, "")))

    def close(self) -> None:
        self._pool.close()

    def _exchange(self, method: str, path: str, response: type[T], body: Any = None, /) -> T:
        """Make one exchange of an upload in parts."""
        if method == "PUT":
            return self._retry(lambda: self._put(path, iter(body), body.size_bytes, response))
        headers = {**self._headers, "Content-Type": "application/json"} if body is not None else self._headers
        return self._retry(lambda: _decode(self._send(method, path, headers, body), response, self._host))

    def _put(self, path: str, chunks: Iterator[bytes], size_bytes: int, response: type[T]) -> T:
        headers = {
            **self._headers,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size_bytes),
        }
        return _decode(self._send("PUT", path, headers, chunks), response, self._host)

    def _retry(self, send: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._retry_s
        attempt = 0
        while True:
            try:
                return send()
            except TrackwayError as error:
                delay_s = get_delay_s(error, attempt)
                left_s = deadline - time.monotonic()
                if not is_temporary(error) or delay_s > left_s:
                    raise
                if attempt == 0:
                    tell(f"{error.message}; trying for {left_s:.0f} s more (TRACKWAY_RETRY_S)")
            time.sleep(delay_s)
            attempt += 1

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: Any = None, *, stream: bool = False
    ) -> urllib3.BaseHTTPResponse:
        """Make one exchange; everything that is not a 2xx answer is raised."""
        try:
            answer = self._pool.get(stream).request(
                method, self._root + path, headers=headers, body=body, redirect=False, preload_content=not stream
            )
            if not 200 <= answer.status < 300:
                raise _decode_error(answer, answer.data, self._host)
        except self._pool.failure as error:
            raise self._describe(error) from error
        return answer

    def _open(self, path: str, start: int, etag: str) -> urllib3.BaseHTTPResponse:
        headers = {**self._headers, "Accept": "*/*"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if etag:
                headers["If-Range"] = etag
        answer = self._send("GET", f"/files/{quote(path)}", headers, stream=True)
        if start and answer.status != 206:
            answer.release_conn()
            raise Corrupt(f"{path} changed while it was read", hint="download it again")
        return answer

    def _read(self, path: str, position: int, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        etag = answer.headers.get("ETag", "")
        fruitless = 0
        while True:
            try:
                for chunk in answer.stream(CHUNK_BYTES):
                    position += len(chunk)
                    fruitless = 0
                    yield chunk
                return
            except self._pool.failure as error:
                fruitless += 1
                if not etag or not self._retry_s or fruitless == _FRUITLESS_READS:
                    raise self._describe(error) from error
            answer = self._retry(lambda at=position: self._open(path, at, etag))  # type: ignore[misc]

    def _describe(self, error: Exception) -> Unavailable:
        reason = getattr(error, "reason", None) or error
        cause = getattr(reason, "__cause__", None)
        if isinstance(cause, OSError):
            reason = cause.strerror or str(cause) or reason  # without the library's words for it
        return Unavailable(f"The server at {self._host} cannot be reached: {reason}", hint="check the tracking URI")


class Pool:
    """The connections of one process to one host: a forked child opens its own.

    failure:   what they raise
    answer_s:  for so long an answer may take until it is whole, a file's until it begins; None for ever, as long as
               something comes
    """

    def __init__(self, scheme: str, host: str, answer_s: float | None = None) -> None:
        import urllib3

        self.failure = urllib3.exceptions.HTTPError
        self._scheme = scheme
        self._host = host
        self._answer_s = answer_s
        self._pid = 0
        self._connections: dict[bool, urllib3.PoolManager] = {}

    def get(self, stream: bool = False) -> urllib3.PoolManager:
        """Return this process's connections, with proxy and certificates as the environment says.

        stream: they are for files, whose bytes may take as long as they come
        """
        if self._pid != os.getpid():
            self._connections, self._pid = {}, os.getpid()
        if stream not in self._connections:
            opened = _open_connections(self._scheme, self._host)
            if self._answer_s:
                bound_answers(opened, self._answer_s, stream)
            self._connections[stream] = opened
        return self._connections[stream]

    def close(self) -> None:
        """Close them."""
        if self._pid == os.getpid():
            for connections in list(self._connections.values()):
                connections.clear()


def _open_connections(scheme: str, host: str) -> urllib3.PoolManager:
    import urllib.request

    import urllib3

    options: dict[str, Any] = {
        "maxsize": 16,
        "retries": False,
        "timeout": urllib3.Timeout(connect=CONNECT_S, read=IDLE_S),
    }
    if scheme == "https":
        options["ca_certs"] = settings.get("TRACKWAY_TRACKING_CA") or None
        options["cert_file"] = settings.get("TRACKWAY_TRACKING_CLIENT_CERT") or None
        if settings.get_switch("TRACKWAY_TRACKING_INSECURE_TLS"):
            options["cert_reqs"] = "CERT_NONE"
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    proxy = urllib.request.getproxies().get(scheme)
    if not proxy or urllib.request.proxy_bypass(host):
        return urllib3.PoolManager(**options)
    user = urlsplit(proxy)
    if user.username is not None:
        options["proxy_headers"] = {"Proxy-Authorization": encode_basic(user.username, user.password or "")}
    return urllib3.ProxyManager(proxy, **options)


class _ErrorFacts(msgspec.Struct, frozen=True):
    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = {}
    retry_after_s: float | None = None


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _ErrorFacts


def _digest_chunks(chunks: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _get_credentials(user: str | None, password: str | None) -> dict[str, str]:
    if token := settings.get("TRACKWAY_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if name := settings.get("TRACKWAY_TRACKING_USERNAME"):
        return {"Authorization": encode_basic(name, settings.get("TRACKWAY_TRACKING_PASSWORD"))}
    if user is not None:
        return {"Authorization": encode_basic(unquote(user), unquote(password or ""))}
    return {}


def encode_basic(user: str, password: str) -> str:
    """Return the Authorization header of a user name and password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _fill_path(operation: Operation[Q, S], request: Q) -> str:
    """Return an operation's path with the fields that it names, and for GET the others as a query string."""
    fields: dict[str, Any] = {}
    segments = []
    for segment in operation.path.split("/"):
        if segment.startswith("{"):
            name = segment[1:-1]
            value = getattr(request, name)
            if not value:
                raise InvalidInput(f"{name} is empty", hint=f"{operation.name} needs one")
            fields[name] = value
            segment = quote(str(value), safe="")
        segments.append(segment)
    path = "/".join(segments)
    if operation.method != "GET":
        return path
    rest = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in msgspec.to_builtins(request).items()
        if name not in fields and value is not None
    }
    return f"{path}?{urlencode(rest, doseq=True)}" if rest else path


def _decode(answer: urllib3.BaseHTTPResponse, response: type[T], host: str) -> T:
    if not answer.headers.get("Content-Type", "").startswith(_MSGPACK):
        raise _describe_foreign(answer, host)
    try:
        return msgspec.msgpack.decode(answer.data, type=response)
    except msgspec.DecodeError as error:
        raise Unavailable(f"The answer of the server at {host} cannot be read: {error}") from error


def _decode_error(answer: urllib3.BaseHTTPResponse, content: bytes, host: str) -> TrackwayError:
    decoder = msgspec.msgpack if answer.headers.get("Content-Type", "").startswith(_MSGPACK) else msgspec.json
    try:
        facts = decoder.decode(content, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _describe_foreign(answer, host)
    return BY_CODE.get(facts.code, TrackwayError)(
        facts.message,
        hint=facts.hint,
        details=facts.details,
        retry_after_s=facts.retry_after_s if facts.retry_after_s is not None else _get_retry_after_s(answer),
    )


def _describe_foreign(answer: urllib3.BaseHTTPResponse, host: str) -> TrackwayError:
    """Make an error of an answer that is not one of Trackway's."""
    status = answer.status
    if 200 <= status < 300 and "Content-Type" not in answer.headers:
        cut = f"The answer of the server at {host} was cut short"
        return Unavailable(cut, hint="send it again")
    cls = _FOREIGN.get(status, Unavailable if status >= 500 else NotSupported)
    led = answer.headers.get("Location", "") if 300 <= status < 400 else ""
    return cls(
        f"What answers at {host} is not Trackway, or something stands before it (status {status})",
        hint=f"it leads to {led}: set the tracking URI to that" if led else "check the tracking URI and any proxy",
        details={"status": status},
        retry_after_s=_get_retry_after_s(answer),
    )


def _get_retry_after_s(answer: urllib3.BaseHTTPResponse) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
