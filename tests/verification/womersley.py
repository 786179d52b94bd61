"""Pulsatile developed flow in a round tube: the solution of Womersley, for one harmonic and for an aortic waveform.

For the flow Q(t) = Re sum_n Q_n e^(i n omega t), with alpha_n = R sqrt(n omega rho / mu) and L = i^(3/2) alpha_n,

    Q_n = pi R² G_n / (i n omega rho) (1 - 2 J1(L) / (L J0(L)))          -dp/dz = Re sum_n G_n e^(i n omega t)
    w   = Re sum_n G_n / (i n omega rho) (1 - J0(L r / R) / J0(L)) e^(i n omega t)
    tau = Re sum_n G_n R J1(L) / (L J0(L)) e^(i n omega t)               (on the wall)

and the parabola of Poiseuille for n = 0. The velocity is prescribed at the inlet and on the flat facets of the wall
(see `tests.verification.poiseuille.Wall`). At the end the pressure is zero (`End.OPEN`), or the velocity is prescribed
there too (`End.CLOSED`). The exact flow passes the open end undisturbed only where it never turns back: where it does,
the term that keeps an outlet stable against backflow brakes it, and the difference remains on every mesh.

Source: J. R. Womersley, J. Physiol. 127 (1955) 553–563, DOI 10.1113/jphysiol.1955.sp005276.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import jv

from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep
from cfd.stepper import DEFAULTS, ElementPair, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from hemoplan.patch import Role
from lumped.aortic_flow import aortic_flow
from tests.verification.convergence import Row, l2_error
from tests.verification.poiseuille import Wall, side_traction
from tests.verification.ring_tube import ring_tube

PERIOD, MEAN_SPEED = 1.0, 0.1
FLUID = Fluid(density=1060.0, viscosity=0.004)
OMEGA = 2.0 * np.pi / PERIOD
HARMONICS = 10
"""Of the aortic waveform that are kept."""
INSTANTS = 20
"""Times in the cycle at which errors are measured."""
GRID = 2000
"""Radii at which the profile is tabulated; cubic splines between them."""


class End(StrEnum):
    """What happens at the end of the tube."""

    OPEN = "pressure given"
    CLOSED = "velocity given"


class Womersley:
    """The exact flow in a tube.

    Args:
        alpha: Womersley number R sqrt(omega rho / mu) of the first harmonic, which determines the radius.
        flows: (n + 1,) complex harmonics Q_0, …, Q_n of the flow, divided by the mean speed and the area.

    Attributes:
        radius, length: Of the tube [m].
        gradients: (n + 1,) harmonics of -dp/dz [Pa/m].
        stresses: (n + 1,) harmonics of the wall shear stress [Pa].
    """

    def __init__(self, alpha: float, flows: NDArray[np.complex128]) -> None:
        self.radius = self.length = alpha * math.sqrt(FLUID.viscosity / (FLUID.density * OMEGA))
        R, mu = self.radius, FLUID.viscosity
        order = np.arange(1, len(flows))
        inertia = 1j * order * OMEGA * FLUID.density
        lam = 1j**1.5 * alpha * np.sqrt(order)
        speeds = MEAN_SPEED * np.asarray(flows)
        slope = jv(1, lam) / (lam * jv(0, lam))
        self.gradients = np.concatenate(
            [8.0 * mu * speeds[:1] / R**2, inertia * speeds[1:] / (1.0 - 2.0 * slope)]
        )
        self.stresses = np.concatenate([4.0 * mu * speeds[:1] / R, self.gradients[1:] * R * slope])
        self._grid = np.linspace(0.0, 1.0, GRID)
        bessel = 1.0 - jv(0, lam[:, None] * self._grid) / jv(0, lam)[:, None]
        self._profiles = np.concatenate(
            [2.0 * speeds[:1, None] * (1.0 - self._grid**2), (self.gradients[1:] / inertia)[:, None] * bessel]
        )

    def velocity(self, x: FloatArray, t: float) -> FloatArray:
        """(n, 3) at points (n, 3) [m/s]."""
        found = np.zeros_like(x)
        profile = CubicSpline(self._grid, self._at(self._profiles.T, t))
        found[:, 2] = profile(np.hypot(x[:, 0], x[:, 1]) / self.radius)
        return found

    def gradient(self, t: float) -> float:
        """-dp/dz [Pa/m]."""
        return float(self._at(self.gradients, t))

    def wall_shear(self, t: float) -> float:
        """Stress of the fluid on the wall along z [Pa]."""
        return float(self._at(self.stresses, t))

    def pressure(self, x: FloatArray, t: float) -> FloatArray:
        """(n,) at points (n, 3), zero in the middle of the tube [Pa]."""
        return self.gradient(t) * (0.5 * self.length - x[:, 2])

    @staticmethod
    def _at(harmonics: NDArray[np.complex128], t: float) -> FloatArray:
        phase = np.exp(1j * OMEGA * t * np.arange(harmonics.shape[-1]))
        return np.asarray((harmonics @ phase).real)


def one_harmonic(alpha: float) -> Womersley:
    """A mean flow and one harmonic, so large that the stress of the wall nearly vanishes once in a cycle."""
    equal = Womersley(alpha, np.ones(2, dtype=np.complex128))
    return Womersley(alpha, np.array([1.0, 0.9 * abs(equal.stresses[0] / equal.stresses[1])], dtype=complex))


def aortic(alpha: float) -> Womersley:
    """The mean and the first `HARMONICS` harmonics of the flow through the aortic valve."""
    times = np.arange(4096) / 4096 * PERIOD
    harmonics = np.fft.rfft(aortic_flow(PERIOD, 1.0).sample(times))[: HARMONICS + 1] / len(times)
    harmonics[1:] *= 2.0
    return Womersley(alpha, harmonics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phasor:
    """Relative error of an amplitude, and error of a phase [degrees], of the first harmonic."""

    amplitude: float
    phase: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run over one cycle found.

    Attributes:
        row: Errors, root mean squares over the cycle: of the velocity, of the pressure, of the wall shear stress
            averaged around the middle of the tube.
        gradient, wall_shear: First harmonics of the mean pressure gradient and of the wall shear stress.
    """

    row: Row
    gradient: Phasor
    wall_shear: Phasor


