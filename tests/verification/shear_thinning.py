"""Steady flow of blood as a Carreau–Yasuda fluid in a round tube, against the radial balance of forces.

With the pressure gradient G, the shear stress is G r / 2 whatever the fluid. The shear rate g(r) follows from

    mu(g) g = G r / 2,        w(r) = integral of g from r to R,        Q = pi integral of g r² dr

one equation at a time, which is solved to rounding; the integral is that of a spline through 4,001 radii. With the
exact velocity prescribed on all sides (`solve`), nothing but the viscous stress is tried; with an outlet (`flow_out`),
its natural condition, which must let the profile leave as it is.

Source of the law: P. J. Carreau, Trans. Soc. Rheol. 16 (1972) 99–127, DOI 10.1122/1.549276; of its numbers for blood:
`cfd.fluid.CarreauYasuda`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from cfd.fluid import CarreauYasuda, Fluid
from cfd.stepper import DEFAULTS, ElementPair, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from hemoplan.patch import Role
from tests.verification.convergence import Row, l2_error
from tests.verification.poiseuille import Wall, require_steady, side_traction
from tests.verification.ring_tube import ring_tube

RADIUS, LENGTH, GRADIENT = 2e-3, 2e-3, 200.0
BLOOD = CarreauYasuda()
FLUID = Fluid(density=1060.0, viscosity=0.00345, thinning=BLOOD)
WALL_SHEAR = 0.5 * GRADIENT * RADIUS
TIME_STEP, STEPS = 5e-3, 100


def shear_rate(stress: float) -> float:
    """g at which mu(g) g is the given stress [1/s]."""

    def excess(g: float) -> float:
        share = (1.0 + (BLOOD.time * g) ** BLOOD.transition) ** ((BLOOD.power - 1.0) / BLOOD.transition)
        return float((FLUID.viscosity + (BLOOD.rest_viscosity - FLUID.viscosity) * share) * g - stress)

    return float(brentq(excess, 0.0, stress / FLUID.viscosity + 1e-12, xtol=1e-14, rtol=1e-14))


def _profile() -> CubicSpline:
    r = np.linspace(0.0, RADIUS, 4001)
    rates = CubicSpline(r, [shear_rate(0.5 * GRADIENT * at) for at in r])
    integral = rates.antiderivative()
    return CubicSpline(r, integral(RADIUS) - integral(r))


SPEED = _profile()
"""w(r) [m/s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outflow:
    """How a developed flow leaves a tube of one diameter.

    Attributes:
        cells: Tetrahedra.
        profile: Largest deviation of the velocity at the outlet, of any component, relative to that on the axis.
        velocity: Relative error in L2 over the tube.
        drop: Relative error of the pressure drop.
        drift: Largest change of the velocity in the last step, relative to the largest velocity.
    """

    cells: int
    profile: float
    velocity: float
    drop: float
    drift: float


def velocity(x: FloatArray, t: float = 0.0) -> FloatArray:
    """(n, 3) at points (n, 3)."""
    found = np.zeros_like(x)
    found[:, 2] = SPEED(np.minimum(np.hypot(x[:, 0], x[:, 1]), RADIUS))
    return found


def pressure(x: FloatArray) -> FloatArray:
    """(n,) at points (n, 3), of zero mean."""
    return np.asarray(GRADIENT * (0.5 * LENGTH - x[:, 2]))


def solve(elements: ElementPair, rings: int) -> Row:
    """The errors of the steady flow; that of the wall shear is the mean of the middle of the tube."""
    start = time.perf_counter()
    heights = np.asarray(np.linspace(0.0, LENGTH, max(rings // 2, 2) + 1), dtype=np.float64)
    domain = ring_tube(heights, rings, radius=RADIUS, roles=(Role.WALL, Role.WALL))
    settings = replace(
        DEFAULTS[elements],
        velocity_tolerance=1e-9,
        pressure_tolerance=1e-9,
    )
    stepper = build_stepper(domain, FLUID, elements, settings, wall_velocity=velocity)
    circuit = FixedPressures()
    before = state = stepper.initial_state(circuit, velocity=velocity, pressure=pressure)
    for _ in range(STEPS):
        before = state
        state, _ = stepper.advance(state, TIME_STEP, circuit)
    require_steady(before, state)
    side = side_traction(stepper)
    area = side.loads(lambda x, n: np.ones_like(x))[side.nodes, 2].sum()
    stress = -stepper.viscous_loads(before, state)[side.nodes, 2].sum() / area
    return Row(
        cells=len(stepper.elements.cells),
        h=RADIUS / rings,
        dt=0.0,
        velocity=l2_error(stepper.elements, state.velocity, velocity),
        pressure=l2_error(stepper.vertices, state.pressure, pressure, zero_mean=True),
        wall_shear=abs(float(stress) / WALL_SHEAR - 1.0),
        seconds=time.perf_counter() - start,
    )


def flow_out(elements: ElementPair, rings: int, *, wall: Wall, dt: float, steps: int) -> Outflow:
    """The exact flow after some steps of dt [s] with its profile at the inlet and an outlet at pressure zero."""
    length = 2.0 * RADIUS
    domain = ring_tube(
        np.linspace(0.0, length, rings + 1), rings, radius=RADIUS, roles=(Role.WALL, Role.OUTLET)
    )

    def prescribed(x: FloatArray, t: float) -> FloatArray:
        moving = (x[:, 2] < 1e-9) | (wall is Wall.EXACT)
        return np.where(moving[:, None], velocity(x), 0.0)

    settings = replace(DEFAULTS[elements], velocity_tolerance=1e-9, pressure_tolerance=1e-9)
    stepper = build_stepper(domain, FLUID, elements, settings, wall_velocity=prescribed)
    circuit = FixedPressures(("outlet",))
    before = state = stepper.initial_state(
        circuit, velocity=velocity, pressure=lambda x: GRADIENT * (length - x[:, 2])
    )
    for _ in range(steps):
        before = state
        state, _ = stepper.advance(state, dt, circuit)
    inlet = stepper.vertices.coordinates[:, 2] < 1e-9
    at = stepper.elements.coordinates
    outlet = at[:, 2] > length - 1e-9
    largest = np.abs(state.velocity).max()
    return Outflow(
        cells=len(stepper.elements.cells),
        profile=float(np.abs(state.velocity[outlet] - velocity(at[outlet])).max() / SPEED(0.0)),
        velocity=l2_error(stepper.elements, state.velocity, velocity),
        drop=float(state.pressure[inlet].mean() / (GRADIENT * length) - 1.0),
        drift=float(np.abs(state.velocity - before.velocity).max() / largest),
    )
