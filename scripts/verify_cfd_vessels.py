"""Tables of what leaves a vessel, and of the flow through the FDA's nozzle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import numpy as np
from verify_cfd_plots import plot_nozzle

from tests.verification.axisymmetric import AxisymmetricFlow
from tests.verification.nozzle import MEASURED, SCATTER, STATIONS, NozzleRun, axis_values, reference, run
from tests.verification.poiseuille import Wall
from tests.verification.shear_thinning import STEPS, TIME_STEP, flow_out

OUTFLOW = """
## Blood that thins with shear, at an outlet

The Carreau–Yasuda fluid of above in a tube of one diameter with an outlet, from the exact flow on. Profile: largest
deviation of the velocity at the outlet, relative to that on the axis. Velocity: relative error in L2. The natural
condition of a thinning fluid must let a developed profile leave as it is, for steps of any length; the long ones are 4
to 60 times rho h² / mu. What P2–P1 leaves on facets is that the tube is too narrow by O(h²); the nodes of P1–P1 lie on
the true wall either way. After 40 long steps the pressure of P2–P1 on facets has not settled altogether.

| pair | cells | wall | dt [ms] | steps | profile | velocity | pressure drop |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"""
NOZZLE = """
## The FDA's nozzle at Re 500

Axis velocity and pressure drop from 88 mm before to 80 mm behind the sudden expansion; deviations from a Taylor–Hood
solution on half of the section ({unknowns:,d} unknowns; that with {fewer:,d} differs by at most {change:.1e} in
velocity). The runs in tetrahedra start from that solution; means over their last third. Fluctuation: largest standard
deviation in time of the velocity at a station. P2–P1 has no dissipation of its own, and coarse cells keep a noise in
the jet that P1–P1 stabilises away; both close the balance of energy (what the openings supply, over what becomes heat).

| way | cells | dt [ms] | axis, throat and jet | axis, all | pressure drop | fluctuation | energy | CPU s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""
COMPARISON = """
Beside the measurements (P. Hariharan et al., J. Biomech. Eng. 133 (2011) 041002, DOI 10.1115/1.4003440; data set DOI
10.17917/C78G69): velocity on the axis by particle images of one laboratory, and the range of all laboratories where it
was read. They differ by 4 to 11 % among themselves, by a fifth at 80 mm, where the measured jet begins to break down.
The pressures of that laboratory are read in steps of 13 Pa: from 90 mm before to 32 mm behind the expansion they fall
by 353 Pa, in the computation by {drop:.0f} Pa, and they say little about its shape.

| z [mm] | computed [m/s] | measured [m/s] | difference | all laboratories [m/s] |
| ---: | ---: | ---: | ---: | --- |"""

type Level = tuple[Literal["P1-P1", "P2-P1"], int, float, float]
"""Elements, rings in the throat, time step and duration [s]."""
LEVELS: tuple[Level, ...] = (
    ("P1-P1", 4, 2e-3, 0.42),
    ("P1-P1", 6, 2e-3, 0.42),
    ("P1-P1", 8, 2e-3, 0.42),
    ("P2-P1", 4, 2e-3, 0.42),
    ("P2-P1", 6, 1.5e-3, 0.48),
)


def outflow(*, quick: bool) -> list[str]:
    """Developed flow of a thinning fluid at an outlet."""
    lines = [OUTFLOW]
    sizes = {"P1-P1": (6,) if quick else (6, 8, 12), "P2-P1": (4,) if quick else (3, 4, 6)}
    walls = {"P1-P1": (Wall.FACETED,), "P2-P1": tuple(Wall)}
    for pair, levels in sizes.items():
        for rings in levels:
            for wall in walls[pair]:
                for dt, steps in ((TIME_STEP, STEPS), (0.5, 40)):
                    found = flow_out(pair, rings, wall=wall, dt=dt, steps=steps)
                    lines.append(
                        f"| {pair} | {found.cells:,d} | {wall} | {1e3 * dt:g} | {steps} | {found.profile:.1e} "
                        f"| {found.velocity:.1e} | {found.drop:+.1e} |"
                    )
    return lines


def nozzle(*, quick: bool, folder: Path | None) -> list[str]:
    """The nozzle on its section and in tetrahedra, and beside measurements; a plot in the folder if there is one."""
    start = time.process_time()
    coarse, fine = (reference(cells) for cells in ((4, 8) if quick else (12, 16)))
    exact = axis_values(fine)
    change = float(abs(axis_values(coarse).velocity / exact.velocity - 1.0).max())
    seconds = time.process_time() - start
    triangles = fine.domain.mesh.topology.index_map(2).size_global
    lines = [
        NOZZLE.format(unknowns=fine.unknowns, fewer=coarse.unknowns, change=change),
        f"| section | {triangles:,d} | steady | 0 | 0 | {exact.drop:.2f} Pa | | | {seconds:.0f} |",
    ]
    runs: dict[str, NozzleRun] = {}
    for elements, cells, dt, duration in LEVELS[:1] if quick else LEVELS:
        found = runs[elements] = run(elements, cells, coarse, dt=dt, duration=duration)
        deviations = abs(found.axis.velocity / exact.velocity - 1.0)
        lines.append(
            f"| {elements} | {found.cells:,d} | {1e3 * dt:g} | {deviations[STATIONS > -0.03].max():.2%} "
            f"| {deviations.max():.2%} | {found.axis.drop / exact.drop - 1.0:+.2%} | {found.fluctuation:.2%} "
            f"| {found.energy:+.1e} | {found.seconds:.0f} |"
        )
    if folder is not None:
        plot_nozzle(fine, runs, folder / "nozzle.png")
        lines += ["", "![Velocity and pressure on the axis of the nozzle](verification/nozzle.png)"]
    return [*lines, *_beside_measurements(fine)]


def _beside_measurements(fine: AxisymmetricFlow) -> list[str]:
    found = axis_values(fine).velocity
    ends = fine.pressure_at(np.array([[-0.09032, 0.0], [0.032, 0.0]]))
    lines = [COMPARISON.format(drop=ends[0] - ends[1])]
    for z, computed, measured in zip(STATIONS, found, MEASURED, strict=True):
        span = SCATTER.get(float(z))
        lines.append(
            f"| {1e3 * z:g} | {computed:.4f} | {measured:.4f} | {computed / measured - 1.0:+.1%} "
            f"| {f'{span[0]:g} to {span[1]:g}' if span else ''} |"
        )
    return lines
