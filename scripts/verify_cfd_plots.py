"""Plots of the verification page."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator

from hemoplan.circuit import FixedPressures
from tests.verification import nozzle
from tests.verification.axisymmetric import AxisymmetricFlow
from tests.verification.convergence import Row
from tests.verification.dfg import Benchmark, Series
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


def plot_nozzle(reference: AxisymmetricFlow, runs: dict[str, nozzle.NozzleRun], path: Path) -> None:
    """Velocity and pressure on the axis: the section as a line, the runs and the measurements at the stations."""
    z = np.linspace(nozzle.START, nozzle.END, 601)
    line = np.column_stack([z, np.zeros(len(z))])
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(8.0, 6.5), sharex=True, layout="constrained")
    upper.plot(1e3 * z, reference.velocity_at(line)[:, 0], color="black", linewidth=1.0, label="section")
    lower.plot(1e3 * z, reference.pressure_at(line), color="black", linewidth=1.0)
    for (name, run), marker in zip(runs.items(), MARKERS, strict=False):
        label = f"{name}, {run.cells:,d} cells"
        upper.plot(
            1e3 * nozzle.STATIONS, run.axis.velocity, marker, markersize=4, fillstyle="none", label=label
        )
        lower.plot(1e3 * nozzle.STATIONS, run.axis.pressure, marker, markersize=4, fillstyle="none")
    upper.plot(1e3 * nozzle.STATIONS, nozzle.MEASURED, "x", color="tab:red", label="measured, one laboratory")
    for station, (least, most) in nozzle.SCATTER.items():
        upper.plot([1e3 * station] * 2, [least, most], color="tab:red", linewidth=4, alpha=0.35)
    upper.plot([], [], color="tab:red", linewidth=4, alpha=0.35, label="measured, all laboratories")
    for panel, name in ((upper, "velocity [m/s]"), (lower, "pressure [Pa]")):
        panel.set_ylabel(name)
        panel.grid(linewidth=0.3)
        for place in (nozzle.CONE, nozzle.THROAT_START, 0.0):
            panel.axvline(1e3 * place, color="grey", linewidth=0.6, linestyle=":")
    upper.legend(fontsize=8)
    lower.set_xlabel("distance from the sudden expansion [mm]")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_coefficients(benchmark: Benchmark, series: dict[str, Series], path: Path) -> None:
    """Drag and lift over time on some meshes, beside the published extrema."""
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4.0), layout="constrained")
    for name, values in series.items():
        panels[0].plot(values.times, values.drag, linewidth=1.0, label=name)
        panels[1].plot(values.times, values.lift, linewidth=1.0)
    for panel, quantity, word in zip(
        panels, ("largest drag", "smallest lift"), ("drag", "lift"), strict=True
    ):
        panel.axhline(benchmark.published[quantity].value, color="black", linewidth=0.8, linestyle="--")
        panel.set_title(f"{word} (dashed: published {quantity})")
        panel.set_xlabel("time [s]")
        panel.grid(linewidth=0.3)
    last = max(values.lift[len(values.lift) // 20 :].max() for values in series.values())
    panels[1].set_ylim(-0.014, 1.5 * last)
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
