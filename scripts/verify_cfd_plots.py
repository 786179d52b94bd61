"""Plots of the verification page."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator

from hemoplan.circuit import FixedPressures
from tests.verification.convergence import Row
from tests.verification.studies import Study
from tests.verification.womersley import PERIOD, End, aortic, tube_stepper

QUANTITIES = {"velocity": "velocity", "pressure": "pressure", "wall_shear": "wall shear stress"}
MARKERS = "osD^v"
RINGS, STEPS, SHOWN = 6, 240, 8
"""Mesh, time steps and instants of the profiles."""


def plot_study(study: Study, curves: dict[str, list[Row]], path: Path) -> None:
    """Errors over h or dt, a panel for each quantity, with a slope of the expected order under each curve."""
    figure, panels = plt.subplots(1, len(QUANTITIES), figsize=(12.0, 4.2), layout="constrained")
    curve_lines = {}
    ticks = sorted({getattr(row, study.against) for rows in curves.values() for row in rows})
    for panel, (quantity, word) in zip(panels, QUANTITIES.items(), strict=True):
        for (name, rows), marker in zip(curves.items(), MARKERS, strict=False):
            sizes = np.array([getattr(row, study.against) for row in rows])
            errors = np.array([row.error(quantity) for row in rows])
            if not rows or not (errors > 1e-10).all():
                continue
            (line,) = panel.loglog(sizes, errors, marker=marker, markersize=5, label=name)
            curve_lines[name] = line
            order = study.expected.get(name, {}).get(quantity)
            if order is not None:
                reference = 0.6 * errors[-1] * (sizes / sizes[-1]) ** order
                panel.loglog(sizes, reference, "--", color=line.get_color(), linewidth=0.9)
                panel.annotate(f"{order:g}", (sizes[0], reference[0]), color=line.get_color(), fontsize=9)
        panel.set_title(word)
        panel.set_xlabel("mesh size h" if study.against == "h" else "time step")
        panel.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks], fontsize=8, rotation=45)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.grid(which="both", linewidth=0.3)
    panels[0].set_ylabel("relative error")
    names = [name for name in curves if name in curve_lines]
    handles = [curve_lines[name] for name in names]
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_womersley(alpha: float, path: Path) -> None:
    """Computed velocity at nodes in the middle of the tube over exact profiles, in one cycle of the aortic waveform."""
    flow = aortic(alpha)
    stepper = tube_stepper("P2-P1", flow, RINGS, end=End.CLOSED)
    circuit = FixedPressures()
    state = stepper.initial_state(circuit, velocity=lambda x: flow.velocity(x, 0.0))
    nodes = stepper.elements.coordinates
    middle = np.flatnonzero(np.abs(nodes[:, 2] / flow.length - 0.5) < 0.2)
    signed = np.where(nodes[middle, 0] < 0.0, -1.0, 1.0) * np.hypot(nodes[middle, 0], nodes[middle, 1])
    line = np.zeros((401, 3))
    line[:, 0] = flow.radius * np.linspace(-1.0, 1.0, 401)
    figure, axes = plt.subplots(figsize=(7.5, 5.0), layout="constrained")
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.92, SHOWN))
    for step in range(1, STEPS + 1):
        state, _ = stepper.advance(state, PERIOD / STEPS, circuit)
        if step % (STEPS // SHOWN):
            continue
        colour = colours[step // (STEPS // SHOWN) - 1]
        axes.plot(
            line[:, 0] / flow.radius, flow.velocity(line, state.time)[:, 2], color=colour, linewidth=1.2
        )
        axes.plot(signed / flow.radius, state.velocity[middle, 2], ".", color=colour, markersize=2.5)
        axes.plot([], [], color=colour, label=f"{state.time / PERIOD:.3g} T")
    axes.set_xlabel("r / R")
    axes.set_ylabel("axial velocity [m/s]")
    axes.set_title(f"Aortic waveform, alpha = {alpha:g}: exact (lines) and P2–P1 at its nodes (points)")
    figure.legend(loc="outside right upper", fontsize=8)
    axes.grid(linewidth=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
