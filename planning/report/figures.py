"""Figures of the report: waveforms, periodicity and an overview, in clinical units.

Every function returns a Matplotlib figure and writes nothing; no global state of Matplotlib is touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hemoplan.case import Cuff
from hemoplan.results import FlowMetrics, PortHistory
from hemoplan.units import ML_PER_S, MMHG, to_unit
from planning.report.compare import Comparison
from planning.report.palette import Ink, variant_inks
from planning.wording import plain, spoken

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a8f98",
    "axes.labelcolor": "#3a3f47",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.8,
    "xtick.color": "#5b616b",
    "ytick.color": "#5b616b",
    "legend.frameon": False,
    "svg.hashsalt": "hemoplan",
}
_WIDTH = 7.4
"""Width of a figure on an A4 page [inch]."""
_CUFF = "#a0006d"


def draw_pressures(cycles: Mapping[str, PortHistory], *, sites: Sequence[str], cuff: Cuff) -> Figure:
    """Pressure over the last cycle: a panel a site, a line a variant, and the cuff's values at their site.

    Args:
        cycles: The last cycle of each variant.
        sites: Openings to show.
        cuff: The cuff pressures; drawn at their site.
    """
    inks = variant_inks(tuple(cycles))
    with mpl.rc_context(STYLE):
        figure, axes = _row_of_panels(len(sites), height=2.9, share_y=True)
        for axis, site in zip(axes, sites, strict=True):
            for name, cycle in cycles.items():
                _draw_line(axis, cycle.times * 1e3, cycle.pressure(site) / MMHG, inks[name])
            title = spoken(site)
            if site == cuff.site:
                title += " (cuff)"
                _draw_cuff(axis, cuff)
            _set_title(axis, title)
            axis.set_xlabel("time in the cycle [ms]")
        axes[0].set_ylabel("pressure [mmHg]")
        _add_legend(figure, inks)
    return figure


def draw_flows(cycles: Mapping[str, PortHistory], *, ports: Sequence[str], inlets: Collection[str]) -> Figure:
    """Flow over the last cycle: a panel an opening, a line a variant; at inlets the inflow is shown."""
    inks = variant_inks(tuple(cycles))
    columns = min(3, len(ports))
    rows = -(-len(ports) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 0.55 + 1.95 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
        panels = list(grid.flat)
        for axis, port in zip(panels, ports, strict=False):
            sign = -1.0 if port in inlets else 1.0
            for name, cycle in cycles.items():
                _draw_line(axis, cycle.times * 1e3, sign * cycle.flow(port) / ML_PER_S, inks[name])
            axis.axhline(0.0, color="#8a8f98", linewidth=0.8, zorder=1)
            _set_title(axis, f"{spoken(port)} (inflow)" if port in inlets else spoken(port))
        for axis in panels[len(ports) :]:
            axis.set_visible(False)
        for index in range(max(0, len(ports) - columns), len(ports)):
            panels[index].set_xlabel("time in the cycle [ms]")
            panels[index].tick_params(labelbottom=True)
        for line in grid:
            line[0].set_ylabel("flow [mL/s]")
        _add_legend(figure, inks)
    return figure


def draw_periodicity(
    histories: Mapping[str, PortHistory], *, period: float, site: str, outlet: str
) -> Figure:
    """The last two cycles on top of each other: pressure at one opening (above) and flow at another (below).

    Args:
        histories: The whole history of each variant, at least two cycles.
        period: Length of the cycle [s].
        site: Opening whose pressure is shown.
        outlet: Opening whose flow is shown.
    """
    inks = variant_inks(tuple(histories))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 3.7), layout="constrained")
        grid = figure.subplots(2, len(histories), squeeze=False, sharex=True, sharey="row")
        for column, (name, history) in enumerate(histories.items()):
            last, previous = history.cycle(period, -1), history.cycle(period, -2)
            for axis, scale, of in ((grid[0, column], MMHG, 0), (grid[1, column], ML_PER_S, 1)):
                for cycle, width, colour in ((previous, 3.2, "#c3c8cf"), (last, 1.3, inks[name].colour)):
                    values = cycle.flow(outlet) if of else cycle.pressure(site)
                    axis.plot(cycle.times * 1e3, values / scale, color=colour, linewidth=width)
            _set_title(grid[0, column], spoken(name))
            grid[1, column].set_xlabel("time in the cycle [ms]")
        grid[0, 0].set_ylabel(f"pressure [mmHg]\n{spoken(site)}")
        grid[1, 0].set_ylabel(f"flow [mL/s]\n{spoken(outlet)}")
        handles = [
            Line2D([], [], color="#c3c8cf", linewidth=3.2, label="last cycle but one"),
            Line2D([], [], color="#3b3b3b", linewidth=1.3, label="last cycle"),
        ]
        figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure


def draw_overview(comparison: Comparison, metrics: FlowMetrics) -> Figure:
    """Bars: the gradients (left) and the share of the inflow of each outlet (right).

    Args:
        comparison: All variants.
        metrics: Metrics of any variant, for the names of the outlets.
    """
    inks = variant_inks(comparison.variants)
    gradients = {"peak-to-peak": "peak_to_peak_gradient", "peak": "peak_gradient", "mean": "mean_gradient"}
    shares = {spoken(name): f"split.{name}" for name in metrics.flow_split}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[3, max(3, len(shares))])
        _draw_bars(left, comparison, gradients, inks)
        _set_title(left, "Gradient")
        left.set_ylabel("pressure difference [mmHg]")
        _draw_bars(right, comparison, shares, inks)
        _set_title(right, "Share of the inflow")
        right.set_ylabel("mean flow [% of inflow]")
        _add_legend(figure, inks)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> Path:
    """Write `name.png` (for slides, 200 dpi) and `name.svg` into a folder; return the path of the SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figure.savefig(folder / f"{name}.png", dpi=200)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    return folder / f"{name}.svg"


