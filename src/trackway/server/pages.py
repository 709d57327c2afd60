"""Pages that are not of either API: health, readiness, version, metrics, OpenAPI, and the plain index."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec

from trackway.api import operations as ops
from trackway.api.experiments import Experiment, GetExperiment, SearchExperiments
from trackway.api.runs import Run, SearchRuns
from trackway.base.errors import TrackwayError
from trackway.http.messages import ErrorEncoder, HttpRequest, HttpResponse, retry_after
from trackway.http.observe import Observer
from trackway.server.calls import Caller, Route
from trackway.server.native import encode_error
from trackway.server.openapi import describe

TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
PROTOCOL_VERSION = "3.17.2"
"""Version of the compatible protocol that is spoken; existing clients compare it with what they need."""
_CSP = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
_STYLE = (
    ":root{color-scheme:light dark;"
    "--text:#1a1c20;--soft:#5b616a;--line:#e3e5e8;--link:#0b57d0;--good:#146c2e;--bad:#b3261e}"
    "@media(prefers-color-scheme:dark){body{background:#15171a}"
    ":root{--text:#e6e7e9;--soft:#9aa0a8;--line:#2e3238;--link:#8ab4f8;--good:#81c995;--bad:#f2b8b5}}"
    "body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:80rem;padding:1rem;color:var(--text)}"
    "h1{font-size:1.5rem;margin:.5rem 0 1rem;overflow-wrap:anywhere}nav,footer,.note{color:var(--soft)}"
    "a{color:var(--link)}.scroll{overflow-x:auto}table{border-collapse:collapse;min-width:100%}"
    "th,td{text-align:left;padding:.35rem .7rem;border-bottom:1px solid var(--line);white-space:nowrap;"
    "max-width:22rem;overflow:hidden;text-overflow:ellipsis}th{font-weight:600}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}.FINISHED{color:var(--good)}"
    ".FAILED,.KILLED,.LOST{color:var(--bad)}footer{margin-top:1.5rem;font-size:.9em}"
)
_HOME = '<nav><a href="/">Experiments</a></nav>'
INDEX_RUNS = 200
INDEX_COLUMNS = 12


def list_routes(version: str, ready: Callable[[], str], observer: Observer) -> list[Route]:
    """Return the routes of these pages; ``ready()`` says why the server is not ready, or nothing."""

    async def health(_request: HttpRequest, _call: Caller) -> HttpResponse:
        return HttpResponse(body=b"OK", content_type=TEXT)

    async def readiness(_request: HttpRequest, _call: Caller) -> HttpResponse:
        why = ready()
        return HttpResponse(status=503 if why else 200, body=(why or "ready").encode(), content_type=TEXT)

    async def protocol_version(_request: HttpRequest, _call: Caller) -> HttpResponse:
        headers = [(b"x-trackway-version", version.encode())]
        return HttpResponse(body=PROTOCOL_VERSION.encode(), content_type=TEXT, headers=headers)

    async def metrics(_request: HttpRequest, _call: Caller) -> HttpResponse:
        return HttpResponse(body=observer.render().encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def openapi(_request: HttpRequest, _call: Caller) -> HttpResponse:
        return HttpResponse(body=msgspec.json.encode(describe(version)))

    pages: list[tuple[str, Any]] = [
        ("/", show_experiments),
        ("/experiments/{experiment_id}", show_runs),
        ("/health", health),
        ("/ready", readiness),
        ("/version", protocol_version),
        ("/metrics", metrics),
        ("/api/v1/openapi.json", openapi),
    ]
    return [Route("GET", path, handler, _ERRORS.get(path, encode_error)) for path, handler in pages]


async def show_experiments(_request: HttpRequest, call: Caller) -> HttpResponse:
    """Show the newest experiments."""
    page = await call(ops.SEARCH_EXPERIMENTS, SearchExperiments(limit=INDEX_RUNS))
    rows = "".join(_experiment_row(experiment) for experiment in page.experiments)
    more = f"<p class=note>The newest {INDEX_RUNS} experiments are shown.</p>" if page.next_page_token else ""
    head = "<th>Name<th class=n>Id<th>Created (UTC)"
    return _page("Experiments", f"{_table(head, rows)}{more}")


async def show_runs(request: HttpRequest, call: Caller) -> HttpResponse:
    """Show an experiment's newest runs, with the last values of its metrics."""
    number = request.params["experiment_id"]
    experiment = await call(ops.GET_EXPERIMENT, GetExperiment(experiment_id=number))
    page = await call(ops.SEARCH_RUNS, SearchRuns(experiment_ids=[number], limit=INDEX_RUNS))
    params = _most_common(run.params for run in page.runs)
    metrics = _most_common(run.metrics for run in page.runs)
    head = "<th>Run<th>Status<th>Started (UTC)<th class=n>Took"
    head += "".join([f"<th>{escape(key)}" for key in params] + [f"<th class=n>{escape(key)}" for key in metrics])
    rows = "".join(_run_row(run, params, metrics) for run in page.runs)
    more = f"<p class=note>The newest {INDEX_RUNS} runs are shown.</p>" if page.next_page_token else ""
    body = f"{_table(head, rows)}{more}" if rows else "<p class=note>No runs yet.</p>"
    if experiment.lifecycle == "deleted":
        body = f"<p class=note>This experiment is in the trash.</p>{body}"
    return _page(experiment.name, body, nav=_HOME)


