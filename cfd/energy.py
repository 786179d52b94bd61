"""The kinetic-energy budget of a step: what enters through the openings, what is stored, what is lost, and to what.

    supply = storage + viscous + numerical + residual

    supply         flux of p + rho |u|²/2 into the domain, through openings and moving walls
    storage        rate of change of the kinetic energy E, (a0 E^(n+1) - a1 E^n + a2 E^(n-1)) / dt
    viscous        what becomes heat, 2 mu e(u):e(u)
    numerical      what the discrete equations take besides, positive or negative: the terms below
    residual       the error of the linear solver

The numerical terms follow from the momentum balance of the step, tested with the tentative velocity u* that it was
solved for, so that nothing else is left: every term of that balance is a force at the nodes
(`cfd.momentum_forces`), whose power is its product with u*; where the velocity is prescribed, the sum of the forces is
what holds it.

    time           rho (a0 u^(n+1) - a1 u^n + a2 u^(n-1), u^(n+1)) / dt - storage, which is
                   rho (a1 |u^(n+1) - u^n|² - a2 |u^(n+1) - u^(n-1)|²) / 2 dt; over a cycle of equal steps its mean is
                   that of rho |u^(n+1) - 2 u^n + u^(n-1)|² / 4 dt, which is never negative
    extrapolation  flux of rho |u|²/2 out of the domain that the extrapolated velocity w carries, less that of u: the
                   openings let pass another energy than the flow brings
    divergence     power of the convection of u* by w, without its stabilisation, less the flux of rho |u*|²/2 that
                   w carries. In the convective form -rho/2 ((div w) u*, u*), where the discrete w is not free of
                   divergence; in the skew-symmetric form zero for P1–P1, and for P2–P1 what the jumps of w.n between
                   the cells leave; in explicit form also the error of w carrying itself
    stabilisation  of the convection, rho tau (w.grad u* - y).(w.grad u*)
    backflow       of the terms of `cfd.open_boundary`: at outlets, rho |u|²/2 that reverse flow would carry in, less
                   what the lower pressure of blood that enters takes already
    splitting      what u^(n+1) is not u*: power of the pressure that drove u* less the flux of the pressure out of the
                   domain, power of the inertia of u* less that of u^(n+1), and for P1–P1, whose u* is corrected at the
                   outlets too, rho (|u*|² - |u^(n+1)|²)/2 that w carries out there. Equal-order elements keep their
                   pressure stable by it: in steady flow it holds s (grad p, grad p - P grad p), s = dt / (a0 rho)
    traction       power of the viscous term less viscous: work against the viscous stress on openings
    inlet          what the flow does against prescribed velocities besides the pressure: viscous stress, and the error
                   of the pressure's gradient, as the momentum of the nodes at an inlet is not balanced
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from mpi4py import MPI
from numba import njit
from numpy.typing import NDArray

from cfd.flow_state import FlowState, StepReport, time_scheme
from cfd.fractional_step import FractionalStep, MomentumTerms
from cfd.linear_kernels import stabilisation_time
from cfd.linear_step import LinearStep
from cfd.momentum_forces import TakenStep
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyBalance:
    """The budget of one step [W], as the module's docstring defines it; what leaves the kinetic energy is positive."""

    supply: float
    storage: float
    viscous: float
    time: float
    extrapolation: float
    divergence: float
    stabilisation: float
    backflow: float
    splitting: float
    traction: float
    inlet: float

    @property
    def numerical(self) -> float:
        """What the discrete equations take besides what becomes heat."""
        in_time = self.time + self.extrapolation + self.splitting
        in_space = self.divergence + self.stabilisation
        return in_time + in_space + self.backflow + self.traction + self.inlet

    @property
    def residual(self) -> float:
        """What is left: the error of the linear solver."""
        return self.supply - self.storage - self.viscous - self.numerical


