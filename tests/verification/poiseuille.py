"""Steady developed flow in a round tube and in a plane channel: the parabola of Poiseuille.

    w = 2 Q / (pi R²) (1 - r²/R²)   dp/dz = -8 mu Q / (pi R⁴)   tau = 4 mu Q / (pi R³)   in a tube with the flow Q
    u = 6 q / H (y/H)(1 - y/H)      dp/dx = -12 mu q / H³       in a channel with the flow q per depth

The wall of the tube is made of flat facets. With `Wall.FACETED` they do not slip, as in every computation on a mesh;
the tube is then too narrow by O(h²). With `Wall.EXACT` they have the velocity of the round tube at their place, so that
only the discretisation of the equations is left.

Source: S. P. Sutera, R. Skalak, Annu. Rev. Fluid Mech. 25 (1993) 1–20, DOI 10.1146/annurev.fl.25.010193.000245.
"""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.domain import Domain
from cfd.flow_state import FlowState
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep, StepSettings
from cfd.quadratic_step import QuadraticStep
from cfd.stepper import DEFAULTS, ElementPair, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from hemoplan.errors import DivergenceError
from hemoplan.patch import Patch, Role
from tests.verification.convergence import BoundaryTraction, Row, l2_error
from tests.verification.ring_tube import ring_tube

RADIUS, LENGTH, FLOW = 2e-3, 4e-3, 2e-6
FLUID = Fluid(density=1060.0, viscosity=0.04)
GRADIENT = 8.0 * FLUID.viscosity * FLOW / (np.pi * RADIUS**4)
WALL_SHEAR = 0.5 * GRADIENT * RADIUS
CIRCUIT = FixedPressures(("outlet",))
TIME_STEP, STEPS = 1e-3, 160
"""One and a half viscous times R²/nu. Larger steps get there later: at an outlet the pressure of P2–P1 settles the more
slowly, the larger nu dt / h² is."""
STEADY = 2e-6
"""Largest change in a step, relative to the largest velocity, of a flow that passes for steady."""


class Wall(StrEnum):
    """What the facets of the wall do."""

    FACETED = "no slip on the facets"
    EXACT = "exact velocity on the facets"


def velocity(x: FloatArray) -> FloatArray:
    """(n, 3) in the round tube at points (n, 3)."""
    found = np.zeros_like(x)
    found[:, 2] = 0.25 * GRADIENT / FLUID.viscosity * (RADIUS**2 - x[:, 0] ** 2 - x[:, 1] ** 2)
    return found


def pressure(x: FloatArray) -> FloatArray:
    """(n,) at points (n, 3), zero at the outlet."""
    return np.asarray(GRADIENT * (LENGTH - x[:, 2]))


def solve(elements: ElementPair, rings: int, wall: Wall) -> Row:
    """The errors of the steady flow; the wall shear is that of the middle half of the tube."""
    start = time.perf_counter()
    heights = np.asarray(np.linspace(0.0, LENGTH, rings + 1), dtype=np.float64)
    domain = ring_tube(heights, rings, radius=RADIUS, roles=(Role.WALL, Role.OUTLET))

    def prescribed(x: FloatArray, t: float) -> FloatArray:
        moving = (x[:, 2] < 1e-9) | (wall is Wall.EXACT)
        return np.where(moving[:, None], velocity(x), 0.0)

    settings = replace(
        DEFAULTS[elements],
        velocity_tolerance=1e-10,
        pressure_tolerance=1e-10,
    )
    stepper = build_stepper(domain, FLUID, elements, settings, wall_velocity=prescribed)
    before = state = stepper.initial_state(CIRCUIT, velocity=velocity, pressure=pressure)
    for _ in range(STEPS):
        before = state
        state, _ = stepper.advance(state, TIME_STEP, CIRCUIT)
    require_steady(before, state)
    side = side_traction(stepper)
    exact = side.loads(lambda x, n: np.tile([0.0, 0.0, -WALL_SHEAR], (len(x), 1)))
    return Row(
        cells=len(stepper.elements.cells),
        h=RADIUS / rings,
        dt=0.0,
        velocity=l2_error(stepper.elements, state.velocity, velocity),
        pressure=l2_error(stepper.vertices, state.pressure, pressure),
        wall_shear=side.error(stepper.viscous_loads(before, state), exact),
        seconds=time.perf_counter() - start,
    )


def require_steady(before: FlowState, after: FlowState) -> None:
    """Raise DivergenceError if the last step changed the velocity."""
    drift = np.abs(after.velocity - before.velocity).max() / np.abs(after.velocity).max()
    if not drift < STEADY:
        raise DivergenceError("the flow has not become steady", value=f"{drift:.1e} in a step")


def side_traction(stepper: FractionalStep) -> BoundaryTraction:
    """The round wall away from its ends, where the loads hold a part of the traction of the openings."""
    elements = stepper.elements
    side = next(patch for patch in elements.domain.patches if patch.name == "wall")
    z = elements.coordinates[:, 2]
    share = (z - z.min()) / (z.max() - z.min())
    return BoundaryTraction(elements, elements.patch_facets(side), np.abs(share - 0.5) < 0.26)


def channel_errors(cells: int) -> tuple[float, float]:
    """Relative errors of velocity and pressure of P2–P1 in a plane channel, with the stepper's own inlet profile."""
    height, length, flow = 2e-3, 4e-3, 1e-4
    stepper = QuadraticStep(
        _channel(height, length, cells),
        FLUID,
        StepSettings(form="convective", stabilise=False, velocity_tolerance=1e-12, pressure_tolerance=1e-12),
    )
    gradient = 12.0 * FLUID.viscosity * flow / height**3

    def exact_velocity(x: FloatArray) -> FloatArray:
        y = x[:, 1] / height
        return np.column_stack([6.0 * flow / height * y * (1.0 - y), np.zeros(len(x))])

    def exact_pressure(x: FloatArray) -> FloatArray:
        return np.asarray(gradient * (length - x[:, 0]))

    state = stepper.initial_state(CIRCUIT)
    for _ in range(1200):
        state, _ = stepper.advance(state, TIME_STEP, CIRCUIT, flow)
    return (
        l2_error(stepper.elements, state.velocity, exact_velocity),
        l2_error(stepper.vertices, state.pressure, exact_pressure),
    )


def _channel(height: float, length: float, cells: int) -> Domain:
    mesh = dmesh.create_rectangle(
        MPI.COMM_SELF,
        [np.zeros(2), np.array([length, height])],
        [2 * cells, cells],
        ghost_mode=dmesh.GhostMode.none,
    )
    mesh.topology.create_connectivity(1, 2)
    mesh.topology.create_connectivity(1, 0)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    x = dmesh.compute_midpoints(mesh, 1, facets)[:, 0]
    tags = np.full(len(facets), 1, dtype=np.int32)
    tags[x < 1e-9 * length] = 2
    tags[x > (1.0 - 1e-9) * length] = 3
    patches = (
        Patch(name="wall", role=Role.WALL, tag=1, area=2 * length, centre=(0, 0, 0), normal=(0, 0, 0)),
        Patch(name="inlet", role=Role.INLET, tag=2, area=height, centre=(0, 0, 0), normal=(-1, 0, 0)),
        Patch(name="outlet", role=Role.OUTLET, tag=3, area=height, centre=(length, 0, 0), normal=(1, 0, 0)),
    )
    return Domain(mesh=mesh, facet_tags=dmesh.meshtags(mesh, 1, facets, tags), patches=patches)
