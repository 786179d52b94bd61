"""The pressure's Poisson problem with the circuit's ports as unknowns: the projection that every stepper shares.

For nodal loads b, a pressure-like field phi that is phi_k on port k, and the stiffness matrix L,

    s L phi = b   away from the ports,      Q_k = sum over the nodes of port k of (b - s L phi),

where Q_k is the flow that leaves through port k. The port values follow from the circuit, see `cfd.port_response`.
Without ports the field is determined up to a constant, and its nodal mean is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from cfd.elements import Elements
from cfd.halo import Halo
from cfd.port_response import solve_port_pressures
from cfd.pressure_solver import PressureSolver
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.circuit import BoundaryCircuit, CircuitStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Result of a pressure step.

    Attributes:
        field: (m,) phi at the local vertices [Pa].
        free: (m,) its part that vanishes at the ports, from which the next solve may start [Pa].
        flows: (k,) flows out of the domain through the ports [m³/s].
        step: The circuit's answer to these flows.
    """

    field: FloatArray
    free: FloatArray
    flows: FloatArray
    step: CircuitStep


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
        self._ports = [self._owned(vertices.patch_nodes(patch)) for patch in vertices.domain.outlets]
        all_nodes = [vertices.patch_nodes(patch) for patch in vertices.domain.outlets]
        fixed = np.unique(np.concatenate([*self._ports, np.zeros(0, dtype=np.int64)]))
        self._solver = PressureSolver(
            vertices, stiffness, fixed, tolerance=tolerance, singular=not vertices.domain.outlets
        )
        self._set_up_response(all_nodes)

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
        circuit: BoundaryCircuit,
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
        at_base = scale * (self._port_sums(rhs) - self._rows_times(free)) + response @ base
        step = solve_port_pressures(
            self._comm, circuit, circuit_state, at_base, response, guess=guess, t=time, dt=dt
        )
        return Projection(
            field=free + self.lift(step.pressures - base),
            free=free,
            flows=at_base - response @ step.pressures,
            step=step,
        )

    def _set_up_response(self, all_nodes: list[IntArray]) -> None:
        """Harmonic field of every port, its rows of the stiffness matrix, and the response matrix."""
        vertices, solver = self._vertices, self._solver
        count = len(all_nodes)
        self._harmonics = np.zeros((count, vertices.nodes))
        self._rows = np.zeros((count, vertices.owned))
        for k, nodes in enumerate(all_nodes):
            lifted = np.zeros(vertices.nodes)
            lifted[nodes] = 1.0
            self._rows[k] = solver.multiply(lifted)
            load, interior = np.zeros(vertices.nodes), np.zeros(vertices.nodes)
            load[: vertices.owned] = -self._rows[k]
            solver.solve(load, interior)
            self._halo.refresh_ghosts(interior)
            self._harmonics[k] = interior + lifted
        self._response = np.zeros((count, count))
        for k, field in enumerate(self._harmonics):
            self._response[:, k] = self._rows_times(field)

    def _rows_times(self, values: FloatArray) -> FloatArray:
        """(k,) sum over each port's nodes of (stiffness values). Collective."""
        local = self._rows @ values[: self._vertices.owned]
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))

    def _port_sums(self, values: FloatArray) -> FloatArray:
        """(k,) sum of nodal values over each port's nodes. Collective."""
        local = np.array([values[nodes].sum() for nodes in self._ports])
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))

    def _owned(self, nodes: IntArray) -> IntArray:
        return nodes[nodes < self._vertices.owned]
