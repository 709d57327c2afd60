"""The web UI's files: built by `make ui` into the folder beside this file, and served from memory.

Every address of a page is answered with one document, which finds out by itself what to show. Names of assets hold a
digest of their content, so that they are kept for ever; the document is asked for each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from trackway.http.messages import HttpRequest, HttpResponse, RouteAccess
from trackway.server.calls import Caller, Handler, Route
from trackway.server.native import encode_error

FOLDER: Final = Path(__file__).parent / "static"
SECTIONS: Final = (
    "experiments", "runs", "compare", "models", "projects", "schedules", "jobs", "webhooks", "settings", "audit",
    "doctor", "signin", "members", "account", "trash",
)  # fmt: skip
"""What addresses of pages begin with; every address below them is the UI's."""
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:;"
    b" font-src 'self'; connect-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'self';"
    b" frame-ancestors 'self'"
)
"""Nothing inline, nothing of another origin."""
TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
FOREVER: Final = b"public, max-age=31536000, immutable"
NOT_BUILT: Final = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Trackway</title>
<h1>The web UI is not built</h1>
<p>This server runs from a checkout in which the web UI has not been built. With Node 20 or newer, run</p>
<pre>make ui</pre>
<p>and start the server again. The API at /api/v1 and MLflow's clients work as they are; on the command line,
<code>trackway experiments list</code> and <code>trackway runs list</code> show the same.</p>
"""


class File(msgspec.Struct, frozen=True):
    """One file; ``packed`` is it as gzip, where that is smaller."""

    content_type: bytes
    cache: bytes
    etag: bytes
    plain: bytes
    packed: bytes | None


def list_routes(folder: Path = FOLDER) -> list[Route]:
    """Return the routes of the UI: its pages, and each of its files.

    folder: what was built; without it, pages say how it is built
    cost:   reads all files once, about 1 MB
    """
    files = dict(_read_files(folder))
    document = files.pop("index.html", None)
    show = _serve(document) if document else _tell_not_built
    paths = ["/", *(path for name in SECTIONS for path in (f"/{name}", f"/{name}/{{rest:path}}"))]
    return [
        *(Route("GET", path, show, encode_error, access=_say_who(path)) for path in paths),
        *(Route("GET", f"/{name}", _serve(file), encode_error, access="public") for name, file in files.items()),
    ]


def _say_who(path: str) -> RouteAccess:
    """Return who may come to a page, where there is access control: to sign in, everybody.

    A page has nothing of a workspace: where there is none for its visitor it says so, and where else they may go.
    """
    return "public" if path.startswith("/signin") else "anywhere"


def _read_files(folder: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(folder.rglob("*")):
        kind = TYPES.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        beside = path.with_name(f"{path.name}.gz")
        packed = beside.read_bytes() if beside.is_file() else None
        digest = hashlib.sha256(data).hexdigest()[:32].encode()
        cache = FOREVER if name.startswith("assets/") else b"no-cache"
        yield name, File(kind, cache, digest, data, packed)


def _serve(file: File) -> Handler:
    """Return the handler that answers with a file, in the form that the client takes."""

    async def answer(request: HttpRequest, _call: Caller) -> HttpResponse:
        body = file.plain
        if file.packed is not None and b"gzip" in _list_codings(request.headers.get(b"accept-encoding", b"")):
            body = file.packed
        etag = b'"%s%s"' % (file.etag, b"-gzip" if body is file.packed else b"")
        headers = [
            (b"etag", etag),
            (b"cache-control", file.cache),
            (b"vary", b"accept-encoding"),
            (b"content-security-policy", POLICY),
        ]
        if etag in request.headers.get(b"if-none-match", b""):
            return HttpResponse(status=304, content_type=file.content_type, headers=headers)
        if body is file.packed:
            headers.append((b"content-encoding", b"gzip"))
        return HttpResponse(body=body, content_type=file.content_type, headers=headers)

    return answer


def _list_codings(accepted: bytes) -> set[bytes]:
    """Return the content codings that a client takes; those with a weight of 0 it does not."""
    found = set()
    for one in accepted.lower().split(b","):
        name, _, weight = one.partition(b";")
        if weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            found.add(name.strip())
    return found


async def _tell_not_built(_request: HttpRequest, _call: Caller) -> HttpResponse:
    headers = [(b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")]
    return HttpResponse(status=503, body=NOT_BUILT, content_type=TYPES[".html"], headers=headers)
