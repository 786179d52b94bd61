"""Compiled loops over boundary facets."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray


@njit(cache=True, fastmath=True)
def add_backflow(
    nodes: NDArray[np.uint32],
    slots: NDArray[np.uint32],
    area_normals: FloatArray,
    weights: FloatArray,
    shape: FloatArray,
    strength: float,
    convecting: FloatArray,
    matrix: FloatArray,
) -> None:
    """Add -beta rho/2 (w.n)_- (u, v) on open boundaries; beta = 1 cancels the energy that reverse flow would carry in.

    Args:
        nodes: (f, m) nodes of the facets.
        slots: (f, m m) positions of the facets' entries in the matrix values.
        area_normals: (f, d) outward area vectors [m²].
        weights, shape: (q,) and (q, m) of the facet's `ReferenceElement`.
        strength: beta rho [kg/m³].
        convecting: (n, d) w [m/s].
        matrix: Values of the local matrix; added to.

    Source: Bertoglio & Caiazzo, Int. J. Numer. Meth. Biomed. Engng 30 (2014), DOI 10.1002/cnm.2651.
    """
    m = nodes.shape[1]
    normal = np.empty(m)
    for f in range(nodes.shape[0]):
        for j in range(m):
            normal[j] = 0.0
            for d in range(area_normals.shape[1]):
                normal[j] += convecting[nodes[f, j], d] * area_normals[f, d]
        for q in range(weights.size):
            flux = 0.0
            for j in range(m):
                flux += shape[q, j] * normal[j]
            if flux < 0.0:
                for i in range(m):
                    for j in range(m):
                        matrix[slots[f, m * i + j]] -= (
                            0.5 * strength * weights[q] * flux * shape[q, i] * shape[q, j]
                        )
