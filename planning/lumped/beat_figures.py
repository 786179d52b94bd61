"""Figures of a beat of the 0D circulation: pressures, flows, pressure–volume loops, saturations, in clinical units.

Every function returns a Matplotlib figure and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoplan.units import ML, ML_PER_S, MMHG
from lumped.blocks.compartments import CHAMBERS
from lumped.engine.marching import History
from planning.report.figures import STYLE
from planning.report.palette import variant_inks
from planning.wording import spoken

_WIDTH = 9.6
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#3b3b3b", "#8c6d31")
_DASHES = ("-", "--")
_ARTERIES = (
    "ascending_aorta",
    "descending_aorta",
    "main_pulmonary_artery",
    "aorta",
    "intrathoracic_arteries",
    "pulmonary_arteries",
)
_SHUNTS = frozenset({"duct", "hole", "flap", "conduit", "narrowing", "inertial_narrowing", "pump"})
_SHUNT_WORDS = ("shunt", "duct", "conduit", "fenestration", "baffle")
"""What the name of a vessel with inertia holds that is no vessel of the healthy."""
_SAMPLED = (
    "left_atrium",
    "right_atrium",
    "left_ventricle",
    "right_ventricle",
    "ascending_aorta",
    "descending_aorta",
    "main_pulmonary_artery",
    "right_pulmonary_artery",
    "brain",
    "lower_body",
    "superior_caval_vein",
    "inferior_caval_vein",
    "placenta",
    "intrathoracic_arteries",
    "pulmonary_arteries",
    "extrathoracic_veins",
)
"""Where saturations are shown, of those that an anatomy has."""
_VALVES = frozenset({"valve", "sigmoid_valve", "leaflet_valve"})


def draw_beat(history: History, *, title: str, saturations: Mapping[str, float] | None = None) -> Figure:
    """One beat: pressures, pressure–volume loops, flows through valves, and shunts or saturations.

    Args:
        history: The beat.
        title: Of the whole figure.
        saturations: Oxygen saturation by compartment, 0 to 1, if it was followed.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 6.6), layout="constrained")
        grid = figure.subplots(2, 2)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        _draw_pressures(grid[0, 0], history)
        _draw_loops(grid[0, 1], history)
        _draw_flows(grid[1, 0], history)
        if saturations:
            _draw_saturations(grid[1, 1], saturations)
        else:
            _draw_volumes(grid[1, 1], history)
    return figure


def draw_comparison(histories: Mapping[str, History], *, title: str) -> Figure:
    """The same curves before and after an operation: great arteries, ventricular loops, shunts; a colour each."""
    inks = variant_inks(tuple(histories))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 3.4), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        axes = figure.subplots(1, 3)
        arteries = _strongest_arteries(next(iter(histories.values())))
        shunts = _telling_shunts(tuple(histories.values()))
        for name, history in histories.items():
            colour = inks[name].colour
            for artery, dash in zip(arteries, _DASHES, strict=False):
                label = f"{name}: {spoken(artery)}"
                axes[0].plot(
                    history.times * 1e3, history.pressure(artery) / MMHG, dash, color=colour, label=label
                )
            for ventricle, dash in zip(_ventricles(history), _DASHES, strict=False):
                _loop(axes[1], history, ventricle, colour, dash, f"{name}: {spoken(ventricle)}")
            for shunt, dash in zip(shunts, _DASHES, strict=False):
                if shunt in history.model.edges:
                    label = f"{name}: {spoken(shunt)}"
                    flow = history.flow(shunt) / ML_PER_S
                    axes[2].plot(history.times * 1e3, flow, dash, color=colour, label=label)
        axes[0].set(title="arteries", xlabel="time in the beat [ms]", ylabel="pressure [mmHg]")
        axes[1].set(title="ventricles", xlabel="volume [mL]", ylabel="pressure [mmHg]")
        axes[2].set(title="shunts and narrowings", xlabel="time in the beat [ms]", ylabel="flow [mL/s]")
        axes[2].axhline(0.0, color="#8a8f98", linewidth=0.8)
        for axis in axes:
            if axis.get_legend_handles_labels()[0]:
                _legend(axis, columns=2)
    return figure


def _strongest_arteries(history: History) -> list[str]:
    """Of the body and of the lungs, as far as the anatomy names them."""
    present = _present(_ARTERIES, history.model.nodes)
    lungs = [name for name in present if "pulmonary" in name][:1]
    body = [name for name in present if "pulmonary" not in name][:1]
    return [*body, *lungs] or list(history.model.nodes[:1])


