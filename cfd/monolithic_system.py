"""The discrete system of the monolithic solver: Taylor–Hood spaces, unknowns, residual, matrix, Newton's method.

Inside, pressure and viscosity are divided by the density: both unknowns are then of the same order in SI units, which
keeps factors and tolerances sound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from dolfinx.fem import petsc as fem_petsc
from mpi4py import MPI
from petsc4py import PETSc

from cfd.dolfinx_versions import collapse, coordinate_element
from cfd.monolithic_boundary import PrescribedVelocity
from cfd.monolithic_forms import MomentumTerms, ViscosityLaw, navier_stokes
from cfd.monolithic_solver import KeptFactors
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import BoundaryError, DivergenceError

MOST_NEWTON_STEPS = 15
NEWTON_IN_HOPE = 3
"""Newton steps after which the changes must be less than half of the velocity: else it wanders, as seen in cavities."""

LINEAR_TOLERANCE = 1e-9
ROUNDING = 1e-13
"""Residual, relative to the loads, that is not worth a Newton step: that of still water under its weight."""

LARGEST_IMBALANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Equation:
    """A residual and its derivative, compiled."""

    residual: Any
    matrix: Any


class TaylorHoodSystem:
    """Velocity and pressure in one vector. Collective.

    Args:
        mesh: [m].
        facet_tags: Tags of the boundary facets.
        density: rho [kg/m³].
        viscosity: mu [Pa s], or its law.
        pressure_tags: Tags of the open boundaries.
        body_force: Force per volume [N/m³] of coordinates and time, in UFL; None for none.
        factors: The linear solver.

    Attributes:
        velocity_space, pressure_space: P2 vectors (n nodes on this rank, with ghosts) and P1 (m nodes).
        rate, inertia, time: Constants of the equations, see `cfd.monolithic_forms`.
        history, convecting: Functions in the velocity space [m/s², m/s].
    """

    def __init__(
        self,
        mesh: dmesh.Mesh,
        facet_tags: dmesh.MeshTags,
        *,
        density: float,
        viscosity: float | ViscosityLaw,
        pressure_tags: tuple[int, ...],
        body_force: Callable[[Any, Any], Any] | None,
        factors: KeptFactors,
    ) -> None:
        self.mesh, self.comm, self.density = mesh, mesh.comm, density
        self._factors = factors
        self._set_up_spaces()
        affine = coordinate_element(mesh).degree == 1
        degree = 5 if affine and not callable(viscosity) else 7
        self.dx = ufl.dx(domain=mesh, metadata={"quadrature_degree": degree})
        self.ds = ufl.ds(domain=mesh, subdomain_data=facet_tags, metadata={"quadrature_degree": degree})
        self.normal = ufl.FacetNormal(mesh)
        self.rate, self.inertia, self.time = self._constant(0.0), self._constant(1.0), self._constant(0.0)
        self._excess = self._constant(0.0)
        self._outside = {tag: self._constant(0.0) for tag in pressure_tags}
        force = None
        if body_force is not None:
            force = body_force(ufl.SpatialCoordinate(mesh), self.time) / self._constant(density)
        self._terms = MomentumTerms(
            rate=self.rate,
            history=self.history,
            inertia=self.inertia,
            viscosity=_kinematic(viscosity, density, self._constant),
            force=force,
            outside_pressures=tuple((value, self.ds(tag)) for tag, value in self._outside.items()),
            excess=self._excess,
            normal=self.normal,
            dx=self.dx,
        )
        self._matrix: Any = None

    @property
    def velocity(self) -> FloatArray:
        """(n, d) [m/s], a copy."""
        return np.asarray(self._solution.x.array[self._velocity_dofs].reshape(-1, self.mesh.geometry.dim))

    @property
    def pressure(self) -> FloatArray:
        """(m,) [Pa], a copy; of zero mean if there is no open boundary. Collective."""
        values = self._solution.x.array[self._pressure_dofs]
        if not self._outside:
            total, volume = (self._integrate(form) for form in self._mean_forms)
            values -= total / volume
        return np.asarray(self.density * values)

    def load(self, velocity: FloatArray, pressure: FloatArray) -> None:
        """Set the unknowns: (n, d) [m/s] and (m,) [Pa]."""
        self._solution.x.array[self._velocity_dofs] = velocity.ravel()
        self._solution.x.array[self._pressure_dofs] = pressure / self.density

    def impose_pressures(self, pressures: Mapping[int, float]) -> None:
        """Set the pressures outside of the open boundaries [Pa]."""
        for tag, value in pressures.items():
            self._outside[tag].value = value / self.density

    def impose_velocity(self, prescribed: PrescribedVelocity, time: float) -> None:
        """Set the prescribed values in the unknowns, and how they are balanced. Collective.

        Raises:
            BoundaryError: They are not finite, or there is no open boundary and their fluxes do not cancel.
        """
        values = self.velocity
        prescribed.impose(values, time)
        self._solution.x.array[self._velocity_dofs] = values.ravel()
        self._fixed: IntArray = self._velocity_dofs[prescribed.dofs]
        if not self._outside:
            self._fixed = np.append(self._fixed, self._pinned)
            self._balance()

    def solve_nonlinear(self, *, inertia: float, tolerance: float) -> None:
        """Newton's method for the velocity that convects itself. Collective.

        Raises:
            DivergenceError: It does not converge.
        """
        self.inertia.value = inertia
        rounding = ROUNDING * self._load_norm()
        for step in range(MOST_NEWTON_STEPS):
            change = self._correct(self._nonlinear, negligible=rounding)
            if change <= tolerance:
                return
            if step >= NEWTON_IN_HOPE and change > 0.5:
                break
        raise DivergenceError(
            "Newton's method does not converge",
            value=f"the velocity changes by {change:.2g} of itself in step {step + 1}",
            remedy="take a smaller time step or a finer mesh",
        )

    def solve_linear(self) -> None:
        """Solve with the given convecting velocity. Collective.

        Raises:
            DivergenceError: The solution is not finite.
        """
        self.inertia.value = 1.0
        self._correct(self._linear, negligible=0.0)

    def momentum_residual(self) -> FloatArray:
        """(n, d) residual of the momentum balance at the nodes that this rank owns, zero at ghosts [N]. Collective."""
        vector = self._assemble(self._nonlinear.residual)
        values = np.zeros(self._solution.x.array.size)
        values[: self._owned] = vector.array_r
        vector.destroy()
        return np.asarray(self.density * values[self._velocity_dofs].reshape(-1, self.mesh.geometry.dim))

    @cached_property
    def _nonlinear(self) -> _Equation:
        return self._compile(ufl.split(self._solution)[0])

    @cached_property
    def _linear(self) -> _Equation:
        return self._compile(self.convecting)

    def _compile(self, convecting: Any) -> _Equation:
        u, pi = ufl.split(self._solution)
        v, q = ufl.TestFunctions(self._space)
        residual = navier_stokes(self._terms, u, pi, convecting, v, q)
        return _Equation(
            residual=fem.form(residual), matrix=fem.form(ufl.derivative(residual, self._solution))
        )

    def _load_norm(self) -> float:
        """Norm of the residual of a fluid at rest within moving boundaries: what the flow has to balance."""
        values = self._solution.x.array
        kept = values.copy()
        values[:] = 0.0
        values[self._fixed] = kept[self._fixed]
        residual = self._reduced_residual(self._nonlinear)
        norm = float(residual.norm())
        residual.destroy()
        values[:] = kept
        return norm

    def _reduced_residual(self, equation: _Equation) -> Any:
        """The residual without the rows of prescribed values."""
        residual = self._assemble(equation.residual)
        residual.array_w[self._fixed[self._fixed < self._owned]] = 0.0
        return residual

    def _correct(self, equation: _Equation, *, negligible: float) -> float:
        """One Newton step; the change of the velocity relative to its size, or 0 if the residual is negligible."""
        rhs = self._reduced_residual(equation)
        if rhs.norm() <= negligible:
            rhs.destroy()
            return 0.0
        if self._matrix is None:
            self._matrix = fem_petsc.create_matrix(equation.matrix)
        self._matrix.zeroEntries()
        zero = fem.dirichletbc(self._zero, np.sort(self._fixed).astype(np.int32))
        fem_petsc.assemble_matrix(self._matrix, equation.matrix, bcs=[zero])
        self._matrix.assemble()
        change = rhs.duplicate()
        self._factors.solve(self._matrix, rhs, change, tolerance=LINEAR_TOLERANCE)
        values = self._solution.x.array
        values[: self._owned] -= change.array_r
        self._solution.x.scatter_forward()
        moved = self._velocity_norm(change.array_r)
        rhs.destroy()
        change.destroy()
        size = self._velocity_norm(values[: self._owned])
        if not np.isfinite(moved + size):
            raise DivergenceError(
                "the flow is not finite",
                remedy="take a smaller time step, a finer mesh or a smaller velocity",
            )
        return moved / size if size > 0.0 else 0.0

    def _assemble(self, form: Any) -> Any:
        vector = fem_petsc.assemble_vector(form)
        vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        return vector

    def _velocity_norm(self, owned: FloatArray) -> float:
        dofs = self._velocity_dofs[self._velocity_dofs < self._owned]
        return float(np.sqrt(self.comm.allreduce(float((owned[dofs] ** 2).sum()), op=MPI.SUM)))

    def _integrate(self, form: Any) -> float:
        return float(self.comm.allreduce(fem.assemble_scalar(form), op=MPI.SUM))

    @cached_property
    def _balance_forms(self) -> tuple[Any, Any, Any]:
        u, one = ufl.split(self._solution)[0], self._constant(1.0)
        return (
            fem.form(ufl.div(u) * self.dx),
            fem.form(one * self.dx),
            fem.form(ufl.sqrt(ufl.inner(u, u)) * self.ds),
        )

    def _balance(self) -> None:
        surplus, volume, through = (self._integrate(form) for form in self._balance_forms)
        if abs(surplus) > LARGEST_IMBALANCE * through:
            raise BoundaryError(
                "the prescribed velocities do not balance, and there is no open boundary",
                value=f"{surplus:.6g} m³/s more leaves than enters",
                expected="a net flow of zero",
                remedy="open an outlet, or correct the velocities",
            )
        self._excess.value = surplus / volume

    @cached_property
    def _mean_forms(self) -> tuple[Any, Any]:
        return fem.form(ufl.split(self._solution)[1] * self.dx), fem.form(self._constant(1.0) * self.dx)

    def _set_up_spaces(self) -> None:
        cell, dimension = self.mesh.topology.cell_type.name, self.mesh.geometry.dim
        quadratic = basix.ufl.element("Lagrange", cell, 2, shape=(dimension,))
        linear = basix.ufl.element("Lagrange", cell, 1)
        self._space = fem.functionspace(self.mesh, basix.ufl.mixed_element([quadratic, linear]))
        self.velocity_space, velocity_dofs = collapse(self._space.sub(0))
        self.pressure_space, pressure_dofs = collapse(self._space.sub(1))
        self._velocity_dofs: IntArray = np.array(velocity_dofs, dtype=np.int64)
        self._pressure_dofs: IntArray = np.array(pressure_dofs, dtype=np.int64)
        index_map = self._space.dofmap.index_map
        self._owned = int(index_map.size_local * self._space.dofmap.index_map_bs)
        self._solution, self._zero = fem.Function(self._space), fem.Function(self._space)
        self.history, self.convecting = fem.Function(self.velocity_space), fem.Function(self.velocity_space)
        first = self.pressure_space.dofmap.index_map.global_to_local(np.zeros(1, dtype=np.int64))
        self._pinned: IntArray = self._pressure_dofs[first[first >= 0]]

    def _constant(self, value: float) -> Any:
        return fem.Constant(self.mesh, PETSc.ScalarType(value))


def _kinematic(
    viscosity: float | ViscosityLaw, density: float, constant: Callable[[float], Any]
) -> Any | ViscosityLaw:
    if not callable(viscosity):
        return constant(viscosity / density)
    law, rho = viscosity, constant(density)
    return lambda shear_rate: law(shear_rate) / rho