def show_error(error: TrackwayError) -> HttpResponse:
    """Show why there is no page."""
    told = _page("Not found" if error.status == 404 else "Error", f"<p>{escape(error.message)}</p>", nav=_HOME)
    told.status = error.status
    told.headers = [*told.headers, *retry_after(error)]
    return told


def _most_common(maps: Any) -> list[str]:
    counts: dict[str, int] = {}
    for one in maps:
        for key in one:
            counts[key] = counts.get(key, 0) + 1
    return sorted(sorted(counts, key=lambda key: -counts[key])[:INDEX_COLUMNS])


def _table(head: str, rows: str) -> str:
    return f"<div class=scroll tabindex=0><table><thead><tr>{head}</thead><tbody>{rows}</tbody></table></div>"


def _experiment_row(experiment: Experiment) -> str:
    link, name = f"/experiments/{quote(experiment.experiment_id)}", escape(experiment.name, quote=True)
    return (
        f'<tr><td title="{name}"><a href="{link}">{name}</a><td class=n>{escape(experiment.experiment_id)}'
        f"<td>{_when(experiment.created_ms)}</tr>"
    )


def _run_row(run: Run, params: list[str], metrics: list[str]) -> str:
    cells = [
        f'<td title="{escape(run.params.get(key, "")[:500])}">{escape(run.params.get(key, "")[:60])}' for key in params
    ]
    cells += [f"<td class=n>{run.metrics[key].last_value:.6g}" if key in run.metrics else "<td>" for key in metrics]
    child = "↳ " if run.parent_run_id else ""
    took, values = _how_long(run.end_ms - run.start_ms) if run.end_ms is not None else "", "".join(cells)
    return (
        f'<tr><td title="{escape(run.run_id)}">{child}{escape(run.name)}'
        f"<td class={run.status}>{run.status.capitalize()}<td>{_when(run.start_ms)}<td class=n>{took}{values}</tr>"
    )


def _how_long(took_ms: int) -> str:
    seconds = took_ms / 1000
    if seconds < 1:
        return f"{took_ms} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3_600 else f"{seconds / 3_600:.1f} h"


def _when(time_ms: int) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return str(time_ms)  # a year that calendars do not have
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _page(title: str, body: str, nav: str = "") -> HttpResponse:
    text = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)} · Trackway</title><style>{_STYLE}</style>"
        f"{nav}<main><h1>{escape(title)}</h1>{body}</main>"
        '<footer>Trackway · <a href="/api/v1/openapi.json">API</a> · <a href="/metrics">metrics</a></footer></html>'
    )
    return HttpResponse(body=text.encode("utf-8", "replace"), content_type=HTML, headers=[_CSP])


_ERRORS: dict[str, ErrorEncoder] = {"/": show_error, "/experiments/{experiment_id}": show_error}
"""Pages for people, whose errors are pages, too."""