class EnergyBudget:
    """Evaluates the terms of the energy budget of a stepper's steps, in three dimensions.

    Args:
        stepper: The stepper.
    """

    def __init__(self, stepper: FractionalStep) -> None:
        elements, vertices = stepper.elements, stepper.vertices
        self._stepper = stepper
        self._comm = elements.domain.comm
        degree = elements.degree
        patches = {patch.name: patch for patch in elements.domain.patches}
        openings = [(patches[name],) for name in stepper.ports]
        surfaces = [*openings, elements.domain.wall]
        self._facets = [elements.patch_facets(*surface) for surface in surfaces]
        self._corners = [vertices.patch_facets(*surface).corners for surface in surfaces]
        self._table = reference_element(degree, 2, exact=3 * degree)
        self._hats = reference_element(1, 2, exact=3 * degree).shape

    def balance(self, step: TakenStep) -> EnergyBalance:
        """All terms of a step. Collective."""
        stepper, u, tentative = self._stepper, step.after.velocity, step.tentative
        terms = stepper.momentum_terms(step)
        forces = stepper.forces(step, terms)
        # The end of the step has another pressure. Where the velocity is prescribed, that changes the force that holds
        # it, not the velocity, so that none of it is work of the splitting.
        lag = stepper.pressure_force(terms.pressure - step.after.pressure)
        held = stepper.prescribed_nodes
        whole = (
            forces.inertia + forces.convection + forces.viscosity + forces.backflow + forces.pressure - lag
        )
        local = [
            _power(forces.inertia, tentative),
            _power(forces.convection, tentative),
            _power(forces.viscosity, tentative),
            _power(forces.backflow, tentative),
            _power(forces.pressure, tentative) - _power(lag[held], tentative[held]),
            _power(whole[held], tentative[held]),
            self._stabilisation_power(step, terms),
            *self._inertia_of_the_end(step),
            stepper.viscous_power(u),
        ]
        inertia, convection, viscosity, backflow, pressure, holding, stabilisation, storage, time, viscous = (
            map(float, self._sum(np.array(local)))
        )
        kinetic, extrapolated, carried = (
            float(self._kinetic_fluxes(*of).sum()) for of in ((u,), (u, terms), (tentative, terms))
        )
        through = float(self._pressure_fluxes(step.after, step.report).sum())
        return EnergyBalance(
            supply=-kinetic - through,
            storage=storage,
            viscous=viscous,
            time=time,
            extrapolation=extrapolated - kinetic,
            divergence=convection - stabilisation - carried,
            stabilisation=stabilisation,
            backflow=backflow,
            splitting=inertia - storage - time + pressure - through + carried - extrapolated,
            traction=viscosity - viscous,
            inlet=-holding,
        )

    def outward_powers(self, state: FlowState, report: StepReport) -> FloatArray:
        """(k,) flux of p + rho |u|²/2 out of the domain through each opening [W]. Collective.

        The mean pressure goes with the flow that the step reports, which is exact; only what deviates from the mean
        goes with the velocity at the nodes.
        """
        return (self._pressure_fluxes(state, report) + self._kinetic_fluxes(state.velocity))[:-1]

    def kinetic(self, velocity: FloatArray) -> float:
        """Kinetic energy in the domain [J]. Collective."""
        square = self._sum(np.array([self._stepper.squared_norm(velocity)]))[0]
        return 0.5 * self._stepper.fluid.density * float(square)

    def balance_at(self, state: FlowState) -> EnergyBalance:
        """All terms of the step that led to a state, if the stepper has just taken it. Collective.

        Otherwise, as for a state that was read from a file, the state counts as steady.
        """
        step = self._stepper.taken
        return self.balance(step if step is not None and step.after is state else self._steady(state))

    def losses(self, state: FlowState) -> tuple[float, float]:
        """Power of viscous dissipation and of the numerical losses of `balance_at` [W]. Collective."""
        balance = self.balance_at(state)
        return balance.viscous, balance.numerical

    def _inertia_of_the_end(self, step: TakenStep) -> tuple[float, float]:
        """Storage, and what the time discretisation takes, in the local cells [W]."""
        before, scheme = step.before, time_scheme(step.after.dt, step.before.dt)
        new, last, previous = step.after.velocity, before.velocity, before.previous_velocity
        square, rate = self._stepper.squared_norm, 0.5 * self._stepper.fluid.density / scheme.dt
        storage = scheme.a0 * square(new) - scheme.a1 * square(last) + scheme.a2 * square(previous)
        return rate * storage, rate * (scheme.a1 * square(new - last) - scheme.a2 * square(new - previous))

    def _steady(self, state: FlowState) -> TakenStep:
        """A first step, infinitely long, from a state to itself."""
        stepper, u = self._stepper, state.velocity
        flows = stepper.flows(u)
        report = StepReport(
            pressures=stepper.mean_pressures(state.pressure),
            flows=flows,
            uncorrected_flows=flows,
            velocity_iterations=0,
            pressure_iterations=0,
        )
        before = replace(state, previous_velocity=u, dt=0.0)
        return TakenStep(before=before, after=replace(before, dt=np.inf), tentative=u, report=report)

    def _kinetic_fluxes(self, velocity: FloatArray, terms: MomentumTerms | None = None) -> FloatArray:
        """(k + 1,) flux of rho |u|²/2 out of the domain, through each opening and the walls [W].

        It goes with the velocity itself, or with the convecting velocity of some terms.
        """
        local = np.zeros(len(self._facets))
        for index, facets in enumerate(self._facets):
            moving = self._moving(index, velocity)
            at = np.einsum("qj,fjd->fqd", self._table.shape, velocity[facets.nodes[moving]])
            carried = 0.5 * self._stepper.fluid.density * (at**2).sum(axis=2)
            flux = self._normal_flux(index, moving, velocity if terms is None else terms.convecting)
            if terms is not None and terms.potential.size:
                flux -= self._normal_slope(index, moving, terms.potential)[:, None]
            local[index] = ((carried * flux) @ self._table.weights).sum()
        return self._sum(local)

    def _pressure_fluxes(self, state: FlowState, report: StepReport) -> FloatArray:
        """(k + 1,) flux of the pressure out of the domain, through each opening and the walls [W]."""
        means, flows = np.append(report.pressures, 0.0), np.append(report.flows, 0.0)
        local = np.zeros(len(self._facets))
        for index, corners in enumerate(self._corners):
            moving = self._moving(index, state.velocity)
            deviation = (state.pressure[corners[moving]] - means[index]) @ self._hats.T
            flux = self._normal_flux(index, moving, state.velocity)
            local[index] = ((deviation * flux) @ self._table.weights).sum()
        return np.asarray(means * flows + self._sum(local))

    def _moving(self, index: int, velocity: FloatArray) -> NDArray[np.bool]:
        """(f,) whether the fluid moves at a facet: most walls are at rest."""
        return np.asarray(velocity[self._facets[index].nodes].any(axis=(1, 2)))

    def _normal_flux(self, index: int, moving: NDArray[np.bool], velocity: FloatArray) -> FloatArray:
        """(f, q) u.n times area at the quadrature points of some facets of a surface [m³/s]."""
        facets = self._facets[index]
        normal = np.einsum("fjd,fd->fj", velocity[facets.nodes[moving]], facets.area_normals[moving])
        return np.asarray(normal @ self._table.shape.T)

    def _normal_slope(self, index: int, moving: NDArray[np.bool], potential: FloatArray) -> FloatArray:
        """(f,) normal derivative of a field at the vertices, times area, at some facets of a surface."""
        facets, vertices = self._facets[index], self._stepper.vertices
        behind = facets.cells[moving]
        slope = np.einsum("fa,fad->fd", potential[vertices.cells[behind]], vertices.gradients[behind])
        return np.asarray(np.einsum("fd,fd->f", slope, facets.area_normals[moving]))

    def _stabilisation_power(self, step: TakenStep, terms: MomentumTerms) -> float:
        """Power that the stabilisation of the convection takes from the local cells [W]. Collective."""
        stepper = self._stepper
        if not (isinstance(stepper, LinearStep) and stepper.settings.stabilise):
            return 0.0
        elements = stepper.elements
        implicit = stepper.settings.convection == "semi-implicit"
        return float(
            _stabilisation_power(
                elements.cells,
                elements.gradients,
                elements.volumes,
                stepper.fluid.density,
                stepper.fluid.viscosity / stepper.fluid.density,
                terms.convecting,
                step.tentative if implicit else terms.convecting,
                stepper.project_convection(terms.last_velocity),
                step.tentative,
            )
        )

    def _sum(self, local: FloatArray) -> FloatArray:
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))


