"""The flow that carries scalars: a velocity made free of divergence in the sense of the transport equation.

A constant concentration stays constant, and no tracer is made or lost, where the flow w satisfies for every P1 basis
function q of the mesh

    (w, grad q) = integral of q w.n over the openings,

with no flow through the walls. The velocity v of a stepper does so nearly: that of P1–P1 up to the term that keeps the
pressure stable, that of P2–P1 up to a gradient, both up to the tolerance of the pressure solver. So w = v - grad theta
in the cells, with theta of P1 from the Poisson problem

    (grad theta, grad q) = (v, grad q) - phi,

where phi are the fluxes q v.n of the openings, shifted along the profile of developed flow to carry the port flows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from cfd.elements import Elements, constant_matrices
from cfd.halo import Halo
from cfd.inlet_profile import unit_outflow
from cfd.port_nodes import PortNodes
from cfd.pressure_solver import PressureSolver
from cfd.quadratic_kernels import add_weak_divergence
from cfd.reference_element import reference_element
from cfd.transport_kernels import add_transport
from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError, DivergenceError

REDUCTION = 1e-3
"""By how much one solve reduces the divergence."""
MAX_SOLVES = 8
IMBALANCE = 1e-6
"""Largest sum of the port flows, as a share of the largest, that is taken for round-off and spread over the volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A flow that is ready to carry scalars.

    Attributes:
        values: Values of the local matrix -(q_j w, grad q_i), without boundary terms [m³/s].
        leaving: (n,) phi: the flow out of the domain at each node [m³/s]; zero away from the openings.
        divergence: Largest flow that is missing at a node, as a share of what passes a node of its size.
        solves: Poisson problems that were solved.
    """

    values: FloatArray
    leaving: FloatArray
    divergence: float
    solves: int


class StreamBuilder:
    """Makes streams of the velocities on one mesh; what is constant is built once. Collective.

    Args:
        elements: Elements of the velocity, P1 or P2.
        vertices: P1 elements on the same mesh.
        ports: The vertices of the openings.
        tolerance: Norm of the divergence that is left, relative to the flow that passes the nodes.
    """

    def __init__(
        self, elements: Elements, vertices: Elements, ports: PortNodes, *, tolerance: float = 1e-8
    ) -> None:
        domain, d = elements.domain, elements.dimension
        self._elements, self._vertices = elements, vertices
        self._comm, self._tolerance = domain.comm, tolerance
        self._halo = Halo(vertices, 1)
        self._ports = ports
        self._solver = PressureSolver(
            vertices,
            constant_matrices(vertices)[1],
            np.zeros(0, dtype=np.int64),
            tolerance=REDUCTION,
            singular=True,
        )
        self._theta: FloatArray = np.zeros(vertices.nodes)
        self._last_theta: FloatArray = self._theta
        own = reference_element(elements.degree, d, exact=elements.degree + 1)
        linear = reference_element(1, d, exact=elements.degree + 1)
        self._table = np.einsum("q,qj,qa->ja", own.weights, linear.shape, own.shape)
        own = reference_element(elements.degree, d - 1, exact=elements.degree + 1)
        linear = reference_element(1, d - 1, exact=elements.degree + 1)
        self._facet_table = np.einsum("q,qa,qi->ai", own.weights, own.shape, linear.shape)
        self._facets = [elements.patch_facets(patch) for patch in domain.openings]
        self._corners = [vertices.patch_facets(patch).nodes for patch in domain.openings]
        self._profiles = np.zeros((len(domain.openings), vertices.nodes))
        for k, patch in enumerate(domain.openings):
            nodes, outflow = unit_outflow(elements, patch)
            velocity = np.zeros_like(elements.coordinates)
            velocity[nodes] = outflow
            self._profiles[k] = self._surface_fluxes(k, velocity)
            self._halo.sum_to_owners(self._profiles[k])
        shares = np.repeat(vertices.volumes[:, np.newaxis] / (d + 1), d + 1, axis=1)
        self._volumes = vertices.scatter(shares)
        self._halo.sum_to_owners(self._volumes)
        self._sizes: FloatArray = self._volumes ** ((d - 1) / d)

    def build(self, velocity: FloatArray, flows: FloatArray) -> Stream:
        """The stream of a velocity. Collective.

        Args:
            velocity: (n, d) at the velocity's nodes [m/s].
            flows: (p,) out of the domain through the openings, in the order of `Domain.openings` [m³/s].

        Raises:
            BoundaryError: The flows are not one for each opening, not finite, or do not add up to zero.
            DivergenceError: The Poisson problem cannot be solved.
        """
        self._check(velocity, flows)
        leaving = np.zeros(self._vertices.nodes)
        for k in range(len(self._facets)):
            leaving += self._surface_fluxes(k, velocity)
        self._halo.sum_to_owners(leaving)
        leaving += (flows - self._ports.sums(leaving)) @ self._profiles
        divergence, solves = self._remove_divergence(velocity, leaving)
        values = np.zeros(self._vertices.indices.size)
        add_transport(
            self._elements.cells,
            self._vertices.cells,
            self._elements.gradients,
            self._elements.volumes,
            self._vertices.slots,
            self._table,
            np.ascontiguousarray(velocity),
            self._theta,
            values,
        )
        return Stream(values=values, leaving=leaving, divergence=divergence, solves=solves)

    def _remove_divergence(self, velocity: FloatArray, leaving: FloatArray) -> tuple[float, int]:
        """Find theta, from what the last two let expect; the divergence that is left and the number of solves."""
        vertices, owned = self._vertices, self._vertices.owned
        load = np.zeros(vertices.nodes)
        add_weak_divergence(
            self._elements.cells,
            vertices.cells,
            self._elements.gradients,
            self._elements.volumes,
            self._table.sum(axis=0),
            np.ascontiguousarray(velocity),
            load,
        )
        self._halo.sum_to_owners(load)
        load -= leaving
        # What the flows do not balance is spread over the volume.
        total = self._comm.allreduce(np.array([load[:owned].sum(), self._volumes[:owned].sum()]), op=MPI.SUM)
        load -= total[0] / total[1] * self._volumes
        speed = self._largest(np.sqrt((velocity**2).sum(axis=1)))
        passing = speed * self._norm(self._sizes[:owned]) + self._norm(leaving[:owned])
        if passing == 0.0:
            self._theta = self._last_theta = np.zeros(vertices.nodes)
            return 0.0, 0
        self._theta, self._last_theta = 2.0 * self._theta - self._last_theta, self._theta
        for solves in range(MAX_SOLVES + 1):
            left = load[:owned] - self._solver.multiply(self._theta)
            if self._norm(left) <= self._tolerance * passing:
                share = self._largest(left / self._sizes[:owned]) / passing
                return share * self._norm(self._sizes[:owned]), solves
            if solves < MAX_SOLVES:
                rest, change = np.zeros(vertices.nodes), np.zeros(vertices.nodes)
                rest[:owned] = left
                self._solver.solve(rest, change)
                self._halo.refresh_ghosts(change)
                self._theta = self._theta + change
        raise DivergenceError(
            "the flow that carries scalars cannot be made free of divergence",
            value=f"{self._norm(left) / passing:.3g} of what passes",
            expected=f"at most {self._tolerance:g}",
            remedy="look at the mesh quality",
        )

    def _surface_fluxes(self, port: int, velocity: FloatArray) -> FloatArray:
        """(n,) integrals of q v.n over this rank's facets of an opening [m³/s]."""
        facets, sums = self._facets[port], np.zeros(self._vertices.nodes)
        normal = np.einsum("fad,fd->fa", velocity[facets.nodes], facets.area_normals)
        np.add.at(sums, self._corners[port], normal @ self._facet_table)
        return sums

    def _check(self, velocity: FloatArray, flows: FloatArray) -> None:
        if velocity.shape != self._elements.coordinates.shape:
            raise ValueError(f"expected a velocity {self._elements.coordinates.shape}, not {velocity.shape}")
        bad = flows.shape != (len(self._ports.names),) or not np.isfinite(flows).all()
        if bad or abs(flows.sum()) > IMBALANCE * np.abs(flows).max(initial=0.0):
            raise BoundaryError(
                "the flows through the openings cannot carry scalars",
                where=", ".join(self._ports.names),
                value=", ".join(f"{flow:.6g}" for flow in np.atleast_1d(flows)),
                expected="one finite number for each opening, and zero for their sum [m³/s]",
            )

    def _norm(self, owned: FloatArray) -> float:
        return float(np.sqrt(self._comm.allreduce(float(owned @ owned), op=MPI.SUM)))

    def _largest(self, values: FloatArray) -> float:
        return float(self._comm.allreduce(float(np.abs(values).max(initial=0.0)), op=MPI.MAX))
