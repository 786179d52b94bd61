"""The first triangle that a ray meets from its front: compiled search in a tree of boxes."""

from __future__ import annotations

import numpy as np
from numba import njit

from hemoplan.arrays import FloatArray, IntArray


@njit(cache=True)
def first_hits(
    starts: FloatArray,
    directions: FloatArray,
    corners: FloatArray,
    low: FloatArray,
    high: FloatArray,
    order: IntArray,
    leaf: int,
    facing: float,
    distance: FloatArray,
) -> None:
    """Lower `distance` to that of the first triangle on each ray whose normal looks back along it.

    Args:
        starts: (r, 3) points.
        directions: (r, 3) unit vectors.
        corners: (m, 3, 3) corners of the triangles.
        low, high, order, leaf: A tree over the triangles.
        facing: Least cosine between a triangle's normal and the way back.
        distance: (r,) upper limits, lowered in place.

    Source: Möller & Trumbore, Journal of Graphics Tools 2(1), 1997, doi:10.1080/10867651.1997.10487468.
    """
    leaves = (len(low) + 1) // 2
    stack = np.empty(128, dtype=np.int64)
    for ray in range(len(starts)):
        best = distance[ray]
        stack[0] = 0
        top = 1
        while top > 0:
            top -= 1
            node = stack[top]
            if not _meets_box(starts[ray], directions[ray], best, low[node], high[node]):
                continue
            if node < leaves - 1:
                stack[top], stack[top + 1] = 2 * node + 1, 2 * node + 2
                top += 2
                continue
            first = (node - leaves + 1) * leaf
            for place in range(first, min(first + leaf, len(order))):
                best = _hit(starts[ray], directions[ray], corners[order[place]], facing, best)
        distance[ray] = best


@njit(cache=True)
def _meets_box(
    start: FloatArray, direction: FloatArray, length: float, low: FloatArray, high: FloatArray
) -> bool:
    enter, leave = 0.0, length
    for axis in range(3):
        if direction[axis] == 0.0:
            if start[axis] < low[axis] or start[axis] > high[axis]:
                return False
            continue
        one = (low[axis] - start[axis]) / direction[axis]
        two = (high[axis] - start[axis]) / direction[axis]
        enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
    return bool(enter <= leave)


@njit(cache=True)
def _hit(start: FloatArray, direction: FloatArray, corners: FloatArray, facing: float, best: float) -> float:
    """Distance to a triangle that faces the ray, where that is less than the best so far and more than 0."""
    ux, uy, uz = (
        corners[1, 0] - corners[0, 0],
        corners[1, 1] - corners[0, 1],
        corners[1, 2] - corners[0, 2],
    )
    vx, vy, vz = (
        corners[2, 0] - corners[0, 0],
        corners[2, 1] - corners[0, 1],
        corners[2, 2] - corners[0, 2],
    )
    wx, wy, wz = start[0] - corners[0, 0], start[1] - corners[0, 1], start[2] - corners[0, 2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    back = -(nx * direction[0] + ny * direction[1] + nz * direction[2])
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    if back <= facing * length or back == 0.0:
        return best
    along = (nx * wx + ny * wy + nz * wz) / back
    if along <= 0.0 or along >= best:
        return best
    cx = wy * direction[2] - wz * direction[1]
    cy = wz * direction[0] - wx * direction[2]
    cz = wx * direction[1] - wy * direction[0]
    r = (vx * cx + vy * cy + vz * cz) / back
    s = -(ux * cx + uy * cy + uz * cz) / back
    if r < 0.0 or s < 0.0 or r + s > 1.0:
        return best
    return float(along)
