"""The lines that `framesrv top` shows, part by part, each one line of the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from rich.text import Text

from framesrv.cli.top_state import State
from framesrv.cli.top_words import (
    NONE,
    Glyphs,
    ago,
    cells,
    count,
    duration,
    milliseconds,
    percent,
    rate,
    sized,
    sparkline,
    visible,
)  # fmt: skip

_LABEL: Final = 10
_VALUE: Final = 10
_NAME: Final = 16
_ROOMY: Final = 130  # columns, from which on there is room for long bars
_LEAST: Final = 1.0  # what fills a line: below it, less is little and not everything
_STATES: Final = {"ready": "bold green", "stopped": "bold red"}

Snapshot = dict[str, Any]


def header(state: State, now: Snapshot, where: str) -> Text:
    server = now["server"]
    line = Text(no_wrap=True)
    line.append(f"framesrv {server['version']} ", style="bold")
    if state.lost:  # first, since a narrow terminal cuts off what is last
        since = duration(state.clock() - state.heard_at)
        line.append(f"reconnecting, nothing heard for {since}", style="bold yellow")
    else:
        line.append(server["state"], style=_STATES.get(server["state"], "bold yellow"))
        if state.restarted_at is not None:
            line.append(f"  restarted {ago(state.clock() - state.restarted_at)}", style="yellow")
    up = duration((now["at_ms"] - server["started_at_ms"]) / 1000)
    line.append(f"  {where}  up {up}  {_workers(server['workers'])}")
    return line.append(f"  Python {server['python']}  pool debug {server['debug']}", style="dim")


def _workers(number: int) -> str:
    return "1 worker" if number == 1 else f"{number} workers"


def figures(
    state: State, now: Snapshot, width: int, glyphs: Glyphs, *, brief: bool = False
) -> Iterator[Text]:
    point, totals = now["point"], now["totals"]
    room = max(width - _LABEL - 2 * _VALUE - 6, 1)

    def plotted(label: str, key: str, told: Callable[[float], str], style: str) -> Text:
        values = state.values(key)
        most = max((value for value in values if value is not None), default=None)
        line = Text(f"{label:<{_LABEL}}", no_wrap=True)
        line.append(f"{NONE if point[key] is None else told(point[key]):>{_VALUE}}", style="bold")
        line.append(f"  max {NONE if most is None else told(most):<{_VALUE}}", style="dim")
        return line.append(sparkline(values, room, glyphs, _LEAST), style=style)

    yield plotted("FPS", "fps", rate, "cyan")
    for key in ("p50_ms", "p99_ms") if brief else ("p50_ms", "p95_ms", "p99_ms"):
        yield plotted(key[:3], key, milliseconds, "blue")
    for key in ("failed", "dropped", "refused"):
        if any(state.values(key)):
            yield plotted(key, key, _per_second, "red")
    yield Text(
        f"since start: {count(totals['ok'])} frames ok, {count(totals['failed'])} failed, "
        f"{count(totals['dropped'])} dropped; {count(totals['refused_calls'])} calls refused",
        no_wrap=True,
    )
    flight, memory = now["in_flight"], now["memory"]
    yield Text(
        f"workers {percent(point['busy'])} busy; {count(flight['frames'])} frames, "
        f"{sized(flight['bytes'])} in flight; pools {sized(memory['pools_bytes'])} of "
        f"{sized(memory['budget_bytes'])}",
        no_wrap=True,
    )
    yield Text(
        f"p99: {_stages(now)}; process {sized(memory['resident_bytes'])}; collector p99 "
        f"{milliseconds(now['gc']['p99_ms'])}",
        no_wrap=True,
    )


def _per_second(number: float) -> str:
    return f"{rate(number)}/s"


def _stages(now: Snapshot) -> str:
    return ", ".join(
        f"{name} {milliseconds(None if stage is None else stage['p99_ms'])}"
        for name, stage in now["stages"].items()
    )


def bar_width(width: int) -> int:
    return 24 if width >= _ROOMY else 10


def pools(state: State, now: Snapshot, width: int, glyphs: Glyphs) -> list[Text]:
    """Those in use before those that nobody has borrowed from, so that these are cut off first."""
    bar = bar_width(width)
    marks = f"{glyphs.leased} leased  {glyphs.quarantined} quarantined  {glyphs.idle} idle"
    head = f"{'POOL':<{_NAME}}{'':{bar}} {'leased':>11}{'borrows/s':>11}{'hits':>8}"
    title = Text(head + f"{'wait p99':>10}{'timeouts':>10}{'bytes':>10}  {marks}", style="dim")
    rows = sorted(now["pools"], key=lambda pool: not pool["gets"])
    return [title, *(_pool(pool, state.borrows.get(pool["name"]), bar, glyphs) for pool in rows)]


def _pool(pool: dict[str, Any], borrows: float | None, bar: int, glyphs: Glyphs) -> Text:
    line = Text(f"{_cut(pool['name'], _NAME - 1):<{_NAME}}", no_wrap=True)
    states = [pool["leased"], pool["quarantined"], pool["idle"]]
    widths = cells(states, pool["capacity"], bar)
    signs = (glyphs.leased, glyphs.quarantined, glyphs.idle)
    for sign, width, style in zip(signs, widths, ("cyan", "red", "blue"), strict=True):
        line.append(sign * width, style=style)
    line.append(glyphs.free * (bar - sum(widths)), style="dim")
    line.append(f" {count(pool['leased']) + ' of ' + count(pool['capacity']):>11}")
    used = bool(pool["gets"])
    line.append(f"{NONE if borrows is None else rate(borrows):>11}", style="" if borrows else "dim")
    line.append(f"{percent(pool['hit_rate']) if used else NONE:>8}", style="" if used else "dim")
    line.append(f"{milliseconds(pool['wait_p99_ms']):>10}")
    line.append(f"{count(pool['timeouts']):>10}", style="bold red" if pool["timeouts"] else "dim")
    line.append(f"{sized(pool['bytes']):>10}")
    if pool["quarantined"]:
        line.append(f"  {pool['quarantined']} quarantined", style="red")
    if pool["waiting"]:
        line.append(f"  {pool['waiting']} waiting", style="yellow")
    return line


def streams(now: Snapshot, width: int) -> list[Text]:
    room = _NAME + bar_width(width)
    title = Text(
        f"{'STREAM':<{room}} {'FPS':>11}{'last frame':>11}{'failed':>8}{'dropped':>10}"
        f"{'in flight':>12}",
        style="dim",
    )
    found = now["streams"]
    if not found["open"]:
        return [Text("no stream is open", style="dim")]
    title.append(f"  {count(found['open'])} open")
    return [title, *(_stream(stream, room) for stream in found["shown"])]


def _stream(stream: dict[str, Any], room: int) -> Text:
    line = Text(no_wrap=True)
    name = Text(visible(stream["id"]))
    name.truncate(room, overflow="ellipsis", pad=True)
    line.append_text(name)
    age_s = stream["age_s"]
    line.append(f" {stream['fps']:>11.1f}", style="bold")
    line.append(f"{ago(age_s):>11}", style="yellow" if age_s > 5 else "")
    line.append(f"{count(stream['failed']):>8}", style="bold red" if stream["failed"] else "dim")
    line.append(f"{count(stream['dropped']):>10}", style="yellow" if stream["dropped"] else "dim")
    return line.append(f"{stream['in_flight']} of {stream['window']}".rjust(12))


def errors(now: Snapshot) -> list[Text]:
    if not now["errors"]:
        return [Text("nothing has gone wrong since the start", style="dim")]
    title = Text(f"{'LAST ERRORS':<26}{'count':>10}  {'last':<14}", style="dim")
    return [title, *(_error(error, now["at_ms"]) for error in now["errors"])]


def _error(error: dict[str, Any], now_ms: int) -> Text:
    line = Text(f"{_cut(error['reason'], 25):<26}", style="red", no_wrap=True)
    line.append(f"{count(error['count']):>10}", style="bold default")
    line.append(f"  {ago((now_ms - error['at_ms']) / 1000):<14}", style="default")
    line.append(visible(error["text"]), style="default")
    for what in ("stream", "request"):
        if error[what]:
            line.append(f"  {what} {visible(error[what])}", style="dim")
    return line


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "~"
