"""Steady flow in a round vessel by Taylor–Hood elements on half of its section: a reference that is cheap to make fine.

In the coordinates x = (z, r), with u = (u_z, u_r), the kinematic pressure pi and viscosity nu, for all (v, q)

    integral of [ u.grad u . v + nu (grad u : grad v + u_r v_r / r²) - pi D v - q D u ] r dz dr = 0,
    D v = d v_z / dz + d v_r / dr + v_r / r,

with u_r = 0 on the axis, and mu du/dn - p n = 0 where the flow leaves. Newton's method starts from creeping flow and
brings inertia in by parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from petsc4py import PETSc

from cfd.dolfinx_versions import collapse
from cfd.domain import Domain
from cfd.fluid import Fluid
from cfd.monolithic_probe import Probe
from cfd.monolithic_solver import KeptFactors
from hemoplan.arrays import FloatArray
from hemoplan.errors import DivergenceError

WALL, INLET, OUTLET, AXIS = 1, 2, 3, 4
"""Tags of the sides of a section."""
INERTIA = (0.0, 0.1, 0.3, 0.6, 1.0)
NEWTON_STEPS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisymmetricFlow:
    """A flow on a section.

    Attributes:
        domain: The section.
        unknowns: Of velocity and pressure.
        density: rho [kg/m³].
        velocity, kinematic_pressure: Functions of (z, r) [m/s, m²/s²].
    """

    domain: Domain
    unknowns: int
    density: float
    velocity: Any
    kinematic_pressure: Any

    def velocity_at(self, points: FloatArray) -> FloatArray:
        """(k, 2) u_z and u_r [m/s] at points (k, 2) [m]."""
        return Probe(self.domain.mesh, points).evaluate(self.velocity)

    def pressure_at(self, points: FloatArray) -> FloatArray:
        """(k,) [Pa] at points (k, 2) [m]."""
        return self.density * Probe(self.domain.mesh, points).evaluate(self.kinematic_pressure)[:, 0]


def solve_steady(
    domain: Domain, fluid: Fluid, inflow: Callable[[FloatArray], FloatArray]
) -> AxisymmetricFlow:
    """The steady flow on a section with the tags of this module; on one rank.

    Args:
        domain: The section.
        fluid: A Newtonian fluid.
        inflow: u_z (k,) [m/s] at the radii (k,) [m] of the inlet.

    Raises:
        DivergenceError: Newton's method does not converge.
    """
    mesh = domain.mesh
    quadratic = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    space = fem.functionspace(
        mesh, basix.ufl.mixed_element([quadratic, basix.ufl.element("Lagrange", "triangle", 1)])
    )
    velocity_space, velocity_dofs = collapse(space.sub(0))
    points = velocity_space.tabulate_dof_coordinates()[:, :2]

    def nodes(tag: int) -> Any:
        return fem.locate_dofs_topological(velocity_space, 1, domain.facet_tags.find(tag))

    start = np.zeros_like(points)
    start[nodes(INLET), 0] = inflow(points[nodes(INLET), 1])
    start[nodes(WALL)] = 0.0
    still = np.concatenate([nodes(WALL), nodes(INLET)])
    fixed = np.unique(velocity_dofs[np.concatenate([2 * still, 2 * still + 1, 2 * nodes(AXIS) + 1])])
    solution, inertia = fem.Function(space), fem.Constant(mesh, PETSc.ScalarType(0.0))
    solution.x.array[velocity_dofs] = start.ravel()
    form = _residual(solution, inertia, fluid.viscosity / fluid.density)
    newton = _Newton(form, solution, fixed)
    for part in INERTIA:
        inertia.value = part
        newton.solve(tolerance=1e-9 if part == 1.0 else 1e-2)
    return AxisymmetricFlow(
        domain=domain,
        unknowns=len(solution.x.array),
        density=fluid.density,
        velocity=solution.sub(0).collapse(),
        kinematic_pressure=solution.sub(1).collapse(),
    )


def _residual(solution: Any, inertia: Any, nu: float) -> Any:
    u, pi = ufl.split(solution)
    v, q = ufl.TestFunctions(solution.function_space)
    r = ufl.SpatialCoordinate(solution.function_space.mesh)[1]
    viscous = ufl.inner(ufl.grad(u), ufl.grad(v)) + u[1] * v[1] / r**2
    convective = ufl.inner(ufl.dot(ufl.grad(u), u), v)
    balance = inertia * convective + nu * viscous
    balance -= pi * (ufl.div(v) + v[1] / r) + q * (ufl.div(u) + u[1] / r)
    return balance * r * ufl.dx(metadata={"quadrature_degree": 7})


class _Newton:
    """Newton's method for the values that are not fixed."""

    def __init__(self, residual: Any, solution: Any, fixed: Any) -> None:
        self._residual = fem.form(residual)
        self._jacobian = fem.form(ufl.derivative(residual, solution))
        self._solution, self._fixed = solution, fixed
        self._held = fem.dirichletbc(fem.Function(solution.function_space), fixed.astype(np.int32))
        self._matrix = fem_petsc.create_matrix(self._jacobian)
        self._factors = KeptFactors()

    def solve(self, *, tolerance: float) -> None:
        for _ in range(NEWTON_STEPS):
            change = self._correct()
            if change < tolerance:
                return
        raise DivergenceError("Newton's method does not converge", value=f"the last change is {change:.1e}")

    def _correct(self) -> float:
        """One step; its largest change, relative to the largest value."""
        rhs = fem_petsc.assemble_vector(self._residual)
        rhs.array_w[self._fixed] = 0.0
        self._matrix.zeroEntries()
        fem_petsc.assemble_matrix(self._matrix, self._jacobian, bcs=[self._held])
        self._matrix.assemble()
        step = rhs.duplicate()
        self._factors.solve(self._matrix, rhs, step, tolerance=1e-9)
        values = self._solution.x.array
        values -= step.array_r
        return float(np.abs(step.array_r).max() / np.abs(values).max())
