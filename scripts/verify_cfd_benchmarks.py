"""Tables of the balances and of the benchmarks with published values."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from verify_cfd_plots import plot_coefficients
from verify_cfd_vessels import nozzle, outflow

from tests.verification.balance import measure
from tests.verification.dfg import (
    DFG_2D1,
    DFG_2D2,
    DFG_2D3,
    DFG_3D1Z,
    DFG_3D3Z,
    Benchmark,
    Series,
    last_cycle,
    peak,
    run_steady,
)
from tests.verification.dfg_in_time import march
from tests.verification.test_cavity import extrema, flow
from tests.verification.womersley import aortic, one_harmonic

CAVITIES = {
    (2, 100): {"u_min": -0.2140417, "v_max": 0.1795728, "v_min": -0.2538030},
    (2, 1000): {"u_min": -0.3885698, "v_max": 0.3769447, "v_min": -0.5270771},
    (3, 1000): {"u_min": -0.2803833, "v_max": 0.2466511, "v_min": -0.4350186},
}
"""Published extrema by dimension and Reynolds number; the sources stand in `tests/verification/test_cavity.py`."""

BALANCE = """
## Balance of volume and energy

Womersley tube with walls that do not slip and an outlet, second cycle. Volume: the largest difference of inflow and
outflow. Energy: what the openings supply is stored, becomes heat or is lost to a term of the discrete equations; the
residual is the rms of what is left, relative to that of the supply: the error of the linear solvers, whose tolerance is
1e-8 here. The other columns are the numerical terms (`cfd/energy.py`), means over the cycle in percent of the heat of
viscosity, negative where the scheme adds energy. The tube is one radius long, so that there is little heat; with the
aortic waveform the flow turns back at the outlet, and 100 steps a cycle are ten in a period of the last harmonic. There
P1–P1 loses most to the splitting, whose correction at the outlet takes kinetic energy from what leaves, and at the
inlet, where its pressure gradient is not balanced; both fall with the time step.

| flow | alpha | pair | cells | steps | volume | residual | time | extrapolation | divergence | stabilisation \
| backflow | splitting | traction | inlet |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""
DFG = """
## Flow around a cylinder (DFG 2D-1 and 3D-1Z)

The monolithic solver, steady; relative deviation from the published values (`tests/verification/dfg.py`).

| case | cells at the cylinder | cells | unknowns | drag | lift | pressure difference | seconds |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"""
UNSTEADY = """
## Unsteady flow around a cylinder (DFG 2D-2 and 2D-3)

The P2–P1 pressure correction on straight cells; 2D-2 from rest to 7 s, its last cycle; 2D-3 over its 8 s. In brackets
the deviation from the published value in percent (`tests/verification/dfg.py`). Lift is its range in 2D-2, its largest
value in 2D-3; frequency is the Strouhal number in 2D-2, the time [s] of the largest lift in 2D-3; the pressure
difference is that half a cycle after the largest lift in 2D-2, that at 8 s in 2D-3.

| case | cells across | dt [ms] | largest drag | lift | frequency | pressure difference | CPU s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""
SOLID = """
## Flow around a cylinder in three dimensions (DFG 3D-1Z and 3D-3Z)

The P2–P1 pressure correction on straight cells, on one core. 3D-1Z from rest to 8 s, means over the last second: drag
and lift; 3D-3Z over its 8 s: largest drag, largest and least lift. In brackets the deviation from the published value,
of the drag in percent of itself, of the lift in percent of the published drag, which is 650 and 300 times as large
(`tests/verification/dfg.py`). Pressure difference: in percent in 3D-1Z; that at 8 s in 3D-3Z, for which no published
value was at hand.

| case | cells across | cells | dt [ms] | drag | lift | least lift | pressure difference | CPU s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""
CAVITY = """
## Driven cavity

The monolithic solver, steady; extrema of the velocity on the centre lines, and their deviation from the published ones
in percent of the lid's speed (sources: `tests/verification/test_cavity.py`).

| cavity | Re | cells along a side | least u | least v | largest v |
| --- | ---: | ---: | ---: | ---: | ---: |"""


