"""Every page of the UI, and its four looks: wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from playwright.sync_api import Page, expect

from tests.ui.looking import Site, find_barriers
from tests.ui.rich import Rich

HEIGHT = 800
RUN, VERSION = "/runs/{rich.run}", "/models/{rich.model}/versions/2"
COMPARE = "/compare?runs={rich.run},{rich.other}"
PAGES = {
    "experiments": "/experiments",
    "trash": "/experiments?view=trash",
    "experiment-about": "/experiments/{site.churn}/about",
    "runs": "/experiments/{site.churn}",
    "runs-beside-curves": "/experiments/{site.churn}?mode=split&smooth=0.5",
    "runs-charts": "/experiments/{site.churn}?mode=charts",
    "runs-charts-of-one-value": "/experiments/{site.prices}?mode=charts",
    "runs-kept-at-the-top": "/experiments/{site.churn}?top={site.runs[0]},{site.runs[1]}",
    "runs-grouped": "/experiments/{site.churn}?group=params.lr",
    "runs-tree": "/experiments/{site.prices}?tree=1",
    "runs-none": "/experiments/{site.empty}",
    "runs-not-found": "/experiments/{site.churn}?filter=metrics.loss+%3E+9",
    "runs-mistake": "/experiments/{site.churn}?filter=metrics.loss+~+9",
    "runs-hostile": "/experiments/{site.hostile}?columns=params.p,metrics.m,tags.t,user,source",
    "runs-of-all": "/runs",
    "run": RUN,
    "run-metrics": f"{RUN}?tab=metrics",
    "run-system": f"{RUN}?tab=system",
    "run-logs": f"{RUN}?tab=logs",
    "run-models": f"{RUN}?tab=models",
    "run-files": f"{RUN}?tab=artifacts&path=train.py",
    "run-files-folder": f"{RUN}?tab=artifacts&path=model",
    "run-files-images": f"{RUN}?tab=artifacts&path=images",
    "run-files-table": f"{RUN}?tab=artifacts&path=table.csv",
    "run-files-notebook": f"{RUN}?tab=artifacts&path=work.ipynb",
    "run-files-places": f"{RUN}?tab=artifacts&path=places.geojson",
    "run-files-archive": f"{RUN}?tab=artifacts&path=bundle.zip",
    "run-files-array": f"{RUN}?tab=artifacts&path=curve.npy",
    "run-files-onnx": f"{RUN}?tab=artifacts&path=net.onnx",
    "run-missing": "/runs/00000000000000000000000000000000",
    "compare": f"{COMPARE}&all=1",
    "compare-charts": f"{COMPARE}&tab=charts",
    "compare-files": f"{COMPARE}&tab=files&path=train.py",
    "compare-code": f"{COMPARE}&tab=code",
    "models": "/models",
    "models-portfolio": "/models?tab=portfolio",
    "model": "/models/{rich.model}",
    "version": VERSION,
    "version-use": f"{VERSION}?tab=use",
    "version-files": f"{VERSION}?tab=files&path=MLmodel",
    "versions-compared": "/models/{rich.model}/compare?versions=1,2&all=1",
    "projects": "/projects",
    "schedules": "/schedules?schedule=nightly",
    "webhooks": "/webhooks",
    "audit": "/audit",
    "jobs": "/jobs",
    "doctor": "/doctor",
    "settings": "/settings",
    "trash-of-everything": "/trash",
    "trash-of-a-kind": "/trash?kind=webhook",
    "account": "/account",
    "nothing": "/experiments/1/2/3",
}
"""By name, the address of each page in each state that looks otherwise."""
GUARDED_PAGES = {
    "people": "/members",
    "people-tokens": "/members?user=robot",
    "people-sessions": "/members?user=ann",
    "teams": "/members?tab=teams",
    "grants": "/members?tab=grants&who=ann&operation=runs.get",
    "roles": "/members?tab=roles",
    "account-signed-in": "/account",
}
"""Those that there are where people sign in."""
PUBLIC_PAGES = {"sign-in": "/sign-in", "join": "/join", "set-up": "/set-up"}
"""Those of who is not signed in yet."""


class Look(NamedTuple):
    """A size and a theme."""

    width: int
    scheme: Literal["light", "dark"]


LOOKS = [Look(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


def locate(page: str, site: Site, rich: Rich) -> str:
    """Return the address of a page of PAGES."""
    return site.address + PAGES[page].format(site=site, rich=rich)


def turn(page: Page, address: str) -> Iterator[Look]:
    """Open a page and give it one look after another, without loading it again; each is whole when it is yielded."""
    page.goto(address)
    for look in LOOKS:
        page.set_viewport_size({"width": look.width, "height": HEIGHT})
        page.emulate_media(color_scheme=look.scheme)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        yield look


def find_faults(page: Page, address: str) -> list[str]:
    """Return what keeps people out of a page, or does not fit it, in any of its looks.

    The dark theme changes colours and nothing else: only what is said of contrast is asked again.
    """
    faults: list[str] = []
    for look in turn(page, address):
        rules = ["color-contrast", "link-in-text-block"] if look.scheme == "dark" else []
        faults += [f"{look}: {barrier}" for barrier in find_barriers(page, *rules)]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > look.width:
            faults.append(f"{look}: it is {width} wide")
    return faults
