"""The pressure's Poisson problem with the circuit's ports as unknowns: the projection that every stepper shares.

For nodal loads b, a pressure-like field phi that is phi_k on port k, and the stiffness matrix L,

    s L phi = b   away from the ports,      Q_k = sum over the nodes of port k of (b - s L phi),

where Q_k is the flow that leaves through port k. The port values follow from the circuit, see `cfd.port_response`.

The sum is taken over all nodes with the weights psi_k, the harmonic field that is one on port k and zero on the others:
the same number where the first equation holds, and wrong by the product of the errors of phi and psi_k where a solver
leaves a residual. Since the psi_k add up to one, the flows of all ports add up to the load whatever the residual: no
blood is lost between the 3D domain and the circuit.

Without ports the field is determined up to a constant, and its nodal mean is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from cfd.elements import Elements
from cfd.halo import Halo
from cfd.port_response import PortSolution, solve_port_pressures
from cfd.pressure_solver import PressureSolver
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.circuit import Circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Result of a pressure step.

    Attributes:
        field: (m,) phi at the local vertices [Pa].
        free: (m,) its part that vanishes at the ports, from which the next solve may start [Pa].
        coupling: Where domain and circuit agree: port pressures, flows, state of the circuit.
    """

    field: FloatArray
    free: FloatArray
    coupling: PortSolution


class PressureStep:
    """Solves the Poisson problem together with the circuit; the matrix and the ports' response are built once.

    Args:
        vertices: P1 elements.
        stiffness: Values of their local stiffness matrix.
        tolerance: Relative residual of the linear solver.
    """

    def __init__(self, vertices: Elements, stiffness: FloatArray, *, tolerance: float) -> None:
        self._vertices = vertices
        self._comm = vertices.domain.comm
        self._halo = Halo(vertices, 1)
        ports = [vertices.patch_nodes(patch) for patch in vertices.domain.outlets]
        fixed = np.unique(np.concatenate([*map(self._owned, ports), np.zeros(0, dtype=np.int64)]))
        self._solver = PressureSolver(
            vertices, stiffness, fixed, tolerance=tolerance, singular=not vertices.domain.outlets
        )
        self._set_up_response(ports)

    @property
    def iterations(self) -> int:
        """Krylov iterations of the last solve."""
        return self._solver.iterations

    def lift(self, port_values: FloatArray) -> FloatArray:
        """(m,) the harmonic field with the given values (k,) at the ports."""
        return np.asarray(self._harmonics.T @ port_values)

    def solve(
        self,
        rhs: FloatArray,
        scale: float,
        *,
        start: FloatArray,
        base: FloatArray,
        kinetic: FloatArray,
        circuit: Circuit,
        circuit_state: FloatArray,
        guess: FloatArray,
        time: float,
        dt: float,
    ) -> Projection:
        """Find phi, the port pressures and the flows. Collective.

        Args:
            rhs: (m,) b, summed over the ranks [m³/s]; divided by the scale in place.
            scale: s [m³/kg s].
            start: (m,) the free part to start from [Pa].
            base: (k,) port pressures that phi does not hold: phi_k = P_k - base_k [Pa].
            kinetic: (k,) c of ports that hold the total pressure, else zero [Pa s²/m⁶]; see `cfd.open_boundary`.
            circuit, circuit_state: The circuit and its state at time - dt.
            guess: (k,) port pressures to start from [Pa].
            time, dt: End and length of the step [s].

        Raises:
            DivergenceError: The linear solver or the coupling does not converge.
        """
        rhs /= scale
        free = start.copy()
        self._solver.solve(rhs, free)
        self._halo.refresh_ghosts(free)
        response = scale * self._response
        free_flows = scale * self._weighted_sums(rhs, free) + response @ base
        coupling = solve_port_pressures(
            self._comm,
            circuit,
            circuit_state,
            free_flows,
            response,
            kinetic=kinetic,
            guess=guess,
            t=time,
            dt=dt,
        )
        return Projection(field=free + self.lift(coupling.pressures - base), free=free, coupling=coupling)

    def _set_up_response(self, ports: list[IntArray]) -> None:
        """Harmonic field of every port, and the response matrix."""
        vertices, solver = self._vertices, self._solver
        count = len(ports)
        self._harmonics = np.zeros((count, vertices.nodes))
        for k, nodes in enumerate(ports):
            lifted = np.zeros(vertices.nodes)
            lifted[nodes] = 1.0
            load, interior = np.zeros(vertices.nodes), np.zeros(vertices.nodes)
            load[: vertices.owned] = -solver.multiply(lifted)
            solver.solve(load, interior)
            self._halo.refresh_ghosts(interior)
            self._harmonics[k] = interior + lifted
        if count:
            self._harmonics /= self._harmonics.sum(axis=0)
        nothing = np.zeros(vertices.nodes)
        self._response = np.zeros((count, count))
        for k, field in enumerate(self._harmonics):
            self._response[:, k] = -self._weighted_sums(nothing, field)

    def _weighted_sums(self, loads: FloatArray, values: FloatArray) -> FloatArray:
        """(k,) sums of (loads - stiffness values) with the weights of each port. Collective."""
        owned = self._vertices.owned
        local = self._harmonics[:, :owned] @ (loads[:owned] - self._solver.multiply(values))
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))

    def _owned(self, nodes: IntArray) -> IntArray:
        return nodes[nodes < self._vertices.owned]
