"""Wall shear stress from the residual of the momentum equation."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cfd.linear_elements import Halo, LinearElements
from hemoplan.arrays import FloatArray


class WallShear:
    """Recovers the wall shear stress at the wall's nodes, consistently with the discrete momentum balance.

    Testing the momentum equation with the basis function of a wall node leaves the boundary term that the
    no-slip condition replaced, r_i = integral of mu (du/dn) phi_i over the wall. The stress that the fluid
    exerts on the wall is the tangential part of -r_i / (integral of phi_i). Unlike the velocity gradient in
    the cells at the wall, this is second-order accurate (boundary-flux recovery: Gresho et al., CMAME 64
    (1987), DOI 10.1016/0045-7825(87)90034-X).

    Args:
        elements: The P1 elements.
    """

    def __init__(self, elements: LinearElements) -> None:
        self._elements = elements
        self._halo = Halo(elements, 3)
        self.facets = elements.patch_facets(*elements.domain.wall)
        self.nodes = elements.patch_nodes(*elements.domain.wall)
        corners = self.facets.nodes.ravel()
        self.areas = np.zeros(elements.nodes)
        self.areas += np.bincount(
            corners, weights=np.repeat(self.facets.areas / 3.0, 3), minlength=elements.nodes
        )
        normals = np.zeros((elements.nodes, 3))
        np.add.at(normals, corners, np.repeat(self.facets.area_normals, 3, axis=0))
        Halo(elements, 1).sum_to_owners(self.areas)
        self._halo.sum_to_owners(normals)
        lengths = np.linalg.norm(normals[self.nodes], axis=1, keepdims=True)
        self._normals = normals[self.nodes] / np.maximum(lengths, 1e-300)
        self._indptr = np.concatenate([[0], np.cumsum(np.diff(elements.indptr)[self.nodes])])
        starts = elements.indptr[self.nodes].astype(np.int64)
        self._slots = np.arange(self._indptr[-1]) + np.repeat(
            starts - self._indptr[:-1], np.diff(self._indptr)
        )

    def wall_rows(self, values: FloatArray) -> sp.csr_matrix:
        """(wall nodes, n) copy of the wall's rows of a local matrix."""
        columns = self._elements.indices[self._slots]
        shape = (len(self.nodes), self._elements.nodes)
        return sp.csr_matrix((values[self._slots], columns, self._indptr), shape=shape)

    def compute(self, rows: sp.csr_matrix, velocity: FloatArray, rhs: FloatArray) -> FloatArray:
        """(n, 3) wall shear stress at the local nodes [Pa], zero away from the wall. Collective.

        Args:
            rows: The wall's rows of the momentum matrix, before boundary conditions; each rank its own cells'
                part.
            velocity: (n, 3) velocity that solves the momentum equation.
            rhs: (wall nodes, 3) right-hand side at the wall, summed over the ranks.
        """
        stress = np.zeros((self._elements.nodes, 3))
        stress[self.nodes] = -(rows @ velocity)
        self._halo.sum_to_owners(stress)
        force = stress[self.nodes] + rhs
        force -= (force * self._normals).sum(axis=1, keepdims=True) * self._normals
        stress[self.nodes] = force / self.areas[self.nodes, None]
        return stress
