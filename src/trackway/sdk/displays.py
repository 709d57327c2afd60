"""What notebooks show of a run, an experiment and a list of them: HTML of our own, in which every value is text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final, Protocol
from urllib.parse import quote

from trackway.sdk.connection import get_tracking_uri

MOST_ROWS: Final = 50
MOST_FIELDS: Final = 100
MOST_CHARS: Final = 300
WIDTH: Final = 96
HEIGHT: Final = 20
_FRAME: Final = (
    "font:13px system-ui,sans-serif;border:1px solid #8885;border-radius:8px;padding:10px 14px;max-width:760px"
)
_FIELD: Final = "text-align:left;padding:2px 14px 2px 0;overflow-wrap:anywhere"
_CELL: Final = (
    "text-align:left;padding:2px 14px 2px 0;white-space:nowrap;max-width:24em;overflow:hidden;text-overflow:ellipsis"
)
"""Of a table that may be wider than its frame, which scrolls: no number is broken in two."""
_OWN_TAGS: Final = ("mlflow.", "trackway.")
_COLOURS: Final = {"RUNNING": "#2f5bea", "FINISHED": "#1d8a4a", "FAILED": "#c4302b"}


class RunLike(Protocol):
    """What is shown of a run."""

    @property
    def run_id(self) -> str: ...
    @property
    def run_name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def start_time(self) -> int: ...
    @property
    def end_time(self) -> int | None: ...


def show_run(
    info: RunLike,
    metrics: Mapping[str, float],
    params: Mapping[str, str],
    curves: Mapping[str, Sequence[float]] | None = None,
) -> str:
    """Return a run as HTML; ``curves`` are values of metrics, in their order, drawn beside the last value."""
    rows = [
        (key, write_number(value) + draw_spark((curves or {}).get(key, ())))
        for key, value in sorted(metrics.items())[:MOST_FIELDS]
    ]
    columns = [
        _show_fields("Metrics", rows, len(metrics)),
        _show_fields(
            "Params", [(key, _cut(value)) for key, value in sorted(params.items())[:MOST_FIELDS]], len(params)
        ),
    ]
    return (
        f'<div style="{_FRAME}"><strong>{link(f"/runs/{quote(info.run_id)}", info.run_name)}</strong> '
        f"{_show_status(info.status)} <small>{_cut(info.run_id)}, {write_time(info.start_time)}"
        f"{_write_duration(info.start_time, info.end_time)}</small>"
        f'<div style="display:flex;gap:40px;flex-wrap:wrap;margin-top:6px">{"".join(columns)}</div></div>'
    )


def show_experiment(experiment_id: str, name: str, tags: Mapping[str, str], lifecycle: str) -> str:
    """Return an experiment as HTML, with the tags that people gave it."""
    given = sorted((key, value) for key, value in tags.items() if not key.startswith(_OWN_TAGS))
    shown = [(key, _cut(value)) for key, value in given[:MOST_FIELDS]]
    trashed = "" if lifecycle == "active" else " in the trash"
    return (
        f'<div style="{_FRAME}"><strong>{link(f"/experiments/{quote(experiment_id)}", name)}</strong> '
        f"<small>experiment {_cut(experiment_id)}{trashed}</small>{_show_fields('Tags', shown, len(given))}</div>"
    )


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]], count: int) -> str:
    """Return a table as HTML: heads are texts, cells are HTML already, ``count`` is how many rows there are."""
    head = "".join(f'<th style="{_CELL}">{escape(one)}</th>' for one in heads)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    more = f"<small>{len(rows):,} of {count:,} are shown.</small>" if count > len(rows) else ""
    return (
        f'<div style="{_FRAME};max-width:none;overflow:auto"><table style="border-collapse:collapse;font:inherit">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )


def show_runs(runs: Sequence[tuple[RunLike, Mapping[str, float], Mapping[str, str]]], count: int) -> str:
    """Return runs as a table of at most ``MOST_ROWS`` rows, with the metrics and params that most of them have."""
    metrics = _choose_names(metrics for _, metrics, _ in runs)
    params = _choose_names(params for _, _, params in runs)
    rows = [
        [
            link(f"/runs/{quote(info.run_id)}", info.run_name),
            _show_status(info.status),
            write_time(info.start_time),
            *(write_number(own[name]) if name in own else "" for name in metrics),
            *(_cut(given.get(name, "")) for name in params),
        ]
        for info, own, given in runs
    ]
    return show_table(["Run", "Status", "Started", *metrics, *params], rows, count)


def link(path: str, text: str) -> str:
    """Return a link to a page of the server that is logged to; the text alone when there is no server."""
    address = get_tracking_uri()
    if not address.startswith(("http://", "https://")):
        return _cut(text)
    return f'<a href="{escape(address.rstrip("/") + path)}" target="_blank" rel="noopener">{_cut(text)}</a>'


def write_number(value: float) -> str:
    """Return a number in at most six digits."""
    return escape(f"{value:.6g}")


def write_time(ms: int) -> str:
    """Return a moment to the second, UTC; the number itself when no calendar has it."""
    try:
        return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"{ms} ms"


def draw_spark(values: Sequence[float]) -> str:
    """Return a small curve as SVG; what is NaN or infinite is left out, and fewer than two points are none."""
    known = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = high - low if math.isfinite(high - low) else 0.0
    points = " ".join(
        f"{place / (len(values) - 1) * WIDTH:.1f},"
        f"{HEIGHT / 2 if span == 0 else HEIGHT - 2 - (value - low) / span * (HEIGHT - 4):.1f}"
        for place, value in known
    )
    return (
        f' <svg width="{WIDTH}" height="{HEIGHT}" style="vertical-align:middle" aria-hidden="true">'
        f'<polyline points="{points}" fill="none" stroke="#4a7bf0" stroke-width="1.4"/></svg>'
    )


def _show_fields(title: str, fields: Sequence[tuple[str, str]], count: int) -> str:
    """Return names and values; values are HTML already."""
    if not fields:
        return ""
    rows = "".join(
        f'<tr><td style="{_FIELD}">{_cut(key)}</td><td style="{_FIELD}">{html}</td></tr>' for key, html in fields
    )
    more = f"<small>and {count - len(fields):,} more</small>" if count > len(fields) else ""
    return f'<div><small>{title}</small><table style="border-collapse:collapse;font:inherit">{rows}</table>{more}</div>'


def _show_status(status: str) -> str:
    colour = _COLOURS.get(status, "#80868f")
    return f'<small style="color:{colour};font-weight:600">{escape(status.capitalize())}</small>'


def _write_duration(start_ms: int, end_ms: int | None) -> str:
    if end_ms is None or end_ms < start_ms:
        return ""
    seconds = (end_ms - start_ms) / 1_000
    return f", {seconds:.1f} s" if seconds < 60 else f", {seconds / 60:.1f} min"


def _choose_names(each: Iterable[Mapping[str, object]], most: int = 6) -> list[str]:
    counts: dict[str, int] = {}
    for one in each:
        for name in one:
            if not name.startswith("system/"):
                counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]


def _cut(text: str) -> str:
    return escape(text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…")
