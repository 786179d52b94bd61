"""Node arrays in the order of the mesh file: the order that does not depend on the number of ranks."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.elements import Elements
from hemoplan.arrays import FloatArray


class MeshOrder:
    """Gathers node arrays on rank 0 in the order of the mesh file, and distributes them again.

    Args:
        elements: The P1 elements; one node per mesh vertex.
    """

    def __init__(self, elements: Elements) -> None:
        self.comm: MPI.Intracomm = elements.domain.comm
        geometry = elements.domain.mesh.geometry
        vertex = np.empty(elements.nodes, dtype=np.int64)
        vertex[elements.cells] = geometry.dofmap
        self.file_index = np.asarray(geometry.input_global_indices, dtype=np.int64)[vertex]
        self._owned = elements.owned
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

    def gather_cells(self, nodes: NDArray[np.int32]) -> NDArray[np.int64] | None:
        """Cells or facets of all ranks by vertex of the mesh file, on rank 0. Collective."""
        parts = self.comm.gather(self.file_index[nodes])
        return None if parts is None else np.concatenate(parts)
