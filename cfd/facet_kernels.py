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
    slopes: FloatArray,
    matrix: FloatArray,
    load: FloatArray,
) -> None:
    """Add -beta rho/2 (w.n)_- (2 u - w, v) on open boundaries; see `cfd.open_boundary`.

    Args:
        nodes: (f, m) nodes of the facets.
        slots: (f, m m) positions of the facets' entries in the matrix values.
        area_normals: (f, d) outward area vectors [m²].
        weights, shape: (q,) and (q, m) of the facet's `ReferenceElement`.
        strength: beta rho [kg/m³].
        convecting: (n, d) w, without the gradient of the potential [m/s].
        slopes: (f,) normal derivative of the potential whose gradient is subtracted from w, times area [m³/s].
        matrix: Values of the local matrix; added to.
        load: (n, d) what stands on the other side of the equation; added to.
    """
    m, dimension = nodes.shape[1], area_normals.shape[1]
    normal = np.empty(m)
    at_point = np.empty(dimension)
    for f in range(nodes.shape[0]):
        for j in range(m):
            normal[j] = 0.0
            for d in range(dimension):
                normal[j] += convecting[nodes[f, j], d] * area_normals[f, d]
        for q in range(weights.size):
            flux = -slopes[f]
            for j in range(m):
                flux += shape[q, j] * normal[j]
            if flux >= 0.0:
                continue
            drag = -0.5 * strength * weights[q] * flux
            at_point[:] = 0.0
            for j in range(m):
                for d in range(dimension):
                    at_point[d] += shape[q, j] * convecting[nodes[f, j], d]
            for i in range(m):
                for d in range(dimension):
                    load[nodes[f, i], d] += drag * shape[q, i] * at_point[d]
                for j in range(m):
                    matrix[slots[f, m * i + j]] += 2.0 * drag * shape[q, i] * shape[q, j]