def _telling_shunts(histories: Sequence[History]) -> list[str]:
    """The shunts and narrowings that carry most in any of the beats."""
    most: dict[str, float] = {}
    for history in histories:
        for name in _shunts(history):
            most[name] = max(most.get(name, 0.0), float(np.abs(history.flow(name)).max()))
    return sorted((name for name in most if most[name] > 0.1 * ML_PER_S), key=lambda name: -most[name])[:2]


def _draw_pressures(axis: Axes, history: History) -> None:
    names = [*_ventricles(history), *_present(_ARTERIES, history.model.nodes)]
    for colour, name in zip(_COLOURS, names, strict=False):
        axis.plot(history.times * 1e3, history.pressure(name) / MMHG, color=colour, label=spoken(name))
    axis.set(title="pressure", xlabel="time in the beat [ms]", ylabel="mmHg")
    _legend(axis)


def _draw_loops(axis: Axes, history: History) -> None:
    for colour, name in zip(_COLOURS, _chambers(history), strict=False):
        _loop(axis, history, name, colour, "-", spoken(name))
    axis.set(title="pressure–volume loops", xlabel="volume [mL]", ylabel="mmHg")
    axis.set_xlim(left=0.0)
    _legend(axis)


def _loop(axis: Axes, history: History, chamber: str, colour: str, dash: str, label: str) -> None:
    volume, pressure = history.volume(chamber) / ML, history.pressure(chamber) / MMHG
    axis.plot(volume, pressure, dash, color=colour, label=label or None)


def _draw_flows(axis: Axes, history: History) -> None:
    names = [*_flows_of(history, _VALVES), *_shunts(history)]
    for colour, name in zip(_COLOURS, names, strict=False):
        axis.plot(history.times * 1e3, history.flow(name) / ML_PER_S, color=colour, label=spoken(name))
    axis.axhline(0.0, color="#8a8f98", linewidth=0.8)
    axis.set(
        title="flow through valves, shunts and narrowings", xlabel="time in the beat [ms]", ylabel="mL/s"
    )
    _legend(axis)


def _draw_volumes(axis: Axes, history: History) -> None:
    for colour, name in zip(_COLOURS, _chambers(history), strict=False):
        axis.plot(history.times * 1e3, history.volume(name) / ML, color=colour, label=spoken(name))
    axis.set(title="volume of the chambers", xlabel="time in the beat [ms]", ylabel="mL")
    _legend(axis)


def _legend(axis: Axes, *, columns: int = 3) -> None:
    """Below the axis, where it hides no curve."""
    axis.legend(fontsize=7, ncols=columns, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _draw_saturations(axis: Axes, saturations: Mapping[str, float]) -> None:
    shown = _present(_SAMPLED, list(saturations)) or list(saturations)
    places = np.arange(len(shown))
    values = 100.0 * np.array([saturations[name] for name in shown])
    bars = axis.barh(places, values, color=mpl.colormaps["coolwarm"](values / 100.0))
    axis.bar_label(bars, fmt="%.0f", fontsize=7, padding=2)
    axis.set_yticks(places, [spoken(name) for name in shown], fontsize=7)
    axis.invert_yaxis()
    axis.set(title="oxygen saturation", xlabel="%", xlim=(0.0, 108.0))
    axis.grid(axis="y", visible=False)


def _chambers(history: History) -> list[str]:
    return [each.name for each in history.model.circulation.compartments if each.kind in CHAMBERS]


def _ventricles(history: History) -> list[str]:
    """The two chambers that reach the highest pressures."""
    chambers = _chambers(history)
    strongest = sorted(chambers, key=lambda name: -float(history.pressure(name).max()))[:2]
    return [name for name in chambers if name in strongest]


def _flows_of(history: History, kinds: frozenset[str]) -> list[str]:
    return [each.name for each in history.model.circulation.connections if each.kind in kinds]


def _shunts(history: History) -> list[str]:
    """Ducts, holes, shunts and narrowings."""
    named = [
        each.name
        for each in history.model.circulation.connections
        if each.kind not in _SHUNTS and any(word in each.name for word in _SHUNT_WORDS)
    ]
    return [*_flows_of(history, _SHUNTS), *named]


def _present(names: Sequence[str], among: Sequence[str]) -> list[str]:
    return [name for name in names if name in among]
