"""Pictures of the page on the coupling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.units import to_unit
from tests.verification.few_beats import CONVERGED, STEPS, Case, Course

COLOURS = {
    "plain": "#7f7f7f",
    "acceleration": "#0072b2",
    "0D start": "#e69f00",
    "0D start + acceleration": "#d55e00",
}
SHOWN = 16
"""Beats on the axis of the distances."""


def plot_distances(
    cases: Mapping[str, Case],
    courses: Mapping[str, Mapping[str, Course]],
    periodic: Mapping[str, FloatArray],
    path: Path,
) -> None:
    """How far every beat is from the one that repeats itself, over the beats, a panel for each case."""
    figure, panels = plt.subplots(1, len(cases), figsize=(12.5, 4.0), sharey=True, layout="constrained")
    for panel, (key, case) in zip(panels, cases.items(), strict=True):
        for name, course in courses[key].items():
            far = np.maximum(100.0 * course.distances(periodic[key])[:SHOWN], 1e-3)
            panel.semilogy(
                np.arange(1, far.size + 1),
                far,
                "o-",
                color=COLOURS[name],
                markersize=4,
                linewidth=1.2,
                label=name,
            )
        panel.axhline(100.0 * CONVERGED, color="black", linestyle=":", linewidth=1.0)
        panel.set(title=case.name, xlabel="3D beat", xticks=range(2, SHOWN + 1, 2), ylim=(3e-3, 300.0))
        panel.title.set_fontsize(10)
        panel.grid(linewidth=0.3)
    panels[0].set_ylabel("largest distance from the periodic pressures\n[% of their range]")
    panels[0].legend(fontsize=8, frameon=False, loc="upper right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_first_beats(
    cases: Mapping[str, Case],
    courses: Mapping[str, Mapping[str, Course]],
    periodic: Mapping[str, FloatArray],
    path: Path,
    *,
    beats: int = 4,
) -> None:
    """Pressure at the first port over the first beats from the wrong start: plain, corrected, and the periodic one."""
    figure, panels = plt.subplots(1, len(cases), figsize=(12.5, 3.4), layout="constrained")
    for panel, (key, case) in zip(panels, cases.items(), strict=True):
        time = np.arange(1, beats * STEPS + 1) / STEPS
        panel.plot(time, to_unit(1.0, "mmHg") * np.tile(periodic[key][:, 0], beats), color="0.8", linewidth=5)
        for name in ("plain", "acceleration"):
            pressure = courses[key][name].history.pressures[: beats * STEPS, 0]
            panel.plot(time, to_unit(1.0, "mmHg") * pressure, color=COLOURS[name], linewidth=1.2)
        panel.set(title=case.name, xlabel="beats", xticks=range(beats + 1))
        panel.title.set_fontsize(10)
        panel.grid(linewidth=0.3)
    panels[0].set_ylabel(f"pressure at {courses[next(iter(cases))]['plain'].history.ports[0]} [mmHg]")
    handles = [plt.Line2D([], [], color="0.8", linewidth=5)]
    handles += [plt.Line2D([], [], color=COLOURS[name]) for name in ("plain", "acceleration")]
    figure.legend(
        handles, ["periodic", "plain", "acceleration"], loc="outside lower center", ncols=3, frameon=False
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)
