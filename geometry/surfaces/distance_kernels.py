"""Distance from points to triangles: compiled search in a tree of boxes.

The closest point of a triangle is found by the regions of its plane that belong to its corners, edges and inside.
Source: Ericson, Real-Time Collision Detection, 2005, section 5.1.5.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hemoplan.arrays import FloatArray, IntArray


@njit(cache=True)
def triangle_distance(px: float, py: float, pz: float, a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    """Square of the distance from a point to a triangle."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    wx, wy, wz = px - a[0], py - a[1], pz - a[2]
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    wu, wv = wx * ux + wy * uy + wz * uz, wx * vx + wy * vy + wz * vz
    # Coordinates s, t of the closest point a + s u + t v.
    s, t = 0.0, 0.0
    if wu <= 0.0 and wv <= 0.0:
        pass
    elif wu >= uu and wv <= uv + wu - uu:
        s = 1.0
    elif wv >= vv and wu <= uv + wv - vv:
        t = 1.0
    else:
        beyond_c = uu * wv - uv * wu
        beyond_b = vv * wu - uv * wv
        if beyond_c <= 0.0 and wu >= 0.0 and wu <= uu:
            s = wu / uu
        elif beyond_b <= 0.0 and wv >= 0.0 and wv <= vv:
            t = wv / vv
        else:
            square = uu - 2.0 * uv + vv
            along = (wv - wu + uu - uv) / square if square > 0.0 else 0.0
            determinant = uu * vv - uv * uv
            if beyond_b + beyond_c >= determinant and 0.0 <= along <= 1.0:
                s, t = 1.0 - along, along
            elif determinant > 0.0:
                s, t = beyond_b / determinant, beyond_c / determinant
    dx, dy, dz = wx - s * ux - t * vx, wy - s * uy - t * vy, wz - s * uz - t * vz
    return float(dx * dx + dy * dy + dz * dz)


@njit(cache=True)
def _box_distance(px: float, py: float, pz: float, low: FloatArray, high: FloatArray) -> float:
    """Square of the distance from a point to a box."""
    dx = max(low[0] - px, 0.0, px - high[0])
    dy = max(low[1] - py, 0.0, py - high[1])
    dz = max(low[2] - pz, 0.0, pz - high[2])
    return float(dx * dx + dy * dy + dz * dz)


@njit(cache=True)
def search_closest(
    queries: FloatArray,
    corners: FloatArray,
    low: FloatArray,
    high: FloatArray,
    order: IntArray,
    leaf: int,
    distance: FloatArray,
    closest: IntArray,
) -> None:
    """Distance from each query to the nearest triangle, and its number.

    Each query starts from the nearest triangle of the one before, so queries that come in the order of a surface are
    fast.
    """
    leaves = (len(low) + 1) // 2
    stack = np.empty(128, dtype=np.int64)
    last = order[0]
    for i in range(len(queries)):
        px, py, pz = queries[i, 0], queries[i, 1], queries[i, 2]
        best = triangle_distance(px, py, pz, corners[last, 0], corners[last, 1], corners[last, 2])
        stack[0] = 0
        top = 1
        while top > 0:
            top -= 1
            node = stack[top]
            if _box_distance(px, py, pz, low[node], high[node]) >= best:
                continue
            if node < leaves - 1:
                one, two = 2 * node + 1, 2 * node + 2
                if _box_distance(px, py, pz, low[one], high[one]) < _box_distance(
                    px, py, pz, low[two], high[two]
                ):
                    one, two = two, one
                stack[top], stack[top + 1] = one, two
                top += 2
                continue
            start = (node - leaves + 1) * leaf
            for place in range(start, min(start + leaf, len(order))):
                j = order[place]
                square = triangle_distance(px, py, pz, corners[j, 0], corners[j, 1], corners[j, 2])
                if square < best:
                    best, last = square, j
        distance[i], closest[i] = np.sqrt(best), last
