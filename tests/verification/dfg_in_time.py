"""The DFG benchmarks with the P2–P1 pressure correction: drag, lift and pressure difference over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cfd.flow_state import FlowState
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from tests.verification.channel_mesh import CYLINDER, channel
from tests.verification.dfg import DENSITY, VISCOSITY, Benchmark, Series

CIRCUIT = FixedPressures(("outlet",))


def march(
    benchmark: Benchmark,
    cells: int,
    *,
    dt: float,
    end: float,
    layers: int | None = None,
    tolerance: float = 1e-6,
) -> Series:
    """The flow from rest until `end` [s] in steps of dt [s]; a constant inflow is there at once. On one rank.

    Args:
        benchmark: The benchmark.
        cells, layers: Of `channel`, whose cells are straight.
        dt, end: [s].
        tolerance: Of the linear solvers.
    """
    stepper = build_stepper(
        channel(benchmark.dimension, cells, layers=layers),
        Fluid(density=DENSITY, viscosity=VISCOSITY),
        "P2-P1",
        replace(DEFAULTS["P2-P1"], velocity_tolerance=tolerance, pressure_tolerance=tolerance),
        wall_velocity=benchmark.wall_velocity,
    )
    distances = np.linalg.norm(stepper.vertices.coordinates[:, None] - benchmark.probes, axis=2)
    front, back = distances.argmin(axis=0)
    state = stepper.initial_state(CIRCUIT)
    rows = []
    for _ in range(round(end / dt)):
        before = state
        state, _ = stepper.advance(before, dt, CIRCUIT)
        difference = float(state.pressure[front] - state.pressure[back])
        found = benchmark.coefficients(force_on_cylinder(stepper, before, state), difference)
        rows.append((state.time, found.drag, found.lift, difference))
    times, drag, lift, differences = np.array(rows).T
    return Series(times=times, drag=drag, lift=lift, pressure_difference=differences)


def force_on_cylinder(stepper: FractionalStep, before: FlowState, after: FlowState) -> FloatArray:
    """(d,) force of the fluid on the cylinder [N, in 2D N/m]: pressure, and the viscous part from the residual."""
    patch = next(patch for patch in stepper.elements.domain.patches if patch.tag == CYLINDER)
    facets, corners = stepper.elements.patch_facets(patch), stepper.vertices.patch_facets(patch).nodes
    pressure = after.pressure[corners].mean(axis=1) @ facets.area_normals
    loads = stepper.viscous_loads(before, after)[stepper.elements.patch_nodes(patch)]
    return np.asarray(pressure - loads.sum(axis=0))
