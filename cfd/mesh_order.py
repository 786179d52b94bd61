"""Node arrays in the order of the mesh file: the order that does not depend on the number of ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.dolfinx_versions import geometry_nodes
from cfd.elements import EDGES, Elements
from cfd.fractional_step import FractionalStep
from hemoplan.arrays import FloatArray


class MeshOrder:
    """Gathers node arrays on rank 0 in the order of the mesh file, and distributes them again.

    The nodes of P1 have the order of the mesh's vertices; those of P2 that of the pairs of vertices between which they
    lie (a vertex lies between itself and itself).

    Args:
        elements: The elements.
    """

    def __init__(self, elements: Elements) -> None:
        self.comm: MPI.Intracomm = elements.domain.comm
        self._owned = elements.owned
        self.file_index = _vertex_indices(elements) if elements.degree == 1 else _pair_indices(elements)
        self._indices = self.comm.gather(self.file_index[: self._owned])
        self.size = int(elements.space.dofmap.index_map.size_global)

    def gather(self, values: FloatArray) -> FloatArray | None:
        """All nodes' values on rank 0, None elsewhere. Collective.

        Args:
            values: (n, …) values of the local nodes.
        """
        parts = self.comm.gather(np.ascontiguousarray(values[: self._owned]))
        if parts is None or self._indices is None:
            return None
        whole = np.empty((self.size, *values.shape[1:]))
        for indices, part in zip(self._indices, parts, strict=True):
            whole[indices] = part
        return whole

    def distribute(self, whole: FloatArray | None) -> FloatArray:
        """The local nodes' values, ghosts included, of an array that rank 0 holds. Collective."""
        return np.asarray(self.comm.bcast(whole)[self.file_index], dtype=np.float64)

    def gather_cells(self, nodes: NDArray[np.uint32]) -> NDArray[np.int64] | None:
        """Cells or facets of all ranks by vertex of the mesh file, on rank 0. Collective."""
        parts = self.comm.gather(self.file_index[nodes])
        return None if parts is None else np.concatenate(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOrder:
    """The orders of a stepper's arrays: those at the velocity's nodes, and those at the mesh vertices."""

    velocity: MeshOrder
    vertices: MeshOrder


def state_order(stepper: FractionalStep) -> StateOrder:
    """The orders of a stepper's arrays. Collective."""
    velocity = MeshOrder(stepper.elements)
    same = stepper.elements is stepper.vertices
    return StateOrder(velocity=velocity, vertices=velocity if same else MeshOrder(stepper.vertices))


def _vertex_indices(elements: Elements) -> NDArray[np.int64]:
    """(n,) index in the mesh file of the vertex at each node that is a vertex; -1 elsewhere."""
    geometry = elements.domain.mesh.geometry
    corners = elements.cells[:, : elements.dimension + 1]
    found = np.full(elements.nodes, -1, dtype=np.int64)
    found[corners] = np.asarray(geometry.input_global_indices, dtype=np.int64)[
        geometry_nodes(elements.domain.mesh)
    ]
    return found


def _pair_indices(elements: Elements) -> NDArray[np.int64]:
    """(n,) place of each node among all pairs of vertices of the mesh file. Collective."""
    vertex = _vertex_indices(elements)
    ends = np.column_stack([vertex, vertex])
    d = elements.dimension
    for number, (a, b) in enumerate(EDGES[d]):
        nodes = elements.cells[:, d + 1 + number]
        ends[nodes, 0], ends[nodes, 1] = vertex[elements.cells[:, a]], vertex[elements.cells[:, b]]
    count = elements.domain.mesh.topology.index_map(0).size_global
    keys = ends.min(axis=1) * count + ends.max(axis=1)
    everywhere = np.sort(np.concatenate(elements.domain.comm.allgather(keys[: elements.owned])))
    return np.asarray(np.searchsorted(everywhere, keys), dtype=np.int64)
