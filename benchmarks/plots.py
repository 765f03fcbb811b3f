"""Charts as files, alike in all suites. Nothing in them depends on when they were drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from cycler import cycler

mpl.use("Agg")  # files only: no window system is asked for
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

from benchmarks.model import Chart

# Colours that stay apart for the colour-blind, and on paper.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_QUIET: Final = "#9aa5b1"
_LOOK: Final[Any] = {
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=_COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "framesrv",
}


def draw(chart: Chart, ending: str, path: Path) -> None:
    with mpl.rc_context(_LOOK):
        figure, axes = plt.subplots(figsize=(8, _height(chart)))
        try:
            (_bars if chart.bars else _lines)(chart, axes)
            axes.set_title(chart.title)
            metadata = {"Date": None} if ending == "svg" else {}
            figure.savefig(path, format=ending, dpi=120, metadata=metadata)
        finally:
            plt.close(figure)


def _height(chart: Chart) -> float:
    return 1.2 + 0.34 * len(chart.bars) if chart.bars else 4.2


def _lines(chart: Chart, axes: Any) -> None:
    for label, points in chart.series.items():
        marker = "o" if len(points) <= 40 else None
        axes.plot(*zip(*points, strict=True), label=label, marker=marker, markersize=4, lw=1.4)
    for label, value in chart.marks.items():
        axes.axhline(value, color=_QUIET, ls="--", lw=1, label=label)
    axes.set(xlabel=chart.x, ylabel=chart.y)
    if chart.log_x:
        _logarithmic(axes.set_xscale, axes.xaxis)
    if chart.log_y:
        _logarithmic(axes.set_yscale, axes.yaxis)
    if len(chart.series) + len(chart.marks) > 1:
        axes.legend()


def _logarithmic(set_scale: Any, axis: Any) -> None:
    """With numbers as people write them, not powers of ten."""
    set_scale("log")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if _is_round(value) else "")
    )


def _is_round(value: float) -> bool:
    return f"{value:e}"[0] in "235"


def _bars(chart: Chart, axes: Any) -> None:
    """Lying, the first one on top, with the number at its end; ours in colour."""
    names, values = list(chart.bars), list(chart.bars.values())
    colours = [_COLOURS[0] if name.startswith("framesrv") else _QUIET for name in names]
    drawn = axes.barh(names, values, color=colours)
    axes.bar_label(
        drawn,
        labels=[f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values],
        padding=4,
    )
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.set(xlabel=chart.x)
