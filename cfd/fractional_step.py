"""Incremental pressure correction (BDF2) for incompressible flow with P1 velocity and P1 pressure.

Strong form, with the convecting velocity w = 2 u^n - u^(n-1) and s = 2 dt / (3 rho):

1. tentative velocity
   rho (3 u* - 4 u^n + u^(n-1)) / (2 dt) + rho w.grad u* + rho/2 (div w) u* - mu laplace u* = -grad p^n
2. pressure
   s laplace p^(n+1) = div u* + s div(P grad p^n),  p = p_k on port k
3. velocity
   u^(n+1) = u* - s (P grad p^(n+1) - P grad p^n)

P is the projection onto the nodes (lumped mass). Because step 2 holds s (laplace p - div P grad p),
equal-order elements keep a stable pressure also in steady flow (Codina, J. Comput. Phys. 170 (2001), DOI
10.1006/jcph.2001.6725). Where the mesh does not resolve a jet, the convection is stabilised by the part of
w.grad u that the mesh cannot represent, tau (w.grad u - P(w.grad u), w.grad v) (orthogonal subscales, Codina,
CMAME 190 (2000), DOI 10.1016/S0045-7825(00)00254-1), which vanishes at second order with the mesh size.

The port pressures p_k are unknowns of step 2, see `cfd.port_response`. The flow through a port is known from step 2
to the tolerance of the linear solver; the velocity at its nodes, which no equation of step 2 tests, is shifted to
carry that flow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd import kernels
from cfd.inlet_profile import unit_outflow
from cfd.elements import Elements
from cfd.halo import Halo
from cfd.port_response import solve_port_pressures
from cfd.pressure_solver import PressureSolver
from cfd.velocity_solver import VelocitySolver
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.circuit import BoundaryCircuit
from hemoplan.errors import BoundaryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fluid:
    """Newtonian fluid: density rho [kg/m³] and dynamic viscosity mu [Pa s]."""

    density: float
    viscosity: float

    def oscillatory_layer(self, period: float) -> float:
        """Thickness sqrt(nu / omega) of the boundary layer of a flow that pulsates with a period [s], in metres."""
        return math.sqrt(self.viscosity / self.density * period / (2.0 * math.pi))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """All that a time step needs from the past; node arrays include ghosts.

    Attributes:
        time: [s].
        velocity, previous_velocity: (n, 3) at `time` and one step before [m/s].
        pressure: (n,) [Pa].
        pressure_gradient: (n, 3) nodal projection of its gradient [Pa/m].
        free_pressure: (n,) the part of the pressure that vanishes at the ports [Pa]; the next solve starts from it.
        circuit: (m,) state of the 0D circuit.
        port_pressures: (k,) at the outlets [Pa].
        starting: Whether the next step is the first, which is backward Euler.
    """

    time: float
    velocity: FloatArray
    previous_velocity: FloatArray
    pressure: FloatArray
    pressure_gradient: FloatArray
    free_pressure: FloatArray
    circuit: FloatArray
    port_pressures: FloatArray
    starting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What one step did.

    Attributes:
        pressures: (1 + k,) mean pressure over the inlet and each outlet [Pa].
        flows: (1 + k,) flow out of the domain through the inlet and each outlet [m³/s]: the flows that the pressure
            step balances, that the circuit receives and that the surface integrals of the velocity field equal.
        uncorrected_flows: (1 + k,) these surface integrals before the velocity at the outlets was made to agree [m³/s].
        velocity_iterations, pressure_iterations: Krylov iterations.
    """

    pressures: FloatArray
    flows: FloatArray
    uncorrected_flows: FloatArray
    velocity_iterations: int
    pressure_iterations: int


