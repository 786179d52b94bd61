"""A signed distance field of a closed triangle surface: compiled loops over voxels.

Distances are exact near the wall. Inside is where the surface winds around a point once or more: along a line of
voxels, each crossing of a triangle that faces down the line adds one, each that faces up takes one away. So a wall
that passes through itself, or two vessels that overlap, give the union.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geometry.surfaces.distance_kernels import triangle_distance
from hemoplan.arrays import FloatArray


@njit(cache=True)
def spread_distance(corners: FloatArray, band: float, square: NDArray[np.float32]) -> None:
    """Lower the field to the squared distance from each triangle, in all voxels nearer than `band`.

    Args:
        corners: (m, 3, 3) corners of the triangles in voxels.
        band: In voxels.
        square: Squared distances in voxels, lowered in place.
    """
    shape = square.shape
    for t in range(len(corners)):
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        first, last = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
        for axis in range(3):
            first[axis] = max(0, int(np.ceil(min(a[axis], b[axis], c[axis]) - band)))
            last[axis] = min(shape[axis] - 1, int(np.floor(max(a[axis], b[axis], c[axis]) + band)))
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        reach = band * length
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                level = nx * (i - a[0]) + ny * (j - a[1]) - nz * a[2]
                for k in range(first[2], last[2] + 1):
                    height = level + nz * k
                    if height > reach or height < -reach:
                        continue
                    # The plane is never farther than the triangle.
                    if length > 0.0 and height * height >= square[i, j, k] * length * length:
                        continue
                    gap = triangle_distance(float(i), float(j), float(k), a, b, c)
                    if gap < square[i, j, k]:
                        square[i, j, k] = gap


@njit(cache=True)
def _above(px: float, py: float, qx: float, qy: float, x: float, y: float) -> bool:
    """Whether (x, y) is left of the line from p to q; the same line gives the opposite answer from q to p."""
    if px < qx or (px == qx and py < qy):
        return (qx - px) * (y - py) - (qy - py) * (x - px) > 0.0
    return not ((px - qx) * (y - qy) - (py - qy) * (x - qx) > 0.0)


@njit(cache=True)
def count_windings(corners: FloatArray, winding: NDArray[np.int16]) -> None:
    """Number of times that the surface winds around each voxel, added along the last axis.

    Args:
        corners: (m, 3, 3) corners in voxels, of a closed surface.
        winding: Zero on entry.
    """
    shape = winding.shape
    for t in range(len(corners)):
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if turn == 0.0:
            continue
        up = turn > 0.0
        first = max(0, int(np.ceil(min(a[0], b[0], c[0]))))
        last = min(shape[0] - 1, int(np.floor(max(a[0], b[0], c[0]))))
        for i in range(first, last + 1):
            low = max(0, int(np.ceil(min(a[1], b[1], c[1]))))
            high = min(shape[1] - 1, int(np.floor(max(a[1], b[1], c[1]))))
            for j in range(low, high + 1):
                x, y = float(i), float(j)
                one = _above(a[0], a[1], b[0], b[1], x, y)
                two = _above(b[0], b[1], c[0], c[1], x, y)
                three = _above(c[0], c[1], a[0], a[1], x, y)
                if one != up or two != up or three != up:
                    continue
                s = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / turn
                r = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / turn
                z = a[2] + s * (b[2] - a[2]) + r * (c[2] - a[2])
                k = min(shape[2] - 1, max(0, int(np.ceil(z))))
                winding[i, j, k] += -1 if up else 1
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(1, shape[2]):
                winding[i, j, k] += winding[i, j, k - 1]
