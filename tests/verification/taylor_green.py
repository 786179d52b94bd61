"""Decaying vortices in the plane, on the square [-1, 1]²: the exact solution of Taylor and Green.

With density one, viscosity nu = 0.05 and k = pi,

    u = (-cos(k x) sin(k y), sin(k x) cos(k y)) e^(-2 nu k² t)
    p = -(cos(2 k x) + cos(2 k y)) / 4 e^(-4 nu k² t)

The velocity is prescribed on the sides, through which the vortices flow.

Source: G. I. Taylor, A. E. Green, Proc. R. Soc. Lond. A 158 (1937) 499–521, DOI 10.1098/rspa.1937.0036; in the plane
already G. I. Taylor, Phil. Mag. 46 (1923) 671–674, DOI 10.1080/14786442308634295.
"""

from __future__ import annotations

import time

import numpy as np

from cfd.fluid import Fluid
from cfd.fractional_step import Convection, ConvectionForm, StepSettings
from cfd.quadratic_step import QuadraticStep
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from tests.verification.boxes import box
from tests.verification.convergence import BoundaryTraction, Row, l2_error

VISCOSITY = 0.05
K = np.pi
END = 0.4
FLUID = Fluid(density=1.0, viscosity=VISCOSITY)


def velocity(x: FloatArray, t: float) -> FloatArray:
    """(n, 2) at points (n, 2)."""
    a, b = K * x.T
    decay = np.exp(-2.0 * VISCOSITY * K * K * t)
    return np.asarray(decay * np.column_stack([-np.cos(a) * np.sin(b), np.sin(a) * np.cos(b)]))


def pressure(x: FloatArray, t: float) -> FloatArray:
    """(n,) at points (n, 2)."""
    a, b = K * x.T
    return np.asarray(-0.25 * (np.cos(2 * a) + np.cos(2 * b)) * np.exp(-4.0 * VISCOSITY * K * K * t))


def traction(x: FloatArray, normal: FloatArray, t: float) -> FloatArray:
    """(n, 2) mu du/dn at points (n, 2) with unit normals (n, 2)."""
    a, b = K * x.T
    same, other = np.sin(a) * np.sin(b), np.cos(a) * np.cos(b)
    along = np.column_stack(
        [same * normal[:, 0] - other * normal[:, 1], other * normal[:, 0] - same * normal[:, 1]]
    )
    return np.asarray(VISCOSITY * K * np.exp(-2.0 * VISCOSITY * K * K * t) * along)


def solve(
    cells: int,
    steps: int,
    *,
    rotational: bool = True,
    convection: Convection = "semi-implicit",
    form: ConvectionForm = "convective",
) -> Row:
    """Advance P2–P1 from the exact start until `END`, and measure the errors there.

    Args:
        cells: Along each side; every square is cut in two triangles.
        steps: Equal time steps.
        rotational: Form of the pressure.
        convection: How convection is linearised.
        form: Whether convection is skew-symmetric.
    """
    start = time.perf_counter()
    settings = StepSettings(
        convection=convection,
        form=form,
        stabilise=False,
        rotational=rotational,
        velocity_tolerance=1e-9,
        pressure_tolerance=1e-9,
    )
    stepper = QuadraticStep(box(2, cells), FLUID, settings, wall_velocity=velocity)
    circuit = FixedPressures()
    before = state = stepper.initial_state(
        circuit, velocity=lambda x: velocity(x, 0.0), pressure=lambda x: pressure(x, 0.0)
    )
    for _ in range(steps):
        before = state
        state, _ = stepper.advance(state, END / steps, circuit)
    t = state.time
    boundary = BoundaryTraction(
        stepper.elements, stepper.elements.patch_facets(*stepper.elements.domain.wall)
    )
    return Row(
        cells=len(stepper.elements.cells),
        h=2.0 / cells,
        dt=END / steps,
        velocity=l2_error(stepper.elements, state.velocity, lambda x: velocity(x, t)),
        pressure=l2_error(stepper.vertices, state.pressure, lambda x: pressure(x, t), zero_mean=True),
        wall_shear=boundary.error(
            stepper.viscous_loads(before, state), boundary.loads(lambda x, n: traction(x, n, t))
        ),
        seconds=time.perf_counter() - start,
    )
