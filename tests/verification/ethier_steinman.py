"""A three-dimensional flow with an exact solution: that of Ethier and Steinman, on the cube [-1, 1]³ until t = 0.1.

With density and viscosity one, a = pi/4, d = pi/2 and (x, y, z) permuted in turn for the three components,

    u = -a (e^(a x) sin(a y + d z) + e^(a z) cos(a x + d y)) e^(-d² t)

    p = -a²/2 (e^(2 a x) + e^(2 a y) + e^(2 a z)
               + 2 sin(a x + d y) cos(a z + d x) e^(a (y + z))
               + 2 sin(a y + d z) cos(a x + d y) e^(a (z + x))
               + 2 sin(a z + d x) cos(a y + d z) e^(a (x + y))) e^(-2 d² t)

Source: C. R. Ethier, D. A. Steinman, Int. J. Numer. Meth. Fluids 19 (1994) 369–375, DOI 10.1002/fld.1650190502.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from cfd.fluid import Fluid
from cfd.fractional_step import StepSettings
from cfd.stepper import ElementPair, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from tests.verification.boxes import box
from tests.verification.convergence import BoundaryTraction, Row, l2_error

A, D = np.pi / 4.0, np.pi / 2.0
END = 0.1
FLUID = Fluid(density=1.0, viscosity=1.0)
TURNS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


def velocity(x: FloatArray, t: float) -> FloatArray:
    """(n, 3) at points (n, 3)."""
    found = np.empty_like(x)
    for i, j, k in TURNS:
        p, q, r = x[:, i], x[:, j], x[:, k]
        found[:, i] = np.exp(A * p) * np.sin(A * q + D * r) + np.exp(A * r) * np.cos(A * p + D * q)
    return np.asarray(-A * np.exp(-D * D * t) * found)


def pressure(x: FloatArray, t: float) -> FloatArray:
    """(n,) at points (n, 3)."""
    found = np.zeros(len(x))
    for i, j, k in TURNS:
        p, q, r = x[:, i], x[:, j], x[:, k]
        found += np.exp(2 * A * p)
        found += 2 * np.sin(A * p + D * q) * np.cos(A * r + D * p) * np.exp(A * (q + r))
    return np.asarray(-0.5 * A * A * np.exp(-2.0 * D * D * t) * found)


def traction(x: FloatArray, normal: FloatArray, t: float) -> FloatArray:
    """(n, 3) mu du/dn at points (n, 3) with unit normals (n, 3)."""
    found = np.empty_like(x)
    for i, j, k in TURNS:
        p, q, r = x[:, i], x[:, j], x[:, k]
        first, second = A * q + D * r, A * p + D * q
        grow, swell = np.exp(A * p), np.exp(A * r)
        found[:, i] = (
            normal[:, i] * (A * grow * np.sin(first) - A * swell * np.sin(second))
            + normal[:, j] * (A * grow * np.cos(first) - D * swell * np.sin(second))
            + normal[:, k] * (D * grow * np.cos(first) + A * swell * np.cos(second))
        )
    return np.asarray(-A * np.exp(-D * D * t) * found)


def solve(
    elements: ElementPair, cells: int, steps: Sequence[float], settings: StepSettings | None = None
) -> Row:
    """Advance from the exact start by the given time steps, and measure the errors at the end.

    Args:
        elements: The pair.
        cells: Along each side.
        steps: Lengths of the time steps; the row's dt is their mean.
        settings: Choices; the pair's own with tight tolerances if None.
    """
    start = time.perf_counter()
    stepper = build_stepper(
        box(3, cells), FLUID, elements, settings or tight_settings(elements), wall_velocity=velocity
    )
    circuit = FixedPressures()
    before = state = stepper.initial_state(
        circuit, velocity=lambda x: velocity(x, 0.0), pressure=lambda x: pressure(x, 0.0)
    )
    for dt in steps:
        before = state
        state, _ = stepper.advance(state, dt, circuit)
    t = state.time
    boundary = BoundaryTraction(
        stepper.elements, stepper.elements.patch_facets(*stepper.elements.domain.wall)
    )
    return Row(
        cells=len(stepper.elements.cells),
        h=2.0 / cells,
        dt=t / len(steps),
        velocity=l2_error(stepper.elements, state.velocity, lambda x: velocity(x, t)),
        pressure=l2_error(stepper.vertices, state.pressure, lambda x: pressure(x, t), zero_mean=True),
        wall_shear=boundary.error(
            stepper.viscous_loads(before, state), boundary.loads(lambda x, n: traction(x, n, t))
        ),
        seconds=time.perf_counter() - start,
    )


def tight_settings(elements: ElementPair) -> StepSettings:
    """The pair's choices, in a closed box with the rotational pressure where there is one."""
    if elements == "P1-P1":
        return StepSettings(velocity_tolerance=1e-9, pressure_tolerance=1e-9)
    return StepSettings(
        form="convective",
        stabilise=False,
        rotational=True,
        velocity_tolerance=1e-9,
        pressure_tolerance=1e-9,
    )


def equal_steps(count: int, end: float = END) -> tuple[float, ...]:
    """So many equal time steps."""
    return (end / count,) * count


def alternating_steps(count: int, end: float = END) -> tuple[float, ...]:
    """An even number of time steps, each second one 1.3 times as long as the one before."""
    short = 2.0 * end / count / 2.3
    return (short, 1.3 * short) * (count // 2)
