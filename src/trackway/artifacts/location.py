"""The rules for artifact locations that compatible clients send: checked for form, kept as text, never opened."""

from __future__ import annotations

import re

from trackway.artifacts.paths import read_ways
from trackway.base.errors import InvalidInput

MAX_LOCATION_CHARS = 2_048

_LOOSE_SPACE = re.compile(r"(^|/) | (/|$)")
_FORBIDDEN = re.compile(r"[^\S ]|[\x00-\x1f\x7f-\x9f\ud800-\udfff\\?#;]")
_URI = re.compile(r"([a-z][a-z0-9-]*):(?://([^/]*))?(/.*)?")

# Buckets and nothing that names a host: no user, port or percent-encoding.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
# A container and account on the public clouds' own host names, so that no other host can be addressed.
_AZURE = r"[a-z0-9$-]{1,63}@[a-z0-9]{1,24}\.%s\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)"
_NOTHING = re.compile("")
_AUTHORITIES = {
    "file": _NOTHING,
    "s3": _BUCKET,
    "gs": _BUCKET,
    "wasbs": re.compile(_AZURE % "blob"),
    "abfss": re.compile(_AZURE % "dfs"),
    "dbfs": _NOTHING,
    "mlflow-artifacts": _NOTHING,
}


def check_location(uri: str) -> str:
    """Return ``uri``, exactly as sent, when it has the form of an artifact location.

    forms:   ``/path`` or a relative path; ``file:``, ``dbfs:`` and ``mlflow-artifacts:`` with an absolute path and no
             host; ``s3://bucket/…`` and ``gs://bucket/…``; ``wasbs`` and ``abfss`` on Azure's own hosts
    refuses: schemes that address a host (http, ftp, hdfs, …); queries, fragments, parameters; users, ports; ``..``
             and empty segments; backslashes, control characters, white space but for spaces amid a segment; all that
             behind percent-encoding too
    limits:  2,048 characters
    raises:  InvalidInput
    """
    if not uri or len(uri) > MAX_LOCATION_CHARS:
        raise _invalid_location(f"it must have 1 to {MAX_LOCATION_CHARS:,} characters")
    if _LOOSE_SPACE.search(uri):
        raise _invalid_location("it begins or ends with white space, or a part of it does")
    for reading in read_ways(uri, _invalid_location):
        if _find_scheme(reading) != _find_scheme(uri):
            raise _invalid_location("it changes its scheme when it is decoded")
        if fault := _find_fault(reading):
            raise _invalid_location(fault)
    return uri


def _find_scheme(uri: str) -> str:
    head, colon, _ = uri.split("/", 1)[0].partition(":")
    return head + colon if colon else ""


def _find_fault(uri: str) -> str | None:
    """Say what makes ``uri`` no artifact location, or nothing."""
    if _FORBIDDEN.search(uri):
        return "it holds white space, a control character or one of \\ ? # ;"
    path = uri
    if _find_scheme(uri):
        match = _URI.fullmatch(uri)
        if match is None or match[1] not in _AUTHORITIES:
            return "it is neither a path nor a URI of a known scheme"
        scheme, authority, path = match[1], match[2] or "", match[3] or ""
        if not _AUTHORITIES[scheme].fullmatch(authority):
            return f"a {scheme} location cannot have that host, bucket or account"
        if not authority and not path:
            return f"a {scheme} location needs an absolute path"
    if path in ("", "/"):
        return None
    for segment in path.removeprefix("/").removesuffix("/").split("/"):
        if segment != "." and not segment.strip(". "):
            return "it holds a segment that is empty or .."
    return None


def _invalid_location(fault: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid artifact location: {fault}",
        hint="leave it out and the server chooses one; allowed are paths and file, s3, gs, wasbs, abfss, dbfs, "
        "mlflow-artifacts locations",
    )
