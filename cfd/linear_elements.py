"""Continuous piecewise linear (P1) elements on tetrahedra: geometry and sparsity that every time step reuses.

Everything here is built once. Nodes are numbered as DOLFINx numbers the dofs of a P1 space: the owned nodes
first, then the ghosts; arrays over nodes have both, and are summed or refreshed over the ranks by `Halo`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dolfinx import fem, la
from numpy.typing import NDArray

from cfd.domain import Domain
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.patch import Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """The local boundary triangles of some patches.

    Attributes:
        nodes: (f, 3) nodes.
        cells: (f,) the cell behind each triangle.
        area_normals: (f, 3) area times the unit normal that points out of the domain [m²].
    """

    nodes: NDArray[np.int32]
    cells: NDArray[np.int32]
    area_normals: FloatArray

    @property
    def areas(self) -> FloatArray:
        """(f,) areas [m²]."""
        return np.asarray(np.linalg.norm(self.area_normals, axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearElements:
    """Geometry and sparsity pattern of P1 elements on the local cells.

    Attributes:
        domain: The mesh and its patches.
        space: Scalar P1 space.
        coordinates: (n, 3) nodes [m].
        cells: (c, 4) nodes of each cell.
        gradients: (c, 4, 3) gradient of each basis function, constant in the cell [1/m].
        volumes: (c,) volumes [m³].
        indptr, indices: Compressed sparse rows of the local matrix, owned and ghost rows.
        slots: (c, 16) position of each cell-matrix entry (row-major) in the local matrix values.
        diagonal: (n,) position of each diagonal entry.
    """

    domain: Domain
    space: fem.FunctionSpace
    coordinates: FloatArray
    cells: NDArray[np.int32]
    gradients: FloatArray
    volumes: FloatArray
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    slots: NDArray[np.int32]
    diagonal: NDArray[np.int32]

    @property
    def owned(self) -> int:
        """Number of nodes that this rank owns."""
        return int(self.space.dofmap.index_map.size_local)

    @property
    def nodes(self) -> int:
        """Number of local nodes, ghosts included."""
        return len(self.coordinates)

    def patch_nodes(self, *patches: Patch) -> IntArray:
        """Local nodes (owned and ghost) of some patches. Collective."""
        facets = self.domain.facets(*patches)
        return np.asarray(fem.locate_dofs_topological(self.space, 2, facets), dtype=np.int64)

    def patch_facets(self, *patches: Patch) -> Facets:
        """Local boundary triangles of some patches."""
        topology = self.domain.mesh.topology
        to_cells = topology.connectivity(2, 3)
        to_vertices = topology.connectivity(2, 0)
        cell_vertices = topology.connectivity(3, 0).array.reshape(-1, 4)
        facets = self.domain.facets(*patches)
        behind = np.array([to_cells.links(facet)[0] for facet in facets], dtype=np.int32)
        vertices = np.array([to_vertices.links(facet) for facet in facets], dtype=np.int32).reshape(-1, 3)
        position = (cell_vertices[behind][:, None, :] == vertices[:, :, None]).argmax(axis=2)
        nodes = np.take_along_axis(self.cells[behind], position, axis=1)
        a, b, c = (self.coordinates[nodes[:, corner]] for corner in range(3))
        vectors = 0.5 * np.cross(b - a, c - a)
        inside = self.coordinates[self.cells[behind]].mean(axis=1)
        inward = ((a - inside) * vectors).sum(axis=1) < 0.0
        vectors[inward] *= -1.0
        return Facets(nodes=nodes.astype(np.int32), cells=behind, area_normals=vectors)


def build_linear_elements(domain: Domain) -> LinearElements:
    """Compute gradients, volumes and the sparsity pattern. Collective."""
    space = fem.functionspace(domain.mesh, ("Lagrange", 1))
    cells = np.ascontiguousarray(space.dofmap.list, dtype=np.int32)
    coordinates = space.tabulate_dof_coordinates()
    corners = coordinates[cells]
    edges = corners[:, 1:] - corners[:, :1]
    inverse = np.linalg.inv(edges)
    gradients = np.empty((len(cells), 4, 3))
    gradients[:, 1:] = inverse.transpose(0, 2, 1)
    gradients[:, 0] = -gradients[:, 1:].sum(axis=1)
    volumes = np.abs(np.linalg.det(edges)) / 6.0
    indptr, indices, slots = _pattern(cells, len(coordinates))
    rows = np.repeat(np.arange(len(coordinates)), np.diff(indptr))
    diagonal = np.flatnonzero(rows == indices).astype(np.int32)
    return LinearElements(
        domain=domain,
        space=space,
        coordinates=coordinates,
        cells=cells,
        gradients=gradients,
        volumes=volumes,
        indptr=indptr,
        indices=indices,
        slots=slots,
        diagonal=diagonal,
    )


def _pattern(
    cells: NDArray[np.int32], nodes: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Compressed rows of the node graph, and where each cell-matrix entry lies in them."""
    rows = np.repeat(cells, 4, axis=1).astype(np.int64).ravel()
    columns = np.tile(cells, (1, 4)).astype(np.int64).ravel()
    keys, slots = np.unique(rows * nodes + columns, return_inverse=True)
    indptr = np.searchsorted(keys, np.arange(nodes + 1, dtype=np.int64) * nodes).astype(np.int32)
    return indptr, (keys % nodes).astype(np.int32), slots.reshape(-1, 16).astype(np.int32)


class Halo:
    """Sums and refreshes node arrays over the ranks.

    Args:
        elements: The elements whose nodes the arrays belong to.
        width: Values per node.
    """

    def __init__(self, elements: LinearElements, width: int) -> None:
        self._vector = la.vector(elements.space.dofmap.index_map, width)
        self._parallel = elements.domain.comm.size > 1

    def sum_to_owners(self, values: FloatArray) -> None:
        """Add the ghosts' values to their owners', then refresh the ghosts. In place. Collective."""
        if self._parallel:
            self._vector.array[:] = values.ravel()
            self._vector.scatter_reverse(la.InsertMode.add)
            self._vector.scatter_forward()
            values.ravel()[:] = self._vector.array

    def refresh_ghosts(self, values: FloatArray) -> None:
        """Copy the owners' values to the ghosts. In place. Collective."""
        if self._parallel:
            self._vector.array[:] = values.ravel()
            self._vector.scatter_forward()
            values.ravel()[:] = self._vector.array