def benchmarks(*, quick: bool, folder: Path | None) -> dict[str, Callable[[], list[str]]]:
    """What makes the sections in Markdown, by name; those with plots make them in the folder, if there is one."""
    return {
        "outflow": lambda: outflow(quick=quick),
        "balance": lambda: balance(quick=quick),
        "dfg": lambda: dfg(quick=quick),
        "unsteady": lambda: unsteady(quick=quick),
        "solid": lambda: solid(quick=quick, folder=folder),
        "nozzle": lambda: nozzle(quick=quick, folder=folder),
        "cavity": lambda: cavity(quick=quick),
    }


def balance(*, quick: bool) -> list[str]:
    """Volume and energy in a Womersley tube."""
    lines = [BALANCE]
    levels = ((6, 100),) if quick else ((6, 100), (8, 200), (10, 200))
    for name, make in (("one harmonic", one_harmonic), ("aortic", aortic)):
        for alpha in (4.0, 8.0):
            for elements in ("P1-P1", "P2-P1"):
                for rings, steps in levels:
                    if elements == "P2-P1" and rings > 8:
                        continue
                    found = measure(elements, make(alpha), rings, steps)
                    shares = " | ".join(f"{100.0 * share:z.2f}" for share in found.shares.values())
                    lines.append(
                        f"| {name} | {alpha:g} | {elements} | {found.cells:,d} | {steps} | {found.volume:.1e} "
                        f"| {found.residual:.0e} | {shares} |"
                    )
    return lines


def dfg(*, quick: bool) -> list[str]:
    """Steady flow around a cylinder."""
    lines = [DFG]
    for curved in (False, True):
        for cells in (8, 16) if quick else (8, 16, 32):
            lines.append(_dfg_row(DFG_2D1, cells, curved=curved))
    if not quick:
        lines.append(_dfg_row(DFG_3D1Z, 6, curved=True))
    return lines


def _dfg_row(benchmark: Benchmark, cells: int, *, curved: bool) -> str:
    solid = benchmark.dimension == 3
    found = run_steady(benchmark, cells, curved=curved, half=solid, layers=4 if solid else None)
    deviations = [
        getattr(found.coefficients, name) / benchmark.published[name].value - 1.0
        for name in ("drag", "lift", "pressure_difference")
    ]
    return (
        f"| {benchmark.name} | {'curved' if curved else 'straight'} | {found.cells:,d} | {found.unknowns:,d} | "
        + " | ".join(f"{value:+.2e}" for value in deviations)
        + f" | {found.seconds:.1f} |"
    )


def unsteady(*, quick: bool) -> list[str]:
    """Vortex shedding, and an inflow that rises and falls."""
    lines = [UNSTEADY]
    for cells, dt in ((16, 4e-3),) if quick else ((16, 4e-3), (24, 2.5e-3), (32, 1.25e-3)):
        start = time.process_time()
        found = last_cycle(DFG_2D2, march(DFG_2D2, cells, dt=dt, end=7.0))
        values = {
            "largest drag": found.largest_drag,
            "range of lift": found.largest_lift - found.smallest_lift,
            "Strouhal number": found.strouhal,
            "pressure difference": found.pressure_difference,
        }
        lines.append(_unsteady_row(DFG_2D2, cells, dt, values, time.process_time() - start))
    for cells, dt in ((16, 4e-3),) if quick else ((16, 4e-3), (32, 2e-3)):
        start = time.process_time()
        series = march(DFG_2D3, cells, dt=dt, end=8.0)
        at, lift = peak(series.times, series.lift, int(series.lift.argmax()))
        values = {
            "largest drag": peak(series.times, series.drag, int(series.drag.argmax()))[1],
            "largest lift": lift,
            "time of largest lift": at,
            "pressure difference at 8 s": float(series.pressure_difference[-1]),
        }
        lines.append(_unsteady_row(DFG_2D3, cells, dt, values, time.process_time() - start))
    return lines


