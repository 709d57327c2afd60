"""The page about a served model, for whoever opens its server's address in a browser: what it takes, and how to ask."""

from __future__ import annotations

import html
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from trackway.http.messages import HttpResponse
from trackway.models.examples import SERVING_NAME
from trackway.serving.deployment import Served

_MOST_BYTES: Final = 4_000
"""A longer example is not shown: one reads how to ask, not data."""
_POLICY: Final = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{label}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto; padding: .75rem; border: 1px solid light-dark(#e2e5ea, #2b3039); border-radius: 6px }}
h2 {{ font-size: 1.1rem; margin-top: 1.5rem }}
</style>
<h1>{label}</h1>
<p>A model of the flavor {flavor}. {known}</p>
{parts}
<h2>How to ask</h2>
<pre tabindex="0">{command}</pre>
<p>Also as CSV (<code>text/csv</code>) and Parquet, and by the Open Inference Protocol at
<a href="v2/models/{path}">/v2/models/{name}</a>. All of it: <a href="openapi.json">/openapi.json</a>.
Whether the server is well: <a href="ping">/ping</a>, its figures: <a href="metrics">/metrics</a>.</p>
</html>
"""


def find_address(headers: Mapping[bytes, bytes]) -> str:
    """Return the address that the server was asked by, as far as a request tells: TLS is a proxy's."""
    scheme = "https" if headers.get(b"x-forwarded-proto") == b"https" else "http"
    return f"{scheme}://{headers.get(b'host', b'').decode('latin-1')}"


def show_page(served: Served, server: str) -> HttpResponse:
    """Return the page about a model in use. Names and examples are a stranger's: nothing of them is markup.

    server: the address that it was asked by
    """
    signature = served.model.signature
    parts = ""
    if signature is not None:
        for title, specs in (("It takes", signature.inputs), ("It answers", signature.outputs)):
            parts += _show_list(title, specs or ())
        parts += _show_list("Params, beside the data", signature.params or ())
    body = _PAGE.format(
        label=html.escape(served.label),
        flavor=html.escape(served.model.flavor),
        known="" if signature is not None else "It has no signature: what it takes is not known.",
        parts=parts,
        command=html.escape(_write_command(served, server)),
        path=html.escape(quote(served.name, safe="")),
        name=html.escape(served.name),
    )
    headers = [(b"content-security-policy", _POLICY)]
    return HttpResponse(body=body.encode(), content_type=b"text/html; charset=utf-8", headers=headers)


def _show_list(title: str, specs: Sequence[Any]) -> str:
    items = "".join(f"<li><code>{html.escape(str(spec))}</code>" for spec in specs)
    return f"<h2>{title}</h2>\n<ul>{items}</ul>\n" if items else ""


def _write_command(served: Served, server: str) -> str:
    """Return a command that asks for a prediction: with the model's own example, if it has a short one."""
    example = served.model.path / SERVING_NAME
    data = '{"dataframe_records": [...]}'
    if example.is_file() and example.stat().st_size <= _MOST_BYTES:
        data = example.read_text(encoding="utf-8", errors="replace")
    address = shlex.quote(f"{server}/invocations")
    return f"curl {address} -H 'Content-Type: application/json' --data-binary {shlex.quote(data)}"
