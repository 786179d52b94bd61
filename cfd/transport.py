"""Scalars that blood carries: oxygen content, a tracer of hepatic venous blood, the time since blood came in.

A concentration c of something that the flow w carries and that diffuses with D follows

    dc/dt + div(w c) - div(D grad c) = s,

with the concentration of the port where blood comes in, with what is there where it leaves, and without flux through
the walls but for what s puts there. P1 elements; a step of length h, for any number of scalars at once:

1. Galerkin solution c, of second order in space and time, but with wiggles at fronts:
   M (c - c0) + h K (theta c + (1 - theta) c0) = h b
   with theta = 1/2, the trapezoidal rule, at all nodes but those around which something diffuses through a cell within
   the step. There theta = 1 - 1 / (h l) with the largest eigenvalue l of the diffusion in the cells around, so that
   nothing oscillates.
2. bounded solution cl with lumped mass, upwind diffusion and the implicit Euler rule, monotone at any step:
   m (cl - c0) + h (K + D) cl = h b
3. m c1 = m cl + as much of the edge fluxes that turn cl into c as keeps each node between the smallest and the largest
   value of cl, c0 and what comes in at its neighbours and itself (flux limiter of Zalesak; `cfd.transport_kernels` has
   the fluxes).

What an edge or a port brings to one side it takes from the other, and the residual of the linear solver is added as a
flux too: the amount in the domain changes by what ports and sources bring, to round-off. Nothing leaves the range of
the concentrations before and at the ports but by the tolerances of the solver and of the flow (`cfd.stream`).

Amounts are concentrations times m³; a concentration may have any unit.

Sources: Kuzmin & Turek, J. Comput. Phys. 175 (2002), DOI 10.1006/jcph.2001.6955; Zalesak, J. Comput. Phys. 31 (1979),
DOI 10.1016/0021-9991(79)90051-2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from cfd import transport_kernels as kernels
from cfd.edges import build_edges
from cfd.elements import Elements, constant_matrices
from cfd.halo import Halo
from cfd.port_nodes import PortNodes
from cfd.scalar_solver import ScalarSolver
from cfd.stream import Stream
from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError

TOLERANCE = 1e-8
"""Of the linear solver of the bounded solution: how far a value can leave its range, as a share of it."""
GALERKIN_TOLERANCE = 1e-6
"""Of that of the Galerkin solution, whose errors neither lose a tracer nor leave the bounds."""
_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one step of transport did, for k scalars.

    Attributes:
        concentrations: (n, k) at the end.
        leaving: (p, k) mean flow of each scalar out of the domain through the openings in the step [m³/s times the
            unit of the concentration].
        iterations: Of the linear solver, for the Galerkin solution and the bounded one.
    """

    concentrations: FloatArray
    leaving: FloatArray
    iterations: tuple[int, int]