def tube_stepper(
    elements: ElementPair, flow: Womersley, rings: int, *, end: End, wall: Wall = Wall.EXACT
) -> FractionalStep:
    """A stepper of the tube with the exact velocity at its inlet."""
    heights = np.asarray(np.linspace(0.0, flow.length, max(rings // 2, 2) + 1), dtype=np.float64)
    role = Role.OUTLET if end is End.OPEN else Role.WALL
    domain = ring_tube(heights, rings, radius=flow.radius, roles=(Role.WALL, role))
    near = 1e-9 * flow.length

    def prescribed(x: FloatArray, t: float) -> FloatArray:
        moving = (x[:, 2] < near) | (wall is Wall.EXACT)
        if end is End.CLOSED:
            moving |= x[:, 2] > flow.length - near
        return np.where(moving[:, None], flow.velocity(x, t), 0.0)

    settings = replace(
        DEFAULTS[elements],
        rotational=elements == "P2-P1" and end is End.CLOSED,
        velocity_tolerance=1e-8,
        pressure_tolerance=1e-8,
    )
    return build_stepper(domain, FLUID, elements, settings, wall_velocity=prescribed)


def solve(
    elements: ElementPair,
    flow: Womersley,
    rings: int,
    steps: int,
    *,
    end: End = End.CLOSED,
    wall: Wall = Wall.EXACT,
) -> Result:
    """Advance over one cycle from the exact start.

    Args:
        elements: The pair.
        flow: The exact flow.
        rings: Cells along the radius.
        steps: In the cycle.
        end: What happens at the end of the tube.
        wall: What the facets of the wall do.
    """
    start = time.perf_counter()
    stepper = tube_stepper(elements, flow, rings, end=end, wall=wall)
    circuit = FixedPressures(stepper.ports)
    offset = 0.5 * flow.length if end is End.OPEN else 0.0
    points, nodes = stepper.vertices.coordinates, stepper.elements.coordinates

    def exact_pressure(x: FloatArray, t: float) -> FloatArray:
        return flow.pressure(x - [0.0, 0.0, offset], t)

    before = state = stepper.initial_state(
        circuit, velocity=lambda x: flow.velocity(x, 0.0), pressure=lambda x: exact_pressure(x, 0.0)
    )
    side = side_traction(stepper)
    unit = side.loads(lambda x, n: np.tile([0.0, 0.0, 1.0], (len(x), 1)))
    ends = [np.flatnonzero(np.abs(points[:, 2] - z) < 1e-9 * flow.length) for z in (0.0, flow.length)]
    sampled = {round(k * steps / INSTANTS) for k in range(1, INSTANTS + 1)}
    rows = []
    for step in range(1, steps + 1):
        before = state
        state, _ = stepper.advance(state, PERIOD / steps, circuit)
        if step not in sampled:
            continue
        t, loads = state.time, stepper.viscous_loads(before, state)
        stress = -float(loads[side.nodes, 2].sum() / unit[side.nodes, 2].sum())
        drop = state.pressure[ends[0]].mean() - state.pressure[ends[1]].mean()
        true = exact_pressure(points, t)
        rows.append(
            (
                t,
                l2_error(stepper.elements, state.velocity, partial(flow.velocity, t=t)),
                np.linalg.norm(flow.velocity(nodes, t)),
                np.linalg.norm(state.pressure - true),
                np.linalg.norm(true),
                stress,
                flow.wall_shear(t),
                float(drop) / flow.length,
                flow.gradient(t),
            )
        )
    times, velocity, speed, pressure, size, stress, exact_stress, gradient, exact_gradient = np.array(rows).T
    return Result(
        row=Row(
            cells=len(stepper.elements.cells),
            h=flow.radius / rings,
            dt=PERIOD / steps,
            velocity=_ratio(velocity * speed, speed),
            pressure=_ratio(pressure, size),
            wall_shear=_ratio(stress - exact_stress, exact_stress),
            seconds=time.perf_counter() - start,
        ),
        gradient=_phasor(times, gradient, exact_gradient),
        wall_shear=_phasor(times, stress, exact_stress),
    )


def _ratio(part: FloatArray, whole: FloatArray) -> float:
    return float(np.sqrt((part**2).sum() / (whole**2).sum()))


def _phasor(times: FloatArray, found: FloatArray, exact: FloatArray) -> Phasor:
    wave = np.exp(-1j * OMEGA * times)
    ratio = complex((found * wave).sum() / (exact * wave).sum())
    return Phasor(amplitude=abs(ratio) - 1.0, phase=float(np.degrees(np.angle(ratio))))