def _unsteady_row(
    benchmark: Benchmark, cells: int, dt: float, values: dict[str, float], seconds: float
) -> str:
    cells_of_values = [
        f"{value:.5g} ({100.0 * (value / benchmark.published[name].value - 1.0):+.2f})"
        for name, value in values.items()
    ]
    return (
        f"| {benchmark.name} | {cells} | {1e3 * dt:g} | "
        + " | ".join(cells_of_values)
        + f" | {seconds:.0f} |"
    )


def solid(*, quick: bool, folder: Path | None) -> list[str]:
    """The cylinder in three dimensions, steady and with an inflow that rises and falls."""
    lines = [SOLID]
    for cells, layers in ((8, 6),) if quick else ((8, 6), (16, 12)):
        start = time.process_time()
        series = march(DFG_3D1Z, cells, layers=layers, dt=0.05, end=8.0, tolerance=1e-5)
        late = series.times > 7.0
        published = {name: entry.value for name, entry in DFG_3D1Z.published.items()}
        drag, lift, difference = (
            float(values[late].mean()) for values in (series.drag, series.lift, series.pressure_difference)
        )
        lines.append(
            f"| 3D-1Z | {cells} | {_tetrahedra(cells, layers):,d} | 50 "
            f"| {drag:.4f} ({_percent(drag, published['drag'], published['drag']):+.2f}) "
            f"| {lift:.5f} ({_percent(lift, published['lift'], published['drag']):+.3f}) | "
            f"| {difference:.4f} "
            f"({_percent(difference, published['pressure_difference'], published['pressure_difference']):+.2f}) "
            f"| {time.process_time() - start:.0f} |"
        )
    histories: dict[str, Series] = {}
    for cells, layers, dt in ((8, 6, 2e-2),) if quick else ((8, 6, 1e-2), (16, 12, 1e-2), (24, 16, 1e-2)):
        start = time.process_time()
        series = march(DFG_3D3Z, cells, layers=layers, dt=dt, end=8.0, tolerance=1e-5)
        histories[f"{_tetrahedra(cells, layers):,d} cells"] = series
        largest, least = (DFG_3D3Z.published[name].value for name in ("largest drag", "smallest lift"))
        drag = peak(series.times, series.drag, int(series.drag.argmax()))[1]
        lift = peak(series.times, series.lift, int(series.lift.argmin()))[1]
        lines.append(
            f"| 3D-3Z | {cells} | {_tetrahedra(cells, layers):,d} | {1e3 * dt:g} "
            f"| {drag:.4f} ({_percent(drag, largest, largest):+.2f}) | {series.lift.max():.5f} "
            f"| {lift:.5f} ({_percent(lift, least, largest):+.3f}) | {series.pressure_difference[-1]:.4f} "
            f"| {time.process_time() - start:.0f} |"
        )
    if folder is not None:
        plot_coefficients(DFG_3D3Z, histories, folder / "dfg-3d3z.png")
        lines += ["", "![Drag and lift of DFG 3D-3Z](verification/dfg-3d3z.png)"]
    return lines


def _percent(found: float, published: float, scale: float) -> float:
    return 100.0 * (found - published) / scale


def _tetrahedra(cells: int, layers: int) -> int:
    """In `channel` in three dimensions: 13 n² triangles, three tetrahedra in each prism."""
    return 39 * cells**2 * layers


def cavity(*, quick: bool) -> list[str]:
    """The driven cavity, square and cube."""
    lines = [CAVITY]
    sizes = {(2, 100): (16, 32), (2, 1000): (20, 40), (3, 1000): () if quick else (8,)}
    for (dimension, reynolds), counts in sizes.items():
        for cells in counts:
            found, published = extrema(flow(dimension, reynolds, cells)), CAVITIES[dimension, reynolds]
            values = [
                f"{getattr(found, name):.5f} ({100.0 * (getattr(found, name) - published[name]):+.3f})"
                for name in ("u_min", "v_min", "v_max")
            ]
            kind = "square" if dimension == 2 else "cube"
            lines.append(f"| {kind} | {reynolds} | {cells} | " + " | ".join(values) + " |")
    return lines