def _row_of_panels(count: int, *, height: float, share_y: bool) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False, sharey=share_y).flat)


def _draw_line(axis: Axes, times: NDArray[np.floating], values: NDArray[np.floating], ink: Ink) -> None:
    (line,) = axis.plot(times, values, color=ink.colour, linewidth=1.7)
    if ink.dashes:
        line.set_dashes(ink.dashes)


def _draw_cuff(axis: Axes, cuff: Cuff) -> None:
    for label, pressure in (("systolic", cuff.systolic), ("mean", cuff.mean), ("diastolic", cuff.diastolic)):
        value = to_unit(pressure, "mmHg")
        axis.axhline(value, color=_CUFF, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
        axis.annotate(
            f"{label} {plain(value, 0)}",
            (1.0, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=7.5,
            color=_CUFF,
        )


def _draw_bars(axis: Axes, comparison: Comparison, keys: Mapping[str, str], inks: Mapping[str, Ink]) -> None:
    places = np.arange(len(keys), dtype=np.float64)
    width = 0.8 / len(comparison.variants)
    for index, name in enumerate(comparison.variants):
        values = [comparison.value(key, name) for key in keys.values()]
        offset = (index - (len(comparison.variants) - 1) / 2.0) * width
        bars = axis.bar(places + offset, values, 0.9 * width, color=inks[name].colour)
        axis.bar_label(
            bars, labels=[plain(value, 0) for value in values], fontsize=7.5, padding=1.5, color="#3a3f47"
        )
    axis.set_xticks(places, [label.replace(" ", "\n") for label in keys])
    axis.tick_params(axis="x", length=0)
    axis.grid(visible=False, axis="x")
    axis.axhline(0.0, color="#8a8f98", linewidth=0.8)


def _set_title(axis: Axes, text: str) -> None:
    axis.set_title(text[0].upper() + text[1:])


def _add_legend(figure: Figure, inks: Mapping[str, Ink]) -> None:
    handles = []
    for name, ink in inks.items():
        handle = Line2D([], [], color=ink.colour, linewidth=2.0, label=spoken(name))
        if ink.dashes:
            handle.set_dashes(ink.dashes)
        handles.append(handle)
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), handlelength=2.6)
