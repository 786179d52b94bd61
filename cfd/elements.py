"""Continuous Lagrange elements (P1, P2) on simplices: geometry and sparsity that every time step reuses.

Everything here is built once. Nodes are numbered as DOLFINx numbers the dofs of the scalar space: the owned nodes
first, then the ghosts; arrays over nodes have both, and are summed or refreshed over the ranks by `cfd.halo`. Indices
are unsigned, so that compiled loops need not look for negative ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from dolfinx import fem
from numba import njit
from numpy.typing import NDArray

from cfd.domain import Domain
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.patch import Patch

EDGES = {1: ((0, 1),), 2: ((1, 2), (0, 2), (0, 1)), 3: ((2, 3), (1, 3), (1, 2), (0, 3), (0, 2), (0, 1))}
"""Corners of each edge of the reference simplex, by its dimension, in the order of the nodes of P2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """The local boundary facets of some patches, for f facets.

    Attributes:
        nodes: (f, m) nodes: the corners first, then those of the edges.
        cells: (f,) the cell behind each facet.
        area_normals: (f, d) area times the unit normal that points out of the domain [m², in 2D m].
    """

    nodes: NDArray[np.uint32]
    cells: NDArray[np.uint32]
    area_normals: FloatArray

    @property
    def areas(self) -> FloatArray:
        """(f,) areas [m²]."""
        return np.asarray(np.linalg.norm(self.area_normals, axis=1))

    @property
    def corners(self) -> NDArray[np.uint32]:
        """(f, d) nodes at the corners."""
        return self.nodes[:, : self.area_normals.shape[1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Geometry and sparsity pattern of Lagrange elements on the local cells, in d dimensions.

    Attributes:
        domain: The mesh and its patches.
        degree: 1 or 2.
        space: Scalar space.
        coordinates: (n, d) nodes [m].
        cells: (c, m) nodes of each cell: the d + 1 corners first, then those of the edges.
        gradients: (c, d + 1, d) gradients of the barycentric coordinates, constant in the cell [1/m].
        volumes: (c,) volumes [m³, in 2D m²].
        indptr, indices: Compressed sparse rows of the local matrix, owned and ghost rows.
        slots: (c, m m) position of each cell-matrix entry (row-major) in the local matrix values.
        diagonal: (n,) position of each diagonal entry.
    """

    domain: Domain
    degree: int
    space: fem.FunctionSpace
    coordinates: FloatArray
    cells: NDArray[np.uint32]
    gradients: FloatArray
    volumes: FloatArray
    indptr: NDArray[np.uint32]
    indices: NDArray[np.uint32]
    slots: NDArray[np.uint32]
    diagonal: NDArray[np.uint32]

    @property
    def dimension(self) -> int:
        """d, of the space."""
        return int(self.gradients.shape[2])

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
        if not patches:
            return np.zeros(0, dtype=np.int64)
        facets = self.domain.facets(*patches)
        found = fem.locate_dofs_topological(self.space, self.dimension - 1, facets)
        return np.asarray(found, dtype=np.int64)

    def patch_facets(self, *patches: Patch) -> Facets:
        """Local boundary facets of some patches."""
        d = self.dimension
        topology = self.domain.mesh.topology
        to_cells, to_vertices = topology.connectivity(d - 1, d), topology.connectivity(d - 1, 0)
        cell_vertices = topology.connectivity(d, 0).array.reshape(-1, d + 1)
        facets = self.domain.facets(*patches) if patches else np.zeros(0, dtype=np.int32)
        behind = to_cells.array[to_cells.offsets[facets]].astype(np.uint32)
        vertices = to_vertices.array[to_vertices.offsets[facets][:, None] + np.arange(d)]
        corner = (cell_vertices[behind][:, None, :] == vertices[:, :, None]).argmax(axis=2)
        position = corner
        if self.degree == 2:
            edge_of = np.full((d + 1, d + 1), -1)
            for number, (a, b) in enumerate(EDGES[d]):
                edge_of[a, b] = edge_of[b, a] = d + 1 + number
            edges = [edge_of[corner[:, a], corner[:, b]] for a, b in EDGES[d - 1]]
            position = np.column_stack([corner, *edges])
        nodes = np.take_along_axis(self.cells[behind], position, axis=1)
        opposite = d * (d + 1) // 2 - corner.sum(axis=1)
        # The gradient of the opposite corner's coordinate points inwards, with length 1 / height.
        inward = self.gradients[behind, opposite]
        vectors = -d * self.volumes[behind, None] * inward
        return Facets(nodes=nodes.astype(np.uint32), cells=behind, area_normals=vectors)

    def scatter(self, weights: FloatArray) -> FloatArray:
        """(n,) sum of cell values (c, m) at the local nodes; ghosts not yet added to their owners."""
        sums = np.bincount(self.cells.ravel(), weights=weights.ravel(), minlength=self.nodes)
        return sums.astype(np.float64, copy=False)

    def facet_slots(self, facets: Facets) -> NDArray[np.uint32]:
        """(f, m m) position of each facet-matrix entry (row-major) in the local matrix values."""
        return np.asarray(_find_slots(facets.nodes, self.indptr, self.indices))


def build_elements(domain: Domain, degree: int = 1) -> Elements:
    """Compute gradients, volumes and the sparsity pattern. Collective."""
    space = fem.functionspace(domain.mesh, ("Lagrange", degree))
    d = domain.mesh.topology.dim
    cells = np.ascontiguousarray(space.dofmap.list, dtype=np.uint32)
    coordinates = np.ascontiguousarray(space.tabulate_dof_coordinates()[:, :d])
    corners = coordinates[cells[:, : d + 1]]
    edges = corners[:, 1:] - corners[:, :1]
    gradients = np.empty((len(cells), d + 1, d))
    gradients[:, 1:] = np.linalg.inv(edges).transpose(0, 2, 1)
    gradients[:, 0] = -gradients[:, 1:].sum(axis=1)
    volumes = np.abs(np.linalg.det(edges)) / (2.0 if d == 2 else 6.0)
    indptr, indices = _pattern(cells, len(coordinates))
    nodes = np.arange(len(coordinates), dtype=np.uint32)[:, None]
    return Elements(
        domain=domain,
        degree=degree,
        space=space,
        coordinates=coordinates,
        cells=cells,
        gradients=gradients,
        volumes=volumes,
        indptr=indptr,
        indices=indices,
        slots=_find_slots(cells, indptr, indices),
        diagonal=_find_slots(nodes, indptr, indices)[:, 0],
    )


def vertex_nodes(quadratic: Elements, linear: Elements) -> IntArray:
    """(n,) the node of `quadratic` at each node of `linear`, on the same mesh."""
    found = np.empty(linear.nodes, dtype=np.int64)
    found[linear.cells] = quadratic.cells[:, : linear.cells.shape[1]]
    return found


def constant_matrices(elements: Elements) -> tuple[FloatArray, FloatArray]:
    """Values of the local mass and stiffness matrices."""
    table = reference_element(elements.degree, elements.dimension, exact=2 * elements.degree)
    # Integrals of the products of two basis derivatives, over a cell of volume one.
    slopes = np.einsum("q,qia,qjb->ijab", table.weights, table.slope, table.slope)
    mass, stiffness = np.zeros(elements.indices.size), np.zeros(elements.indices.size)
    _add_constant_matrices(
        elements.gradients, elements.volumes, elements.slots, table.mass, slopes, mass, stiffness
    )
    return mass, stiffness


@njit(cache=True)
def _add_constant_matrices(
    gradients: FloatArray,
    volumes: FloatArray,
    slots: NDArray[np.uint32],
    unit_mass: FloatArray,
    slopes: FloatArray,
    mass: FloatArray,
    stiffness: FloatArray,
) -> None:
    m, d = unit_mass.shape[0], gradients.shape[2]
    metric = np.empty((d, d))
    for c in range(volumes.size):
        v = volumes[c]
        for a in range(d):
            for b in range(d):
                metric[a, b] = 0.0
                for e in range(d):
                    metric[a, b] += gradients[c, a + 1, e] * gradients[c, b + 1, e]
        for i in range(m):
            for j in range(m):
                slot = slots[c, m * i + j]
                mass[slot] += v * unit_mass[i, j]
                for a in range(d):
                    for b in range(d):
                        stiffness[slot] += v * metric[a, b] * slopes[i, j, a, b]


def _pattern(cells: NDArray[np.uint32], nodes: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Compressed rows of the node graph, columns sorted."""
    count, m = cells.shape
    of_cells = sp.csr_matrix(
        (np.ones(count * m, dtype=np.int32), cells.ravel(), np.arange(0, count * m + 1, m)),
        shape=(count, nodes),
    )
    graph = (of_cells.T.tocsr() @ of_cells).tocsr()
    graph.sort_indices()
    return graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32)


@njit(cache=True)
def _find_slots(
    groups: NDArray[np.uint32], indptr: NDArray[np.uint32], indices: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """(g, m m) positions of the entries that couple the m nodes of each group."""
    count, m = groups.shape
    slots = np.empty((count, m * m), dtype=np.uint32)
    for g in range(count):
        for i in range(m):
            row = groups[g, i]
            for j in range(m):
                low, high = indptr[row], indptr[row + 1] - 1
                column = groups[g, j]
                while low < high:
                    middle = (low + high) // 2
                    if indices[middle] < column:
                        low = middle + 1
                    else:
                        high = middle
                slots[g, m * i + j] = low
    return slots
