"""Self-intersections of a triangle surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hemoplan.arrays import FloatArray, IntArray

_FLAT = 1e-9
"""Volume of a tetrahedron, over its extent cubed, below which its corners are coplanar: flat caps do not cross."""


def self_intersections(points: FloatArray, triangles: IntArray) -> IntArray:
    """(k, 2) pairs of triangles that pierce each other; pairs that share a vertex are left out.

    Candidates are pairs of overlapping boxes; a pair intersects where an edge of one crosses the inside of the other,
    by the signs of five tetrahedra's volumes.
    """
    pairs = _overlapping_boxes(points[triangles])
    shared = (triangles[pairs[:, 0]][:, :, None] == triangles[pairs[:, 1]][:, None, :]).any(axis=(1, 2))
    pairs = pairs[~shared]
    pierced = np.zeros(len(pairs), dtype=bool)
    for one, other in ((0, 1), (1, 0)):
        corners, face = points[triangles[pairs[:, one]]], points[triangles[pairs[:, other]]]
        for edge in range(3):
            pierced |= _pierces(corners[:, edge], corners[:, (edge + 1) % 3], face)
    return np.asarray(pairs[pierced])


def _overlapping_boxes(corners: FloatArray) -> IntArray:
    """(k, 2) pairs of triangles whose bounding boxes overlap; searched from the small triangles up to the large."""
    low, high = corners.min(axis=1), corners.max(axis=1)
    centres = 0.5 * (low + high)
    reach = 0.5 * np.linalg.norm(high - low, axis=1)
    found = []
    order = np.argsort(reach)
    for chunk in np.array_split(order, max(1, len(order) // 4000)):
        upto = order[: int(np.searchsorted(reach[order], reach[chunk[-1]], side="right"))]
        links = cKDTree(centres[upto]).sparse_distance_matrix(
            cKDTree(centres[chunk]), 2.0 * float(reach[chunk[-1]]), output_type="ndarray"
        )
        pairs = np.column_stack([upto[links["i"]], chunk[links["j"]]])
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        overlap = (low[pairs[:, 0]] <= high[pairs[:, 1]]) & (low[pairs[:, 1]] <= high[pairs[:, 0]])
        found.append(np.sort(pairs[overlap.all(axis=1)], axis=1))
    return np.asarray(np.unique(np.vstack(found), axis=0))


def _pierces(start: FloatArray, end: FloatArray, face: FloatArray) -> NDArray[np.bool_]:
    a, b, c = (face[:, corner] for corner in range(3))
    noise = (
        _FLAT
        * np.linalg.norm(np.ptp(np.concatenate([face, start[:, None], end[:, None]], axis=1), axis=1), axis=1)
        ** 3
    )
    below, above = _volume(a, b, c, start), _volume(a, b, c, end)
    crosses = (below * above < 0.0) & (np.minimum(np.abs(below), np.abs(above)) > noise)
    turns = [_volume(start, end, one, other) for one, other in ((a, b), (b, c), (c, a))]
    inside = (np.minimum.reduce(turns) > 0.0) | (np.maximum.reduce(turns) < 0.0)
    return np.asarray(crosses & inside)


def _volume(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a))
