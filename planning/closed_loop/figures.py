"""Figures of a closed circulation: pressure–volume loops, and pressure and flow at the openings, 3D beside 0D."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.units import ML, ML_PER_S, MMHG
from lumped.engine.marching import History
from planning.closed_loop.outputs import VENTRICLES
from planning.report.figures import STYLE
from planning.report.palette import Ink, variant_inks
from planning.wording import spoken

type _Curve = NDArray[np.floating]

_WIDTH = 9.6
_COLUMNS = 4
_ALONE = (1.2, 1.4)
"""Dashes of what 0D says alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCurves:
    """Pressure [Pa] and flow out of the 3D domain [m³/s] of each opening over a beat, at (s,) times [s]."""

    times: FloatArray
    pressures: Mapping[str, FloatArray]
    flows: Mapping[str, FloatArray]


def draw_loops(coupled: Mapping[str, History], alone: Mapping[str, History]) -> Figure:
    """Pressure–volume loops of the ventricles: a panel a ventricle, a colour a variant, dotted what 0D says alone."""
    nodes = next(iter(coupled.values())).model.nodes
    ventricles = [name for name in VENTRICLES if name in nodes]
    inks = variant_inks(tuple(coupled))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 3.6), layout="constrained")
        axes = list(figure.subplots(1, len(ventricles), squeeze=False).flat)
        for axis, ventricle in zip(axes, ventricles, strict=True):
            for name, history in coupled.items():
                for beat, single in ((history, False), (alone[name], True)):
                    volume, pressure = beat.volume(ventricle) / ML, beat.pressure(ventricle) / MMHG
                    _draw(axis, volume, pressure, inks[name], alone=single)
            axis.set_title(spoken(ventricle).capitalize())
            axis.set_xlabel("volume [mL]")
        axes[0].set_ylabel("pressure [mmHg]")
        _add_legend(figure, inks)
    return figure


def draw_port_waveforms(
    coupled: Mapping[str, PortCurves], alone: Mapping[str, PortCurves], *, inlets: Collection[str]
) -> Figure:
    """Pressure above flow of every opening: a colour a variant, dotted what 0D says alone; at inlets the inflow."""
    openings = list(next(iter(coupled.values())).flows)
    inks = variant_inks(tuple(coupled))
    columns = min(_COLUMNS, len(openings))
    rows = -(-len(openings) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 0.5 + 3.5 * rows), layout="constrained")
        grid = figure.subplots(2 * rows, columns, squeeze=False, sharex=True)
        for index in range(rows * columns):
            row, column = divmod(index, columns)
            pair = grid[2 * row, column], grid[2 * row + 1, column]
            if index >= len(openings):
                for axis in pair:
                    axis.set_visible(False)
                continue
            opening = openings[index]
            sign = -1.0 if opening in inlets else 1.0
            for name in coupled:
                for curves, single in ((coupled[name], False), (alone[name], True)):
                    times = 1e3 * curves.times
                    _draw(pair[0], times, curves.pressures[opening] / MMHG, inks[name], alone=single)
                    _draw(pair[1], times, sign * curves.flows[opening] / ML_PER_S, inks[name], alone=single)
            pair[0].set_title(spoken(opening).capitalize() + (" (inflow)" if sign < 0.0 else ""))
            pair[1].axhline(0.0, color="#8a8f98", linewidth=0.8, zorder=1)
            if column == 0:
                pair[0].set_ylabel("pressure [mmHg]")
                pair[1].set_ylabel("flow [mL/s]")
        for axis in grid[-1]:
            axis.set_xlabel("time in the cycle [ms]")
        _add_legend(figure, inks)
    return figure


def _draw(axis: Axes, x: _Curve, y: _Curve, ink: Ink, *, alone: bool) -> None:
    (line,) = axis.plot(x, y, color=ink.colour, linewidth=1.1 if alone else 1.7, alpha=0.8 if alone else 1.0)
    if alone:
        line.set_dashes(_ALONE)


def _add_legend(figure: Figure, inks: Mapping[str, Ink]) -> None:
    handles = [
        Line2D([], [], color=ink.colour, linewidth=2.0, label=spoken(name)) for name, ink in inks.items()
    ]
    for label, dashes in (("3D–0D", ()), ("0D alone", _ALONE)):
        line = Line2D([], [], color="#5b616b", linewidth=1.5, label=label)
        if dashes:
            line.set_dashes(dashes)
        handles.append(line)
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), handlelength=2.4)
