"""Measure Trackway and its peers in one sitting and print one table. See ``python -m bench --help``."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from bench import files, native, sdk, tracking_load
from bench.connection import Connection
from bench.rows import Row, Scale
from bench.servers import NAMES, Server, get_version, run_server
from tests.services.postgres import run_postgres

PARTS: dict[str, list[Row]] = {
    "tracking": tracking_load.ROWS,
    "native": native.ROWS,
    "disk": native.KEPT,
    "artifacts": files.ROWS,
    "sdk": sdk.ROWS,
    "table": native.TABLE,
    "server": native.SERVER,
}
ON_POSTGRES = [*tracking_load.ROWS, *native.ROWS[:2]]
MANY = 10
"""A row of at least so many requests a round tells what one of them costs."""
FULL = ("tracking", "native", "table")
"""Parts that need a store that is filled with runs."""


def main() -> None:
    """Measure what was asked for."""
    options = _parse()
    started = time.monotonic()
    rows = _choose_rows(options)
    peers = [name for name in options.peers.split(",") if name != "none"]
    names = [name for name in NAMES if name == "trackway" or name in peers]
    scale = Scale(
        runs=options.runs, table_runs=options.table_runs, seconds=options.seconds, fill_s=options.fill_seconds
    )
    with ExitStack() as stack:
        postgres = stack.enter_context(run_postgres(fsync=True)) if options.store == "postgresql" else None
        servers = [
            stack.enter_context(run_server(name, postgres.create_database() if postgres else "")) for name in names
        ]
        filled = any(row in PARTS[part] for part in FULL for row in rows)
        for server in servers if filled else ():
            asyncio.run(tracking_load.prepare(server, scale))
            _tell(f"{server.name} has taken {server.state['filled']:,} runs after {_minutes(started)}")
        for prepare in filter(None, (row.prepare for row in rows)):
            for server in servers:
                with suppress(Exception):
                    asyncio.run(asyncio.wait_for(prepare(server, scale), scale.fill_s))
        figures = {row.name: _measure(row, servers, scale, options.rounds, started) for row in rows}
        tables = [*_table(rows, figures, names), "", *_table_of_time(rows, servers)]
        text = "\n".join([*_describe(servers, options, started), "", *tables])
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def _parse() -> argparse.Namespace:
    scale = Scale()
    parser = argparse.ArgumentParser("bench", description="Measure Trackway and its peers, side by side.")
    parser.add_argument(
        "--only",
        default="",
        help=f"parts or rows, divided by commas. Parts: {', '.join(PARTS)}. Rows: {', '.join(_list_names())}",
    )
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--peers", default="fasttrackml,mlflow", help="divided by commas, or none")
    parser.add_argument("--seconds", type=float, default=scale.seconds, help="of each closed loop")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured; the median counts")
    parser.add_argument("--runs", type=int, default=scale.runs, help="in the store")
    parser.add_argument("--table-runs", type=int, default=scale.table_runs, help="in the store when they are a table")
    parser.add_argument(
        "--fill-seconds", type=float, default=scale.fill_s, help="most that a server is given to take the runs"
    )
    parser.add_argument("--out", type=Path, help="write the table to this file, too")
    options = parser.parse_args()
    unknown = set(filter(None, options.only.split(","))) - {*PARTS, *_list_names()}
    if unknown:
        parser.error(f"no such part or row: {', '.join(sorted(unknown))}")
    if set(options.peers.split(",")) - {*NAMES, "none"}:
        parser.error(f"peers are {', '.join(NAMES[1:])}")
    return options


def _list_names() -> list[str]:
    return [row.name for rows in PARTS.values() for row in rows]


def _choose_rows(options: argparse.Namespace) -> list[Row]:
    only = options.only.split(",")
    return [
        row
        for part, rows in PARTS.items()
        for row in rows
        if (not options.only or part in only or row.name in only) and (options.store == "sqlite" or row in ON_POSTGRES)
    ]


def _measure(row: Row, servers: list[Server], scale: Scale, rounds: int, started: float) -> dict[str, float]:
    """Return the median of each server; the servers take turns, so that a slow minute falls on all of them.

    A server that fails has no figure, so that one does not take the whole table with it.
    """
    measured: dict[str, list[float]] = {server.name: [] for server in servers if server.name in row.servers}
    time.sleep(row.rest_s)
    for _ in range(row.rounds or rounds):
        for server in servers:
            if server.name not in measured:
                continue
            before = server.processor_s(), Connection.sent
            try:
                figure = asyncio.run(asyncio.wait_for(row.measure(server, scale), row.limit_s))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the other figures are measured
                _tell(f"{row.name}: {server.name} failed: {type(error).__name__} {str(error)[:500]}")
                del measured[server.name]
            else:
                measured[server.name].append(figure)
                spent = server.state.setdefault("spent", {})
                spent[row.name] = server.processor_s() - before[0], Connection.sent - before[1]
    medians = {name: statistics.median(values) for name, values in measured.items()}
    told = ", ".join(f"{name} {value:,.4g}" for name, value in medians.items())
    _tell(f"{row.name}: {told} {row.unit}; {row.target.judge(medians)}; after {_minutes(started)}")
    return medians


def _describe(servers: list[Server], options: argparse.Namespace, started: float) -> list[str]:
    versions = ", ".join(f"{server.name} {get_version(server.name)}" for server in servers)
    filled = ", ".join(
        f"{server.name} {server.state['searched']:,}" for server in servers if "searched" in server.state
    )
    commit = _git("rev-parse", "--short", "HEAD") + (" with changes" if _git("status", "--porcelain", "src") else "")
    how = f"One process a server; medians of {options.rounds} rounds by turns, {options.seconds:g} s each"
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    machine = f"{_cpu()}, {os.cpu_count()} cores shared with the client, {memory_gb:.0f} GB"
    return [
        f"Measured {time.strftime('%Y-%m-%d')} at commit {commit}, {options.store}: {versions}.",
        f"{machine}, {platform.platform()}, Python {platform.python_version()}, load {os.getloadavg()[2]:.1f}.",
        f"{how}; {_minutes(started)} in all.",
        *([f"Runs in the store while it was searched: {filled}."] if filled else []),
    ]


def _table(rows: list[Row], figures: dict[str, dict[str, float]], names: list[str]) -> list[str]:
    peers = names[1:]
    head = ["work", "unit", *names, *(f"against {peer}" for peer in peers), "must be", ""]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        found = figures[row.name]
        cells = [_show(found.get(name)) for name in names]
        ratios = [_ratio(row, found.get("trackway"), found.get(peer)) for peer in peers]
        lines.append([row.work, row.unit, *cells, *ratios, row.target.describe(), row.target.judge(found)])
    return [f"| {' | '.join(line)} |" for line in lines]


def _table_of_time(rows: list[Row], servers: list[Server]) -> list[str]:
    """Return what requests cost, of the rows whose last round was many of one kind."""
    peers = servers[1:]
    head = ["processor time of the server, in us a request", *(server.name for server in servers)]
    lines = [[*head, *(f"against {peer.name}" for peer in peers)], ["---"] * (len(head) + len(peers))]
    for row in rows:
        spent = [server.state.get("spent", {}).get(row.name, (0.0, 0)) for server in servers]
        cost = [spent_s * 1e6 / count if count > MANY else None for spent_s, count in spent]
        if cost[0]:
            ratios = ["" if one is None else f"{one / cost[0]:.3g} x" for one in cost[1:]]
            lines.append([row.work, *map(_show, cost), *ratios])
    return [f"| {' | '.join(line)} |" for line in lines] if len(lines) > 2 else []


def _show(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(row: Row, ours: float | None, theirs: float | None) -> str:
    if ours is None or theirs is None:
        return ""
    return f"{(theirs / ours if row.falls else ours / theirs):.3g} x"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    folder = Path(__file__).parent
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False).stdout.strip()


def _minutes(started: float) -> str:
    return f"{(time.monotonic() - started) / 60:.1f} minutes"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


main()