class FractionalStep:
    """The P1–P1 stepper: a fixed time step, everything constant assembled once. Collective.

    Args:
        elements: P1 elements on the domain.
        fluid: Density and viscosity.
        dt: Time step [s].
        inlet_layer: Thickness of the boundary layer of the inlet's velocity profile [m]; developed flow if None.
        stabilise: Whether the orthogonal-subscale term for under-resolved convection is on.
        velocity_tolerance, pressure_tolerance: Relative residuals of the linear solvers.
    """

    def __init__(
        self,
        elements: Elements,
        fluid: Fluid,
        *,
        dt: float,
        inlet_layer: float | None = None,
        stabilise: bool = True,
        velocity_tolerance: float = 1e-5,
        pressure_tolerance: float = 1e-5,
    ) -> None:
        domain = elements.domain
        self.elements = elements
        self.fluid = fluid
        self.dt = dt
        self.stabilise = stabilise
        self._inlet_layer = inlet_layer
        self.inlet = domain.inlet
        self.outlets = domain.outlets
        entries = elements.indices.size
        self._mass, self._stiffness = np.zeros(entries), np.zeros(entries)
        kernels.constant_matrices(
            elements.gradients, elements.volumes, elements.slots, self._mass, self._stiffness
        )
        self._scalar_halo, self._vector_halo = Halo(elements, 1), Halo(elements, 3)
        self._lumped = np.zeros(elements.nodes)
        self._lumped += np.bincount(
            elements.cells.ravel(), weights=np.repeat(elements.volumes / 4.0, 4), minlength=elements.nodes
        )
        self._scalar_halo.sum_to_owners(self._lumped)
        self._set_up_boundaries()
        fixed = np.union1d(self._wall_nodes, self._inlet_nodes)
        self._velocity_solver = VelocitySolver(elements, fixed, tolerance=velocity_tolerance)
        port_nodes = np.unique(np.concatenate([self._owned(nodes) for nodes in self._port_nodes]))
        self._pressure_solver = PressureSolver(
            elements, self._stiffness, port_nodes, tolerance=pressure_tolerance
        )
        self._set_up_port_response()

    def initial_state(self, circuit: BoundaryCircuit) -> FlowState:
        """Fluid at rest under the circuit's pressures. Collective.

        Raises:
            BoundaryError: The circuit's ports are not the outlets of the mesh.
        """
        names = tuple(patch.name for patch in self.outlets)
        if tuple(circuit.ports) != names:
            raise BoundaryError(
                "the circuit's ports are not the outlets of the mesh",
                value=", ".join(circuit.ports),
                expected=", ".join(names),
            )
        state = circuit.initial_state()
        ports = circuit.step(state, np.zeros(len(names)), 0.0, 1e-9).pressures
        zeros = np.zeros((self.elements.nodes, 3))
        pressure = np.asarray(self._harmonics.T @ ports)
        return FlowState(
            time=0.0,
            velocity=zeros,
            previous_velocity=zeros,
            pressure=pressure,
            pressure_gradient=self._project_gradient(pressure),
            free_pressure=np.zeros(self.elements.nodes),
            circuit=state,
            port_pressures=ports,
            starting=True,
        )

    def advance(
        self, state: FlowState, inflow: float, circuit: BoundaryCircuit
    ) -> tuple[FlowState, StepReport]:
        """Advance by one time step with a flow into the domain [m³/s] at its end. Collective.

        Raises:
            DivergenceError: A linear solver or the coupling does not converge.
        """
        time = state.time + self.dt
        order_factor = 1.0 if state.starting else 1.5
        scale = self.dt / (order_factor * self.fluid.density)
        tentative = self._tentative_velocity(state, inflow, order_factor)

        rhs = np.zeros(self.elements.nodes)
        field = tentative + scale * state.pressure_gradient
        kernels.weak_divergence(*self._geometry, field, rhs)
        rhs[self._inlet_nodes] += inflow * self._inlet_loads
        self._scalar_halo.sum_to_owners(rhs)
        free = state.free_pressure.copy()
        rhs /= scale
        self._pressure_solver.solve(rhs, free)
        self._scalar_halo.refresh_ghosts(free)
        free_flows = scale * (self._port_sums(rhs) - self._port_rows_times(free))
        step = solve_port_pressures(
            self.elements.domain.comm,
            circuit,
            state.circuit,
            free_flows,
            scale * self._response,
            guess=state.port_pressures,
            t=time,
            dt=self.dt,
        )
        pressure = free + self._harmonics.T @ step.pressures

        gradient = self._project_gradient(pressure)
        velocity = tentative - scale * (gradient - state.pressure_gradient)
        velocity[self._wall_nodes] = 0.0
        velocity[self._inlet_nodes] = inflow * self._inlet_velocity
        projected = free_flows - scale * self._response @ step.pressures
        field_flows = self.flows(velocity)
        for (nodes, outflow), missing in zip(self._outflows, projected - field_flows[1:], strict=True):
            velocity[nodes] += missing * outflow
        after = FlowState(
            time=time,
            velocity=velocity,
            previous_velocity=state.velocity,
            pressure=pressure,
            pressure_gradient=gradient,
            free_pressure=free,
            circuit=step.state,
            port_pressures=step.pressures,
            starting=False,
        )
        report = StepReport(
            pressures=np.concatenate([[self._inlet_pressure(pressure)], step.pressures]),
            flows=np.concatenate([[-inflow], projected]),
            uncorrected_flows=field_flows,
            velocity_iterations=self._velocity_solver.iterations,
            pressure_iterations=self._pressure_solver.iterations,
        )
        return after, report

    def flows(self, velocity: FloatArray) -> FloatArray:
        """(1 + k,) flow of a velocity field out of the domain through the inlet and each outlet [m³/s]. Collective."""
        local = [
            (velocity[facets.nodes].mean(axis=1) * facets.area_normals).sum() for facets in self._open_facets
        ]
        return np.asarray(self.elements.domain.comm.allreduce(np.array(local), op=MPI.SUM))

    def project_convection(self, velocity: FloatArray) -> FloatArray:
        """(n, 3) nodal projection of u.grad u [m/s²]. Collective."""
        projected = np.zeros_like(velocity)
        kernels.convective_derivative(*self._geometry, velocity, projected)
        self._vector_halo.sum_to_owners(projected)
        projected /= self._lumped[:, None]
        return projected

    def courant_number(self, velocity: FloatArray) -> float:
        """Largest |u| dt / h. Collective."""
        local = kernels.courant_number(self.elements.cells, self.elements.gradients, velocity, self.dt)
        return float(self.elements.domain.comm.allreduce(local, op=MPI.MAX))

    def dissipation(self, velocity: FloatArray) -> tuple[float, float]:
        """Power of viscous and of numerical dissipation [W]. Collective."""
        local = kernels.dissipation(
            *self._geometry,
            self.fluid.viscosity,
            self.fluid.density,
            float(self.stabilise),
            velocity,
            self.project_convection(velocity),
        )
        viscous, numerical = self.elements.domain.comm.allreduce(np.array(local), op=MPI.SUM)
        return float(viscous), float(numerical)

    def kinetic_power(self, velocity: FloatArray, pressures: FloatArray, flows: FloatArray) -> float:
        """Flux of p + rho |u|²/2 into the domain through all openings [W]. Collective."""
        local = 0.0
        for facets in self._open_facets:
            corner = velocity[facets.nodes]
            flux = np.einsum("fid,fd->fi", corner, facets.area_normals)
            energy = 0.5 * self.fluid.density * (corner**2).sum(axis=2)
            local += float((energy * flux).mean(axis=1).sum())
        carried = self.elements.domain.comm.allreduce(local, op=MPI.SUM)
        return -float(carried) - float(pressures @ flows)

    @property
    def _geometry(self) -> tuple[NDArray[np.int32], FloatArray, FloatArray]:
        return self.elements.cells, self.elements.gradients, self.elements.volumes

    def _tentative_velocity(self, state: FlowState, inflow: float, order_factor: float) -> FloatArray:
        rho, dt = self.fluid.density, self.dt
        if state.starting:
            convecting, past = state.velocity, state.velocity
        else:
            convecting = 2.0 * state.velocity - state.previous_velocity
            past = 2.0 * state.velocity - 0.5 * state.previous_velocity
        values = (order_factor * rho / dt) * self._mass + self.fluid.viscosity * self._stiffness
        rhs = np.zeros_like(past)
        projected = self.project_convection(state.velocity) if self.stabilise else rhs
        kernels.momentum(
            *self._geometry,
            self.elements.slots,
            rho,
            self.fluid.viscosity / rho,
            float(self.stabilise),
            (rho / dt) * past,
            convecting,
            projected,
            state.pressure,
            values,
            rhs,
        )
        for facets, slots in zip(self._open_facets[1:], self._open_slots, strict=True):
            kernels.backflow(facets.nodes, slots, facets.area_normals, rho, convecting, values)
        self._vector_halo.sum_to_owners(rhs)
        velocity = convecting.copy()
        velocity[self._wall_nodes] = 0.0
        velocity[self._inlet_nodes] = inflow * self._inlet_velocity
        self._velocity_solver.solve(values, rhs, velocity)
        return velocity

    def _project_gradient(self, pressure: FloatArray) -> FloatArray:
        gradient = np.zeros((self.elements.nodes, 3))
        kernels.pressure_gradient(*self._geometry, pressure, gradient)
        self._vector_halo.sum_to_owners(gradient)
        gradient /= self._lumped[:, None]
        return gradient

    def _set_up_boundaries(self) -> None:
        elements, domain = self.elements, self.elements.domain
        self._wall_nodes = elements.patch_nodes(*domain.wall)
        self._inlet_nodes, outflow = unit_outflow(elements, self.inlet, layer=self._inlet_layer)
        self._inlet_velocity = -outflow
        self._outflows = [unit_outflow(elements, patch) for patch in self.outlets]
        self._open_facets = [elements.patch_facets(patch) for patch in (self.inlet, *self.outlets)]
        self._open_slots = [self._facet_slots(facets.nodes) for facets in self._open_facets[1:]]
        self._port_nodes = [elements.patch_nodes(patch) for patch in self.outlets]
        # -(u_in.n, phi_i) over the inlet for a unit inflow, from this rank's facets.
        inlet = self._open_facets[0]
        nodal = np.zeros((elements.nodes, 3))
        nodal[self._inlet_nodes] = self._inlet_velocity
        normal_velocity = -np.einsum("fid,fd->fi", nodal[inlet.nodes], inlet.area_normals)
        loads = (normal_velocity.sum(axis=1, keepdims=True) + normal_velocity) / 12.0
        summed = np.bincount(inlet.nodes.ravel(), weights=loads.ravel(), minlength=elements.nodes)
        self._inlet_loads = summed[self._inlet_nodes]
        weights = np.bincount(
            inlet.nodes.ravel(), weights=np.repeat(inlet.areas / 3.0, 3), minlength=elements.nodes
        )
        total = domain.comm.allreduce(float(inlet.areas.sum()), op=MPI.SUM)
        self._inlet_weights = weights / total

    def _facet_slots(self, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """(f, 9) positions of the triangles' entries in the matrix values."""
        elements = self.elements
        slots = np.empty((len(nodes), 9), dtype=np.int32)
        for f, triangle in enumerate(nodes):
            for i, row in enumerate(triangle):
                start = elements.indptr[row]
                columns = elements.indices[start : elements.indptr[row + 1]]
                slots[f, 3 * i : 3 * i + 3] = start + np.searchsorted(columns, triangle)
        return slots

    def _set_up_port_response(self) -> None:
        """Harmonic field of every port, its rows of the stiffness matrix, and the response matrix."""
        elements, solver = self.elements, self._pressure_solver
        count = len(self.outlets)
        self._harmonics = np.zeros((count, elements.nodes))
        self._port_rows = np.zeros((count, elements.owned))
        for k, nodes in enumerate(self._port_nodes):
            lifted = np.zeros(elements.nodes)
            lifted[nodes] = 1.0
            self._port_rows[k] = solver.multiply(lifted)
            interior = np.zeros(elements.nodes)
            solver.solve(
                np.concatenate([-self._port_rows[k], np.zeros(elements.nodes - elements.owned)]), interior
            )
            self._scalar_halo.refresh_ghosts(interior)
            self._harmonics[k] = interior + lifted
        self._response = np.column_stack([self._port_rows_times(field) for field in self._harmonics])

    def _port_rows_times(self, values: FloatArray) -> FloatArray:
        """(k,) sum over each port's nodes of (stiffness values). Collective."""
        local = self._port_rows @ values[: self.elements.owned]
        return np.asarray(self.elements.domain.comm.allreduce(local, op=MPI.SUM))

    def _port_sums(self, values: FloatArray) -> FloatArray:
        """(k,) sum of nodal values over each port's nodes. Collective."""
        local = np.array([values[self._owned(nodes)].sum() for nodes in self._port_nodes])
        return np.asarray(self.elements.domain.comm.allreduce(local, op=MPI.SUM))

    def _inlet_pressure(self, pressure: FloatArray) -> float:
        return float(self.elements.domain.comm.allreduce(float(self._inlet_weights @ pressure), op=MPI.SUM))

    def _owned(self, nodes: IntArray) -> IntArray:
        return nodes[nodes < self.elements.owned]