class Transport:
    """Carries scalars; what does not change with the flow is built once. Collective.

    Args:
        vertices: P1 elements.
        ports: The vertices of the openings.
        diffusivity: D [m²/s], of all scalars.

    Raises:
        ValueError: The diffusivity is negative.
    """

    def __init__(self, vertices: Elements, ports: PortNodes, *, diffusivity: float = 0.0) -> None:
        if not diffusivity >= 0.0:
            raise ValueError(f"expected a diffusivity of at least zero, not {diffusivity}")
        self._vertices, self._ports, self._comm = vertices, ports, vertices.domain.comm
        self._edges = build_edges(vertices)
        self._mass, stiffness = constant_matrices(vertices)
        self._diffusion = diffusivity * stiffness
        edge_mass = np.ascontiguousarray(self._mass[self._edges.forth, np.newaxis])
        self._edges.shared.add(edge_mass)
        self._edge_mass = np.ascontiguousarray(edge_mass[:, 0])
        ones, sums = np.ones((vertices.nodes, 1)), np.empty((vertices.nodes, 1))
        kernels.multiply_columns(vertices.indptr, vertices.indices, self._mass, ones, sums)
        Halo(vertices, 1).sum_to_owners(sums)
        self.volumes: FloatArray = sums[:, 0]
        """(n,) the lumped mass: volume of each vertex [m³]."""
        d = vertices.dimension
        rates = (d + 1) * (d + 2) * diffusivity * (vertices.gradients**2).sum(axis=(1, 2))
        around = np.zeros((vertices.nodes, 1))
        np.maximum.at(around[:, 0], vertices.cells, rates[:, np.newaxis])
        self._edges.shared_nodes.raise_to_largest(around)
        self._diffusion_rates = around[:, 0]
        self._tools: dict[int, tuple[ScalarSolver, Halo]] = {}

    def amounts(self, concentrations: FloatArray) -> FloatArray:
        """(k,) what the domain holds of scalars (n, k): the sum of volume times concentration. Collective."""
        owned = self._vertices.owned
        local = self.volumes[:owned] @ concentrations[:owned]
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))

    def leaving(self, concentrations: FloatArray, stream: Stream, entering: FloatArray) -> FloatArray:
        """(p, k) flows of scalars (n, k) out of the openings at one moment, where (p, k) enter [m³/s]. Collective."""
        outward = np.maximum(stream.leaving, 0.0)[:, np.newaxis]
        return self._ports.sums(outward * concentrations + self._entering(stream, entering))

    def carry(
        self,
        concentrations: FloatArray,
        stream: Stream,
        dt: float,
        *,
        entering: FloatArray,
        sources: FloatArray | None = None,
    ) -> Carried:
        """Carry scalars over a time step. Collective.

        Args:
            concentrations: (n, k) at the start.
            stream: The flow of the step; for second order in time, that of its middle.
            dt: h [s].
            entering: (p, k) concentrations at the openings, of what comes in there.
            sources: (n, k) amounts that come to each node per second: of a rate s per volume, s times `volumes`; of a
                flux through a wall, its integral with the basis functions. Summed over the ranks.

        Raises:
            BoundaryError: The concentrations at the openings are not finite.
            DivergenceError: The linear solver does not converge.
        """
        self._check(concentrations, entering, dt)
        old = np.ascontiguousarray(concentrations, dtype=np.float64)
        solver, halo = self._for(old.shape[1])
        outward = np.maximum(stream.leaving, 0.0)
        supply = self._supply(stream, entering, sources)
        transport = stream.values + self._diffusion
        on_edges = np.column_stack([transport[self._edges.forth], transport[self._edges.back]])
        self._edges.shared.add(on_edges)
        theta = np.maximum(0.5, 1.0 - 1.0 / np.maximum(dt * self._diffusion_rates, 1.0))
        galerkin, first = self._galerkin(solver, transport, outward, supply, old, theta, dt)
        bounded, residual, second = self._bounded(
            solver, transport, on_edges, outward, supply, old, galerkin, dt
        )
        between = old + theta[:, np.newaxis] * (galerkin - old) - bounded
        surplus = -dt * outward[:, np.newaxis] * between
        lowest, highest = self._bounds(old, bounded, stream, entering, sources, dt)
        gained, kept = self._limit(
            on_edges, galerkin - old, bounded, between, surplus, lowest, highest, dt, halo
        )
        at_ports = outward[:, np.newaxis] * bounded - kept / dt + self._entering(stream, entering)
        return Carried(
            concentrations=bounded + (residual + gained + kept) / self.volumes[:, np.newaxis],
            leaving=self._ports.sums(at_ports),
            iterations=(first, second),
        )

    def _galerkin(
        self,
        solver: ScalarSolver,
        transport: FloatArray,
        outward: FloatArray,
        supply: FloatArray,
        old: FloatArray,
        theta: FloatArray,
        dt: float,
    ) -> tuple[FloatArray, int]:
        """The solution of second order (n, k), and the iterations."""
        rates = dt * transport
        self._add_to_diagonal(rates, dt * outward)
        late = rates * theta[self._vertices.indices]
        load = solver.multiply(self._mass - rates + late, old) + dt * supply
        solution, _, iterations = solver.solve(self._mass + late, load, old, tolerance=GALERKIN_TOLERANCE)
        return solution, iterations

    def _bounded(
        self,
        solver: ScalarSolver,
        transport: FloatArray,
        on_edges: FloatArray,
        outward: FloatArray,
        supply: FloatArray,
        old: FloatArray,
        start: FloatArray,
        dt: float,
    ) -> tuple[FloatArray, FloatArray, int]:
        """The monotone solution (n, k), the residual of its equation, and the iterations."""
        edges, values = self._edges, dt * transport
        self._add_to_diagonal(values, self.volumes + dt * outward)
        kernels.add_upwind(
            edges.tails,
            edges.heads,
            edges.forth,
            edges.back,
            edges.share,
            on_edges,
            dt,
            self._vertices.diagonal,
            values,
        )
        load = self.volumes[:, np.newaxis] * old + dt * supply
        return solver.solve(values, load, start, tolerance=TOLERANCE)

    def _bounds(
        self,
        old: FloatArray,
        bounded: FloatArray,
        stream: Stream,
        entering: FloatArray,
        sources: FloatArray | None,
        dt: float,
    ) -> tuple[FloatArray, FloatArray]:
        """(n, k) smallest and largest of what a node had, what sources and ports bring, and the bounded solution."""
        fed = old if sources is None else old + dt * sources / self.volumes[:, np.newaxis]
        brought = np.where(stream.leaving[:, np.newaxis] < 0.0, self._ports.spread(entering), old)
        values = np.stack([old, bounded, fed, brought])
        return values.min(axis=0), values.max(axis=0)

    def _limit(
        self,
        on_edges: FloatArray,
        change: FloatArray,
        bounded: FloatArray,
        between: FloatArray,
        surplus: FloatArray,
        lowest: FloatArray,
        highest: FloatArray,
        dt: float,
        halo: Halo,
    ) -> tuple[FloatArray, FloatArray]:
        """(n, k) amounts that the limited fluxes of edges, and those of ports, bring to the nodes."""
        edges, volumes = self._edges, self.volumes[:, np.newaxis]
        fluxes = np.empty((edges.tails.size, bounded.shape[1]))
        gains, losses = np.zeros_like(bounded), np.zeros_like(bounded)
        kernels.correct_on_edges(
            edges.tails,
            edges.heads,
            edges.share,
            self._edge_mass,
            on_edges,
            dt,
            change,
            bounded,
            between,
            fluxes,
            gains,
            losses,
            lowest,
            highest,
        )
        halo.sum_to_owners(gains)
        halo.sum_to_owners(losses)
        depth = -lowest
        edges.shared_nodes.raise_to_largest(depth)
        edges.shared_nodes.raise_to_largest(highest)
        gains += np.maximum(surplus, 0.0)
        losses += np.minimum(surplus, 0.0)
        room, reserve = volumes * (highest - bounded), volumes * (-depth - bounded)
        gain_shares = np.where(gains > room, room / np.maximum(gains, _TINY), 1.0)
        loss_shares = np.where(losses < reserve, reserve / np.minimum(losses, -_TINY), 1.0)
        gained = np.zeros_like(bounded)
        kernels.apply_limited(edges.tails, edges.heads, edges.share, fluxes, gain_shares, loss_shares, gained)
        halo.sum_to_owners(gained)
        return gained, surplus * np.where(surplus > 0.0, gain_shares, loss_shares)

    def _supply(self, stream: Stream, entering: FloatArray, sources: FloatArray | None) -> FloatArray:
        """(n, k) amounts per second from ports and sources."""
        supply = -self._entering(stream, entering)
        return supply if sources is None else supply + sources

    def _entering(self, stream: Stream, entering: FloatArray) -> FloatArray:
        """(n, k) amounts per second that come in at the nodes of the openings, negative."""
        return np.minimum(stream.leaving, 0.0)[:, np.newaxis] * self._ports.spread(entering)

    def _add_to_diagonal(self, values: FloatArray, amounts: FloatArray) -> None:
        """Add node values, which every holder of a node has in full, to the matrix of their owners."""
        owned = self._vertices.owned
        values[self._vertices.diagonal[:owned]] += amounts[:owned]

    def _for(self, columns: int) -> tuple[ScalarSolver, Halo]:
        """Solver and halo for so many scalars, made once. Collective."""
        if columns not in self._tools:
            self._tools[columns] = (ScalarSolver(self._vertices, columns), Halo(self._vertices, columns))
        return self._tools[columns]

    def _check(self, concentrations: FloatArray, entering: FloatArray, dt: float) -> None:
        k = concentrations.shape[-1]
        wanted = ((self._vertices.nodes, k), (len(self._ports.names), k))
        if (concentrations.shape, entering.shape) != wanted or not dt > 0.0:
            got = f"{concentrations.shape}, {entering.shape} and {dt}"
            raise ValueError(
                f"expected scalars and concentrations at openings {wanted} and dt > 0, not {got}"
            )
        bad = ~np.isfinite(entering).all(axis=1)
        if bad.any():
            raise BoundaryError(
                "the concentration of what enters is not a number",
                where=", ".join(np.array(self._ports.names)[bad]),
                value=entering[bad].tolist(),
                expected="finite numbers",
            )
