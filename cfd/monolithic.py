"""Taylor–Hood elements (P2 velocity, P1 pressure) in one system, for steady and unsteady flow: slow, and to be trusted.

The reference that the fast stepper is measured against, and it shares nothing with it: the weak form of
`cfd.monolithic_forms` is written in UFL, and velocity and pressure are solved together by factorisation. Steady flow
comes from Newton's method, starting from creeping flow, and if need be over flows of growing inertia. A time step is
BDF2 with steps of any size (backward Euler for the first, unless the past is given). By default it is linear: the
convecting velocity is extrapolated to second order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.monolithic_boundary import PrescribedVelocity, VelocityData, check_boundary
from cfd.monolithic_forms import ViscosityLaw
from cfd.monolithic_probe import Probe
from cfd.monolithic_solver import KeptFactors
from cfd.monolithic_system import TaylorHoodSystem
from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, DivergenceError, MeshError

SMALLEST_INERTIA_STEP = 1.0 / 64.0
ON_THE_WAY = 1e-2
"""Tolerance of the flows with less than all of the inertia, which are only guesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonolithicState:
    """Flow at one time, at the nodes of `Monolithic.velocity_space` (n) and `pressure_space` (m), with ghosts.

    Attributes:
        time: [s].
        velocity: (n, d) [m/s].
        pressure: (m,) [Pa].
        acceleration: (n, d) du/dt as the time step saw it [m/s²]; zero in steady flow.
        previous_velocity: (n, d) one step before [m/s]; None if the next step is the first.
        step: How long before that was [s].
    """

    time: float
    velocity: FloatArray
    pressure: FloatArray
    acceleration: FloatArray
    previous_velocity: FloatArray | None = None
    step: float = 0.0


