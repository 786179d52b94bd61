"""Wall shear stress from a P1 velocity field."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray

from cfd.linear_elements import Halo, LinearElements


class WallShear:
    """Recovers the wall shear stress at the wall's nodes.

    On a wall triangle with outward normal n, the traction that the fluid exerts is -sigma n; its tangential part is
    tau = -mu ((grad u + grad u^T) n)_tangential, and along the flow direction. The constant value of the cell behind each
    triangle is averaged to the nodes with the triangles' areas, which is first-order accurate.

    Args:
        elements: The P1 elements.
        viscosity: mu [Pa s].
    """

    def __init__(self, elements: LinearElements, viscosity: float) -> None:
        self.facets = elements.patch_facets(*elements.domain.wall)
        self.nodes = elements.patch_nodes(*elements.domain.wall)
        self._elements = elements
        self._viscosity = viscosity
        self._halo = Halo(elements, 3)
        areas = np.bincount(
            self.facets.nodes.ravel(), weights=np.repeat(self.facets.areas / 3.0, 3), minlength=elements.nodes
        )
        Halo(elements, 1).sum_to_owners(areas)
        self.areas = areas

    def compute(self, velocity: FloatArray) -> FloatArray:
        """(n, 3) wall shear stress at the local nodes [Pa], zero away from the wall. Collective."""
        stress = np.zeros_like(velocity)
        elements, facets = self._elements, self.facets
        _add_stress(
            elements.cells,
            elements.gradients,
            facets.nodes,
            facets.cells,
            facets.area_normals,
            self._viscosity,
            velocity,
            stress,
        )
        self._halo.sum_to_owners(stress)
        wall = self.areas > 0.0
        stress[wall] /= self.areas[wall, None]
        return stress


@njit(cache=True, fastmath=True)
def _add_stress(
    cells: NDArray[np.int32],
    gradients: FloatArray,
    nodes: NDArray[np.int32],
    behind: NDArray[np.int32],
    area_normals: FloatArray,
    viscosity: float,
    velocity: FloatArray,
    out: FloatArray,
) -> None:
    slope, normal, shear = np.empty((3, 3)), np.empty(3), np.empty(3)
    for f in range(nodes.shape[0]):
        area = np.sqrt(area_normals[f, 0] ** 2 + area_normals[f, 1] ** 2 + area_normals[f, 2] ** 2)
        cell = behind[f]
        slope[:] = 0.0
        for d in range(3):
            normal[d] = area_normals[f, d] / area
            for i in range(4):
                for e in range(3):
                    slope[d, e] += velocity[cells[cell, i], d] * gradients[cell, i, e]
        along = 0.0
        for d in range(3):
            shear[d] = 0.0
            for e in range(3):
                shear[d] -= viscosity * (slope[d, e] + slope[e, d]) * normal[e]
            along += shear[d] * normal[d]
        for d in range(3):
            shear[d] -= along * normal[d]
            for i in range(3):
                out[nodes[f, i], d] += shear[d] * area / 3.0
