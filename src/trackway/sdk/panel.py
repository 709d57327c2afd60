"""A panel in a notebook that follows a run while it goes on."""

from __future__ import annotations

import functools
import threading
from typing import Any, Final

from trackway.base.errors import InvalidInput, NotSupported, TrackwayError
from trackway.sdk.client import Client, unpack_series
from trackway.sdk.displays import show_run
from trackway.sdk.entities import Run, RunStatus, to_run

CURVES: Final = 12
"""Of so many metrics the curve is drawn; the others are shown by their last value."""
POINTS: Final = 100
QUICKEST_S: Final = 0.2
_SHOW: Final = """
export default {
  render({ model, el }) {
    const draw = () => { el.innerHTML = model.get("html") }
    draw()
    model.on("change:html", draw)
  },
}
"""
"""The page's part: all values in the HTML were made text by ``displays``, and scripts in it would not run."""


def ui(run: Any, *, refresh_s: float = 2.0) -> Any:
    """Return a live panel of a run: status, metrics with their curves, params. It follows the run until it has ended.

    run:        a run, an active run, or a run's id
    refresh_s:  how often it is read anew, from 0.2 s
    raises:     NotSupported without the extra ``notebook``; InvalidInput; NotFound
    cost:       a thread, and one request for the run and one for each of up to 12 metrics each time
    """
    run_id = run if isinstance(run, str) else str(run.info.run_id)
    if not refresh_s >= QUICKEST_S:
        raise InvalidInput(f"Invalid interval {refresh_s!r}", hint=f"give seconds, from {QUICKEST_S}")
    client = Client()
    html, ended = draw(client, run_id)
    panel = _make_class()(html=html)
    if not ended:
        follow = threading.Thread(target=_follow, args=(panel, client, run_id, refresh_s), daemon=True)
        follow.start()
    return panel


def draw(client: Client, run_id: str) -> tuple[str, bool]:
    """Return a run as HTML with curves, and whether it has ended."""
    run: Run = to_run(client.get_run(run_id))
    curves = {}
    for key in sorted(run.data.metrics)[:CURVES]:
        found = client.get_curves([run_id], key, POINTS)
        if found:
            curves[key] = unpack_series(found[0].series)[2].tolist()
    html = show_run(run.info, run.data.metrics, run.data.params, curves)
    return html, RunStatus.is_terminated(run.info.status)


def _follow(panel: Any, client: Client, run_id: str, refresh_s: float) -> None:
    """Draw again and again until the run has ended or the panel is closed; a store that is away is waited for."""
    ended = False
    while not ended and not panel.closed.wait(refresh_s):
        try:
            panel.html, ended = draw(client, run_id)
        except TrackwayError:
            continue


@functools.cache
def _make_class() -> Any:
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise NotSupported(
            "A live panel needs the package anywidget", hint="pip install 'trackway[notebook]'"
        ) from error

    class Panel(anywidget.AnyWidget):  # type: ignore[misc]  # the package has no types here
        """One run; ``html`` is what is shown."""

        _esm = _SHOW
        html = traitlets.Unicode("").tag(sync=True)

        def __init__(self, **fields: Any) -> None:
            self.closed = threading.Event()
            super().__init__(**fields)

        def close(self) -> None:
            """End the panel and what follows the run for it."""
            self.closed.set()
            super().close()

    return Panel
