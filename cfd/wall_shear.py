"""Wall shear stress recovered from a P1 velocity field."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cfd.elements import Elements
from cfd.halo import Halo
from hemoplan.arrays import FloatArray


class WallShear:
    """Recovers the wall shear stress at the wall's nodes.

    On a wall with outward normal n the fluid exerts the stress tau = -mu ((grad u + grad u^T) n)_tangential.
    The gradient of a P1 velocity is constant in a cell. Its average G over the cells around a node belongs to
    the node inside the fluid, but half a cell away from the wall for a node of the wall. So it is
    extrapolated from the nodes inside:

        grad u at a wall node = 2 G - (mean of G over the neighbours inside the fluid).

    Cells with all corners on the wall know nothing of the flow and are left out.

    Args:
        elements: The P1 elements.
        viscosity: mu [Pa s].

    Attributes:
        facets: The local wall triangles.
        areas: (n,) share of the wall's area that belongs to each local node [m²].
    """

    def __init__(self, elements: Elements, viscosity: float) -> None:
        self._elements = elements
        self._viscosity = viscosity
        self._halo = Halo(elements, 9)
        self.facets = elements.patch_facets(*elements.domain.wall)
        corners = self.facets.nodes.ravel()
        self.areas = np.zeros(elements.nodes)
        np.add.at(self.areas, corners, np.repeat(self.facets.areas / 3.0, 3))
        Halo(elements, 1).sum_to_owners(self.areas)
        normals = np.zeros((elements.nodes, 3))
        np.add.at(normals, corners, np.repeat(self.facets.area_normals, 3, axis=0))
        Halo(elements, 3).sum_to_owners(normals)
        self._wall = self.areas > 0.0
        self._normals = normals[self._wall]
        self._normals /= np.linalg.norm(self._normals, axis=1, keepdims=True)
        self._set_up_averages()

    def compute(self, velocity: FloatArray) -> FloatArray:
        """(n, 3) wall shear stress at the local nodes [Pa], zero away from the wall. Collective."""
        elements = self._elements
        average = np.zeros((elements.nodes, 3, 3))
        _average_gradient(self._informed, elements.cells, elements.gradients, self._share, velocity, average)
        self._halo.sum_to_owners(average)
        inside = np.zeros_like(average)
        _average_inside(self._near, elements.cells, self._wall, self._inside_share, average, inside)
        self._halo.sum_to_owners(inside)
        slope = 2.0 * average[self._wall] - inside[self._wall]
        traction = -self._viscosity * np.einsum("nde,ne->nd", slope + slope.transpose(0, 2, 1), self._normals)
        traction -= (traction * self._normals).sum(axis=1, keepdims=True) * self._normals
        stress = np.zeros((elements.nodes, 3))
        stress[self._wall] = traction
        return stress

    def _set_up_averages(self) -> None:
        """The cells that take part, and the weights that make averages of sums over the ranks."""
        elements, halo = self._elements, Halo(self._elements, 1)
        on_wall = self._wall[elements.cells]
        self._informed = np.flatnonzero(~on_wall.all(axis=1)).astype(np.int32)
        self._near = np.flatnonzero(on_wall.any(axis=1) & ~on_wall.all(axis=1)).astype(np.int32)
        volumes = np.zeros(elements.nodes)
        informed = elements.cells[self._informed]
        np.add.at(volumes, informed, elements.volumes[self._informed, None])
        halo.sum_to_owners(volumes)
        self._share = elements.volumes[:, None] / np.maximum(volumes, 1e-300)[elements.cells]
        neighbours = np.zeros(elements.nodes)
        weights = elements.volumes[self._near] * (~on_wall[self._near]).sum(axis=1)
        np.add.at(neighbours, elements.cells[self._near], weights[:, None])
        halo.sum_to_owners(neighbours)
        self._inside_share = elements.volumes[:, None] / np.maximum(neighbours, 1e-300)[elements.cells]


@njit(cache=True, fastmath=True)
def _average_gradient(
    chosen: NDArray[np.int32],
    cells: NDArray[np.int32],
    gradients: FloatArray,
    share: FloatArray,
    velocity: FloatArray,
    out: FloatArray,
) -> None:
    """Add share (c, 4) times the velocity gradient of the chosen cells to their nodes: out (n, 3, 3)."""
    slope = np.empty((3, 3))
    for c in chosen:
        slope[:] = 0.0
        for i in range(4):
            for d in range(3):
                for e in range(3):
                    slope[d, e] += velocity[cells[c, i], d] * gradients[c, i, e]
        for i in range(4):
            for d in range(3):
                for e in range(3):
                    out[cells[c, i], d, e] += share[c, i] * slope[d, e]


@njit(cache=True, fastmath=True)
def _average_inside(
    chosen: NDArray[np.int32],
    cells: NDArray[np.int32],
    wall: NDArray[np.bool_],
    share: FloatArray,
    average: FloatArray,
    out: FloatArray,
) -> None:
    """Add share (c, 4) times the sum over the corners inside the fluid to the corners on the wall: out (n, 3, 3)."""
    for c in chosen:
        for i in range(4):
            if wall[cells[c, i]]:
                for j in range(4):
                    if not wall[cells[c, j]]:
                        for d in range(3):
                            for e in range(3):
                                out[cells[c, i], d, e] += share[c, i] * average[cells[c, j], d, e]