def _power(force: FloatArray, velocity: FloatArray) -> float:
    """Power of nodal forces (n, 3) of the local cells [W]."""
    return float(np.einsum("nd,nd->", force, velocity))


@njit(cache=True, fastmath=True)
def _stabilisation_power(
    cells: NDArray[np.uint32],
    gradients: FloatArray,
    volumes: FloatArray,
    density: float,
    kinematic_viscosity: float,
    convecting: FloatArray,
    carried: FloatArray,
    projected: FloatArray,
    tested: FloatArray,
) -> float:
    """Integral of rho tau (w.grad u - y).(w.grad v) over the local cells, for P1 elements and the cell's mean of w [W].

    Args:
        cells, gradients, volumes: See `cfd.elements.Elements`.
        density, kinematic_viscosity: rho [kg/m³] and nu [m²/s].
        convecting, carried, tested: (n, 3) w, u and v [m/s].
        projected: (n, 3) y [m/s²].
    """
    total = 0.0
    mean_w, along = np.empty(3), np.empty(4)
    for c in range(volumes.size):
        mean_w[:] = 0.0
        for i in range(4):
            for d in range(3):
                mean_w[d] += 0.25 * convecting[cells[c, i], d]
        rate, steepest = 0.0, 0.0
        for i in range(4):
            along[i], square = 0.0, 0.0
            for d in range(3):
                along[i] += mean_w[d] * gradients[c, i, d]
                square += gradients[c, i, d] ** 2
            rate += abs(along[i])
            steepest = max(steepest, square)
        tau = stabilisation_time(rate, 4.0 * kinematic_viscosity * steepest)
        for d in range(3):
            slope_u, slope_v, mean_y = 0.0, 0.0, 0.0
            for i in range(4):
                slope_u += along[i] * carried[cells[c, i], d]
                slope_v += along[i] * tested[cells[c, i], d]
                mean_y += 0.25 * projected[cells[c, i], d]
            total += density * tau * volumes[c] * (slope_u - mean_y) * slope_v
    return total