class Monolithic:
    """Incompressible flow in triangles or tetrahedra, straight or of second order. Collective.

    Args:
        mesh: [m].
        facet_tags: Tags of the boundary facets.
        density: rho [kg/m³].
        viscosity: mu [Pa s], or a law of the shear rate [1/s] made of UFL operations (`monolithic_forms.viscosity_of`
            gives that of a `Fluid`).
        velocity: Prescribed velocity by tag. Where patches meet, the later one rules.
        pressure: Pressure outside of each open boundary [Pa], a number or a function of time, by tag.
        symmetry: Axis (0, 1 or 2) of the normal of each plane of symmetry, by tag.
        body_force: Force per volume [N/m³], a UFL vector of the coordinates and the time in UFL.
        nonlinear_steps: Whether a time step also solves for the convecting velocity, by Newton's method.
        compression: Of the factors, see `KeptFactors`; for large 3D problems.

    Attributes:
        velocity_space, pressure_space: P2 vectors and P1.

    Raises:
        MeshError: The cells are neither triangles in the plane nor tetrahedra.
        BoundaryError: A part of the boundary has no condition or two, or a tag has no facets.
        CaseError: Density or viscosity is not positive.
    """

    def __init__(
        self,
        mesh: dmesh.Mesh,
        facet_tags: dmesh.MeshTags,
        *,
        density: float,
        viscosity: float | ViscosityLaw,
        velocity: Mapping[int, VelocityData],
        pressure: Mapping[int, float | Callable[[float], float]] | None = None,
        symmetry: Mapping[int, int] | None = None,
        body_force: Callable[[Any, Any], Any] | None = None,
        nonlinear_steps: bool = False,
        compression: float = 0.0,
    ) -> None:
        shape = (mesh.topology.cell_type.name, mesh.geometry.dim)
        if shape not in (("triangle", 2), ("tetrahedron", 3)):
            raise MeshError(
                "the monolithic solver cannot use this mesh",
                value=f"cells of type {shape[0]} in {shape[1]}D",
                expected="triangles in 2D or tetrahedra in 3D",
            )
        for name, value in (("density", density), ("viscosity", viscosity)):
            if not callable(value) and not 0.0 < value < math.inf:
                raise CaseError(f"the {name} is not a positive number", value=value)
        self.mesh, self.density = mesh, density
        self._pressures, planes = dict(pressure or {}), dict(symmetry or {})
        check_boundary(mesh, facet_tags, velocity, self._pressures, planes)
        self._nonlinear_steps = nonlinear_steps
        self.factors = KeptFactors(compression=compression)
        self._system = TaylorHoodSystem(
            mesh,
            facet_tags,
            density=density,
            viscosity=viscosity,
            pressure_tags=tuple(self._pressures),
            body_force=body_force,
            factors=self.factors,
        )
        self.velocity_space, self.pressure_space = self._system.velocity_space, self._system.pressure_space
        self._prescribed = PrescribedVelocity(self.velocity_space, facet_tags, velocity, planes)

    def initial_state(
        self, velocity: VelocityData | None = None, *, time: float = 0.0, past: float | None = None
    ) -> MonolithicState:
        """Rest, or a velocity; with `past` [s] also the velocity that long before, so that BDF2 starts at once.

        The pressure is set to zero: the scheme does not use that of the past.
        """
        points = self.velocity_space.tabulate_dof_coordinates()[:, : self.mesh.geometry.dim]
        now, before = np.zeros_like(points), None
        if velocity is not None:
            now = np.array(velocity(points, time), dtype=np.float64)
            before = np.array(velocity(points, time - past), dtype=np.float64) if past is not None else None
        return MonolithicState(
            time=time,
            velocity=now,
            pressure=np.zeros(len(self.pressure_space.tabulate_dof_coordinates())),
            acceleration=np.zeros_like(points),
            previous_velocity=before,
            step=past or 0.0,
        )

    def solve_steady(
        self, start: MonolithicState | None = None, *, time: float = 0.0, tolerance: float = 1e-9
    ) -> MonolithicState:
        """The steady flow under the conditions of a time [s], from a guess or from creeping flow. Collective.

        Where Newton's method fails, inertia is brought in by as many parts as it takes.

        Args:
            start: Guess.
            time: When the conditions are taken [s].
            tolerance: Last change of the velocity, relative to it.

        Raises:
            DivergenceError: No steady flow is found.
            BoundaryError: The prescribed velocities are not finite, or cannot be balanced.
        """
        system = self._system
        guess = start or self.initial_state(time=time)
        system.rate.value, system.history.x.array[:] = 0.0, 0.0
        self._begin(time, guess.velocity, guess.pressure)
        if start is None:
            system.solve_nonlinear(inertia=0.0, tolerance=ON_THE_WAY)
        reached, part = 0.0, 1.0
        while reached < 1.0:
            kept = system.velocity, system.pressure
            goal = min(1.0, reached + part)
            try:
                system.solve_nonlinear(inertia=goal, tolerance=tolerance if goal == 1.0 else ON_THE_WAY)
            except DivergenceError as error:
                system.load(*kept)
                part /= 2.0
                if part < SMALLEST_INERTIA_STEP:
                    raise DivergenceError(
                        "no steady flow is found",
                        value=f"Newton's method fails beyond {reached:.3g} of the inertia",
                        remedy="advance in time if the flow may be unsteady, or refine the mesh",
                    ) from error
                continue
            reached = goal
        return self._end(time, acceleration=np.zeros_like(guess.velocity))

    def advance(self, state: MonolithicState, dt: float) -> MonolithicState:
        """Advance by dt [s], which may differ from step to step. Collective.

        BDF2 with r = dt / (step before): du/dt = ((1 + 2r)/(1 + r) u - (1 + r) u^n + r²/(1 + r) u^(n-1)) / dt.

        Raises:
            DivergenceError: The result is not finite, or Newton's method fails.
            BoundaryError: The prescribed velocities are not finite, or cannot be balanced.
            CaseError: The time step is not positive.
        """
        if not 0.0 < dt < math.inf:
            raise CaseError("the time step is not a positive number", value=dt)
        system, u = self._system, state.velocity
        rate, history, extrapolated = 1.0 / dt, u / dt, u
        if state.previous_velocity is not None:
            r, before = dt / state.step, state.previous_velocity
            rate = (1.0 + 2.0 * r) / (1.0 + r) / dt
            history = ((1.0 + r) * u - r**2 / (1.0 + r) * before) / dt
            extrapolated = (1.0 + r) * u - r * before
        system.rate.value, system.history.x.array[:] = rate, history.ravel()
        system.convecting.x.array[:] = extrapolated.ravel()
        time = state.time + dt
        self._begin(time, extrapolated, state.pressure)
        if self._nonlinear_steps:
            system.solve_nonlinear(inertia=1.0, tolerance=1e-9)
        else:
            system.solve_linear()
        return self._end(time, acceleration=rate * system.velocity - history, before=u, step=dt)

    def reaction(self, state: MonolithicState, *tags: int) -> FloatArray:
        """(d,) force of the flow on some patches [N], in 2D per depth [N/m]. Collective.

        Minus the residual of the momentum balance, tested with the unit vectors on the nodes of the patches. This
        weak form of the stress integral converges at twice the order of the stresses (Babuška & Miller, Int. J. Numer.
        Meth. Eng. 20 (1984), DOI 10.1002/nme.1620200610; in flow: John & Matthies, Int. J. Numer. Meth. Fluids 37
        (2001), DOI 10.1002/fld.195). On a patch with flow, the stress is that of the do-nothing condition.
        """
        self._reload(state)
        system = self._system
        system.rate.value, system.inertia.value = 0.0, 1.0
        system.history.x.array[:] = -state.acceleration.ravel()
        force = -system.momentum_residual()[self._prescribed.nodes(*tags)].sum(axis=0)
        return np.asarray(self.mesh.comm.allreduce(force, op=MPI.SUM))

    def flow(self, state: MonolithicState, tag: int) -> float:
        """Flow out of the domain through a patch [m³/s], in 2D per depth [m²/s]. Collective."""
        velocity = self.velocity_function(state)
        form = fem.form(ufl.inner(velocity, self._system.normal) * self._system.ds(tag))
        return float(self.mesh.comm.allreduce(fem.assemble_scalar(form), op=MPI.SUM))

    def velocity_function(self, state: MonolithicState) -> fem.Function:
        """The velocity as a function of `velocity_space`."""
        function = fem.Function(self.velocity_space)
        function.x.array[:] = state.velocity.ravel()
        return function

    def pressure_function(self, state: MonolithicState) -> fem.Function:
        """The pressure as a function of `pressure_space`."""
        function = fem.Function(self.pressure_space)
        function.x.array[:] = state.pressure
        return function

    def velocity_at(self, state: MonolithicState, points: FloatArray) -> FloatArray:
        """(k, d) velocity [m/s] at points (k, d) [m]. Collective."""
        return Probe(self.mesh, points).evaluate(self.velocity_function(state))

    def pressure_at(self, state: MonolithicState, points: FloatArray) -> FloatArray:
        """(k,) pressure [Pa] at points (k, d) [m]. Collective."""
        return Probe(self.mesh, points).evaluate(self.pressure_function(state))[:, 0]

    def _begin(self, time: float, velocity: FloatArray, pressure: FloatArray) -> None:
        """Load a guess and impose the conditions of a time on it."""
        system = self._system
        system.load(velocity, pressure)
        self._set_outside(time)
        system.impose_velocity(self._prescribed, time)

    def _reload(self, state: MonolithicState) -> None:
        self._system.load(state.velocity, state.pressure)
        self._set_outside(state.time)

    def _set_outside(self, time: float) -> None:
        self._system.time.value = time
        self._system.impose_pressures(
            {tag: value(time) if callable(value) else value for tag, value in self._pressures.items()}
        )

    def _end(
        self,
        time: float,
        *,
        acceleration: FloatArray,
        before: FloatArray | None = None,
        step: float = 0.0,
    ) -> MonolithicState:
        return MonolithicState(
            time=time,
            velocity=self._system.velocity,
            pressure=self._system.pressure,
            acceleration=acceleration,
            previous_velocity=before,
            step=step,
        )
