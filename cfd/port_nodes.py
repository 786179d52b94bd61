"""The vertices of the openings, and sums over them."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from cfd.elements import Elements
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError


class PortNodes:
    """Which opening each vertex lies on. Collective.

    Args:
        vertices: P1 elements.

    Raises:
        MeshError: Two openings share a node.

    Attributes:
        names: Of the p openings, in the order of `Domain.openings`.
        of: (n,) number of the opening of each vertex, -1 for none.
    """

    def __init__(self, vertices: Elements) -> None:
        openings = vertices.domain.openings
        self._comm, self._owned = vertices.domain.comm, vertices.owned
        self.names = tuple(patch.name for patch in openings)
        self.of: IntArray = np.full(vertices.nodes, -1, dtype=np.int64)
        shared = False
        for k, patch in enumerate(openings):
            nodes = vertices.patch_nodes(patch)
            shared = shared or bool((self.of[nodes] >= 0).any())
            self.of[nodes] = k
        if self._comm.allreduce(shared, op=MPI.LOR):
            raise MeshError(
                "two openings share a node, so that what enters there has no one concentration",
                where=", ".join(self.names),
                expected="wall between any two openings",
            )

    def sums(self, values: FloatArray) -> FloatArray:
        """(p, …) sums of node values (n, …) over each opening. Collective."""
        on_ports = np.flatnonzero(self.of[: self._owned] >= 0)
        local = np.zeros((len(self.names), *values.shape[1:]))
        np.add.at(local, self.of[on_ports], values[on_ports])
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))

    def spread(self, values: FloatArray) -> FloatArray:
        """(n, …) the values (p, …) at the vertices of each opening, zero elsewhere."""
        spread = np.zeros((self.of.size, *values.shape[1:]))
        on_ports = self.of >= 0
        spread[on_ports] = values[self.of[on_ports]]
        return spread
