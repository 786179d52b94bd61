"""P2 velocity and P1 pressure: the accurate pair, which is inf-sup stable, in two and three dimensions.

The velocity of the end of the step, u^n = u*^n - grad psi^n with psi = s phi, lies in no finite element space; it is
eliminated, so that no mass matrix is ever solved (Guermond, Minev & Shen 2006, section 3.5):

1. rho (a0 u* - a1 u*^n + a2 u*^(n-1)) / dt + rho w.grad u* + rho/2 (div w) u* - mu laplace u* = -grad pi
   with pi = p^n + rho (a1 psi^n - a2 psi^(n-1)) / dt
2. s laplace phi = div u*
3. p^(n+1) = p^n + phi (- mu P div u* in the rotational form)

and w is extrapolated from the eliminated velocity, which is evaluated inside the cells. It satisfies
(u, grad q) = flux of q for every q of P1 to the tolerance of the linear solver: mass is conserved on the average over
the cells around a vertex, and the flows of the ports are exact.

Taylor–Hood velocities are free of divergence in this average sense only. Where a throat is coarsely meshed, their local
divergence is so large that the skew-symmetric form drives a false flow through its term (div w) u / 2, while the
convective form stays close to the exact solution. So the convective form is the default here.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd import quadratic_kernels as kernels
from cfd.domain import Domain
from cfd.elements import build_elements, vertex_nodes
from cfd.flow_state import FlowState, TimeScheme
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep, MomentumTerms, StepSettings
from cfd.pressure_step import Projection
from cfd.reference_element import reference_element
from cfd.velocity_boundary import VelocityField
from cfd.velocity_solver import multiply
from hemoplan.arrays import FloatArray

DEFAULTS = StepSettings(form="convective", stabilise=False, velocity_tolerance=1e-4, pressure_tolerance=1e-4)
"""The solvers' right-hand sides are those of a whole step and of the pressure's increment: four digits are far below
the errors of the time step."""


class QuadraticStep(FractionalStep):
    """The P2–P1 stepper. Collective.

    Args:
        domain: The mesh and its patches.
        fluid: Density and viscosity.
        settings: Choices.
        wall_velocity: Velocity of the walls; no slip if None.
    """

    def __init__(
        self,
        domain: Domain,
        fluid: Fluid,
        settings: StepSettings | None = None,
        *,
        wall_velocity: VelocityField | None = None,
    ) -> None:
        elements, vertices = build_elements(domain, 2), build_elements(domain, 1)
        super().__init__(
            elements,
            vertices,
            fluid,
            settings or DEFAULTS,
            wall_velocity=wall_velocity,
        )
        d = elements.dimension
        self._vertex_nodes = vertex_nodes(elements, vertices)
        own, linear = reference_element(2, d, exact=5), reference_element(1, d, exact=5)
        self._shares = own.weights @ own.shape
        self._divergence_table = np.einsum("q,qi,qka->ika", own.weights, linear.shape, own.slope)
        self._convection = kernels.convection_table(
            own, 0.5 if self.settings.form == "skew-symmetric" else 0.0
        )

    def at_vertices(self, velocity: FloatArray) -> FloatArray:
        """(m, d) the velocity at the mesh vertices."""
        return np.ascontiguousarray(velocity[self._vertex_nodes])

    def courant_number(self, velocity: FloatArray, dt: float) -> float:
        """Largest |u| dt / h, h between two nodes. Collective."""
        local = kernels.courant_number(self.elements.cells, self.elements.gradients, velocity, dt)
        return float(self._comm.allreduce(local, op=MPI.MAX))

    def dissipation(self, velocity: FloatArray) -> tuple[float, float]:
        """Power of viscous dissipation [W]; there is no numerical one. Collective."""
        return float(self._comm.allreduce(self._viscous_stress.power(velocity), op=MPI.SUM)), 0.0

    @property
    def _pairing(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32], FloatArray, FloatArray]:
        elements = self.elements
        return elements.cells, self.vertices.cells, elements.gradients, elements.volumes

    def _first_memory(self, pressure: FloatArray) -> dict[str, FloatArray]:
        names = ("potential", "previous_potential", "free_increment")
        return {name: np.zeros_like(pressure) for name in names}

    def _driving_pressure(self, state: FlowState, scheme: TimeScheme) -> FloatArray:
        memory = state.memory
        potentials = scheme.a1 * memory["potential"] - scheme.a2 * memory["previous_potential"]
        return np.asarray(state.pressure + (self.fluid.density / scheme.dt) * potentials)

    def _potential(self, state: FlowState, ratio: float) -> FloatArray:
        memory = state.memory
        return np.asarray((1.0 + ratio) * memory["potential"] - ratio * memory["previous_potential"])

    def _assemble(self, scheme: TimeScheme, terms: MomentumTerms) -> tuple[FloatArray, FloatArray]:
        elements = self.elements
        values, rhs = self._constant_values(scheme), np.empty_like(terms.past)
        inertia = (self.fluid.density / scheme.dt) * terms.past
        multiply(elements.indptr, elements.indices, self._mass, inertia, rhs)
        kernels.subtract_pressure_gradient(*self._pairing, self._shares, terms.pressure, rhs)
        kernels.convect(
            elements.cells,
            self.vertices.cells,
            elements.gradients,
            elements.volumes,
            elements.slots,
            self._convection,
            self.fluid.density,
            self.settings.convection == "semi-implicit",
            terms.convecting,
            terms.potential,
            values,
            rhs,
        )
        return values, rhs

    def _projection_loads(
        self, state: FlowState, scheme: TimeScheme, tentative: FloatArray, scale: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        rhs = np.zeros(self.vertices.nodes)
        kernels.add_weak_divergence(*self._pairing, self._shares, tentative, rhs)
        return rhs, state.port_pressures + state.port_offsets, state.memory["free_increment"]

    def _end_step(
        self,
        state: FlowState,
        tentative: FloatArray,
        projection: Projection,
        scale: float,
        inflows: FloatArray,
        time: float,
    ) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], FloatArray]:
        pressure = state.pressure + projection.field
        if self.settings.rotational:
            divergence = np.zeros_like(pressure)
            kernels.add_divergence(*self._pairing, self._divergence_table, tentative, divergence)
            self._scalar_halo.sum_to_owners(divergence)
            pressure -= self.fluid.viscosity * divergence / self.vertex_volumes
        memory = {
            "potential": scale * projection.field,
            "previous_potential": state.memory["potential"],
            "free_increment": projection.free,
        }
        return tentative, pressure, memory, self.flows(tentative)
