"""P1 velocity and P1 pressure: the fast pair.

With P the projection onto the nodes (lumped mass) and s = dt / (a0 rho):

1. rho (a0 u* - a1 u^n + a2 u^(n-1)) / dt + rho w.grad u* + rho/2 (div w) u* - mu laplace u* = -grad p^n
2. s laplace p^(n+1) = div u* + s div(P grad p^n)
3. u^(n+1) = u* - s (P grad p^(n+1) - P grad p^n)

Because step 2 holds s (laplace p - div P grad p), equal-order elements keep a stable pressure also in steady flow
(Codina, J. Comput. Phys. 170 (2001), DOI 10.1006/jcph.2001.6725). Where the mesh does not resolve a jet, the
convection is stabilised by the part of w.grad u that the mesh cannot represent, tau (w.grad u - P(w.grad u), w.grad v)
(orthogonal subscales, Codina, CMAME 190 (2000), DOI 10.1016/S0045-7825(00)00254-1), which vanishes at second order
with the mesh size, and altogether in cells whose Reynolds number is below one.

The flow through a port is known from step 2 to the tolerance of the linear solver; the velocity at its nodes, which no
equation of step 2 tests, is shifted to carry that flow.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd import linear_kernels as kernels
from cfd.domain import Domain
from cfd.elements import build_elements
from cfd.flow_state import FlowState, TimeScheme
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep, MomentumTerms, StepSettings
from cfd.inlet_profile import unit_outflow
from cfd.pressure_step import Projection
from cfd.velocity_boundary import VelocityField
from hemoplan.arrays import FloatArray
from hemoplan.errors import MeshError

DEFAULTS = StepSettings()


class LinearStep(FractionalStep):
    """The P1–P1 stepper on tetrahedra. Collective.

    Args:
        domain: The mesh and its patches.
        fluid: Density and viscosity.
        settings: Choices.
        wall_velocity: Velocity of the walls; no slip if None.

    Raises:
        MeshError: The mesh is not three-dimensional.
    """

    def __init__(
        self,
        domain: Domain,
        fluid: Fluid,
        settings: StepSettings | None = None,
        *,
        wall_velocity: VelocityField | None = None,
    ) -> None:
        if domain.mesh.topology.dim != 3:
            raise MeshError(
                "the P1–P1 stepper needs a mesh of tetrahedra",
                value=f"{domain.mesh.topology.dim} dimensions",
                remedy="use P2–P1 elements",
            )
        elements = build_elements(domain, 1)
        super().__init__(elements, elements, fluid, settings or DEFAULTS, wall_velocity=wall_velocity)
        self._outflows = [unit_outflow(elements, patch) for patch in self.outlets]

    def at_vertices(self, velocity: FloatArray) -> FloatArray:
        """(m, 3) the velocity at the mesh vertices, which are its nodes."""
        return velocity

    def courant_number(self, velocity: FloatArray, dt: float) -> float:
        """Largest |u| dt / h. Collective."""
        local = kernels.courant_number(self.elements.cells, self.elements.gradients, velocity, dt)
        return float(self._comm.allreduce(local, op=MPI.MAX))

    def dissipation(self, velocity: FloatArray) -> tuple[float, float]:
        """Power of viscous dissipation and of the stabilisation [W]. Collective."""
        numerical = 0.0
        if self.settings.stabilise:
            numerical = kernels.stabilisation_power(
                *self._geometry,
                self.fluid.viscosity / self.fluid.density,
                self.fluid.density,
                velocity,
                self.project_convection(velocity),
            )
        local = np.array([self._viscous_stress.power(velocity), numerical])
        viscous, numerical = self._comm.allreduce(local, op=MPI.SUM)
        return float(viscous), float(numerical)

    def project_convection(self, velocity: FloatArray) -> FloatArray:
        """(n, 3) nodal projection of u.grad u [m/s²]. Collective."""
        projected = np.zeros_like(velocity)
        kernels.convective_derivative(*self._geometry, velocity, projected)
        self._vector_halo.sum_to_owners(projected)
        projected /= self.vertex_volumes[:, None]
        return projected

    @property
    def _geometry(self) -> tuple[NDArray[np.uint32], FloatArray, FloatArray]:
        return self.elements.cells, self.elements.gradients, self.elements.volumes

    def _first_memory(self, pressure: FloatArray) -> dict[str, FloatArray]:
        return {
            "pressure_gradient": self._project_gradient(pressure),
            "free_pressure": np.zeros_like(pressure),
            "previous_free_pressure": np.zeros_like(pressure),
        }

    def _driving_pressure(self, state: FlowState, scheme: TimeScheme) -> FloatArray:
        return state.pressure

    def _potential(self, state: FlowState, ratio: float) -> FloatArray:
        return np.zeros(0)

    def _assemble(self, scheme: TimeScheme, terms: MomentumTerms) -> tuple[FloatArray, FloatArray]:
        values, rhs = self._constant_values(scheme), np.zeros_like(terms.past)
        kernels.momentum(
            *self._geometry,
            self.elements.slots,
            self.fluid.density,
            self.fluid.viscosity / self.fluid.density,
            float(self.settings.stabilise),
            self.settings.convection == "semi-implicit",
            0.5 if self.settings.form == "skew-symmetric" else 0.0,
            (self.fluid.density / scheme.dt) * terms.past,
            terms.convecting,
            self.project_convection(terms.last_velocity) if self.settings.stabilise else rhs,
            terms.pressure,
            values,
            rhs,
        )
        return values, rhs

    def _projection_loads(
        self, state: FlowState, scheme: TimeScheme, tentative: FloatArray, scale: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        rhs = np.zeros(self.elements.nodes)
        field = tentative + scale * state.memory["pressure_gradient"]
        kernels.weak_divergence(*self._geometry, field, rhs)
        last, previous = state.memory["free_pressure"], state.memory["previous_free_pressure"]
        return rhs, np.zeros(len(self.outlets)), last + scheme.ratio * (last - previous)

    def _end_step(
        self,
        state: FlowState,
        tentative: FloatArray,
        projection: Projection,
        scale: float,
        inflows: FloatArray,
        time: float,
    ) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], FloatArray]:
        gradient = self._project_gradient(projection.field)
        velocity = tentative - scale * (gradient - state.memory["pressure_gradient"])
        self._boundary.impose(velocity, inflows, time)
        uncorrected = self.flows(velocity)
        missing = projection.coupling.flows - uncorrected[len(uncorrected) - len(self.outlets) :]
        for (nodes, outflow), flow in zip(self._outflows, missing, strict=True):
            velocity[nodes] += flow * outflow
        memory = {
            "pressure_gradient": gradient,
            "free_pressure": projection.free,
            "previous_free_pressure": state.memory["free_pressure"],
        }
        return velocity, projection.field, memory, uncorrected

    def _project_gradient(self, pressure: FloatArray) -> FloatArray:
        gradient = np.zeros((self.elements.nodes, 3))
        kernels.pressure_gradient(*self._geometry, pressure, gradient)
        self._vector_halo.sum_to_owners(gradient)
        gradient /= self.vertex_volumes[:, None]
        return gradient
